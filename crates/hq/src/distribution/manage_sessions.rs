//! What operators do with download sessions: list, retry, cancel, rerun (F70, F71).

use tillsync_domain::ids::SessionId;
use tillsync_exchange::package::Scope;
use tillsync_exchange::retry::RetryPolicy;
use tillsync_exchange::session::{DownloadEvent, Progress};

use super::DistributionError;
use super::report_download::move_past;
use super::share::may_have;
use crate::headquarters::Headquarters;
use crate::storage::{
    DownloadSessionRecord, PackageRecord, SessionFilter, StorageError, UploadSessionRecord, WriteTx,
};

/// What an operator wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionCommand {
    /// Another round of tries for one that failed or is suspended.
    Retry,
    /// Give it up: the database goes on with the next package and may miss what this one held
    /// until its customers change again or it gets a snapshot.
    Cancel,
    /// Apply it once more. Harmless: rows that are older than what is there change nothing.
    Rerun,
}

impl Headquarters {
    /// Download sessions, newest first.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_sessions(
        &self,
        filter: &SessionFilter,
    ) -> Result<Vec<DownloadSessionRecord>, DistributionError> {
        Ok(self.storage.read(|tx| tx.sessions_list(filter))?)
    }

    /// Upload sessions, newest first.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_uploads(
        &self,
        limit: usize,
    ) -> Result<Vec<UploadSessionRecord>, DistributionError> {
        Ok(self.storage.read(|tx| tx.uploads_list(None, limit))?)
    }

    /// A session with its package.
    ///
    /// # Errors
    /// NotFound: no such session.
    pub fn show_session(
        &self,
        session: &SessionId,
    ) -> Result<(DownloadSessionRecord, Option<PackageRecord>), DistributionError> {
        let found = self.storage.read(|tx| {
            let Some(record) = tx.session_get(session)? else { return Ok(None) };
            let package = tx.package_get(&record.package)?;
            Ok(Some((record, package)))
        })?;
        found.ok_or(DistributionError::UnknownSession(*session))
    }

    /// Carries out an operator's command and returns the session that it left or made.
    ///
    /// # Errors
    /// NotFound: no such session. Conflict: its status does not allow the command.
    pub fn command_session(
        &self,
        session: &SessionId,
        command: SessionCommand,
    ) -> Result<DownloadSessionRecord, DistributionError> {
        let now = self.now();
        let fresh = SessionId::from_uuid(self.mint(now));
        let event = match command {
            SessionCommand::Retry => DownloadEvent::Retry,
            SessionCommand::Cancel => DownloadEvent::Cancel,
            SessionCommand::Rerun => DownloadEvent::Rerun,
        };
        let jitter = self.jitter();
        let record = self.storage.write(|tx| {
            let Some(record) = tx.session_get(session)? else {
                return Ok(Err(DistributionError::UnknownSession(*session)));
            };
            if command != SessionCommand::Cancel && is_kept_back(tx, &record)? {
                return Ok(Err(DistributionError::KeptBack(*session)));
            }
            match record.progress.step(event, now, &RetryPolicy::SESSION, jitter) {
                Ok(progress) => {
                    let record = DownloadSessionRecord { updated_at: now, ..record };
                    carry_out(tx, command, record, (progress, fresh)).map(Ok)
                }
                Err(step) => Ok(Err(DistributionError::Step { session: *session, step })),
            }
        })??;
        self.signals().offers_changed();
        Ok(record)
    }
}

/// Whether the database may not have the session's package any more.
fn is_kept_back(
    tx: &mut dyn WriteTx,
    record: &DownloadSessionRecord,
) -> Result<bool, StorageError> {
    let Some(database) = tx.database_get(&record.database)? else { return Ok(false) };
    let Some(package) = tx.package_get(&record.package)? else { return Ok(false) };
    Ok(!may_have(tx, &database, &package)?)
}

fn carry_out(
    tx: &mut dyn WriteTx,
    command: SessionCommand,
    record: DownloadSessionRecord,
    (progress, fresh): (Progress<tillsync_exchange::session::DownloadStatus>, SessionId),
) -> Result<DownloadSessionRecord, StorageError> {
    let record = match command {
        SessionCommand::Retry => DownloadSessionRecord { progress, ..record },
        SessionCommand::Cancel => {
            // A snapshot is where a database begins: without it there is nothing to go on from.
            let package = tx.package_get(&record.package)?;
            if package.is_some_and(|package| package.scope == Scope::Delta) {
                move_past(tx, &record)?;
            }
            DownloadSessionRecord { progress, ..record }
        }
        // The old session keeps its history; the repeat has one of its own.
        SessionCommand::Rerun => DownloadSessionRecord {
            id: fresh,
            progress,
            error: None,
            rerun_of: Some(record.id),
            created_at: record.updated_at,
            applied_at: None,
            ..record
        },
    };
    tx.session_put(&record)?;
    Ok(record)
}
