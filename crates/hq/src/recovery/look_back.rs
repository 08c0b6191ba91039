//! Looking at the package store before anything is promoted: packages there survive a restore of
//! the database, and say what it has forgotten.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom};

use serde::Deserialize;
use tillsync_domain::ids::PackageId;
use tillsync_exchange::package::{Manifest, PackageContents, PackageReader, Scope, Span};

use super::RecoveryError;
use crate::distribution::{Download, package_at};
use crate::headquarters::Headquarters;

/// The only field of a row that matters here.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Headquarters {
    /// Looks for packages that this headquarters made and has forgotten. To be called at the start,
    /// before anything is promoted. Says whether a recovery began by it.
    ///
    /// A package that was stored and never published proves nothing: it holds versions that were
    /// committed before it was made. One with a version that headquarters has not reached was made
    /// later than the database is old. Only the newest unknown one of each group and job is read:
    /// none before it holds higher versions.
    ///
    /// # Errors
    /// Busy, Broken: the database or the package store failed.
    pub fn look_back(&self) -> Result<bool, RecoveryError> {
        let (known, horizon, groups) = self
            .storage
            .read(|tx| Ok((tx.package_locations()?, tx.change_horizon()?, tx.groups_all()?)))?;
        let newest_known = known.iter().filter_map(|location| package_at(location)).max();
        let newest_known = newest_known.map(|found| found.2);
        let objects = self.packages.list_objects()?;
        let mut newest: BTreeMap<(Download, &str), (PackageId, &str)> = BTreeMap::new();
        for object in &objects {
            let Some((download, group, id)) = package_at(&object.location) else { continue };
            let is_ours = groups.iter().any(|known| known.id.as_str() == group);
            if is_ours && newest_known.is_none_or(|known| known < id) {
                let entry = newest.entry((download, group)).or_insert((id, &object.location));
                *entry = (*entry).max((id, &object.location));
            }
        }
        for (_, location) in newest.into_values() {
            let version = self.version_in(location)?;
            if version > horizon.0 {
                let reason = format!(
                    "the package store holds {location} with version {version}, but the database \
                     has come to {} only",
                    horizon.0
                );
                return self.begin_recovery(&reason);
            }
        }
        Ok(false)
    }

    /// The highest version in a package. What cannot be read proves nothing.
    fn version_in(&self, location: &str) -> Result<u64, RecoveryError> {
        let mut file = tempfile::tempfile_in(&self.work_folder).map_err(RecoveryError::Package)?;
        self.packages.read_object(location, &mut file)?;
        file.seek(SeekFrom::Start(0)).map_err(RecoveryError::Package)?;
        let Ok(mut reader) = PackageReader::new(file, &self.unknown_manifest()) else {
            return Ok(0);
        };
        let mut highest = 0;
        // At the end the counts are those of no manifest, and that is an error too.
        while let Ok(Some(line)) = reader.next_line() {
            let row = serde_json::from_str::<Versioned>(line.row.get());
            highest = row.map_or(highest, |row| highest.max(row.version));
        }
        Ok(highest)
    }

    /// The manifest got lost with the database: this one lets everything out.
    fn unknown_manifest(&self) -> Manifest {
        let contents = PackageContents {
            rows: BTreeMap::new(),
            bytes: 0,
            plain_bytes: u64::MAX - 1,
            sha256: String::new(),
        };
        let span = Span::Download {
            group: "unknown".parse().expect("a valid group"),
            job: Download::Customers.job(),
            scope: Scope::Snapshot,
            from: 0,
            to: 0,
        };
        Manifest::new(PackageId::from_uuid(uuid::Uuid::nil()), self.now(), span, contents)
    }
}
