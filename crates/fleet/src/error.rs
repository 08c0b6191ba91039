//! Why a fleet could not be set up or driven.

use std::io;
use std::path::PathBuf;

use tillsync_domain::kind::ErrorKind;

/// Why something about a fleet failed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A file or folder of the fleet.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done, to be read before the path.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The machine gives no process, port or thread.
    #[error("start {what}")]
    Start {
        /// What.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A command ended with a failure.
    #[error("`tillsync {command}` failed ({status}): {stderr}")]
    Command {
        /// Its arguments without secrets.
        command: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// PostgreSQL is not installed as it is needed.
    #[error("PostgreSQL is not installed on this machine: there is no {missing}")]
    NoPostgres {
        /// What was looked for.
        missing: &'static str,
    },
    /// A program of PostgreSQL ended with a failure.
    #[error("PostgreSQL's {tool} failed ({status}): {said}")]
    Postgres {
        /// Which one.
        tool: String,
        /// How it ended.
        status: String,
        /// What it wrote to standard error.
        said: String,
    },
    /// A command printed something else than it should.
    #[error("`tillsync {command}` did not print {expected}")]
    Output {
        /// Its arguments without secrets.
        command: String,
        /// What it should print.
        expected: &'static str,
    },
    /// A server did not come up.
    #[error("{server} did not start listening ({reason}); its log is {}", log.display())]
    NotListening {
        /// Which one.
        server: String,
        /// How that was noticed.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// A server did not end after it was asked to.
    #[error("{server} did not stop in {seconds} s and was killed; its log is {}", log.display())]
    NotStopping {
        /// Which one.
        server: String,
        /// How long it was given.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A server ended with a failure when it was asked to end.
    #[error("{server} ended with {status}; its log is {}", log.display())]
    EndedBadly {
        /// Which one.
        server: String,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
    },
    /// A request to a server of the fleet.
    #[error("ask {server} for {what}")]
    Request {
        /// Which one.
        server: String,
        /// What was asked for.
        what: String,
        /// What went wrong.
        #[source]
        source: crate::commerce::CommerceError,
    },
}

impl FleetError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            FleetError::NoPostgres { .. } => ErrorKind::NotFound,
            FleetError::Postgres { .. }
            | FleetError::File { .. }
            | FleetError::Start { .. }
            | FleetError::Command { .. }
            | FleetError::Output { .. }
            | FleetError::NotListening { .. }
            | FleetError::NotStopping { .. }
            | FleetError::EndedBadly { .. } => ErrorKind::Broken,
            FleetError::Request { source, .. } => source.kind(),
        }
    }

    /// What to do, where the kind does not say it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            FleetError::NoPostgres { .. } => Some(
                "install it (Debian: apt-get install postgresql), or name a database with \
                 --database URL",
            ),
            FleetError::Postgres { .. } => Some(
                "see what it said; it needs room for 100 MiB in the folder for temporary files \
                 (TMPDIR), where its user can reach it",
            ),
            _ => None,
        }
    }
}
