//! Sales and orders as this database shows them: its own, and those of its registers.
//!
//! A document is shown as it was recorded; only the account of its customer is looked up anew.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use tillsync_domain::document::Body;
use tillsync_domain::ids::{
    AccountNumber, CustomerKey, DatabaseId, DocumentNumber, PENDING_SYNC, ReceiptNumber, StaffId,
    TransactionNumber,
};
use tillsync_domain::trade::{Delivery, Trade, TradeKind};
use tillsync_exchange::rows::document::read_body;

use crate::db::{DbError, parsed_account, parsed_column, time_column, uuid_column};
use crate::edge::Edge;
use crate::search::{PAGE_MAX, Page};

/// A sale or an order as this database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionView {
    /// Its number.
    pub number: TransactionNumber,
    /// Sale, voided sale or order.
    pub kind: TradeKind,
    /// Receipt, shift, lines, payments, total; the customer by the key it was written with (F120).
    pub trade: Trade,
    /// How an order reaches its customer; absent for a sale.
    pub delivery: Option<Delivery>,
    /// The customer's account as far as it is known here now.
    pub customer_account: Option<AccountNumber>,
    /// Whether the named customer is known here. One that was created at a till that is cut off
    /// is not; headquarters will know it.
    pub is_customer_known: bool,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Where it was recorded.
    pub origin: DatabaseId,
    /// Who recorded it.
    pub staff: Option<StaffId>,
    /// The sales order of an order that was taken through headquarters.
    pub sales_order: Option<DocumentNumber>,
}

impl TransactionView {
    /// The customer's account as people may see it, never the GUID (F04); nothing when nobody was
    /// named.
    pub fn account_for_people(&self) -> Option<&str> {
        self.trade.customer.as_ref()?;
        Some(self.customer_account.as_ref().map_or(PENDING_SYNC, AccountNumber::as_str))
    }

    /// The customer by the key that programs use now; nothing when nobody was named.
    pub fn customer_key(&self) -> Option<CustomerKey> {
        let account = self.customer_account.clone().map(CustomerKey::Numbered);
        account.or_else(|| self.trade.customer.clone())
    }
}

/// What to look for; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionCriteria {
    /// The customer, by either key; transactions written with the other one are found too.
    pub customer: Option<CustomerKey>,
    /// The number on the receipt.
    pub receipt: Option<ReceiptNumber>,
    /// The number of the transaction.
    pub number: Option<TransactionNumber>,
    /// Recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Recorded before this time.
    pub until: Option<Timestamp>,
}

/// Looks one sale or order up.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn find_transaction(
    edge: &Edge,
    number: &TransactionNumber,
) -> Result<Option<TransactionView>, DbError> {
    edge.db.read(|connection| transaction_by_number(connection, number))
}

/// Finds sales and orders, latest entry first.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn search_transactions(
    edge: &Edge,
    criteria: &TransactionCriteria,
    page: Page,
) -> Result<Vec<TransactionView>, DbError> {
    edge.db.read(|connection| matching(connection, criteria, page))
}

pub(crate) fn transaction_by_number(
    connection: &Connection,
    number: &TransactionNumber,
) -> Result<Option<TransactionView>, DbError> {
    let found = connection
        .prepare_cached(&format!("{SELECT} WHERE {SHOWN} AND d.number = ?1"))?
        .query_row([number.as_str()], |row| Ok(transaction_view(row)))
        .optional()?;
    found.transpose()
}

pub(crate) fn matching(
    connection: &Connection,
    criteria: &TransactionCriteria,
    page: Page,
) -> Result<Vec<TransactionView>, DbError> {
    let keys = criteria.customer.as_ref().map(|key| keys_read(connection, key)).transpose()?;
    let (guid, account) = keys.unwrap_or_default();
    let receipt = criteria.receipt.as_ref().map(ReceiptNumber::as_str);
    let number = criteria.number.as_ref().map(TransactionNumber::as_str);
    let from = criteria.from.map(Timestamp::as_microsecond);
    let until = criteria.until.map(Timestamp::as_microsecond);
    let mut conditions = vec![SHOWN];
    let mut values: Vec<(&str, &dyn ToSql)> =
        vec![(":top", &page.top), (":skip", &page.skip), (":most", &PAGE_MAX)];
    if criteria.customer.is_some() {
        conditions.push("(d.customer_guid = :guid OR d.customer_account = :account)");
        values.extend([(":guid", &guid as &dyn ToSql), (":account", &account)]);
    }
    let others: [(bool, &str, (&str, &dyn ToSql)); 4] = [
        (receipt.is_some(), "d.receipt = :receipt", (":receipt", &receipt)),
        (number.is_some(), "d.number = :number", (":number", &number)),
        (from.is_some(), "d.created_at >= :from", (":from", &from)),
        (until.is_some(), "d.created_at < :until", (":until", &until)),
    ];
    for (is_asked, condition, value) in others {
        if is_asked {
            conditions.push(condition);
            values.push(value);
        }
    }
    let conditions = conditions.join(" AND ");
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE {conditions}
         ORDER BY d.counter DESC LIMIT min(:top, :most) OFFSET :skip"
    ))?;
    let mut rows = statement.query(values.as_slice())?;
    let mut views = Vec::new();
    while let Some(row) = rows.next()? {
        views.push(transaction_view(row)?);
    }
    Ok(views)
}

