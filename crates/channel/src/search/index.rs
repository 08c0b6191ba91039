//! Keeping the text indexes: written with the rows they are made of, filled anew when an older
//! version wrote them.

use rusqlite::{Connection, params};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};

use crate::db::{Db, DbError};
use tillsync_exchange::words::{WORDS_VERSION, address_words, index_words};

/// Indexes a customer that is not indexed.
pub(crate) fn customer_add(
    connection: &Connection,
    row: i64,
    content: &CustomerContent,
) -> Result<(), DbError> {
    connection
        .prepare_cached("INSERT INTO customer_text (rowid, words) VALUES (?1, ?2)")?
        .execute(params![row, index_words(content)])?;
    Ok(())
}

/// Takes a customer out of the index.
pub(crate) fn customer_remove(connection: &Connection, row: i64) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM customer_text WHERE rowid = ?1")?.execute([row])?;
    Ok(())
}

/// Indexes an address that is not indexed.
pub(crate) fn address_add(
    connection: &Connection,
    row: i64,
    content: &AddressContent,
) -> Result<(), DbError> {
    connection
        .prepare_cached("INSERT INTO address_text (rowid, words) VALUES (?1, ?2)")?
        .execute(params![row, address_words(content).join(" ")])?;
    Ok(())
}

/// Takes an address out of the index.
pub(crate) fn address_remove(connection: &Connection, row: i64) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM address_text WHERE rowid = ?1")?.execute([row])?;
    Ok(())
}

/// Indexes everybody anew if the words were made by an older version: minutes for millions of
/// customers, once.
pub(crate) fn fill_if_stale(db: &Db) -> Result<(), DbError> {
    let version = |connection: &Connection| -> Result<i64, DbError> {
        Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    };
    if db.read(version)? == WORDS_VERSION {
        return Ok(());
    }
    db.write(|connection| {
        for table in ["customer_text", "address_text"] {
            connection
                .execute(&format!("INSERT INTO {table} ({table}) VALUES ('delete-all')"), [])?;
        }
        fill(connection, "customer", |row, text| {
            let content = serde_json::from_str(text).map_err(|_| DbError::Damaged("customer"))?;
            customer_add(connection, row, &content)
        })?;
        fill(connection, "address", |row, text| {
            let content = serde_json::from_str(text).map_err(|_| DbError::Damaged("address"))?;
            address_add(connection, row, &content)
        })?;
        connection.pragma_update(None, "user_version", WORDS_VERSION)?;
        Ok(())
    })
}

fn fill(
    connection: &Connection,
    table: &str,
    mut add: impl FnMut(i64, &str) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let mut statement =
        connection.prepare(&format!("SELECT row, content FROM {table} ORDER BY row"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(1)?.as_str().map_err(|_| DbError::Damaged("content"))?;
        add(row.get(0)?, content)?;
    }
    Ok(())
}
