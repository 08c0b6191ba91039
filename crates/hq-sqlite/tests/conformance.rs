//! Every promise of the storage contract, kept by SQLite.

use tempfile::TempDir;
use tillsync_hq::storage::Storage;
use tillsync_hq_sqlite::SqliteStorage;

fn open() -> (TempDir, Box<dyn Storage>) {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a new database");
    (folder, Box::new(storage))
}

tillsync_testkit::storage_conformance!(open);
