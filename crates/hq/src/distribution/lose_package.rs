//! Packages whose bytes are gone: another package takes their place, and nobody waits for them.
//!
//! It must never take a store that is away, or a young object that a shared disk does not show
//! yet, for a loss.

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::ids::{DatabaseId, PackageId};
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_exchange::session::{DownloadEvent, DownloadStatus};

use super::DistributionError;
use crate::headquarters::Headquarters;
use crate::package_store::{PackageStoreError, Trouble};
use crate::storage::{DownloadSessionRecord, PackageRecord, StorageError, WriteTx};

/// How old a package must be before it can be lost: another machine's file may show late.
const SEEN_LATE_MAX: SignedDuration = SignedDuration::from_secs(60);

/// The packages of a group that are looked through for lost ones.
const LOOK_BACK: usize = 500;

/// A package that a database may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPackage {
    /// Where its bytes are in the package store.
    pub location: String,
    /// How many there are.
    pub bytes: u64,
}

impl Headquarters {
    /// Finds a package that was offered to a database, and notes that it asked.
    ///
    /// # Errors
    /// NotFound: not offered to this database, or known to be lost.
    pub fn find_package(
        &self,
        database: &DatabaseId,
        package: &PackageId,
    ) -> Result<OfferedPackage, DistributionError> {
        let asked = self.request_package(database, package);
        let found = self.storage.read(|tx| tx.package_get(package))?;
        let is_lost = found.as_ref().is_some_and(is_lost);
        match asked {
            // Another database found it out; this one's session has to learn of it.
            Err(DistributionError::NotOffered { .. }) if is_lost => {
                Err(self.lose_package(database, package))
            }
            Err(error) => Err(error),
            Ok(location) => {
                let manifest = found.and_then(|package| package.manifest);
                let bytes = manifest.map_or(0, |manifest| manifest.bytes);
                Ok(OfferedPackage { location, bytes })
            }
        }
    }

    /// Decides what it means that the bytes of a package, which a database asked for, could not be
    /// read, and puts it into words.
    ///
    /// A package that is missing is lost for good: it is offered to nobody any more, and whoever
    /// waits for it gets a snapshot.
    pub fn judge_unreadable(
        &self,
        database: &DatabaseId,
        package: &PackageId,
        error: PackageStoreError,
    ) -> DistributionError {
        if error.trouble() != Some(Trouble::Missing) || self.may_show_later(package) {
            return error.into();
        }
        self.lose_package(database, package)
    }

    /// Packages whose bytes were found to be gone, newest first, with the reason.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub(super) fn lost_packages(&self) -> Result<Vec<PackageRecord>, StorageError> {
        self.storage.read(|tx| {
            let mut lost = Vec::new();
            for group in tx.groups_all()? {
                for download in super::Download::ALL {
                    let packages = tx.packages_list(&group.id, download.job(), LOOK_BACK)?;
                    lost.extend(packages.into_iter().filter(is_lost));
                }
            }
            Ok(lost)
        })
    }

    fn may_show_later(&self, package: &PackageId) -> bool {
        let found = self.storage.read(|tx| tx.package_get(package));
        let made_at = found.ok().flatten().map(|package| package.created_at);
        // Not known, or not to be asked now: then it is no time to judge either.
        made_at.is_none_or(|made_at| self.now().duration_since(made_at) < SEEN_LATE_MAX)
    }

    /// Takes a package back from everybody and ends the session of the database that asked.
    fn lose_package(&self, database: &DatabaseId, package: &PackageId) -> DistributionError {
        let now = self.now();
        let jitter = self.jitter();
        let noted = self.storage.write(|tx| {
            take_back(tx, package, now)?;
            let open = tx.sessions_open(database)?;
            let open = open.into_iter().filter(|session| session.package == *package);
            open.into_iter().try_for_each(|session| end(tx, session, now, jitter))
        });
        match noted {
            Ok(()) => {
                tracing::error!(%package, %database, "the bytes of a package are lost");
                DistributionError::Lost(*package)
            }
            Err(error) => error.into(),
        }
    }
}

fn is_lost(package: &PackageRecord) -> bool {
    // One that could not be made never had a manifest.
    package.status == DownloadStatus::CreateFailed && package.manifest.is_some()
}

fn take_back(
    tx: &mut dyn WriteTx,
    package: &PackageId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(record) = tx.package_get(package)? else { return Ok(()) };
    if is_lost(&record) {
        return Ok(());
    }
    let at = record.location.as_deref().unwrap_or("nowhere");
    let error = Some(format!("lost: at {now} there was nothing at {at} in the package store"));
    let (status, location) = (DownloadStatus::CreateFailed, None);
    tx.package_put(&PackageRecord { status, location, error, ..record })
}

fn end(
    tx: &mut dyn WriteTx,
    session: DownloadSessionRecord,
    now: Timestamp,
    jitter: Jitter,
) -> Result<(), StorageError> {
    let lost = DownloadEvent::PackageLost;
    let Ok(progress) = session.progress.step(lost, now, &RetryPolicy::SESSION, jitter) else {
        return Ok(());
    };
    let error = Some("the package store has lost the package; a snapshot takes its place".into());
    tx.session_put(&DownloadSessionRecord { progress, error, updated_at: now, ..session })
}
