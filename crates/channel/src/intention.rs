//! What headquarters is asked for under a request key, kept until the request is settled: whatever
//! happens meanwhile, a repeat means the same customer.
//!
//! It holds the rows word for word, since headquarters tells repeats by their content.

use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::ids::CustomerGuid;
use tillsync_exchange::rows::operation::OperationRow;

use crate::create::{CreateError, Keyed, Prepared};
use crate::db::{DbError, digest_column, uuid_column};

/// A customer that headquarters was perhaps asked for before.
pub(crate) struct Intention {
    pub(crate) customer: CustomerGuid,
    pub(crate) operations: Vec<OperationRow>,
}

/// Keeps what is going to be asked for; answers what was kept under the key before, if something
/// was.
pub(crate) fn keep(
    connection: &Connection,
    keyed: &Keyed,
    prepared: &Prepared,
) -> Result<Option<Intention>, CreateError> {
    if let Some(known) = find(connection, keyed)? {
        return Ok(Some(known));
    }
    let operations =
        serde_json::to_string(&prepared.rows()).expect("operations are plain structs of texts");
    connection
        .prepare_cached(
            "INSERT INTO intention (key, hash, customer, created_at, operations)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                keyed.key.as_str(),
                keyed.fingerprint.0,
                prepared.guid.as_uuid().as_bytes(),
                prepared.created_at.as_microsecond(),
                operations
            ])
        })
        .map_err(DbError::from)?;
    Ok(None)
}

/// Takes out what was kept under the key, if something was.
pub(crate) fn take(
    connection: &Connection,
    keyed: &Keyed,
) -> Result<Option<Intention>, CreateError> {
    let found = find(connection, keyed)?;
    if found.is_some() {
        drop_of(connection, keyed)?;
    }
    Ok(found)
}

/// Forgets what was kept under the key.
pub(crate) fn drop_of(connection: &Connection, keyed: &Keyed) -> Result<(), CreateError> {
    connection
        .prepare_cached("DELETE FROM intention WHERE key = ?1")
        .and_then(|mut statement| statement.execute([keyed.key.as_str()]))
        .map_err(DbError::from)?;
    Ok(())
}

fn find(connection: &Connection, keyed: &Keyed) -> Result<Option<Intention>, CreateError> {
    let found = connection
        .prepare_cached("SELECT hash, customer, operations FROM intention WHERE key = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([keyed.key.as_str()], |row| {
                    let operations: String = row.get(2)?;
                    Ok((digest_column(row, 0)?, uuid_column(row, 1)?, operations))
                })
                .optional()
        })
        .map_err(DbError::from)?;
    let Some((hash, customer, operations)) = found else { return Ok(None) };
    if hash != keyed.fingerprint.0 {
        return Err(CreateError::RequestReused);
    }
    let operations =
        serde_json::from_str(&operations).map_err(|_| DbError::Damaged("intention"))?;
    Ok(Some(Intention { customer: CustomerGuid::from_uuid(customer), operations }))
}
