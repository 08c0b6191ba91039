//! Taking down what databases say of their downloads.

use tillsync_domain::ids::SessionId;
use tillsync_exchange::messages::{DownloadReport, DownloadResult};
use tillsync_exchange::package::Scope;
use tillsync_exchange::retry::RetryPolicy;
use tillsync_exchange::session::{DownloadEvent, DownloadStatus};

use super::{APPLIED_LAST, DistributionError};
use crate::headquarters::Headquarters;
use crate::storage::{DownloadSessionRecord, WriteTx};

/// The longest error text kept, in characters: it comes from another machine.
const ERROR_CHARS_MAX: usize = 500;

impl Headquarters {
    /// Records how a download went, moves the database's position when it was applied, and
    /// returns the status the session has now. A repeated report changes nothing.
    ///
    /// # Errors
    /// NotFound: no such session of this database. Conflict: the status does not allow it.
    pub fn report_download(
        &self,
        session: &SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadStatus, DistributionError> {
        let now = self.now();
        let jitter = self.jitter();
        let event = match report.result {
            DownloadResult::Downloaded => DownloadEvent::Downloaded,
            DownloadResult::Applied => DownloadEvent::Applied,
            DownloadResult::DownloadFailed => DownloadEvent::DownloadFailed,
            DownloadResult::ApplyFailed => DownloadEvent::ApplyFailed,
        };
        let error = report.error.as_ref().map(|text| text.chars().take(ERROR_CHARS_MAX).collect());
        self.storage.write(|tx| {
            let found = tx.session_get(session)?;
            let Some(record) = found.filter(|record| record.database == report.database) else {
                return Ok(Err(DistributionError::UnknownSession(*session)));
            };
            let progress = match record.progress.step(event, now, &RetryPolicy::SESSION, jitter) {
                Ok(progress) => progress,
                Err(step) => {
                    return Ok(Err(DistributionError::Step { session: *session, step }));
                }
            };
            let was_applied = record.progress.status == DownloadStatus::Applied;
            let is_applied = progress.status == DownloadStatus::Applied;
            let applied_at = record.applied_at.or(is_applied.then_some(now));
            let record = DownloadSessionRecord {
                progress,
                error: if is_applied { None } else { error.clone().or(record.error) },
                updated_at: now,
                applied_at,
                ..record
            };
            tx.session_put(&record)?;
            if is_applied && !was_applied {
                move_past(tx, &record)?;
                tx.applied_put(&record.database, APPLIED_LAST, Some(session))?;
            }
            Ok(Ok(progress.status))
        })?
    }
}

/// Moves the database's position past the session's package. A delta never moves it back; after a
/// snapshot the database stands where the snapshot was taken, whatever came before: what is sent
/// twice by that does no harm, and of two machines with one identity neither misses anything.
pub(super) fn move_past(
    tx: &mut dyn WriteTx,
    session: &DownloadSessionRecord,
) -> Result<(), crate::storage::StorageError> {
    let Some(package) = tx.package_get(&session.package)? else { return Ok(()) };
    let position = tx.position_get(&session.database, session.job)?;
    let audience = tx.audience_get(&session.database, session.job)?;
    // A delta goes on behind packages of its own audience only.
    let goes_on =
        audience == package.audience && position.is_none_or(|position| position < package.position);
    if package.scope == Scope::Snapshot || goes_on {
        let place = (package.position, &package.audience);
        tx.position_put(&session.database, session.job, place)?;
    }
    Ok(())
}
