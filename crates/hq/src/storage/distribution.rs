//! The change log, packages, sessions, and how far each database has come.

use jiff::Timestamp;
use tillsync_domain::ids::{
    AddressBook, DatabaseId, EpochId, GroupId, PackageId, RunId, SessionId, Version,
};
use tillsync_domain::job::JobName;
use tillsync_exchange::package::{Manifest, Scope};
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::session::{DownloadStatus, Progress, UploadStatus};

use super::StorageError;
use crate::exclusion::Audience;

/// Which customers a package holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSelection {
    /// In at least one of these address books (F75).
    pub address_books: Vec<AddressBook>,
    /// Changed after this version; zero for all.
    pub after: Version,
    /// Changed up to this version; absent for everything that the snapshot shows.
    pub up_to: Option<Version>,
}

/// One row on its way into a package.
#[derive(Debug)]
pub enum DownloadRow<'a> {
    /// A customer; its addresses follow at once.
    Customer(&'a CustomerRow),
    /// An address of the customer before it.
    Address(&'a AddressRow),
}

/// The packages of one group and job for one audience.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// For which group.
    pub group: GroupId,
    /// By which job.
    pub job: JobName,
    /// Who gets them.
    pub audience: Audience,
}

impl Stream {
    /// The packages that hold everything.
    pub fn of_everyone(group: &GroupId, job: JobName) -> Self {
        Stream { group: group.clone(), job, audience: Audience::EVERYONE }
    }
}

/// A place in the packages of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of the last delta; zero before the first.
    pub sequence: u64,
    /// The version up to which everything is included.
    pub version: Version,
}

/// A package, or the attempt to make one.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageRecord {
    /// Its identity.
    pub id: PackageId,
    /// For which group.
    pub group: GroupId,
    /// By which job.
    pub job: JobName,
    /// Who may get it.
    pub audience: Audience,
    /// Delta or snapshot.
    pub scope: Scope,
    /// Where a database stands that has applied it: for a delta its own number, for a snapshot
    /// that of the last delta it includes.
    pub position: Position,
    /// Started, Available, Create failed or No data.
    pub status: DownloadStatus,
    /// What it holds, once it is available; a package that was lost keeps it.
    pub manifest: Option<Manifest>,
    /// Where in the package store, once it is available.
    pub location: Option<String>,
    /// Why making it failed, or what became of its bytes.
    pub error: Option<String>,
    /// The run that made it.
    pub run: RunId,
    /// When.
    pub created_at: Timestamp,
}

impl PackageRecord {
    /// The stream that it belongs to.
    pub fn stream(&self) -> Stream {
        let (group, audience) = (self.group.clone(), self.audience.clone());
        Stream { group, job: self.job, audience }
    }
}

/// One package for one database.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadSessionRecord {
    /// Its identity.
    pub id: SessionId,
    /// For which database.
    pub database: DatabaseId,
    /// Which package.
    pub package: PackageId,
    /// Which job's.
    pub job: JobName,
    /// Status and tries.
    pub progress: Progress<DownloadStatus>,
    /// The last error.
    pub error: Option<String>,
    /// The session it repeats, when an operator asked for a rerun (F71).
    pub rerun_of: Option<SessionId>,
    /// When it was offered first.
    pub created_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
}

/// One upload as headquarters received it.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadSessionRecord {
    /// The package's identity serves as the session's.
    pub id: PackageId,
    /// Who sent it.
    pub source: DatabaseId,
    /// In which incarnation.
    pub epoch: EpochId,
    /// First and last counter.
    pub counters: (u64, u64),
    /// Rows in it.
    pub rows: u64,
    /// Size in bytes, compressed.
    pub bytes: u64,
    /// Applied or Apply failed.
    pub status: UploadStatus,
    /// How often it arrived.
    pub tries: u32,
    /// The last error.
    pub error: Option<String>,
    /// When it arrived first.
    pub created_at: Timestamp,
    /// When it arrived last.
    pub updated_at: Timestamp,
}

/// Which packages nobody will ask for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StalePackages {
    /// Those that never became available (Started, Create failed without a manifest, No data) and
    /// are older.
    pub fruitless_before: Timestamp,
    /// Snapshots that are older, available or lost, and have a newer available one beside them.
    pub superseded_before: Timestamp,
    /// At most this many.
    pub limit: usize,
}

/// Packages that were deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgottenPackages {
    /// How many.
    pub count: u64,
    /// Where the bytes are of those that had any.
    pub locations: Vec<String>,
}

/// Which sessions a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only of this database.
    pub database: Option<DatabaseId>,
    /// Only in this status.
    pub status: Option<DownloadStatus>,
    /// Only those before this one in the list: the next page.
    pub before: Option<SessionId>,
    /// At most this many.
    pub limit: usize,
}

/// Reading the distribution state.
pub trait DistributionReads {
    /// The highest version such that every change with this version or a lower one is committed
    /// and visible here, now and ever after.
    fn change_horizon(&mut self) -> Result<Version, StorageError>;

