//! The database as a file: who may read it, who may open it, and what survives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_sqlite::SqliteStorage;
use tillsync_testkit::builders::{PlanBuilder, creation, promotion_at, upload_at};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hq.db");
    (folder, path)
}

fn open(path: &std::path::Path) -> Box<dyn Storage> {
    Box::new(SqliteStorage::open(path).expect("the database opens"))
}

fn cause(error: &StorageError) -> String {
    std::error::Error::source(error).expect("a cause").to_string()
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let (_folder, path) = place();
    {
        let storage = open(&path);
        let plan = PlanBuilder::new().promote(1).complete(1).build();
        let promoted = storage.write(|tx| {
            tx.operations_insert_once(&upload_at(1), &[creation(1), creation(2)])?;
            tx.promotion_apply(&plan, &promotion_at(2))
        });
        promoted.expect("promoted");
    }
    let storage = open(&path);
    let counts = storage.read(|tx| tx.inbox_counts()).expect("readable");
    assert_eq!(
        counts.by_status.into_iter().collect::<Vec<_>>(),
        [("Pending", 1), ("Succeeded", 1)]
    );
    assert_eq!(storage.read(|tx| tx.aliases_count()).expect("readable"), 1);
}

#[test]
fn nobody_else_on_the_machine_can_read_any_of_the_files() {
    let (folder, path) = place();
    let storage = open(&path);
    storage.write(|tx| tx.pull_next()).expect("written");
    let mut seen = 0;
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("readable").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
        seen += 1;
    }
    assert!(seen >= 2, "the database and its log were looked at");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let (_folder, path) = place();
    drop(open(&path));
    let other = Connection::open(&path).expect("a connection");
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    other.execute(newer, []).expect("a row");
    drop(other);
    for opened in [SqliteStorage::open(&path), SqliteStorage::open_read_only(&path)] {
        let error = opened.err().expect("it is refused");
        assert!(matches!(error, StorageError::Broken { .. }), "{error:?}");
        assert!(cause(&error).contains("written by a newer version"), "{}", cause(&error));
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = place();
    fs::write(&path, "this is a letter, not a database; it is long enough to be looked at")
        .expect("written");
    let error = SqliteStorage::open(&path).err().expect("it is refused");
    assert!(matches!(error, StorageError::Broken { .. }), "{error:?}");
}

#[test]
fn looking_at_a_database_neither_makes_nor_changes_one() {
    let (_folder, path) = place();
    assert!(SqliteStorage::open_read_only(&path).is_err());
    assert!(!path.exists());
    open(&path).write(|tx| tx.pull_next()).expect("written");
    let viewer: Box<dyn Storage> =
        Box::new(SqliteStorage::open_read_only(&path).expect("it opens"));
    assert_eq!(viewer.read(|tx| tx.pull_get()).expect("readable"), 1);
    assert!(viewer.write(|tx| tx.pull_next()).is_err());
    assert_eq!(viewer.check_integrity().expect("the check runs"), Vec::<String>::new());
}

#[test]
fn processes_that_open_a_new_database_at_once_all_succeed() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| open(&path).write(|tx| tx.pull_next()).expect("written"));
        }
    });
    assert_eq!(open(&path).read(|tx| tx.pull_get()).expect("readable"), 6);
}

#[test]
fn two_processes_that_write_at_once_lose_nothing() {
    let (_folder, path) = place();
    let storages = [open(&path), open(&path)];
    std::thread::scope(|scope| {
        for storage in &storages {
            scope.spawn(|| {
                for _ in 0..50 {
                    storage.write(|tx| tx.pull_next()).expect("written");
                }
            });
        }
    });
    assert_eq!(storages[0].read(|tx| tx.pull_get()).expect("readable"), 100);
}

#[test]
fn more_readers_than_connections_all_get_their_turn() {
    let (_folder, path) = place();
    let storage = open(&path);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| storage.read(|tx| tx.pull_get()).expect("readable"));
        }
    });
}

#[test]
fn a_damaged_file_is_reported() {
    let (_folder, path) = place();
    {
        let storage = open(&path);
        // So many that the middle of the file is rows, not schema.
        let rows: Vec<_> = (1..4_000).map(creation).collect();
        storage.write(|tx| tx.operations_insert_once(&upload_at(1), &rows)).expect("taken in");
    }
    let mut bytes = fs::read(&path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    fs::write(&path, bytes).expect("written");
    let storage = open(&path);
    let reported = match storage.check_integrity() {
        Ok(findings) => !findings.is_empty(),
        Err(error) => matches!(error, StorageError::Broken { .. }),
    };
    assert!(reported);
}
