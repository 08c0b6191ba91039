//! The operation log: append-only, counted in commit order (F61–F64).
//!
//! It must never change or remove a row; the database has triggers that refuse it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::value::RawValue;
use tillsync_domain::ids::{Counter, CustomerGuid, OperationId, StaffId};
use tillsync_exchange::rows::operation::{ContentHash, OperationRow};

use crate::db::{DbError, digest_column, parsed_column, time_column, uuid_column};

/// What became of an operation that was offered to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is in the log now, under this counter.
    New(Counter),
    /// It was there already, with the same content.
    Repeated,
    /// Its id was there already, with other content (F115).
    Contradiction,
}

/// The counter of the last operation.
pub(crate) fn counter_last(connection: &Connection) -> Result<Counter, DbError> {
    let last: Option<u64> = connection
        .prepare_cached("SELECT max(counter) FROM operation")?
        .query_row([], |row| row.get(0))?;
    Ok(last.map_or(Counter::ZERO, Counter))
}

/// Appends an operation under the next counter, unless its id is known.
///
/// Runs in the writer's transaction, so counters follow the order of commits and a lower one can
/// never appear later (F63).
pub(crate) fn operation_append(
    connection: &Connection,
    row: &OperationRow,
) -> Result<Appended, DbError> {
    let hash = row.content_hash();
    let next = counter_last(connection)?.next();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO operation (counter, id, customer, kind, created_at, origin, staff,
                                    relayed_at, content, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            next.0,
            row.id.as_uuid().as_bytes(),
            row.customer.as_uuid().as_bytes(),
            row.kind,
            row.created_at.as_microsecond(),
            row.origin.as_str(),
            row.staff.as_ref().map(StaffId::as_str),
            row.relayed_at.map(Timestamp::as_microsecond),
            row.content.get(),
            hash.0,
        ])?;
    if inserted == 1 {
        return Ok(Appended::New(next));
    }
    let stored: [u8; 32] = connection
        .prepare_cached("SELECT hash FROM operation WHERE id = ?1")?
        .query_row([row.id.as_uuid().as_bytes()], |row| digest_column(row, 0))?;
    let same = ContentHash(stored) == hash;
    Ok(if same { Appended::Repeated } else { Appended::Contradiction })
}

/// The operation at a counter, if there is one.
pub(crate) fn operation_id_at(
    connection: &Connection,
    counter: Counter,
) -> Result<Option<OperationId>, DbError> {
    let found = connection
        .prepare_cached("SELECT id FROM operation WHERE counter = ?1")?
        .query_row([counter.0], |row| uuid_column(row, 0))
        .optional()?;
    Ok(found.map(OperationId::from_uuid))
}

/// Hands out operations with consecutive counters, beginning at one, until told to stop.
pub(crate) fn operations_visit<E: From<DbError>>(
    connection: &Connection,
    first: Counter,
    last: Counter,
    mut visit: impl FnMut(OperationRow) -> Result<Visit, E>,
) -> Result<(), E> {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, counter, customer, kind, created_at, origin, staff, relayed_at, content
             FROM operation WHERE counter BETWEEN ?1 AND ?2 ORDER BY counter",
        )
        .map_err(DbError::from)?;
    let mut rows = statement.query([first.0, last.0]).map_err(DbError::from)?;
    while let Some(row) = rows.next().map_err(DbError::from)? {
        if visit(operation_row(row)?)? == Visit::Stop {
            break;
        }
    }
    Ok(())
}

/// Whether a visitor wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visit {
    GoOn,
    Stop,
}

fn operation_row(row: &Row<'_>) -> Result<OperationRow, DbError> {
    let staff: Option<String> = row.get(6)?;
    let relayed_at: Option<i64> = row.get(7)?;
    let content: String = row.get(8)?;
    Ok(OperationRow {
        id: OperationId::from_uuid(uuid_column(row, 0)?),
        counter: row.get(1)?,
        customer: CustomerGuid::from_uuid(uuid_column(row, 2)?),
        kind: row.get(3)?,
        created_at: time_column(row, 4)?,
        origin: parsed_column(row, 5)?,
        staff: staff.is_some().then(|| parsed_column(row, 6)).transpose()?,
        relayed_at: relayed_at.is_some().then(|| time_column(row, 7)).transpose()?,
        content: RawValue::from_string(content).map_err(|_| DbError::Damaged("operation"))?,
    })
}
