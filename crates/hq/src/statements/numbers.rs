//! Numbers of documents: drawn inside the transaction that uses them, so that a rollback gives
//! them back.

use std::vec;

use tillsync_domain::ids::DocumentNumber;
use tillsync_domain::number_sequence::NumberSequence;

use super::StatementProblem;
use crate::storage::{SequenceName, StorageError, WriteTx};

/// Numbers of one sequence that are taken once [`Draw::keep`] is called, and not before.
pub(super) struct Draw {
    name: SequenceName,
    sequence: NumberSequence,
    numbers: vec::IntoIter<DocumentNumber>,
}

impl Draw {
    /// Looks so many numbers up, all of them or none.
    pub(super) fn of(
        tx: &mut dyn WriteTx,
        name: SequenceName,
        needed: usize,
    ) -> Result<Result<Self, StatementProblem>, StorageError> {
        let Some(mut sequence) = tx.sequence_get(name)? else {
            return Ok(Err(StatementProblem::NoSequence(name.as_str())));
        };
        let numbers: Vec<_> =
            sequence.take(needed).into_iter().map(DocumentNumber::from_sequence).collect();
        let (sequence_name, left) = (name.as_str(), numbers.len());
        if left < needed {
            let problem = StatementProblem::NumbersUsedUp { sequence: sequence_name, needed, left };
            return Ok(Err(problem));
        }
        Ok(Ok(Draw { name, sequence, numbers: numbers.into_iter() }))
    }

    /// The next of them; never more than were looked up.
    pub(super) fn next(&mut self) -> DocumentNumber {
        self.numbers.next().expect("a step uses as many numbers as it looked up")
    }

    /// Takes them off the sequence.
    pub(super) fn keep(self, tx: &mut dyn WriteTx) -> Result<(), StorageError> {
        tx.sequence_put(self.name, &self.sequence)
    }
}