/// Both keys of a customer, as far as they are known here.
fn keys_read(
    connection: &Connection,
    key: &CustomerKey,
) -> Result<(Option<[u8; 16]>, Option<String>), DbError> {
    let found = match key {
        CustomerKey::Temporary(guid) => connection
            .prepare_cached("SELECT guid, account FROM customer WHERE guid = ?1")?
            .query_row([guid.as_uuid().as_bytes()], keys_row)
            .optional()?,
        CustomerKey::Numbered(account) => connection
            .prepare_cached("SELECT guid, account FROM customer WHERE account = ?1")?
            .query_row([account.as_str()], keys_row)
            .optional()?,
    };
    Ok(found.unwrap_or_else(|| match key {
        CustomerKey::Temporary(guid) => (Some(*guid.as_uuid().as_bytes()), None),
        CustomerKey::Numbered(account) => (None, Some(account.as_str().to_owned())),
    }))
}

fn keys_row(row: &Row<'_>) -> rusqlite::Result<(Option<[u8; 16]>, Option<String>)> {
    Ok((Some(*uuid_column(row, 0)?.as_bytes()), row.get(1)?))
}

/// Whether two keys name one customer, as far as that is known here.
pub(crate) fn is_same_customer(
    connection: &Connection,
    one: Option<&CustomerKey>,
    other: Option<&CustomerKey>,
) -> Result<bool, DbError> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            let guid = |key| keys_read(connection, key).map(|(guid, _)| guid);
            let (one, other) = (guid(one)?, guid(other)?);
            Ok(one.is_some() && one == other)
        }
        (one, other) => Ok(one == other),
    }
}

const SHOWN: &str = "d.receipt IS NOT NULL AND d.is_set_aside = 0";

const SELECT: &str = "SELECT d.number, d.kind, d.created_at, d.origin, d.staff, d.content,
        g.account, g.guid IS NOT NULL OR a.guid IS NOT NULL, s.sales_order
    FROM document d LEFT JOIN customer g ON g.guid = d.customer_guid
                    LEFT JOIN customer a ON a.account = d.customer_account
                    LEFT JOIN sales_order s ON s.number = d.number";

fn transaction_view(row: &Row<'_>) -> Result<TransactionView, DbError> {
    let (kind, content): (String, String) = (row.get(1)?, row.get(5)?);
    let staff: Option<String> = row.get(4)?;
    let sales_order: Option<String> = row.get(8)?;
    let damaged = DbError::Damaged("transaction");
    let (kind, trade, delivery) = match read_body(&kind, &content) {
        Ok(Body::Sale(sale)) if sale.is_voided => (TradeKind::VoidedSale, sale.trade, None),
        Ok(Body::Sale(sale)) => (TradeKind::Sale, sale.trade, None),
        Ok(Body::Order(order)) => (TradeKind::Order, order.trade, Some(order.delivery)),
        Ok(Body::Shift(_)) | Err(_) => return Err(damaged),
    };
    let is_known: bool = row.get(7)?;
    let customer_account = match &trade.customer {
        Some(CustomerKey::Numbered(account)) => Some(account.clone()),
        Some(CustomerKey::Temporary(_)) | None => parsed_account(row, 6)?,
    };
    Ok(TransactionView {
        number: parsed_column(row, 0)?,
        kind,
        delivery,
        customer_account,
        is_customer_known: is_known || trade.customer.is_none(),
        trade,
        created_at: time_column(row, 2)?,
        origin: parsed_column(row, 3)?,
        staff: staff.is_some().then(|| parsed_column(row, 4)).transpose()?,
        sales_order: sales_order.is_some().then(|| parsed_column(row, 8)).transpose()?,
    })
}
