//! Looking into a database file without being its edge: for `doctor` and for checkers.
//!
//! It must never write; it works while the edge runs and when it does not.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, DatabaseId, EpochId};

use crate::db::{DbError, connect, parsed_account, parsed_column, time_column, uuid_column};
use crate::find::{CustomerView, customer_by_key};
use crate::health::{applied_read, count, pending_read};
use crate::identity::{self, Identity};
use crate::{log, upload};

/// What a database file holds.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Whose it is; nothing when it is not enrolled.
    pub identity: Option<Identity>,
    /// What SQLite's integrity check found; empty when all is well.
    pub damage: Vec<String>,
    /// The incarnation.
    pub epoch: Option<EpochId>,
    /// The counter of the last operation.
    pub counter: u64,
    /// Operations that upstream has not acknowledged.
    pub unsent: u64,
    /// Customers.
    pub customers: u64,
    /// Customers without an account.
    pub pending: u64,
    /// When the oldest of them was created.
    pub oldest_pending_at: Option<Timestamp>,
    /// Uploads that were set aside.
    pub quarantined: u64,
    /// How far each epoch of each register was received.
    pub received: Vec<ReceivedFrom>,
    /// How far each job has been applied, by its name.
    pub applied: BTreeMap<String, u64>,
}

/// How far one epoch of one register was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFrom {
    /// The register.
    pub source: DatabaseId,
    /// Its incarnation.
    pub epoch: EpochId,
    /// The highest counter received without a gap.
    pub counter: u64,
    /// When the last package came.
    pub at: Timestamp,
}

/// Checks a database file and counts what it holds.
///
/// # Errors
/// Broken: the file cannot be read as an edge database.
pub fn inspect_database(path: &Path) -> Result<Inspection, DbError> {
    let connection = open(path)?;
    let pending = pending_read(&connection)?;
    let identity = identity::identity_read(&connection)?;
    let enrolled = identity.is_some();
    Ok(Inspection {
        damage: integrity_check(&connection)?,
        epoch: enrolled.then(|| identity::epoch_read(&connection)).transpose()?,
        identity,
        counter: log::counter_last(&connection)?.0,
        unsent: if enrolled { upload::unsent_count(&connection)? } else { 0 },
        customers: count(&connection, "SELECT count(*) FROM customer")?,
        pending: pending.count,
        oldest_pending_at: pending.oldest_at,
        quarantined: count(&connection, "SELECT count(*) FROM quarantine")?,
        received: received_read(&connection)?,
        applied: applied_read(&connection)?,
    })
}

/// Hands out every customer of a database file with its account, if it has one, by GUID.
///
/// # Errors
/// Broken: the file cannot be read as an edge database.
pub fn visit_customers(
    path: &Path,
    visit: &mut dyn FnMut(CustomerGuid, Option<AccountNumber>),
) -> Result<(), DbError> {
    let connection = open(path)?;
    let mut statement = connection.prepare("SELECT guid, account FROM customer ORDER BY guid")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(CustomerGuid::from_uuid(uuid_column(row, 0)?), parsed_account(row, 1)?);
    }
    Ok(())
}

/// Looks one customer up in a database file by either key.
///
/// # Errors
/// Broken: the file cannot be read as an edge database.
pub fn look_up_customer(path: &Path, key: &CustomerKey) -> Result<Option<CustomerView>, DbError> {
    customer_by_key(&open(path)?, key)
}

fn open(path: &Path) -> Result<Connection, DbError> {
    let opened = |source| DbError::Open { path: path.to_owned(), source };
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(opened)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN").map_err(opened)?;
    Ok(connection)
}

fn integrity_check(connection: &Connection) -> Result<Vec<String>, DbError> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

fn received_read(connection: &Connection) -> Result<Vec<ReceivedFrom>, DbError> {
    let mut statement = connection
        .prepare("SELECT source, epoch, counter, at FROM received ORDER BY source, at, epoch")?;
    let rows = statement.query_map([], |row| {
        Ok(ReceivedFrom {
            source: parsed_column(row, 0)?,
            epoch: EpochId::from_uuid(uuid_column(row, 1)?),
            counter: row.get(2)?,
            at: time_column(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
