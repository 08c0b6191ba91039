//! Bugs of acknowledging: what was said to be done was not, and what was refused was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tillsync_hq::storage::{ReadWork, Storage, StorageError, WriteWork};

use super::Bug;
use crate::chain::Chain;
use crate::observe::Observation;

/// In so many transactions, one is acknowledged and rolled back.
const EVERY: u64 = 7;

/// Headquarters' database says that it committed what it rolled back.
pub(super) struct AcknowledgesWhatItRolledBack;

impl Bug for AcknowledgesWhatItRolledBack {
    fn name(&self) -> &'static str {
        "acknowledges before it is durable"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["logs", "watermarks", "trades kept", "customers kept", "numbers", "books"]
    }

    fn plant(&self, chain: &Arc<Chain>) {
        chain.hq.wrap_storage(|storage| Arc::new(Lying { storage, commits: AtomicU64::new(0) }));
    }
}

struct Lying {
    storage: Arc<dyn Storage>,
    commits: AtomicU64,
}

impl Storage for Lying {
    fn write_with(&self, work: WriteWork<'_>) -> Result<(), StorageError> {
        let commit = self.commits.fetch_add(1, Ordering::SeqCst);
        if !commit.is_multiple_of(EVERY) {
            return self.storage.write_with(work);
        }
        let mut is_done = false;
        let undone = self.storage.write_with(&mut |tx| {
            work(tx)?;
            is_done = true;
            Err(StorageError::Broken { doing: "commit", source: "it is rolled back".into() })
        });
        if is_done { Ok(()) } else { undone }
    }

    fn read_with(&self, work: ReadWork<'_>) -> Result<(), StorageError> {
        self.storage.read_with(work)
    }

    fn check_integrity(&self) -> Result<Vec<String>, StorageError> {
        self.storage.check_integrity()
    }
}

/// A till keeps a request that it refuses.
pub(super) struct KeepsWhatItRefused;

impl Bug for KeepsWhatItRefused {
    fn name(&self) -> &'static str {
        "keeps what it refused"
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["refused"]
    }

    fn plant(&self, chain: &Arc<Chain>) {
        chain.listen(|chain, observation| {
            let Observation::Refused { at, word } = observation else { return };
            let Some(site) = chain.edge(at.as_str()) else { return };
            let connection = Connection::open(site.file()).expect("a database");
            let sql = "INSERT OR IGNORE INTO request (key, hash, customer) VALUES (?1, X'', X'')";
            connection.execute(sql, [word]).expect("room for a row");
        });
    }
}
