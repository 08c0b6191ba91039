//! From the driver's errors to those of the storage contract, in one place.

use std::fmt;

use postgres::Error;
use postgres::error::SqlState;
use tillsync_hq::storage::StorageError;

/// Something the contract refuses although PostgreSQL would allow it, or the reason why PostgreSQL
/// could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) &'static str);

/// What the driver said, with what the server said: the driver alone only tells that it did.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Error);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = self.0.as_db_error() else {
            write!(f, "{}", self.0)?;
            let cause = std::error::Error::source(&self.0);
            return cause.map_or(Ok(()), |cause| write!(f, ": {cause}"));
        };
        write!(f, "{} (SQLSTATE {})", error.message(), error.code().code())?;
        error.detail().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Said {}

/// What a failed statement says about trying the whole transaction again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Another transaction was in the way: alone it can go through.
    Conflict,
    /// A rule of uniqueness was broken, perhaps by another transaction that this one did not see:
    /// when it runs alone, the answer is final.
    Taken,
    /// The connection is gone, and with it everything that was not committed.
    Lost,
    /// Trying again would fail again.
    Final,
}

/// A row that could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The driver failed.
    Driver(Error),
    /// The value is not what its column promises.
    Corrupt(String),
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        ReadError::Driver(error)
    }
}

/// The refusal of a change that contradicts what is stored.
pub(crate) fn refused(doing: &'static str, reason: &'static str) -> StorageError {
    StorageError::Constraint { doing, source: Box::new(Refused(reason)) }
}

/// What a failed statement says about trying again.
pub(crate) fn failure(error: &Error) -> Failure {
    match error.code() {
        Some(code) => failure_of(code),
        None if is_connection(error) => Failure::Lost,
        None => Failure::Final,
    }
}

/// The contract's error for a driver's error.
pub(crate) fn storage_error(doing: &'static str, error: Error) -> StorageError {
    let kind = match error.code() {
        Some(code) => Kind::of(code),
        None if is_connection(&error) => Kind::Busy,
        None => Kind::Broken,
    };
    let source = Box::new(Said(error));
    match kind {
        Kind::Busy => StorageError::Busy { doing, source },
        Kind::Constraint => StorageError::Constraint { doing, source },
        Kind::Full => StorageError::Full { doing, source },
        Kind::Broken => StorageError::Broken { doing, source },
    }
}

/// The contract's error for a row that could not be read.
pub(crate) fn read_error(doing: &'static str, error: ReadError) -> StorageError {
    match error {
        ReadError::Driver(error) => storage_error(doing, error),
        ReadError::Corrupt(value) => StorageError::Corrupt { doing, value },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Busy,
    Constraint,
    Full,
    Broken,
}

impl Kind {
    fn of(code: &SqlState) -> Self {
        match failure_of(code) {
            Failure::Taken => Kind::Constraint,
            Failure::Conflict | Failure::Lost => Kind::Busy,
            Failure::Final => match code.code() {
                // Waited too long for a lock, stopped by a time limit, no connection left.
                "55P03" | "57014" | "53300" => Kind::Busy,
                "53100" => Kind::Full,
                // A server that is not primary any more, or not yet.
                "25006" => Kind::Busy,
                code if code.starts_with("23") => Kind::Constraint,
                _ => Kind::Broken,
            },
        }
    }
}

fn failure_of(code: &SqlState) -> Failure {
    match code.code() {
        // Serialization failure and deadlock.
        "40001" | "40P01" => Failure::Conflict,
        "23505" => Failure::Taken,
        // Shut down, crashed, starting up, idle for too long inside a transaction.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Failure::Lost,
        code if code.starts_with("08") => Failure::Lost,
        _ => Failure::Final,
    }
}

fn is_connection(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return !is_about_trust(error);
        }
        cause = error.source();
    }
    error.is_closed()
}

/// Whether one side did not believe the other: trying again would end in the same way.
fn is_about_trust(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>())
}

/// Whether the connection could not be encrypted as it was demanded.
pub(crate) fn is_about_encryption(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(is_about_trust) {
            return true;
        }
        cause = error.source();
    }
    // The driver has no other way to tell.
    error.code().is_none()
        && !is_connection(error)
        && error.to_string().starts_with("error performing TLS handshake")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart_by_what_the_caller_can_do() {
        for (code, kind, failure) in [
            ("40001", Kind::Busy, Failure::Conflict),
            ("40P01", Kind::Busy, Failure::Conflict),
            ("55P03", Kind::Busy, Failure::Final),
            ("53300", Kind::Busy, Failure::Final),
            ("57P01", Kind::Busy, Failure::Lost),
            ("08006", Kind::Busy, Failure::Lost),
            ("23505", Kind::Constraint, Failure::Taken),
            ("23503", Kind::Constraint, Failure::Final),
            ("23514", Kind::Constraint, Failure::Final),
            ("23000", Kind::Constraint, Failure::Final),
            ("53100", Kind::Full, Failure::Final),
            ("25006", Kind::Busy, Failure::Final),
            ("42P01", Kind::Broken, Failure::Final),
            ("XX001", Kind::Broken, Failure::Final),
        ] {
            let state = SqlState::from_code(code);
            assert_eq!((Kind::of(&state), failure_of(&state)), (kind, failure), "{code}");
        }
    }
}
