//! Which orders are being asked for at headquarters right now, in this process.
//!
//! One request at a time asks for an order: while another call of the same order is on its way,
//! nobody knows whether headquarters will have it, and its number and receipt cannot be given back.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tillsync_domain::ids::TransactionNumber;

/// The orders that are being asked for.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<TransactionNumber>>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Passage<'u> {
    all: &'u UnderWay,
    number: TransactionNumber,
}

impl UnderWay {
    /// Enters an order; nothing when another request has entered it.
    pub(super) fn enter(&self, number: &TransactionNumber) -> Option<Passage<'_>> {
        let is_first = self.numbers().insert(number.clone());
        is_first.then(|| Passage { all: self, number: number.clone() })
    }

    fn numbers(&self) -> MutexGuard<'_, HashSet<TransactionNumber>> {
        // A set is whole after each of its steps, whoever panicked in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.all.numbers().remove(&self.number);
    }
}
