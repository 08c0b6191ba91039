//! The projection: customers, addresses, items and shifts as this database shows them, made of
//! what was downloaded and what stands in its log.
//!
//! One row per customer GUID, whatever state it is in, so a customer can never be listed twice
//! (F89). It must never be the only place where something is kept: pending rows follow from the
//! log, the others from headquarters.

pub(crate) mod documents;
pub(crate) mod features;
pub(crate) mod items;
pub(crate) mod profiles;
pub(crate) mod registers;
pub(crate) mod staff;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::operation::{Act, Operation};
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};

use crate::db::DbError;
use crate::log::{self, Appended};
use crate::search::index;

/// One run of a snapshot; rows that it held carry its number. Zero for rows of other origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(pub(crate) i64);

impl Generation {
    /// Rows that belong to no snapshot run.
    pub(crate) const NONE: Generation = Generation(0);
}

/// Appends an entry that was recorded elsewhere, and shows it where this version can read it.
/// What it cannot read still goes up: headquarters says what is wrong.
pub(crate) fn entry_append(connection: &Connection, row: &LogRow) -> Result<Appended, DbError> {
    match row {
        LogRow::Operation(row) => {
            let appended = log::operation_append(connection, row)?;
            if let (Appended::New(_), Ok(operation)) = (appended, row.operation()) {
                operation_project(connection, &operation)?;
            }
            Ok(appended)
        }
        LogRow::Document(row) => documents::append(connection, row, row.document().ok().as_ref()),
    }
}

/// Shows an operation of the log. What the database knows better already stays as it is.
pub(crate) fn operation_project(
    connection: &Connection,
    operation: &Operation,
) -> Result<(), DbError> {
    let Operation { customer, created_at, .. } = operation;
    match &operation.act {
        Act::CreateCustomer(new) => {
            customer_insert(connection, *customer, *created_at, &new.as_ref().into())
        }
        Act::AddAddress(new) => {
            address_insert(connection, *customer, *created_at, &new.as_ref().into())
        }
    }
}

/// Shows a customer that so far exists here only.
pub(crate) fn customer_insert(
    connection: &Connection,
    guid: CustomerGuid,
    created_at: Timestamp,
    content: &CustomerContent,
) -> Result<(), DbError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO customer (guid, created_at, version, generation, content)
             VALUES (?1, ?2, 0, 0, ?3) ON CONFLICT (guid) DO NOTHING",
        )?
        .execute(params![
            guid.as_uuid().as_bytes(),
            created_at.as_microsecond(),
            stored(content)
        ])?;
    if inserted == 1 {
        index::customer_add(connection, connection.last_insert_rowid(), content)?;
    }
    Ok(())
}

/// Shows an address that so far exists here only.
pub(crate) fn address_insert(
    connection: &Connection,
    customer: CustomerGuid,
    created_at: Timestamp,
    content: &AddressContent,
) -> Result<(), DbError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO address (guid, customer, created_at, version, generation, content)
             VALUES (?1, ?2, ?3, 0, 0, ?4) ON CONFLICT (guid) DO NOTHING",
        )?
        .execute(params![
            content.guid.as_uuid().as_bytes(),
            customer.as_uuid().as_bytes(),
            created_at.as_microsecond(),
            stored(content)
        ])?;
    if inserted == 1 {
        index::address_add(connection, connection.last_insert_rowid(), content)?;
    }
    Ok(())
}

