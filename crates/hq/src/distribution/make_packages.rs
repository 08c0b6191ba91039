//! Jobs 1010, 1040, 1070 and 1110: make one package per group of what changed, or a snapshot of
//! everything.
//!
//! A package is built on local disk, stored, and only then becomes known: a crash leaves at most
//! bytes that nobody refers to.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom};

use tillsync_domain::ids::{GroupId, PackageId, RunId, Version};
use tillsync_exchange::package::{Manifest, PackageContents, PackageWriter, Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::session::DownloadStatus;

use super::clean_up::location_of;
use super::share::{NeededStream, needed_streams};
use super::{DELTAS_KEPT, DistributionError, Download};
use crate::exclusion::Audience;
use crate::features::feature_rows;
use crate::headquarters::Headquarters;
use crate::offline_profiles::register_rows;
use crate::storage::{
    ChangeSelection, DownloadRow, GroupRecord, PackageRecord, Position, ProductRow,
    ProfileSelection, ReadTx, StaffSelection, StorageError, Stream, Trigger,
};

/// What a run of 1010, 1040 or 1070 did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PackageSummary {
    /// Packages made.
    pub packages: u64,
    /// Rows in them.
    pub rows: u64,
    /// Groups in which nothing had changed (F72).
    pub no_data: u64,
    /// Groups whose package could not be made.
    pub failed: Vec<GroupFailure>,
}

/// A group whose package could not be made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct GroupFailure {
    /// Which group.
    pub group: String,
    /// Why.
    pub error: String,
}

/// A package on local disk.
struct Built {
    file: File,
    span: Span,
    /// Where the group's packages had come to when its rows were read.
    before: Position,
    /// Where a database stands that has applied it.
    position: Position,
    contents: PackageContents,
}

/// Writes the rows that a package's audience may have, and no others.
struct RowWriter<'a> {
    audience: &'a Audience,
    writer: PackageWriter<BufWriter<File>>,
}

impl RowWriter<'_> {
    fn row<R: serde::Serialize>(&mut self, table: Table, row: &R) -> Result<(), StorageError> {
        if self.audience.lacks(table) {
            return Ok(());
        }
        self.writer.row(table, row).map_err(unwritable)
    }
}

impl Headquarters {
    /// Makes a delta for each of the groups; one group's failure stops no other.
    pub(crate) fn make_deltas(
        &self,
        download: Download,
        groups: &[GroupRecord],
        run: RunId,
        trigger: Trigger,
    ) -> PackageSummary {
        let mut summary = PackageSummary::default();
        for group in groups {
            let needed = self.storage.read(|tx| needed_streams(tx, &group.id, download.job()));
            let needed = match needed {
                Ok(needed) => needed,
                Err(error) => {
                    summary.count(&group.id, Err(error.into()));
                    continue;
                }
            };
            for NeededStream { stream, .. } in needed.into_iter().filter(|it| it.has_deltas) {
                let made = self.make_delta(download, (group, stream), run, trigger);
                summary.count(&group.id, made);
            }
        }
        if summary.packages > 0 {
            self.signals().offers_changed();
        }
        summary
    }

    /// Makes a snapshot of everything that the audience of a stream may see (F73).
    pub(crate) fn make_snapshot(
        &self,
        download: Download,
        (group, stream): (&GroupRecord, Stream),
        run: RunId,
    ) -> Result<PackageRecord, DistributionError> {
        let package = self.begin_package(stream, run, Scope::Snapshot);
        let made = self.build(download, group, package)?;
        // Only then: a poll that is woken for nothing would ask for the snapshot again at once.
        self.signals().offers_changed();
        Ok(made)
    }

    fn make_delta(
        &self,
        download: Download,
        (group, stream): (&GroupRecord, Stream),
        run: RunId,
        trigger: Trigger,
    ) -> Result<Option<PackageRecord>, DistributionError> {
        let (position, horizon) =
            self.storage.read(|tx| Ok((tx.row_version_get(&stream)?, tx.change_horizon()?)))?;
        if !has_begun(&stream, position) {
            return Ok(None);
        }
        let package = self.begin_package(stream.clone(), run, Scope::Delta);
        if horizon <= position.version {
            self.record_no_data(package, position, trigger)?;
            return Ok(None);
        }
        let shows_progress = trigger != Trigger::Live;
        if shows_progress {
            self.storage.write(|tx| tx.package_put(&package))?;
        }
        let made = self.build(download, group, package)?;
        if made.status == DownloadStatus::NoData {
            let position = made.position;
            self.record_no_data(made, position, trigger)?;
            return Ok(None);
        }
        self.forget_old_deltas(&stream, made.position.sequence);
        Ok(Some(made))
    }

