//! From the driver's errors to those of the storage contract, in one place.

use rusqlite::{Error, ErrorCode, ffi};
use tillsync_hq::storage::StorageError;

/// Something the contract refuses although SQLite would allow it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    /// Turns a driver's error into one of the contract.
    fn doing(self, doing: &'static str) -> Result<T, StorageError>;
}

impl<T> Doing<T> for Result<T, Error> {
    fn doing(self, doing: &'static str) -> Result<T, StorageError> {
        self.map_err(|source| storage_error(doing, source))
    }
}

/// The refusal of a change that contradicts what is stored.
pub(crate) fn refused(doing: &'static str, reason: &'static str) -> StorageError {
    StorageError::Constraint { doing, source: Box::new(Refused(reason)) }
}

/// The contract's error for a driver's error.
pub(crate) fn storage_error(doing: &'static str, error: Error) -> StorageError {
    if let Error::FromSqlConversionFailure(_, _, cause) = &error {
        return StorageError::Corrupt { doing, value: cause.to_string() };
    }
    // A shared-memory file that cannot grow is the one full disk that SQLite does not call full.
    let grows_not =
        error.sqlite_error().map(|e| e.extended_code) == Some(ffi::SQLITE_IOERR_SHMSIZE);
    let source = Box::new(error);
    match source.sqlite_error_code() {
        _ if grows_not => StorageError::Full { doing, source },
        Some(ErrorCode::DiskFull) => StorageError::Full { doing, source },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StorageError::Busy { doing, source }
        }
        Some(ErrorCode::ConstraintViolation) => StorageError::Constraint { doing, source },
        _ => StorageError::Broken { doing, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: i32) -> &'static str {
        match storage_error("try", Error::SqliteFailure(ffi::Error::new(code), None)) {
            StorageError::Busy { .. } => "busy",
            StorageError::Constraint { .. } => "constraint",
            StorageError::Full { .. } => "full",
            StorageError::Corrupt { .. } => "corrupt",
            StorageError::Broken { .. } => "broken",
        }
    }

    #[test]
    fn failures_are_told_apart_by_what_the_caller_can_do() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY, "busy"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "busy"),
            (ffi::SQLITE_LOCKED, "busy"),
            (ffi::SQLITE_FULL, "full"),
            (ffi::SQLITE_IOERR_SHMSIZE, "full"),
            (ffi::SQLITE_IOERR_FSYNC, "broken"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "constraint"),
            (ffi::SQLITE_CONSTRAINT_TRIGGER, "constraint"),
            (ffi::SQLITE_CORRUPT, "broken"),
            (ffi::SQLITE_NOTADB, "broken"),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
