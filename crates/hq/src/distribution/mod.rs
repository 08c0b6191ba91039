//! Sending customers, items and functionality profiles down: packages are made by jobs 1010, 1040
//! and 1070, offered to databases that poll, and reported back, session by session.

mod clean_up;
mod lose_package;
mod make_packages;
mod manage_sessions;
mod notice_restore;
mod offer_packages;
mod report_download;
mod share;

pub use clean_up::{CleanUpSummary, PackageFindings};
pub use lose_package::OfferedPackage;
pub use make_packages::{GroupFailure, PackageSummary};
pub use manage_sessions::SessionCommand;
pub use offer_packages::PollOutcome;

pub(crate) use clean_up::package_at;
pub(crate) use share::{NeededStream, Share, begin_again, needed_streams};

use std::path::PathBuf;

use tillsync_domain::ids::{DatabaseId, GroupId, PackageId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::session::{DownloadEvent, DownloadStatus, IllegalStep};

use crate::package_store::PackageStoreError;
use crate::recovery::RecoveryError;
use crate::storage::StorageError;

/// A database this many deltas behind gets a snapshot instead of a backlog.
pub const BACKLOG_MAX: u64 = 32;

/// Deltas kept beyond the newest: enough for every database that is not due for a snapshot.
const DELTAS_KEPT: u64 = 4 * BACKLOG_MAX;

/// Under which job it stands what a database applied last. A database names one session, whatever
/// the job, so there is one memory to compare it with.
pub(crate) const APPLIED_LAST: JobName = JobName::Customers1010;

/// What is sent down, each by a job and in packages of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Download {
    /// Functionality profiles.
    Profiles,
    /// Registers: their offline profiles, and what is kept from them.
    Registers,
    /// Feature switches.
    Features,
    /// Staff.
    Staff,
    /// Items and prices.
    Products,
    /// Customers and addresses.
    Customers,
}

impl Download {
    /// All of them, in the order in which they are offered.
    pub(crate) const ALL: [Download; 6] = [
        Download::Profiles,
        Download::Registers,
        Download::Features,
        Download::Staff,
        Download::Products,
        Download::Customers,
    ];

    /// What a job sends down; nothing when it sends nothing.
    pub(crate) fn of(job: JobName) -> Option<Download> {
        Download::ALL.into_iter().find(|download| download.job() == job)
    }

    /// The job that makes its packages.
    pub(crate) fn job(self) -> JobName {
        match self {
            Download::Profiles => JobName::ChannelConfiguration1070,
            Download::Features => JobName::GlobalConfiguration1110,
            Download::Registers => JobName::Registers1090,
            Download::Staff => JobName::Staff1060,
            Download::Products => JobName::Products1040,
            Download::Customers => JobName::Customers1010,
        }
    }
}

/// Why distribution failed.
#[derive(Debug, thiserror::Error)]
pub enum DistributionError {
    /// No such session.
    #[error("there is no download session {0}")]
    UnknownSession(SessionId),
    /// The package is not among those offered to the database.
    #[error("package {package} is not offered to database {database}")]
    NotOffered {
        /// What was asked for.
        package: PackageId,
        /// By whom.
        database: DatabaseId,
    },
    /// The package holds what is kept from offline databases now.
    #[error(
        "download session {0} has a package with what is kept from offline databases now; its \
         register is not sent it again (`tillsync hq exclusion list`)"
    )]
    KeptBack(SessionId),
    /// The package store has lost the bytes; whoever asks again is offered another package.
    #[error(
        "package {0} is lost: its bytes are missing in the package store; a new snapshot takes its \
         place and is offered as soon as it is made"
    )]
    Lost(PackageId),
    /// The session's status does not allow it.
    #[error("download session {session}: {step}")]
    Step {
        /// Which session.
        session: SessionId,
        /// What was asked and what it is.
        step: IllegalStep<DownloadStatus, DownloadEvent>,
    },
    /// The package could not be built.
    #[error("build a package in {folder}")]
    Build {
        /// Where.
        folder: PathBuf,
        /// What the disk said.
        #[source]
        source: std::io::Error,
    },
    /// Another run made a package meanwhile.
    #[error("another run has made a package for group {0} meanwhile; the next run goes on there")]
    Overtaken(GroupId),
    /// The package store failed; what it says of that names no secret and is for everybody.
    #[error(transparent)]
    Store(#[from] PackageStoreError),
    /// What a database told of what headquarters has forgotten could not be taken in.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The database failed.
    #[error("keep the state of distribution")]
    Storage(#[from] StorageError),
}

impl DistributionError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DistributionError::UnknownSession(_)
            | DistributionError::NotOffered { .. }
            | DistributionError::Lost(_) => ErrorKind::NotFound,
            DistributionError::Step { .. } | DistributionError::KeptBack(_) => ErrorKind::Conflict,
            DistributionError::Build { .. } | DistributionError::Overtaken(_) => ErrorKind::Busy,
            DistributionError::Store(error) => error.kind(),
            DistributionError::Recovery(error) => error.kind(),
            DistributionError::Storage(error) => error.kind(),
        }
    }
}
