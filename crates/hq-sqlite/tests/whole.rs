//! The database as a whole: what of it is copied, and from whom.

use std::collections::BTreeSet;

use tillsync_hq::copy::{CopyError, TABLES, WholeRead, copy_headquarters};
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_sqlite::{SqliteStorage, SqliteWhole};

#[test]
fn every_table_of_the_schema_is_copied_or_left_out_on_purpose() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = SqliteWhole::open_target(&folder.path().join("hq.db")).expect("it opens");
    assert_eq!(whole.tables().expect("readable"), BTreeSet::from(TABLES.map(str::to_owned)));
}

#[test]
fn a_database_that_somebody_has_open_is_not_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hq.db");
    let served = SqliteStorage::open(&path).expect("it opens");
    let error = SqliteWhole::open_source(&path).err().expect("it is refused");
    assert!(matches!(error, StorageError::Busy { .. }), "{error:?}");
    drop(served);
    let whole = SqliteWhole::open_source(&path).expect("nobody has it open");
    let second = SqliteWhole::open_source(&path).err().expect("one is enough");
    assert!(matches!(second, StorageError::Busy { .. }), "{second:?}");
    drop(whole);
    SqliteStorage::open(&path).expect("it opens");
}

#[test]
fn a_database_that_is_not_empty_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
    for (path, pulls) in [(&from, 2), (&to, 1)] {
        let storage: Box<dyn Storage> = Box::new(SqliteStorage::open(path).expect("it opens"));
        for _ in 0..pulls {
            storage.write(|tx| tx.pull_next()).expect("written");
        }
    }
    let mut source = SqliteWhole::open_source(&from).expect("it opens");
    let target = Box::new(SqliteWhole::open_target(&to).expect("it opens"));
    let copied = copy_headquarters(&mut source, target, &mut |_| ());
    assert!(matches!(copied, Err(CopyError::NotEmpty("headquarters"))), "{copied:?}");
    let storage: Box<dyn Storage> = Box::new(SqliteStorage::open(&to).expect("it opens"));
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("readable"), 1);
}