    fn begin_package(&self, stream: Stream, run: RunId, scope: Scope) -> PackageRecord {
        let now = self.now();
        PackageRecord {
            id: PackageId::from_uuid(self.mint(now)),
            group: stream.group,
            job: stream.job,
            audience: stream.audience,
            scope,
            position: Position::default(),
            status: DownloadStatus::Started,
            manifest: None,
            location: None,
            error: None,
            run,
            created_at: now,
        }
    }

    /// Builds, stores and publishes a package; a failure is recorded on it as Create failed.
    fn build(
        &self,
        download: Download,
        group: &GroupRecord,
        package: PackageRecord,
    ) -> Result<PackageRecord, DistributionError> {
        let failed = PackageRecord { status: DownloadStatus::CreateFailed, ..package.clone() };
        self.build_and_publish(download, group, package).inspect_err(|error| {
            let error = Some(error.to_string());
            // The first error is the one that matters; a second one here is only logged.
            let recorded = self.storage.write(|tx| {
                tx.package_put(&PackageRecord { error: error.clone(), ..failed.clone() })
            });
            if let Err(second) = recorded {
                tracing::warn!(package = %failed.id, error = %second, "record a failed package");
            }
        })
    }

    fn build_and_publish(
        &self,
        download: Download,
        group: &GroupRecord,
        mut package: PackageRecord,
    ) -> Result<PackageRecord, DistributionError> {
        let Built { mut file, span, before, position, contents } =
            self.write_rows(download, group, &package)?;
        package.position = position;
        let is_empty = contents.rows.is_empty();
        let manifest = Manifest::new(package.id, package.created_at, span, contents);
        package.manifest = Some(manifest);
        if is_empty && package.scope == Scope::Delta {
            // The row version moves on, so that the next run need not look at the same changes.
            package.status = DownloadStatus::NoData;
            package.position.sequence -= 1;
            let stream = package.stream();
            self.storage.write(|tx| {
                if tx.row_version_get(&stream)? != before {
                    return Ok(Err(DistributionError::Overtaken(package.group.clone())));
                }
                tx.row_version_put(&stream, package.position).map(Ok)
            })??;
            return Ok(package);
        }
        let (job, group) = (package.job.as_str(), package.group.as_str());
        let location = location_of(job, group, package.id);
        file.seek(SeekFrom::Start(0)).map_err(|source| self.build_error(source))?;
        self.packages.write_object(&location, file)?;
        package.location = Some(location);
        package.status = DownloadStatus::Available;
        let stream = package.stream();
        self.storage.write(|tx| {
            let found = tx.row_version_get(&stream)?;
            let moves_on = package.scope == Scope::Delta || !has_begun(&stream, found);
            if moves_on && found != before {
                // Another run was quicker: what this one holds does not continue there any more.
                return Ok(Err(DistributionError::Overtaken(package.group.clone())));
            }
            if moves_on {
                tx.row_version_put(&stream, package.position)?;
            }
            tx.package_put(&package).map(Ok)
        })??;
        Ok(package)
    }

    /// Streams the rows into a file, all from one snapshot of the database.
    fn write_rows(
        &self,
        download: Download,
        group: &GroupRecord,
        package: &PackageRecord,
    ) -> Result<Built, DistributionError> {
        Ok(self.storage.read(|tx| {
            let before = tx.row_version_get(&package.stream())?;
            // Read anew: they may have changed since the run began.
            let address_books = tx.group_get(&group.id)?.map(|group| group.address_books);
            let address_books = address_books.unwrap_or_default();
            let horizon = tx.change_horizon()?;
            let (after, up_to, sequence) = match package.scope {
                Scope::Delta => (before.version, Some(horizon), before.sequence + 1),
                Scope::Snapshot => (Version(0), None, before.sequence),
            };
            let file = tempfile::tempfile_in(&self.work_folder).map_err(unwritable)?;
            let writer = PackageWriter::new(BufWriter::new(file)).map_err(unwritable)?;
            let mut writer = RowWriter { audience: &package.audience, writer };
            match download {
                _ if package.audience.lacks_all_of(download.job()) => {}
                Download::Customers => {
                    let selection = ChangeSelection { address_books, after, up_to };
                    write_customers(tx, &selection, &mut writer)?;
                }
                Download::Profiles => {
                    let group = Some(group.id.clone());
                    let selection = ProfileSelection { group, after, up_to };
                    write_profiles(tx, &selection, &mut writer)?;
                }
                Download::Registers => {
                    let rows = register_rows(tx, &group.id, (after, up_to))?;
                    rows.iter().try_for_each(|row| writer.row(Table::Register, row))?;
                }
                Download::Staff => {
                    let selection = StaffSelection { address_books, after, up_to };
                    write_staff(tx, &selection, &mut writer)?;
                }
                Download::Features => write_features(tx, (after, up_to), &mut writer)?,
                Download::Products => write_products(tx, (after, up_to), &mut writer)?,
            }
            let (file, contents) = writer.writer.finish().map_err(unwritable)?;
            let file = file.into_inner().map_err(|error| unwritable(error.into_error()))?;
            let span = Span::Download {
                group: group.id.clone(),
                job: download.job(),
                scope: package.scope,
                from: after.0,
                to: horizon.0,
            };
            let position = Position { sequence, version: horizon };
            Ok(Built { file, span, before, position, contents })
        })?)
    }

