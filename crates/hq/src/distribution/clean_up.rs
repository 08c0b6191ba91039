//! Keeping packages, sessions and the package store from growing for ever.
//!
//! Records first, then bytes: a crash between leaves bytes that nobody refers to, and the next
//! round finds those. It must never delete what a package refers to, nor what does not look like a
//! package.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::ids::PackageId;

use super::{DistributionError, Download};
use crate::headquarters::Headquarters;
use crate::storage::{PackageRecord, StalePackages};

/// How long it can be seen that a package could not be made, or that there was nothing to send.
const FRUITLESS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a snapshot stays beside a newer one: whoever asks who got what by it can still be told.
const SUPERSEDED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long an upload can be seen. Its operations and documents are kept for ever.
const UPLOADS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long bytes may lie without a package: while one is made, its bytes are there first.
const ORPHANS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Records per transaction: others write in between.
const BATCH: usize = 500;

/// Batches per round and kind: what is more waits for the next round.
const BATCHES_MAX: usize = 200;

/// What the name of every package's bytes ends with.
const ENDING: &str = ".ndjson.zst";

/// What a clean-up deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanUpSummary {
    /// Packages that came to nothing or have a newer snapshot.
    pub packages: u64,
    /// Uploads.
    pub uploads: u64,
    /// Bytes that belonged to no package.
    pub orphans: u64,
}

/// Where packages and their bytes disagree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackageFindings {
    /// Locations of available packages where nothing is.
    pub missing: Vec<String>,
    /// Packages that were found to be lost when a database asked for them, newest first.
    pub lost: Vec<PackageRecord>,
    /// Bytes that belong to no package and have been there for longer than a day.
    pub orphans: Vec<String>,
}

impl Headquarters {
    /// Deletes records that nobody needs any more, and bytes that belong to no package.
    ///
    /// # Errors
    /// Busy, Broken: the database or the package store failed; the next round goes on.
    pub fn clean_up(&self) -> Result<CleanUpSummary, DistributionError> {
        let now = self.now();
        let uploads = self.forget_uploads(before(now, UPLOADS_KEPT))?;
        let packages = self.forget_stale_packages(now)?;
        let orphans = self.examine_packages()?.orphans;
        self.packages.delete_objects(&orphans)?;
        Ok(CleanUpSummary { packages, uploads, orphans: orphans.len() as u64 })
    }

    /// Compares packages with the package store.
    ///
    /// # Errors
    /// Busy, Broken: the database or the package store failed.
    pub fn examine_packages(&self) -> Result<PackageFindings, DistributionError> {
        let locations = || -> Result<BTreeSet<String>, DistributionError> {
            Ok(self.storage.read(|tx| tx.package_locations())?.into_iter().collect())
        };
        // Before and after: packages are made and forgotten meanwhile.
        let known_before = locations()?;
        let objects = self.packages.list_objects()?;
        let known_after = locations()?;
        let old = before(self.now(), ORPHANS_KEPT);
        let orphans = objects.iter().filter(|object| {
            let is_known =
                known_before.contains(&object.location) || known_after.contains(&object.location);
            !is_known && object.written_at < old && is_package(&object.location)
        });
        let orphans = orphans.map(|object| object.location.clone()).collect();
        let there: BTreeSet<_> = objects.iter().map(|object| &object.location).collect();
        let known = known_before.intersection(&known_after);
        let missing = known.filter(|location| !there.contains(location)).cloned().collect();
        let lost = self.lost_packages()?;
        Ok(PackageFindings { missing, lost, orphans })
    }

    fn forget_uploads(&self, before: Timestamp) -> Result<u64, DistributionError> {
        let mut total = 0;
        for _ in 0..BATCHES_MAX {
            let count = self.storage.write(|tx| tx.uploads_forget(before, BATCH))?;
            total += count;
            if count < BATCH as u64 {
                break;
            }
        }
        Ok(total)
    }

    fn forget_stale_packages(&self, now: Timestamp) -> Result<u64, DistributionError> {
        let stale = StalePackages {
            fruitless_before: before(now, FRUITLESS_KEPT),
            superseded_before: before(now, SUPERSEDED_KEPT),
            limit: BATCH,
        };
        let mut total = 0;
        for _ in 0..BATCHES_MAX {
            let forgotten = self.storage.write(|tx| tx.packages_forget_stale(&stale))?;
            self.packages.delete_objects(&forgotten.locations)?;
            total += forgotten.count;
            if forgotten.count < BATCH as u64 {
                break;
            }
        }
        Ok(total)
    }
}

fn before(now: Timestamp, kept: SignedDuration) -> Timestamp {
    now.checked_sub(kept).unwrap_or(Timestamp::MIN)
}

/// Whether headquarters could have written it: whatever else lies in a bucket is not its own.
fn is_package(location: &str) -> bool {
    package_at(location).is_some()
}

/// The package that headquarters would have put there: what, for which group, and which one.
pub(crate) fn package_at(location: &str) -> Option<(Download, &str, PackageId)> {
    let parts: Vec<_> = location.split('/').collect();
    let [job, group, name] = parts.as_slice() else { return None };
    let download = Download::ALL.into_iter().find(|download| download.job().as_str() == *job)?;
    let id = PackageId::from_str(name.strip_suffix(ENDING)?).ok()?;
    Some((download, group, id))
}

/// Where the bytes of a package are put.
pub(super) fn location_of(job: &str, group: &str, id: PackageId) -> String {
    format!("{job}/{group}/{id}{ENDING}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_headquarters_could_have_written_is_taken_for_a_package() {
        let id: PackageId = "00000007-0000-7000-8000-000000000001".parse().expect("an id");
        let job = Download::Customers.job();
        let own = location_of(job.as_str(), "retail", id);
        assert!(is_package(&own), "{own}");
        let id = format!("{id}{ENDING}");
        for foreign in [
            format!("backup/{own}"),
            format!("9999/retail/{id}"),
            format!("{job}/{id}"),
            format!("{job}/retail/notes{ENDING}"),
            own.replace(".zst", ""),
        ] {
            assert!(!is_package(&foreign), "{foreign}");
        }
    }
}
