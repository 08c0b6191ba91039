//! How the database is, in counts and times; never in personal data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::ids::{DatabaseId, EpochId};
use tillsync_domain::offline::RegisterLine;
use tillsync_exchange::breaker::Breaker;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};

pub use crate::link::{LinkHealth, LinkState};

use crate::db::{DbError, time_column};
use crate::edge::Edge;
use crate::offline::register_line;
use crate::profile::{EffectiveProfile, profile_read};
use crate::{identity, upload};

/// A difference between the clocks beyond which people should be told, in seconds.
pub const SKEW_SECONDS_MAX: i64 = 300;

/// Everything a fleet page or an operator asks first.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Whose.
    pub database: DatabaseId,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// Customers that can be found here.
    pub customers: u64,
    /// Those among them without an account.
    pub pending: u64,
    /// When the oldest of these was created.
    pub oldest_pending_at: Option<Timestamp>,
    /// Log entries that upstream has not acknowledged.
    pub unsent: u64,
    /// Those among them that are documents: sales, orders and steps of shifts.
    pub unsent_documents: u64,
    /// Uploads of registers that were set aside (F115).
    pub quarantined: u64,
    /// Whether changes travel at once.
    pub mode: ExchangeMode,
    /// The incarnation.
    pub epoch: EpochId,
    /// The way to the upstream.
    pub link: LinkHealth,
    /// Whether a register works with its store; a channel does not ask anybody.
    pub line: Option<RegisterLine>,
    /// Whether calls that headquarters answers while the caller waits are made.
    pub realtime: Breaker,
    /// How customers and orders are created here.
    pub profile: EffectiveProfile,
    /// How far each job has been applied, by its name.
    pub applied: BTreeMap<String, u64>,
}

impl Health {
    /// Whether the clocks of this database and its upstream are too far apart.
    pub fn is_clock_off(&self) -> bool {
        self.link.skew.is_some_and(|skew| skew.as_secs().abs() > SKEW_SECONDS_MAX)
    }
}

/// Reads how the database is.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn read_health(edge: &Edge) -> Result<Health, DbError> {
    let line = match edge.identity().kind {
        DatabaseKind::Register => Some(register_line(edge)?),
        DatabaseKind::Channel => None,
    };
    edge.db.read(|connection| {
        let pending = pending_read(connection)?;
        Ok(Health {
            database: edge.identity().database.clone(),
            kind: edge.identity().kind,
            customers: count(connection, "SELECT count(*) FROM customer")?,
            pending: pending.count,
            oldest_pending_at: pending.oldest_at,
            unsent: upload::unsent_count(connection)?,
            unsent_documents: upload::unsent_documents(connection)?,
            quarantined: count(connection, "SELECT count(*) FROM quarantine")?,
            mode: edge.mode(),
            epoch: identity::epoch_read(connection)?,
            link: edge.link.health(),
            line,
            realtime: edge.realtime.breaker(),
            profile: profile_read(connection, edge.identity())?,
            applied: applied_read(connection)?,
        })
    })
}

pub(crate) struct Pending {
    pub(crate) count: u64,
    pub(crate) oldest_at: Option<Timestamp>,
}

pub(crate) fn pending_read(connection: &Connection) -> Result<Pending, DbError> {
    let oldest_at = connection
        .prepare_cached(
            "SELECT created_at FROM customer WHERE account IS NULL ORDER BY created_at LIMIT 1",
        )?
        .query_map([], |row| time_column(row, 0))?
        .next()
        .transpose()?;
    let count = count(connection, "SELECT count(*) FROM customer WHERE account IS NULL")?;
    Ok(Pending { count, oldest_at })
}

pub(crate) fn applied_read(connection: &Connection) -> Result<BTreeMap<String, u64>, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT job, version FROM applied ORDER BY job")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn count(connection: &Connection, statement: &str) -> Result<u64, DbError> {
    Ok(connection.prepare_cached(statement)?.query_row([], |row| row.get(0))?)
}
