//! Numbers that this database draws for itself.
//!
//! They are drawn in the transaction that uses them, so a refused request leaves no gap. What was
//! drawn for an order that headquarters refused is given back, and drawn again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::db::DbError;

/// A number sequence of this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Receipts; without gaps but for those that a restore leaves.
    Receipt,
    /// Shifts; follows the clock, since a database restored from an older copy must not draw a
    /// shift again that headquarters has seen.
    Shift,
}

impl Sequence {
    fn as_str(self) -> &'static str {
        match self {
            Sequence::Receipt => "receipt",
            Sequence::Shift => "shift",
        }
    }
}

/// Draws the next number, and at least this one.
pub(crate) fn draw(
    connection: &Connection,
    sequence: Sequence,
    least: u64,
) -> Result<u64, DbError> {
    if sequence == Sequence::Receipt
        && let Some(returned) = receipt_returned_take(connection)?
    {
        return Ok(returned);
    }
    let drawn = connection
        .prepare_cached(
            "INSERT INTO sequence (name, last) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET last = max(last + 1, excluded.last)
             RETURNING last",
        )?
        .query_row(params![sequence.as_str(), least], |row| row.get(0))?;
    Ok(drawn)
}

/// Gives a receipt back that was drawn and will not be used.
pub(crate) fn receipt_give_back(connection: &Connection, drawn: u64) -> Result<(), DbError> {
    connection
        .prepare_cached("INSERT INTO receipt_returned (drawn) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([drawn])?;
    Ok(())
}

fn receipt_returned_take(connection: &Connection) -> Result<Option<u64>, DbError> {
    let returned = connection
        .prepare_cached("SELECT drawn FROM receipt_returned ORDER BY drawn LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if let Some(drawn) = returned {
        let drawn: u64 = drawn;
        connection
            .prepare_cached("DELETE FROM receipt_returned WHERE drawn = ?1")?
            .execute([drawn])?;
    }
    Ok(returned)
}

/// Leaves out so many numbers.
pub(crate) fn skip(
    connection: &Connection,
    sequence: Sequence,
    numbers: u64,
) -> Result<(), DbError> {
    if sequence == Sequence::Receipt {
        // An older copy of the database does not know which of them it has given since.
        connection.prepare_cached("DELETE FROM receipt_returned")?.execute([])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO sequence (name, last) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET last = last + excluded.last",
        )?
        .execute(params![sequence.as_str(), numbers])?;
    Ok(())
}

/// A time as twelve digits that people can read: year, month, day, hour, minute, second in UTC.
pub(crate) fn stamp(now: Timestamp) -> String {
    now.strftime("%y%m%d%H%M%S").to_string()
}
