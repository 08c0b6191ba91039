//! Noticing who has forgotten packages: a database that was restored from an older copy, or
//! headquarters itself (F64).
//!
//! A database's operations are the upload side's matter; here it gets back what it had been sent.
//! What headquarters has forgotten is the matter of [`crate::recovery`].

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, SessionId};
use tillsync_exchange::messages::{DownloadReport, DownloadResult, Poll};
use tillsync_exchange::session::{DownloadStatus, Progress};

use super::{APPLIED_LAST, DistributionError, Download};
use crate::headquarters::Headquarters;
use crate::recovery::{asked_of, has_forgotten};
use crate::storage::{DownloadSessionRecord, ReadTx, StorageError, WriteTx};

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
    /// Headquarters does not remember what it sent; what proves it.
    Proves(String),
}

impl Headquarters {
    /// Compares what a database says of the past with what headquarters knows. A database that has
    /// forgotten something starts again from a snapshot. When headquarters has, it recovers.
    pub(super) fn notice_restore(
        &self,
        database: &DatabaseId,
        poll: &Poll,
    ) -> Result<(), DistributionError> {
        let claimed = poll.applied;
        let memory = self.storage.read(|tx| compare(tx, database, poll))?;
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
            Memory::Proves(reason) => {
                self.notice_forgotten(database, &reason)?;
                if poll.learnt.is_none() {
                    // It is too old to testify; a snapshot is better than nothing.
                    let now = self.now();
                    self.storage.write(|tx| start_over(tx, database, claimed, now))?;
                }
                Ok(())
            }
        }
    }
}

fn compare(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    poll: &Poll,
) -> Result<Memory, StorageError> {
    // Who is to testify tells everything by that, and agrees with headquarters afterwards.
    if poll.learnt.is_some() && asked_of(tx, database)?.is_some() {
        return Ok(Memory::Agrees);
    }
    let horizon = tx.change_horizon()?.0;
    if let Some(learnt) = poll.learnt.filter(|learnt| *learnt > horizon) {
        return Ok(Memory::Proves(format!(
            "{database} has learnt version {learnt}, but headquarters has come to {horizon} only"
        )));
    }
    let known = tx.applied_get(database, APPLIED_LAST)?;
    let Some(session) = poll.applied.filter(|_| known != poll.applied) else {
        return Ok(if known == poll.applied { Memory::Agrees } else { Memory::IsBehind });
    };
    let record = tx.session_get(&session)?.filter(|s| s.database == *database);
    Ok(match record.map(|record| record.progress.status) {
        None if has_forgotten(tx, database, &session)? => Memory::Proves(format!(
            "{database} has applied download session {session}, which headquarters does not know"
        )),
        Some(DownloadStatus::Applied) | None => Memory::IsBehind,
        Some(DownloadStatus::Canceled) => Memory::HasCanceled(session),
        Some(_) => Memory::IsAhead(session),
    })
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