/// Takes over a customer from headquarters; an older version never replaces a newer one (F71).
/// A pending customer becomes a permanent one by this.
pub(crate) fn customer_upsert(
    connection: &Connection,
    row: &CustomerRow,
    generation: Generation,
) -> Result<(), DbError> {
    let guid = row.guid.as_uuid().as_bytes();
    let content = stored(&row.content);
    let known: Option<(i64, u64, bool)> = connection
        .prepare_cached("SELECT row, version, content = ?2 FROM customer WHERE guid = ?1")?
        .query_row(params![guid, content], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let number = match known {
        None => None,
        Some((number, version, _)) if version > row.version => {
            return customer_seen(connection, number, generation);
        }
        Some((number, _, same)) => {
            if !same {
                index::customer_remove(connection, number)?;
                index::customer_add(connection, number, &row.content)?;
            }
            Some(number)
        }
    };
    account_release(connection, row)?;
    connection
        .prepare_cached(
            "INSERT INTO customer (row, guid, account, party_number, created_at, version,
                                   generation, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (row) DO UPDATE SET account = excluded.account,
                 party_number = excluded.party_number, created_at = excluded.created_at,
                 version = excluded.version, content = excluded.content,
                 generation = max(generation, excluded.generation)",
        )?
        .execute(params![
            number,
            guid,
            row.account,
            row.party_number,
            row.created_at.as_microsecond(),
            row.version,
            generation.0,
            content
        ])?;
    if number.is_none() {
        index::customer_add(connection, connection.last_insert_rowid(), &row.content)?;
    }
    Ok(())
}

/// Takes a number from any other customer that has it here: headquarters gives a number to one
/// customer only, so the other row is of a past that headquarters has lost (F64). That customer is
/// pending until headquarters sends its number.
fn account_release(connection: &Connection, row: &CustomerRow) -> Result<(), DbError> {
    connection
        .prepare_cached("UPDATE customer SET account = NULL WHERE account = ?1 AND guid <> ?2")?
        .execute(params![row.account, row.guid.as_uuid().as_bytes()])?;
    Ok(())
}

/// Takes over an address from headquarters; an older version never replaces a newer one (F71).
pub(crate) fn address_upsert(
    connection: &Connection,
    row: &AddressRow,
    generation: Generation,
) -> Result<(), DbError> {
    let guid = row.guid().as_uuid().as_bytes().to_owned();
    let content = stored(&row.content);
    let known: Option<(i64, u64, bool)> = connection
        .prepare_cached("SELECT row, version, content = ?2 FROM address WHERE guid = ?1")?
        .query_row(params![guid, content], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let number = match known {
        None => None,
        Some((number, version, _)) if version > row.version => {
            // An older version still proves that headquarters has the address: it counts as seen.
            connection
                .prepare_cached(
                    "UPDATE address SET generation = max(generation, ?2) WHERE row = ?1",
                )?
                .execute([number, generation.0])?;
            return Ok(());
        }
        Some((number, _, same)) => {
            if !same {
                index::address_remove(connection, number)?;
                index::address_add(connection, number, &row.content)?;
            }
            Some(number)
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO address (row, guid, customer, created_at, version, generation, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (row) DO UPDATE SET customer = excluded.customer,
                 created_at = excluded.created_at, version = excluded.version,
                 content = excluded.content, generation = max(generation, excluded.generation)",
        )?
        .execute(params![
            number,
            guid,
            row.customer.as_uuid().as_bytes(),
            row.created_at.as_microsecond(),
            row.version,
            generation.0,
            content
        ])?;
    if number.is_none() {
        index::address_add(connection, connection.last_insert_rowid(), &row.content)?;
    }
    Ok(())
}

/// Removes what a complete snapshot did not hold: customers that left the group's view, with all
/// their addresses.
///
/// Stays: what came with a later version than the snapshot's, and what is pending. An address
/// that is on its way goes with its customer nevertheless: nothing would ever come back for it,
/// and it would hold on to somebody who may not be seen here. The log still has it, and sends it.
pub(crate) fn left_customers_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    const LEFT: &str = "version BETWEEN 1 AND ?2 AND generation <> ?1";
    const HOMELESS: &str = "version = 0 AND customer NOT IN (SELECT guid FROM customer)";
    let limits = params![generation.0, to];
    for table in ["customer", "address"] {
        for statement in [
            format!(
                "DELETE FROM {table}_text WHERE rowid IN (SELECT row FROM {table} WHERE {LEFT})"
            ),
            format!("DELETE FROM {table} WHERE {LEFT}"),
        ] {
            connection.prepare_cached(&statement)?.execute(limits)?;
        }
    }
    for statement in [
        format!(
            "DELETE FROM address_text WHERE rowid IN (SELECT row FROM address WHERE {HOMELESS})"
        ),
        format!("DELETE FROM address WHERE {HOMELESS}"),
    ] {
        connection.prepare_cached(&statement)?.execute([])?;
    }
    Ok(())
}

/// Begins a run of a snapshot.
pub(crate) fn generation_begin(connection: &Connection) -> Result<Generation, DbError> {
    let number = connection
        .prepare_cached("UPDATE edge SET generation = generation + 1 RETURNING generation")?
        .query_row([], |row| row.get(0))?;
    Ok(Generation(number))
}

/// An older version still proves that the group may see the customer.
fn customer_seen(
    connection: &Connection,
    number: i64,
    generation: Generation,
) -> Result<(), DbError> {
    if generation != Generation::NONE {
        connection
            .prepare_cached("UPDATE customer SET generation = ?2 WHERE row = ?1")?
            .execute([number, generation.0])?;
    }
    Ok(())
}

fn stored<T: serde::Serialize>(content: &T) -> String {
    serde_json::to_string(content).expect("contents are plain structs of texts")
}
