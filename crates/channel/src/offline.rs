//! A register that works by itself while its store is away, is too slow, or somebody wants it so.
//!
//! What somebody switched is kept in the database: another process may switch it, and a start does
//! not change it. What calls told is not kept. It must never keep a till from selling.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::offline::{LineEvent, RegisterLine};
use tillsync_exchange::messages::DatabaseKind;

use crate::db::{DbError, time_column};
use crate::edge::Edge;
use crate::offline_profile::effective_offline_profile;
use crate::upload::{UploadError, say_hello};
use crate::upstream::Upstream;

/// An answer older than this says little about what headquarters has sent since, in seconds.
const STALE_SECONDS: i64 = 600;

/// What a register works with after it was switched, and what people should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// How it works now.
    pub line: RegisterLine,
    /// What is not as it should be; empty when all is well.
    pub warnings: Vec<String>,
}

/// Why a register was not switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// A channel always goes by its line.
    #[error("only a register is switched by hand; a channel goes by its line")]
    NotARegister,
    /// It would have nothing to work with.
    #[error(
        "this register cannot be disconnected yet: the customers of job 1010 never came here \
         completely; connect it to its store until /status shows 1010 as applied"
    )]
    NothingHere,
    /// The database failed.
    #[error("switch the register")]
    Db(#[from] DbError),
}

impl SwitchError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SwitchError::NotARegister | SwitchError::NothingHere => ErrorKind::Conflict,
            SwitchError::Db(error) => error.kind(),
        }
    }
}

/// How the database works now: a channel is always online, its calls may fail.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn register_line(edge: &Edge) -> Result<RegisterLine, DbError> {
    if edge.identity().kind == DatabaseKind::Channel {
        return Ok(RegisterLine::Online);
    }
    let switched = edge.db.read(disconnected_read)?;
    let line = edge.link.line();
    let event = match (switched, line.is_disconnected()) {
        (Some(since), false) => (LineEvent::Disconnected, since),
        (None, true) => (LineEvent::Connected, Timestamp::UNIX_EPOCH),
        (Some(_), true) | (None, false) => return Ok(line),
    };
    let line = edge.link.line_event(event.0, event.1);
    edge.signals.line_changed();
    Ok(line)
}

/// Switches a register to offline (operation 917), until [`connect_register`]. It sells on and
/// exchanges nothing: what it records waits, and nothing is taken from its store.
///
/// # Errors
/// Conflict: not a register, or its customers never came. Busy or Broken: the database failed.
pub fn disconnect_register(edge: &Edge, now: Timestamp) -> Result<Switched, SwitchError> {
    check_register(edge)?;
    if !has_customers(edge)? {
        return Err(SwitchError::NothingHere);
    }
    let warnings = stale_warnings(edge, now)?;
    let at = now.as_microsecond();
    edge.db.write(move |connection| -> Result<(), DbError> {
        let sql = "UPDATE edge SET disconnected_at = coalesce(disconnected_at, ?1)";
        connection.prepare_cached(sql)?.execute([at])?;
        Ok(())
    })?;
    let line = register_line(edge)?;
    tracing::info!("the register was disconnected by hand");
    Ok(Switched { line, warnings })
}

/// Switches a register back. Whether it is online then is up to its store: [`check_health`] asks.
///
/// # Errors
/// Conflict: not a register. Busy or Broken: the database failed.
pub fn connect_register(edge: &Edge) -> Result<Switched, SwitchError> {
    check_register(edge)?;
    edge.db.write(|connection| -> Result<(), DbError> {
        connection.prepare_cached("UPDATE edge SET disconnected_at = NULL")?.execute([])?;
        Ok(())
    })?;
    let line = register_line(edge)?;
    // Whoever waits for the next health check looks at once.
    edge.signals.line_changed();
    tracing::info!("the register was connected by hand");
    Ok(Switched { line, warnings: Vec::new() })
}

/// Asks the store whether it is there, and says how the register works then.
///
/// # Errors
/// Busy or Broken: the database failed. A store that does not answer is no error.
pub fn check_health(
    edge: &Edge,
    upstream: &dyn Upstream,
    now: Timestamp,
) -> Result<RegisterLine, DbError> {
    if !register_line(edge)?.is_disconnected() {
        match say_hello(edge, upstream, now) {
            Ok(()) => {}
            Err(UploadError::Db(error)) => return Err(error),
            Err(error) => tracing::debug!(%error, "the health check is not answered well"),
        }
    }
    register_line(edge)
}

/// Since when somebody has switched the register to offline; nothing where nobody has.
pub(crate) fn disconnected_read(connection: &Connection) -> Result<Option<Timestamp>, DbError> {
    let found = connection
        .prepare_cached("SELECT disconnected_at FROM edge WHERE disconnected_at IS NOT NULL")?
        .query_row([], |row| time_column(row, 0))
        .optional()?;
    Ok(found)
}

fn check_register(edge: &Edge) -> Result<(), SwitchError> {
    match edge.identity().kind {
        DatabaseKind::Register => Ok(()),
        DatabaseKind::Channel => Err(SwitchError::NotARegister),
    }
}

/// Whether what headquarters lets the register have of its customers was ever here.
fn has_customers(edge: &Edge) -> Result<bool, DbError> {
    let job = JobName::Customers1010.as_str();
    if effective_offline_profile(edge)?.excluded_jobs.iter().any(|excluded| excluded == job) {
        return Ok(true);
    }
    edge.db.read(|connection| {
        let sql = "SELECT 1 FROM applied WHERE job = ?1";
        Ok(connection.prepare_cached(sql)?.exists([job])?)
    })
}

fn stale_warnings(edge: &Edge, now: Timestamp) -> Result<Vec<String>, DbError> {
    let health = edge.link.health();
    let mut warnings = Vec::new();
    if health.offers_left > 0 {
        let left = health.offers_left;
        warnings.push(format!(
            "{left} packages that headquarters has offered are not applied here yet: customers, \
             prices or settings are older than those of the store"
        ));
    }
    let is_fresh = health
        .answered_at
        .is_some_and(|answered| now.duration_since(answered).as_secs() <= STALE_SECONDS);
    if !is_fresh && !register_line(edge)?.is_disconnected() {
        warnings.push(match health.answered_at {
            Some(at) => format!("the store was heard last at {at}: what came since is not here"),
            None => "the store was not heard since the start: what came since is not here".into(),
        });
    }
    Ok(warnings)
}
