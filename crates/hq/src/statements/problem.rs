//! What stops a statement. Its text stands on the statement for people to act on.

use std::error::Error;

use tillsync_domain::ids::{DatabaseId, ShiftNumber, TransactionNumber};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::Unpostable;
use tillsync_exchange::rows::document::UnreadableDocument;

use crate::storage::StorageError;

/// What is in the way of a statement's next state.
#[derive(Debug, thiserror::Error)]
pub enum StatementProblem {
    /// Nobody to post unnamed sales to.
    #[error(
        "{transactions} of its transactions name no customer, and {store} has no default \
         customer; give it one with `tillsync hq default-customer`, then run the statement again"
    )]
    NoDefaultCustomer {
        /// The store.
        store: DatabaseId,
        /// How many transactions name nobody.
        transactions: u64,
    },
    /// The account that unnamed sales go to is none that headquarters gave.
    #[error(
        "the default customer of {store} is no customer of headquarters; give it another one with \
         `tillsync hq default-customer`, then run the statement again"
    )]
    BadDefaultCustomer {
        /// The store.
        store: DatabaseId,
    },
    /// A sequence was never set up.
    #[error("there is no number sequence {0}; set it up with `tillsync number-sequence set`")]
    NoSequence(&'static str),
    /// A sequence has too few numbers left.
    #[error(
        "the number sequence {sequence} has {left} numbers left, but {needed} are needed; extend \
         it with `tillsync number-sequence set`, then run the statement again"
    )]
    NumbersUsedUp {
        /// Which sequence.
        sequence: &'static str,
        /// Numbers needed.
        needed: usize,
        /// Numbers left.
        left: usize,
    },
    /// A transaction's amounts do not fit into the sums.
    #[error("sum transaction {number}")]
    Sum {
        /// Which one.
        number: TransactionNumber,
        /// Why not.
        #[source]
        source: Unpostable,
    },
    /// A transaction of one of its shifts cannot be read, so nobody knows what should be in the
    /// drawer.
    #[error("read transaction {number} of shift {shift}; repair it, then run the statement again")]
    Unreadable {
        /// The transaction.
        number: TransactionNumber,
        /// Its shift.
        shift: ShiftNumber,
        /// Why not.
        #[source]
        source: UnreadableDocument,
    },
    /// What a shift counted cannot be read.
    #[error("read the counts of shift {shift}")]
    UnreadableCount {
        /// The shift.
        shift: ShiftNumber,
        /// Why not.
        #[source]
        source: UnreadableDocument,
    },
    /// The amounts of a shift do not fit into the books.
    #[error("compare what was counted in shift {shift} with what was paid")]
    Drawer {
        /// The shift.
        shift: ShiftNumber,
        /// Why not.
        #[source]
        source: Unpostable,
    },
    /// The database refused the rows.
    #[error("store what the statement has done")]
    Storage(#[from] StorageError),
}

impl StatementProblem {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StatementProblem::NoDefaultCustomer { .. }
            | StatementProblem::BadDefaultCustomer { .. }
            | StatementProblem::NumbersUsedUp { .. } => ErrorKind::Conflict,
            StatementProblem::NoSequence(_) => ErrorKind::NotFound,
            StatementProblem::Sum { .. }
            | StatementProblem::Unreadable { .. }
            | StatementProblem::UnreadableCount { .. }
            | StatementProblem::Drawer { .. } => ErrorKind::Invalid,
            StatementProblem::Storage(error) => error.kind(),
        }
    }

    /// The problem with everything behind it, in one line.
    pub(super) fn describe(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}
