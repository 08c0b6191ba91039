//! Transactions and snapshots.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tillsync_domain::number_sequence::{NumberSequence, SequenceMode};
use tillsync_hq::storage::{SequenceName, Storage, StorageError};

use crate::builders::{creation, upload_at};

fn some_error() -> StorageError {
    StorageError::Corrupt { doing: "fail on purpose", value: "nothing".into() }
}

fn pull(storage: &dyn Storage) -> u64 {
    storage.read(|tx| tx.pull_get()).expect("the pull number")
}

/// All or nothing.
pub fn work_that_fails_leaves_no_trace(storage: &dyn Storage) {
    let outcome: Result<(), _> = storage.write(|tx| {
        tx.pull_next()?;
        tx.operations_insert_once(&upload_at(1), &[creation(1)])?;
        Err(some_error())
    });
    assert!(matches!(outcome, Err(StorageError::Corrupt { .. })), "{outcome:?}");
    assert_eq!(pull(storage), 0);
    let counts = storage.read(|tx| tx.inbox_counts()).expect("counts");
    assert!(counts.by_status.is_empty(), "{counts:?}");
}

/// A bug in one piece of work must not take headquarters down.
pub fn a_panic_leaves_no_trace_and_the_storage_usable(storage: &dyn Storage) {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        storage.write(|tx| -> Result<(), StorageError> {
            tx.pull_next()?;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err(), "the panic reaches the caller");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        storage.read(|tx| -> Result<(), StorageError> {
            tx.pull_get()?;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err(), "the panic reaches the caller");
    assert_eq!(pull(storage), 0);
    assert_eq!(storage.write(|tx| tx.pull_next()).expect("a later write"), 1);
}

/// Later statements build on earlier ones.
pub fn a_transaction_reads_its_own_writes(storage: &dyn Storage) {
    let seen = storage.write(|tx| {
        tx.pull_next()?;
        tx.pull_next()?;
        tx.pull_get()
    });
    assert_eq!(seen.expect("a pull number"), 2);
}

/// One snapshot from the first statement to the last.
pub fn a_snapshot_does_not_see_later_commits(storage: &dyn Storage) {
    let (before, after) = storage
        .read(|tx| {
            let before = tx.pull_get()?;
            storage.write(|other| other.pull_next())?;
            Ok((before, tx.pull_get()?))
        })
        .expect("a snapshot");
    assert_eq!((before, after), (0, 0));
    assert_eq!(pull(storage), 1, "the next snapshot sees it");
}

/// Writers run alone.
pub fn threads_that_write_at_once_lose_nothing(storage: &dyn Storage) {
    const THREADS: usize = 4;
    const ROUNDS: usize = 25;
    let format = "C-####".parse().expect("a format");
    let sequence = NumberSequence::new(format, SequenceMode::Continuous);
    let name = SequenceName::CustomerAccount;
    storage.write(|tx| tx.sequence_put(name, &sequence)).expect("a sequence");
    let draw = || {
        let drawn = storage.write(|tx| {
            let mut sequence = tx.sequence_get(name)?.expect("the sequence exists");
            let drawn = sequence.take(1);
            tx.sequence_put(name, &sequence)?;
            tx.pull_next()?;
            Ok(drawn)
        });
        drawn.expect("a number").remove(0)
    };
    let drawn: Vec<_> = std::thread::scope(|scope| {
        let thread = || scope.spawn(|| (0..ROUNDS).map(|_| draw()).collect::<Vec<_>>());
        let threads: Vec<_> = (0..THREADS).map(|_| thread()).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(drawn.len(), THREADS * ROUNDS);
    let distinct: BTreeSet<_> = drawn.iter().collect();
    assert_eq!(distinct.len(), drawn.len(), "a number was given twice");
    assert_eq!(pull(storage), (THREADS * ROUNDS) as u64);
}

/// The backend's own check has nothing to say.
pub fn a_fresh_database_is_sound(storage: &dyn Storage) {
    assert_eq!(storage.check_integrity().expect("the check runs"), Vec::<String>::new());
    let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
    assert_eq!(findings, Vec::<String>::new());
}
