//! What documents change about the shifts and the returns that this database shows.

use rusqlite::{Connection, params};
use tillsync_domain::document::{Body, Document, DocumentKind};
use tillsync_domain::ids::Counter;
use tillsync_domain::shift::ShiftEvent;
use tillsync_domain::trade::Trade;
use tillsync_exchange::rows::document::DocumentRow;

use crate::db::DbError;
use crate::log::{self, Appended};

/// Appends a document to the log and shows what it changes. `readable` is the same document where
/// this version can read it.
pub(crate) fn append(
    connection: &Connection,
    row: &DocumentRow,
    readable: Option<&Document>,
) -> Result<Appended, DbError> {
    let appended = log::document_append(connection, row, readable)?;
    if let (Appended::New(counter), Some(document)) = (appended, readable) {
        match &document.body {
            Body::Sale(sale) if sale.is_voided => {}
            Body::Sale(sale) => returns_write(connection, counter, &sale.trade)?,
            Body::Order(_) => {}
            Body::Shift(event) => shift_write(connection, counter, document, event)?,
        }
    }
    Ok(appended)
}

fn returns_write(connection: &Connection, counter: Counter, trade: &Trade) -> Result<(), DbError> {
    for line in trade.live_lines() {
        let Some(original) = &line.returns else { continue };
        // A register's document may number its lines as it likes: the first of a number counts.
        connection
            .prepare_cached(
                "INSERT INTO returned (number, line, document, document_line, quantity)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                original.transaction.as_str(),
                original.line,
                counter.0,
                line.number,
                line.quantity.to_string()
            ])?;
    }
    Ok(())
}

/// The first document of a step counts, and only of the database that the shift is of.
fn shift_write(
    connection: &Connection,
    counter: Counter,
    document: &Document,
    event: &ShiftEvent,
) -> Result<(), DbError> {
    let step = match document.body.kind() {
        DocumentKind::ShiftOpened => "opened",
        DocumentKind::ShiftBlindClosed => "blind_closed",
        DocumentKind::ShiftClosed => "closed",
        DocumentKind::Sale | DocumentKind::Order => return Ok(()),
    };
    connection
        .prepare_cached(&format!(
            "INSERT INTO shift (number, origin, {step}) VALUES (?1, ?2, ?3)
             ON CONFLICT (number) DO UPDATE SET {step} = ifnull({step}, excluded.{step})
             WHERE origin = excluded.origin"
        ))?
        .execute(params![event.shift.as_str(), document.origin.as_str(), counter.0])?;
    Ok(())
}
