//! Fetching and applying packages: the 1010 download's receiving end (F10, F67–F71).
//!
//! Packages are taken in the order in which they are offered; a failed one stops the round, since
//! its followers must wait (F69). It must never apply bytes whose digest was not checked.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::PackageId;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::{
    DatabaseHealth, DatabaseKind, DownloadReport, DownloadResult, Offer, Poll, PollAnswer,
    RegisterName,
};
use tillsync_exchange::package::{CheckedSink, Manifest, PackageError};

use crate::apply::{self, ApplyError};
use crate::clients::{self, KnownRegisters};
use crate::db::DbError;
use crate::edge::Edge;
use crate::health;
use crate::link::note;
use crate::offline::register_line;
use crate::testimony;
use crate::upstream::{Upstream, UpstreamError};

/// What a poll brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polled {
    /// Packages applied, or found applied already.
    pub applied: u32,
    /// The pull to answer by an upload, if there is a new one.
    pub pull: Option<u64>,
}

/// Why a poll did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The upstream could not be reached or refused.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// A package did not arrive, or is not what was announced.
    #[error("fetch package {package}: {source}")]
    Fetch {
        /// Which.
        package: PackageId,
        /// The cause.
        source: FetchError,
    },
    /// A package could not be applied.
    #[error("apply package {package}: {source}")]
    Apply {
        /// Which.
        package: PackageId,
        /// The cause.
        source: ApplyError,
    },
    /// Somebody switched the register to offline.
    #[error("this register is disconnected by hand: it exchanges nothing until it is connected")]
    Disconnected,
    /// The database failed.
    #[error("prepare a poll")]
    Db(#[from] DbError),
}

/// Why a package is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The upstream could not be reached or refused.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The bytes are not those announced.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// The file could not be written or read.
    #[error("keep the package on disk")]
    File(#[from] io::Error),
}

impl FetchError {
    /// Whether the way failed, as opposed to the package.
    fn is_communication(&self) -> bool {
        matches!(self, FetchError::Upstream(error) if error.is_communication())
    }

    /// Whether the package is to blame. An upstream that cannot give it now will give it later.
    fn uses_up_a_try(&self) -> bool {
        match self {
            FetchError::Upstream(error) => error.kind() != ErrorKind::Busy,
            FetchError::Package(_) | FetchError::File(_) => true,
        }
    }
}

impl DownloadError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DownloadError::Upstream(error) => error.kind(),
            DownloadError::Fetch { source: FetchError::Upstream(error), .. } => error.kind(),
            DownloadError::Fetch { source: FetchError::Package(error), .. } => error.kind(),
            DownloadError::Fetch { source: FetchError::File(_), .. } => ErrorKind::Broken,
            DownloadError::Apply { source, .. } => source.kind(),
            DownloadError::Disconnected => ErrorKind::Conflict,
            DownloadError::Db(error) => error.kind(),
        }
    }

    /// Whether the way failed: then a sign of life from upstream is worth a try at once.
    pub fn is_communication(&self) -> bool {
        match self {
            DownloadError::Upstream(error) => error.is_communication(),
            DownloadError::Fetch { source, .. } => source.is_communication(),
            _ => false,
        }
    }
}

/// Polls once and applies everything that was offered, in order.
///
/// # Errors
/// Busy: not reachable. Otherwise the first package that failed; upstream was told.
pub fn poll_once(
    edge: &Edge,
    upstream: &dyn Upstream,
    wait: Duration,
    clock: &dyn Clock,
) -> Result<Polled, DownloadError> {
    if register_line(edge)?.is_disconnected() {
        return Err(DownloadError::Disconnected);
    }
    let Asked { poll, registers, answer } = ask(edge, upstream, wait, clock)?;
    // A stop or a switch that came during the wait: what is offered will be offered again.
    if edge.signals.is_stopping() || register_line(edge)?.is_disconnected() {
        return Ok(Polled { applied: 0, pull: None });
    }
    edge.enter_mode(answer.mode)?;
    note_revoked(edge, registers, (&poll, &answer))?;
    let mut applied = 0;
    for offer in &answer.offers {
        edge.link.note_offers_left(answer.offers.len() as u64 - u64::from(applied));
        if edge.signals.is_stopping() {
            break;
        }
        take_offer(edge, upstream, offer, clock)?;
        applied += 1;
    }
    edge.link.note_offers_left(answer.offers.len() as u64 - u64::from(applied));
    Ok(Polled { applied, pull: (answer.pull > poll.pulled).then_some(answer.pull) })
}

/// A poll, what was known of registers when it was sent, and its answer.
struct Asked {
    poll: Poll,
    registers: KnownRegisters,
    answer: PollAnswer,
}

/// Registers that headquarters revoked are refused from now on, and those that it took back are
/// not, once their new credential is known.
fn note_revoked(
    edge: &Edge,
    registers: KnownRegisters,
    (poll, answer): (&Poll, &PollAnswer),
) -> Result<(), DbError> {
    let Some(revoked) = answer.revoked.clone().filter(|_| answer.revoked != poll.revoked) else {
        return Ok(());
    };
    let revoked: Vec<_> = revoked.into_iter().map(|RegisterName(name)| name).collect();
    edge.db
        .write(move |connection| clients::revoked_write(connection, &registers, &revoked).map(drop))
}