    fn record_no_data(
        &self,
        package: PackageRecord,
        position: Position,
        trigger: Trigger,
    ) -> Result<(), DistributionError> {
        if trigger == Trigger::Live {
            return Ok(());
        }
        let status = DownloadStatus::NoData;
        let package = PackageRecord { status, position, ..package };
        Ok(self.storage.write(|tx| tx.package_put(&package))?)
    }

    /// Deletes deltas that no database can need. A failure costs only space and heals next time.
    fn forget_old_deltas(&self, stream: &Stream, newest: u64) {
        let before = newest.saturating_sub(DELTAS_KEPT);
        if before == 0 || !newest.is_multiple_of(16) {
            return;
        }
        let forgotten = self.storage.write(|tx| tx.packages_forget(stream, before, 1_000));
        let deleted = forgotten
            .map_err(DistributionError::from)
            .and_then(|locations| Ok(self.packages.delete_objects(&locations)?));
        if let Err(error) = deleted {
            tracing::warn!(group = %stream.group, %error, "delete old packages");
        }
    }

    fn build_error(&self, source: io::Error) -> DistributionError {
        DistributionError::Build { folder: self.work_folder.clone(), source }
    }
}

/// Whether deltas are made in a stream. Where something is kept back, a snapshot comes first: what
/// a delta from the start would hold is in it.
fn has_begun(stream: &Stream, position: Position) -> bool {
    stream.audience.is_everyone() || position.version > Version(0)
}

fn write_customers(
    tx: &mut dyn ReadTx,
    selection: &ChangeSelection,
    writer: &mut RowWriter<'_>,
) -> Result<(), StorageError> {
    tx.rows_stream(selection, &mut |row| match row {
        DownloadRow::Customer(row) => writer.row(Table::Customer, row),
        DownloadRow::Address(row) => writer.row(Table::Address, row),
    })
}

/// Items are the same for every group.
fn write_products(
    tx: &mut dyn ReadTx,
    (after, up_to): (Version, Option<Version>),
    writer: &mut RowWriter<'_>,
) -> Result<(), StorageError> {
    tx.products_stream(after, up_to, &mut |row| match row {
        ProductRow::Item(row) => writer.row(Table::Item, row),
        ProductRow::Price(row) => writer.row(Table::Price, row),
    })
}

/// Each channel of a group has its own.
fn write_profiles(
    tx: &mut dyn ReadTx,
    selection: &ProfileSelection,
    writer: &mut RowWriter<'_>,
) -> Result<(), StorageError> {
    let rows = tx.channel_profiles(selection)?;
    rows.iter().try_for_each(|row| writer.row(Table::Profile, row))
}

/// Whoever shares an address book with the group, or did.
fn write_staff(
    tx: &mut dyn ReadTx,
    selection: &StaffSelection,
    writer: &mut RowWriter<'_>,
) -> Result<(), StorageError> {
    let rows = tx.staff_rows(selection)?;
    rows.iter().try_for_each(|row| writer.row(Table::Staff, row))
}

/// Switches are the same for everybody.
fn write_features(
    tx: &mut dyn ReadTx,
    (after, up_to): (Version, Option<Version>),
    writer: &mut RowWriter<'_>,
) -> Result<(), StorageError> {
    let rows = feature_rows(tx, after, up_to)?;
    rows.iter().try_for_each(|row| writer.row(Table::Feature, row))
}

fn unwritable(source: io::Error) -> StorageError {
    StorageError::Broken { doing: "write a package", source: source.into() }
}

impl PackageSummary {
    fn count(&mut self, group: &GroupId, made: Result<Option<PackageRecord>, DistributionError>) {
        match made {
            Ok(Some(package)) => {
                self.packages += 1;
                self.rows += package.manifest.map_or(0, |manifest| manifest.rows_total());
            }
            Ok(None) => self.no_data += 1,
            Err(error) => {
                let (group, error) = (group.to_string(), error.to_string());
                self.failed.push(GroupFailure { group, error });
            }
        }
    }

    /// Counts a snapshot that was made, or could not be.
    pub(crate) fn count_snapshot(
        &mut self,
        group: &GroupId,
        made: Result<PackageRecord, DistributionError>,
    ) {
        self.count(group, made.map(Some));
    }
}
