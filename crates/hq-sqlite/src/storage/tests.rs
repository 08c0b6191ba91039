//! What only the inside of the crate can show: full disks, the schema's own guards, query plans.

use tempfile::TempDir;
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_testkit::builders::{PlanBuilder, creation, promotion_at, upload_at};

use super::*;
use crate::distribution::STREAM;

fn open() -> (TempDir, SqliteStorage) {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a database");
    (folder, storage)
}

fn on_writer<T>(storage: &SqliteStorage, work: impl FnOnce(&Connection) -> T) -> T {
    let writer = storage.writer.as_ref().expect("opened for writing");
    work(&writer.lock().expect("not poisoned"))
}

fn take_in(storage: &dyn Storage, numbers: std::ops::Range<u32>) -> Result<u64, StorageError> {
    let rows: Vec<_> = numbers.map(creation).collect();
    storage.write(|tx| Ok(tx.operations_insert_once(&upload_at(1), &rows)?.inserted))
}

#[test]
fn a_full_disk_is_told_from_other_failures_and_work_goes_on_when_it_has_room_again() {
    let (_folder, storage) = open();
    let pages = |limit: i64| {
        on_writer(&storage, |writer| {
            writer.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())).expect("set");
        });
    };
    pages(1);
    let refused = take_in(&storage, 1..2000);
    assert!(matches!(refused, Err(StorageError::Full { .. })), "{refused:?}");
    pages(1_000_000);
    assert_eq!(take_in(&storage, 1..2000).expect("there is room"), 1999, "nothing was left behind");
}

#[test]
fn what_was_received_and_what_was_given_cannot_be_rewritten() {
    let (_folder, storage) = open();
    let plan = PlanBuilder::new().promote(1).complete(1).build();
    take_in(&storage, 1..3).expect("taken in");
    (&storage as &dyn Storage)
        .write(|tx| tx.promotion_apply(&plan, &promotion_at(1)))
        .expect("promoted");
    for sql in [
        "UPDATE operation SET content = '{}' WHERE position = 1",
        "DELETE FROM operation",
        "UPDATE alias SET account = 'C-999999'",
        "DELETE FROM alias",
        "DELETE FROM customer",
    ] {
        let outcome = on_writer(&storage, |writer| writer.execute(sql, []).doing("try"));
        assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{sql}: {outcome:?}");
    }
}

#[test]
fn a_transaction_that_somebody_left_open_does_not_reach_the_next_one() {
    let (_folder, storage) = open();
    on_writer(&storage, |writer| {
        writer.execute_batch("BEGIN; UPDATE headquarters SET pull = 77").expect("begun");
    });
    let next = (&storage as &dyn Storage).write(|tx| tx.pull_next());
    assert_eq!(next.expect("written"), 1);
}

#[test]
fn packages_are_streamed_without_sorting_them_in_memory() {
    let (_folder, storage) = open();
    for sql in [STREAM, crate::customers::ADDRESSES_OF] {
        let plan = on_writer(&storage, |writer| {
            let mut statement = writer.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
            let unbound = (1..=statement.parameter_count()).map(|_| "[]");
            let steps = statement
                .query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3))
                .expect("a plan");
            steps.collect::<Result<Vec<_>, _>>().expect("steps")
        });
        assert!(!plan.iter().any(|step| step.contains("B-TREE FOR ORDER BY")), "{plan:#?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN customer")), "{plan:#?}");
    }
}

#[test]
fn writers_wait_for_durability_and_keep_references_whole() {
    let (_folder, storage) = open();
    let pragma = |name: &str| -> String {
        on_writer(&storage, |writer| {
            let read = |row: &rusqlite::Row<'_>| {
                row.get_ref(0).map(|value| match value {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str().expect("a text").to_owned(),
                })
            };
            writer.pragma_query_value(None, name, read).expect("readable")
        })
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("foreign_keys"), "1");
}
