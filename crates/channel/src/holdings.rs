//! How much a database holds of what headquarters sends down, table by table, for those who check
//! that it holds nothing that is kept from it.
//!
//! It opens the file for itself and must never change it.

use std::path::Path;

use rusqlite::OpenFlags;
use tillsync_exchange::rows::Table;

use crate::db::{DbError, connect};

/// How many rows of a table a database file has from headquarters. What was recorded there itself
/// is not counted, nor what answers it.
///
/// # Errors
/// Broken: the file cannot be read as an edge database.
pub fn rows_from_headquarters(path: &Path, table: Table) -> Result<u64, DbError> {
    let sql = match table {
        Table::Customer => {
            "SELECT count(*) FROM customer
             WHERE version > 0 AND guid NOT IN (SELECT customer FROM operation)"
        }
        Table::Address => {
            "SELECT count(*) FROM address
             WHERE version > 0 AND customer NOT IN (SELECT customer FROM operation)"
        }
        Table::Item => "SELECT count(*) FROM item",
        Table::Price => "SELECT count(*) FROM price",
        Table::Profile => "SELECT count(*) FROM profile",
        Table::Register => "SELECT count(*) FROM register_setup",
        Table::Feature => "SELECT count(*) FROM feature",
        Table::Staff => "SELECT count(*) FROM staff",
        Table::Operation | Table::Document => return Ok(0),
    };
    let opened = |source| DbError::Open { path: path.to_owned(), source };
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(opened)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(opened)?;
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
