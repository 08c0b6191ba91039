//! Noticing that a database has forgotten packages: it was restored from an older copy (F64).
//!
//! Its operations are the upload side's matter; here it gets back what it had been sent.

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, SessionId};
use tillsync_exchange::messages::{DownloadReport, DownloadResult};
use tillsync_exchange::session::{DownloadStatus, Progress};

use super::{APPLIED_LAST, DistributionError, Download};
use crate::headquarters::Headquarters;
use crate::storage::{DownloadSessionRecord, StorageError, WriteTx};

/// What to make of the session that a database says it applied last.
enum Memory {
    /// Both ends agree.
    Agrees,
    /// The database has applied an open session: its report got lost.
    IsAhead(SessionId),
    /// Headquarters gave the session up, the database applied it nevertheless.
    HasCanceled(SessionId),
    /// The database does not remember what it applied.
    IsBehind,
}

impl Headquarters {
    /// Compares what a database says it applied last with what headquarters knows. One that has
    /// forgotten something starts again from a snapshot.
    pub(super) fn notice_restore(
        &self,
        database: &DatabaseId,
        claimed: Option<SessionId>,
    ) -> Result<(), DistributionError> {
        let memory = self.storage.read(|tx| {
            let known = tx.applied_get(database, APPLIED_LAST)?;
            let Some(session) = claimed.filter(|_| known != claimed) else {
                return Ok(if known == claimed { Memory::Agrees } else { Memory::IsBehind });
            };
            let record = tx.session_get(&session)?.filter(|s| s.database == *database);
            Ok(match record.map(|record| record.progress.status) {
                Some(DownloadStatus::Applied) | None => Memory::IsBehind,
                Some(DownloadStatus::Canceled) => Memory::HasCanceled(session),
                Some(_) => Memory::IsAhead(session),
            })
        })?;
        match memory {
            Memory::Agrees => Ok(()),
            Memory::IsAhead(session) => {
                let database = database.clone();
                let result = DownloadResult::Applied;
                self.report_download(&session, &DownloadReport { database, result, error: None })?;
                Ok(())
            }
            Memory::HasCanceled(session) => Ok(self
                .storage
                .write(|tx| tx.applied_put(database, APPLIED_LAST, Some(&session)))?),
            Memory::IsBehind => {
                tracing::warn!(%database, "restored from an older copy; it gets a snapshot");
                let now = self.now();
                Ok(self.storage.write(|tx| start_over(tx, database, claimed, now))?)
            }
        }
    }
}

/// Closes what is open and forgets the positions, so that snapshots come next.
fn start_over(
    tx: &mut dyn WriteTx,
    database: &DatabaseId,
    claimed: Option<SessionId>,
    now: Timestamp,
) -> Result<(), StorageError> {
    for open in tx.sessions_open(database)? {
        tx.session_put(&DownloadSessionRecord {
            progress: Progress::fresh(DownloadStatus::Canceled),
            error: Some("the database was restored from an older copy".into()),
            updated_at: now,
            ..open
        })?;
    }
    for download in Download::ALL {
        tx.position_clear(database, download.job())?;
    }
    tx.applied_put(database, APPLIED_LAST, claimed.as_ref())
}
