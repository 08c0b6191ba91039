//! The disk behind the database, as far as it can refuse a commit.

use rusqlite::{Error, ffi};

/// What stands between a transaction and the disk. SQLite itself reports what a real disk does;
/// another one stands in where disks must fail on purpose, at any commit.
pub trait Disk: Send + Sync {
    /// Asked before each commit, on the writer's thread; a refusal undoes the transaction.
    ///
    /// # Errors
    /// Full: there is no room. Gone: the process is as good as killed.
    fn admit(&self) -> Result<(), DiskRefusal>;
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskRefusal {
    /// There is no room.
    Full,
    /// The disk does not answer any more.
    Gone,
}

impl From<DiskRefusal> for Error {
    fn from(refusal: DiskRefusal) -> Self {
        let code = match refusal {
            DiskRefusal::Full => ffi::SQLITE_FULL,
            DiskRefusal::Gone => ffi::SQLITE_IOERR,
        };
        Error::SqliteFailure(ffi::Error::new(code), None)
    }
}

/// The machine's disk: whatever it refuses, SQLite reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn admit(&self) -> Result<(), DiskRefusal> {
        Ok(())
    }
}