    /// Hands over the selected customers in order of version and GUID, each followed by all its
    /// addresses, without holding them in memory.
    fn rows_stream(
        &mut self,
        selection: &ChangeSelection,
        sink: &mut dyn FnMut(DownloadRow<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;

    /// Where the packages of a stream have come to; the start when there are none.
    fn row_version_get(&mut self, stream: &Stream) -> Result<Position, StorageError>;

    /// Where every stream of a group and job has come to that has begun, by audience.
    fn row_versions(
        &mut self,
        group: &GroupId,
        job: JobName,
    ) -> Result<Vec<(Audience, Position)>, StorageError>;

    /// A package.
    fn package_get(&mut self, package: &PackageId) -> Result<Option<PackageRecord>, StorageError>;

    /// The available delta with the given sequence number.
    fn delta_get(
        &mut self,
        stream: &Stream,
        sequence: u64,
    ) -> Result<Option<PackageRecord>, StorageError>;

    /// The newest available snapshot.
    fn snapshot_latest(&mut self, stream: &Stream) -> Result<Option<PackageRecord>, StorageError>;

    /// The packages of a group and job for every audience, newest first.
    fn packages_list(
        &mut self,
        group: &GroupId,
        job: JobName,
        limit: usize,
    ) -> Result<Vec<PackageRecord>, StorageError>;

    /// Where the bytes of every package are, in order.
    fn package_locations(&mut self) -> Result<Vec<String>, StorageError>;

    /// How far a database has come; nothing when it never applied anything.
    fn position_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<Position>, StorageError>;

    /// Of whose packages a database has applied the last ones of a job; everyone's when it never
    /// applied any.
    fn audience_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Audience, StorageError>;

    /// The session that the database applied last, as far as headquarters knows.
    fn applied_get(
        &mut self,
        database: &DatabaseId,
        job: JobName,
    ) -> Result<Option<SessionId>, StorageError>;

    /// A session.
    fn session_get(
        &mut self,
        session: &SessionId,
    ) -> Result<Option<DownloadSessionRecord>, StorageError>;

    /// The database's sessions that hold up followers, oldest first (F70).
    fn sessions_open(
        &mut self,
        database: &DatabaseId,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError>;

    /// Sessions, newest first.
    fn sessions_list(
        &mut self,
        filter: &SessionFilter,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError>;

    /// The first applied session per database whose package includes the version, by database.
    fn sessions_that_brought(
        &mut self,
        version: Version,
    ) -> Result<Vec<DownloadSessionRecord>, StorageError>;

    /// Uploads of one source (of all, when absent), newest first.
    fn uploads_list(
        &mut self,
        source: Option<&DatabaseId>,
        limit: usize,
    ) -> Result<Vec<UploadSessionRecord>, StorageError>;

    /// How many sessions stand in each status.
    fn session_counts(&mut self) -> Result<Vec<(DownloadStatus, u64)>, StorageError>;
}

/// Changing the distribution state.
pub trait DistributionWrites {
    /// Sets where the packages of a stream have come to.
    fn row_version_put(&mut self, stream: &Stream, position: Position) -> Result<(), StorageError>;

    /// Inserts or replaces a package.
    fn package_put(&mut self, package: &PackageRecord) -> Result<(), StorageError>;

    /// Inserts or replaces a session.
    fn session_put(&mut self, session: &DownloadSessionRecord) -> Result<(), StorageError>;

    /// Sets how far a database has come, and in whose packages.
    fn position_put(
        &mut self,
        database: &DatabaseId,
        job: JobName,
        place: (Position, &Audience),
    ) -> Result<(), StorageError>;

    /// Sets the session that the database applied last.
    fn applied_put(
        &mut self,
        database: &DatabaseId,
        job: JobName,
        session: Option<&SessionId>,
    ) -> Result<(), StorageError>;

    /// Forgets how far a database has come: it starts from a snapshot.
    fn position_clear(&mut self, database: &DatabaseId, job: JobName) -> Result<(), StorageError>;

    /// Inserts an upload, or counts one more try and sets status and error of a known one.
    fn upload_put(&mut self, upload: &UploadSessionRecord) -> Result<(), StorageError>;

    /// Deletes up to `limit` packages of the stream that lie before the sequence number,
    /// with their sessions that hold up nobody; returns where their bytes are. A cancelled session
    /// stays until its database has applied a later one: it may have applied this one too.
    fn packages_forget(
        &mut self,
        stream: &Stream,
        before: u64,
        limit: usize,
    ) -> Result<Vec<String>, StorageError>;

    /// Deletes stale packages, oldest first, with their sessions, unless one of these holds up
    /// its database.
    fn packages_forget_stale(
        &mut self,
        stale: &StalePackages,
    ) -> Result<ForgottenPackages, StorageError>;

    /// Looks at the `limit` uploads that were recorded first and deletes those that arrived last
    /// before the given time; returns how many.
    fn uploads_forget(&mut self, before: Timestamp, limit: usize) -> Result<u64, StorageError>;
}
