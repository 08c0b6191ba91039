//! A database whose process can be killed: from then on nothing is committed any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tillsync_hq::storage::{ReadWork, Storage, StorageError, WriteWork};

/// How many transactions the processes of a headquarters still commit.
#[derive(Debug)]
pub(super) struct Life(AtomicI64);

impl Life {
    /// As many as they like.
    pub(super) fn endless() -> Arc<Self> {
        Arc::new(Life(AtomicI64::new(i64::MAX)))
    }

    /// Only so many from now on.
    pub(super) fn limit(&self, commits: i64) {
        self.0.store(commits, Ordering::SeqCst);
    }

    /// Whether the limit was reached.
    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst) < 0
    }

    fn spend(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) > 0
    }
}

/// A database that lives as long as its process.
pub(super) struct MortalStorage {
    pub(super) storage: Box<dyn Storage>,
    pub(super) life: Arc<Life>,
}

impl Storage for MortalStorage {
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError> {
        if self.life.spend() {
            return self.storage.write_with(work);
        }
        // Killed in the middle: all of it was done, and nothing of it is left.
        self.storage.write_with(&mut |tx| {
            work(tx)?;
            Err(StorageError::Broken { doing: "commit", source: "the process was killed".into() })
        })
    }

    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError> {
        self.storage.read_with(work)
    }

    fn check_integrity(&self) -> Result<Vec<String>, StorageError> {
        self.storage.check_integrity()
    }
}
