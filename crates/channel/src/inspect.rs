//! Looking into a database file without being its edge: for `doctor` and for checkers.
//!
//! It must never write; it works while the edge runs and when it does not.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use rust_decimal::Decimal;
use tillsync_domain::document::Body;
use tillsync_domain::ids::{
    AccountNumber, CustomerGuid, CustomerKey, DatabaseId, EpochId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_exchange::rows::document::read_body;

use crate::configuration::{Setting, configuration_read, has_table};
use crate::db::{DbError, connect, parsed_account, parsed_column, time_column, uuid_column};
use crate::find::{CustomerView, customer_by_key};
use crate::health::{applied_read, count, pending_read};
use crate::identity::{self, Identity};
use crate::offline::disconnected_read;
use crate::profile::{EffectiveProfile, profile_read};
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
    /// The counter of the last log entry.
    pub counter: u64,
    /// Log entries that upstream has not acknowledged.
    pub unsent: u64,
    /// Customers.
    pub customers: u64,
    /// Customers without an account.
    pub pending: u64,
    /// When the oldest of them was created.
    pub oldest_pending_at: Option<Timestamp>,
    /// Sales, orders and steps of shifts in the log, without those that were set aside.
    pub documents: u64,
    /// Those among them that upstream has not acknowledged.
    pub unsent_documents: u64,
    /// Uploads that were set aside.
    pub quarantined: u64,
    /// How far each epoch of each register was received.
    pub received: Vec<ReceivedFrom>,
    /// How far each job has been applied, by its name.
    pub applied: BTreeMap<String, u64>,
    /// How customers and orders are created here; nothing when it is not enrolled, or was last
    /// served by a version that knew no profiles.
    pub profile: Option<EffectiveProfile>,
    /// What holds here, option by option; nothing when it is not enrolled.
    pub configuration: Vec<Setting>,
    /// Since when somebody has switched a register to offline.
    pub disconnected_at: Option<Timestamp>,
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
    let profile = match &identity {
        Some(identity) if has_table(&connection, "profile")? => {
            Some(profile_read(&connection, identity)?)
        }
        Some(_) | None => None,
    };
    let configuration = match &identity {
        Some(identity) => configuration_read(&connection, identity)?,
        None => Vec::new(),
    };
    // The switch came with the table of features.
    let knows_switch = has_table(&connection, "feature")?;
    Ok(Inspection {
        profile,
        configuration,
        disconnected_at: if knows_switch { disconnected_read(&connection)? } else { None },
        damage: integrity_check(&connection)?,
        epoch: enrolled.then(|| identity::epoch_read(&connection)).transpose()?,
        identity,
        counter: log::counter_last(&connection)?.0,
        unsent: if enrolled { upload::unsent_count(&connection)? } else { 0 },
        customers: count(&connection, "SELECT count(*) FROM customer")?,
        pending: pending.count,
        oldest_pending_at: pending.oldest_at,
        documents: count(&connection, "SELECT count(*) FROM document WHERE is_set_aside = 0")?,
        unsent_documents: upload::unsent_documents(&connection)?,
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

/// A document as checkers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSummary {
    /// Its number.
    pub number: TransactionNumber,
    /// The kind, in the words of packages; this version need not know it.
    pub kind: String,
    /// Where it was first recorded.
    pub origin: DatabaseId,
    /// What it says; nothing where this version cannot read it.
    pub body: Option<Body>,
}

impl DocumentSummary {
    /// What it comes to, tax included; nothing for a shift or a voided sale.
    pub fn total(&self) -> Option<(Decimal, Currency)> {
        match self.body.as_ref()? {
            Body::Sale(sale) if sale.is_voided => None,
            Body::Sale(sale) => Some((sale.trade.total, sale.trade.currency)),
            Body::Order(order) => Some((order.trade.total, order.trade.currency)),
            Body::Shift(_) => None,
        }
    }

    /// The customer, by the key it was written with; nothing when nobody was named.
    pub fn customer(&self) -> Option<&CustomerKey> {
        self.body.as_ref()?.trade()?.customer.as_ref()
    }
}

/// Hands out every document of a database file that was not set aside, in the order of its log.
///
/// # Errors
/// Broken: the file cannot be read as an edge database.
pub fn visit_documents(path: &Path, visit: &mut dyn FnMut(DocumentSummary)) -> Result<(), DbError> {
    let connection = open(path)?;
    let mut statement = connection.prepare(
        "SELECT number, kind, origin, content FROM document WHERE is_set_aside = 0
             ORDER BY counter",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, content): (String, String) = (row.get(1)?, row.get(3)?);
        let body = read_body(&kind, &content).ok();
        let (number, origin) = (parsed_column(row, 0)?, parsed_column(row, 2)?);
        visit(DocumentSummary { number, kind, origin, body });
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
