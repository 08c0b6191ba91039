//! The database as a whole: what of it is copied, and from whom.

use std::collections::BTreeSet;

use tillsync_hq::copy::{CopyError, TABLES, WholeRead, copy_headquarters};
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_postgres::{PostgresStorage, PostgresWhole};
use tillsync_testkit::cluster::cluster;

fn open(url: &str) -> Box<dyn Storage> {
    Box::new(PostgresStorage::open(url).expect("it opens"))
}

#[test]
fn every_table_of_the_schema_is_copied_or_left_out_on_purpose() {
    let mut whole = PostgresWhole::open_target(&cluster().new_database()).expect("it opens");
    assert_eq!(whole.tables().expect("readable"), BTreeSet::from(TABLES.map(str::to_owned)));
}

#[test]
fn a_database_that_somebody_is_connected_to_is_not_copied() {
    let url = cluster().new_database();
    let served = open(&url);
    served.write(|tx| tx.pull_next()).expect("written");
    let error = PostgresWhole::open_source(&url).err().expect("it is refused");
    assert!(matches!(error, StorageError::Busy { .. }), "{error:?}");
    drop(served);
    let whole = PostgresWhole::open_source(&url).expect("nobody is connected");
    drop(whole);
    open(&url).write(|tx| tx.pull_next()).expect("written");
}

#[test]
fn a_copy_that_fails_leaves_the_target_empty() {
    let (from, to) = (cluster().new_database(), cluster().new_database());
    open(&from).write(|tx| tx.pull_next()).expect("written");
    let behind_its_back = "INSERT INTO parameter VALUES ('a', '1'), ('b', '2')";
    cluster().sql(&from, behind_its_back).expect("rows");
    drop(open(&to));
    let stricter = "ALTER TABLE parameter ADD CHECK (name <> 'b')";
    cluster().sql(&to, stricter).expect("a rule");
    let copy = || {
        let mut source = PostgresWhole::open_source(&from).expect("it opens");
        let target = Box::new(PostgresWhole::open_target(&to).expect("it opens"));
        copy_headquarters(&mut source, target, &mut |_| ())
    };
    let failed = copy();
    assert!(matches!(failed, Err(CopyError::Table { table: "parameter", .. })), "{failed:?}");
    cluster().sql(&to, "ALTER TABLE parameter DROP CONSTRAINT parameter_name_check").expect("gone");
    assert_eq!(copy().expect("the target is still empty"), 3);
    assert!(matches!(copy(), Err(CopyError::NotEmpty("headquarters"))));
    assert_eq!(open(&to).read(|tx| tx.pull_get()).expect("readable"), 1);
}
