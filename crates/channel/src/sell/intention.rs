//! Orders that headquarters is asked for, kept until they are settled: whatever happens
//! meanwhile, a repeat means the same order.
//!
//! They are kept word for word, since headquarters tells repeats by their content.

use rusqlite::{Connection, OptionalExtension};
use tillsync_domain::document::{Body, Document};
use tillsync_domain::ids::{ReceiptNumber, TransactionNumber};
use tillsync_domain::trade::TradeKind;
use tillsync_exchange::rows::document::DocumentRow;

use crate::db::DbError;
use crate::sequences;
use crate::transactions::TransactionView;

/// Keeps what is going to be asked for.
pub(super) fn keep(connection: &Connection, row: &DocumentRow) -> Result<(), DbError> {
    let document = serde_json::to_string(row).expect("a document is a plain struct of texts");
    connection
        .prepare_cached(
            "INSERT INTO order_intention (number, document) VALUES (?1, ?2)
             ON CONFLICT (number) DO NOTHING",
        )?
        .execute([row.number.as_str(), &document])?;
    Ok(())
}

/// What was kept under the number.
pub(super) fn find(
    connection: &Connection,
    number: &TransactionNumber,
) -> Result<Option<(DocumentRow, Document)>, DbError> {
    let found: Option<String> = connection
        .prepare_cached("SELECT document FROM order_intention WHERE number = ?1")?
        .query_row([number.as_str()], |row| row.get(0))
        .optional()?;
    let Some(text) = found else { return Ok(None) };
    let damaged = DbError::Damaged("order");
    let Ok(row) = serde_json::from_str::<DocumentRow>(&text) else { return Err(damaged) };
    let Ok(document) = row.document() else { return Err(damaged) };
    Ok(Some((row, document)))
}

/// Forgets what was kept under the number; says whether there was something.
pub(super) fn drop_of(
    connection: &Connection,
    number: &TransactionNumber,
) -> Result<bool, DbError> {
    let dropped = connection
        .prepare_cached("DELETE FROM order_intention WHERE number = ?1")?
        .execute([number.as_str()])?;
    Ok(dropped == 1)
}

/// Forgets an order that headquarters does not have, and gives its receipt back.
pub(super) fn withdraw(
    connection: &Connection,
    number: &TransactionNumber,
    receipt: &ReceiptNumber,
) -> Result<(), DbError> {
    let drawn = receipt.as_str().rsplit('-').next().and_then(|drawn| drawn.parse().ok());
    match drawn {
        Some(drawn) if drop_of(connection, number)? => {
            sequences::receipt_give_back(connection, drawn)
        }
        Some(_) | None => Ok(()),
    }
}

/// The order as it would be shown, to compare a request with.
pub(super) fn view(document: &Document) -> Result<TransactionView, DbError> {
    let Body::Order(order) = &document.body else { return Err(DbError::Damaged("order")) };
    Ok(TransactionView {
        number: document.number.clone(),
        kind: TradeKind::Order,
        trade: order.trade.clone(),
        delivery: Some(order.delivery.clone()),
        customer_account: None,
        is_customer_known: false,
        created_at: document.created_at,
        origin: document.origin.clone(),
        staff: document.staff.clone(),
        sales_order: None,
    })
}