/// Notes that a pull was answered by an upload; the next poll says so.
///
/// # Errors
/// Busy or Broken: the database failed; the pull is answered once more.
pub fn answer_pull(edge: &Edge, pull: u64) -> Result<(), DbError> {
    edge.db.write(move |connection| -> Result<(), DbError> {
        connection.prepare_cached("UPDATE edge SET pulled = max(pulled, ?1)")?.execute([pull])?;
        Ok(())
    })
}

/// Removes what an interrupted fetch left behind.
///
/// # Errors
/// The files cannot be removed.
pub fn clear_incoming(edge: &Edge) -> io::Result<()> {
    match fs::remove_dir_all(incoming_dir(edge)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Polls, and tells a headquarters that was restored what it asks for, until it has heard all.
fn ask(
    edge: &Edge,
    upstream: &dyn Upstream,
    wait: Duration,
    clock: &dyn Clock,
) -> Result<Asked, DownloadError> {
    let mut asked = None;
    loop {
        let (mut poll, registers) = edge.db.read(|connection| -> Result<_, DbError> {
            let registers = clients::known_registers(connection)?;
            Ok((poll_message(edge, connection, wait, clock.now())?, registers))
        })?;
        if let Some(asked) = asked {
            let page =
                edge.db.read(|connection| testimony::page(connection, edge.identity(), asked))?;
            poll.testimony = Some(page);
        }
        let answer = upstream.poll(&poll);
        note(edge, &answer, clock.now());
        let answer = answer?;
        match answer.testify {
            // An upstream that asks for the same page again is not served by the same answer.
            Some(next) if asked != Some(next) && !edge.signals.is_stopping() => {
                if asked.is_none() {
                    tracing::warn!("headquarters was restored; it is told what was learnt from it");
                }
                asked = Some(next);
            }
            Some(_) | None => return Ok(Asked { poll, registers, answer }),
        }
    }
}

fn poll_message(
    edge: &Edge,
    connection: &Connection,
    wait: Duration,
    now: Timestamp,
) -> Result<Poll, DbError> {
    let pulled =
        connection.prepare_cached("SELECT pulled FROM edge")?.query_row([], |row| row.get(0))?;
    let pending = health::pending_read(connection)?;
    Ok(Poll {
        database: edge.identity().database.clone(),
        wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        pulled,
        applied: apply::applied_last(connection)?,
        learnt: Some(testimony::learnt(connection)?),
        testimony: None,
        revoked: match edge.identity().kind {
            DatabaseKind::Channel => {
                let revoked = clients::revoked_read(connection)?;
                Some(revoked.into_iter().map(RegisterName).collect())
            }
            DatabaseKind::Register => None,
        },
        mode: edge.mode(),
        health: DatabaseHealth {
            pending: pending.count,
            oldest_pending_at: pending.oldest_at,
            unsent: crate::upload::unsent_count(connection)?,
            now,
        },
    })
}

fn take_offer(
    edge: &Edge,
    upstream: &dyn Upstream,
    offer: &Offer,
    clock: &dyn Clock,
) -> Result<(), DownloadError> {
    // The report of the first time was lost: there is nothing left to do but to repeat it.
    if apply::is_applied(edge, offer.session)? {
        return report(edge, upstream, offer, (DownloadResult::Applied, None), clock);
    }
    let package = offer.manifest.id;
    let file = match fetch(edge, upstream, &offer.manifest) {
        Ok(file) => file,
        Err(source) => {
            // A line that is cut is no fault of the package, nor is a store that is away.
            if source.uses_up_a_try() {
                let outcome = (DownloadResult::DownloadFailed, Some(source.to_string()));
                // The fetch's own failure says more than that of the report.
                let _ = report(edge, upstream, offer, outcome, clock);
            }
            return Err(DownloadError::Fetch { package, source });
        }
    };
    report(edge, upstream, offer, (DownloadResult::Downloaded, None), clock)?;
    let opened = File::open(&file.0).map_err(PackageError::from).map_err(ApplyError::from);
    let applied = opened
        .and_then(|file| apply::apply_package(edge, offer, BufReader::new(file), clock.now()));
    if let Err(source) = applied {
        let outcome = (DownloadResult::ApplyFailed, Some(source.to_string()));
        let _ = report(edge, upstream, offer, outcome, clock);
        return Err(DownloadError::Apply { package, source });
    }
    report(edge, upstream, offer, (DownloadResult::Applied, None), clock)
}

fn report(
    edge: &Edge,
    upstream: &dyn Upstream,
    offer: &Offer,
    (result, error): (DownloadResult, Option<String>),
    clock: &dyn Clock,
) -> Result<(), DownloadError> {
    let database = edge.identity().database.clone();
    let answer = upstream.report(offer.session, &DownloadReport { database, result, error });
    note(edge, &answer, clock.now());
    answer?;
    Ok(())
}

/// A file that goes when it is no longer needed.
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        // A file that stays is cleared at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

fn incoming_dir(edge: &Edge) -> PathBuf {
    edge.db.path().parent().unwrap_or(Path::new(".")).join("incoming")
}

fn fetch(
    edge: &Edge,
    upstream: &dyn Upstream,
    manifest: &Manifest,
) -> Result<Incoming, FetchError> {
    let dir = incoming_dir(edge);
    fs::create_dir_all(&dir)?;
    let file = Incoming(dir.join(format!("{}.part", manifest.id)));
    let mut sink = CheckedSink::new(BufWriter::new(File::create(&file.0)?), manifest)?;
    upstream.fetch(manifest.id, &mut sink)?;
    sink.finish(manifest)?;
    Ok(file)
}
