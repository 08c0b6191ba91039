//! The database as something on a server: who may open it, what that changes, and how much of it is
//! ever in memory.

use std::sync::Arc;

use tillsync_domain::ids::Version;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{ChangeSelection, DownloadRow, Storage, StorageError};
use tillsync_hq_postgres::{PostgresStorage, Trouble, pending_migrations, trouble_of};
use tillsync_testkit::builders::{PlanBuilder, Rank, book, creation, promotion_at, upload_at};
use tillsync_testkit::cluster::cluster;

/// Every change of the schema.
const SCHEMA: [&str; 10] = [
    "V1__headquarters",
    "V2__nodes",
    "V3__statements",
    "V4__recovery",
    "V5__profiles",
    "V6__offline_databases",
    "V7__staff",
    "V8__features",
    "V9__search",
    "V10__operation_log",
];

fn open(url: &str) -> Arc<dyn Storage> {
    Arc::new(PostgresStorage::open(url).expect("the database opens"))
}

fn cause(error: &StorageError) -> String {
    std::error::Error::source(error).expect("a cause").to_string()
}

#[test]
fn what_opening_would_change_is_told_without_changing_it() {
    let url = cluster().new_database();
    for _ in 0..2 {
        assert_eq!(pending_migrations(&url).expect("an answer"), SCHEMA);
    }
    drop(open(&url));
    assert_eq!(pending_migrations(&url).expect("an answer"), [""; 0]);
}

#[test]
fn processes_that_open_a_new_database_at_once_all_succeed() {
    let url = cluster().new_database();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| open(&url).write(|tx| tx.pull_next()).expect("written"));
        }
    });
    assert_eq!(open(&url).read(|tx| tx.pull_get()).expect("readable"), 6);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let url = cluster().new_database();
    drop(open(&url));
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
        SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    cluster().sql(&url, newer).expect("a row");
    for opened in [PostgresStorage::open(&url), PostgresStorage::open_read_only(&url)] {
        let error = opened.err().expect("it is refused");
        assert!(matches!(error, StorageError::Broken { .. }), "{error:?}");
        let expected = format!("has schema 99, but this program knows only up to {}", SCHEMA.len());
        assert!(cause(&error).contains(&expected), "{}", cause(&error));
    }
    let error = pending_migrations(&url).expect_err("nothing is up to date there");
    assert_eq!(trouble_of(&error), Some(Trouble::Newer));
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    for sql in [
        "CREATE TABLE ledger (id bigint)",
        "CREATE SCHEMA shop CREATE VIEW ledger AS SELECT 1",
        // Another program may keep the same history.
        "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255),
            applied_on varchar(255), checksum varchar(255));
        INSERT INTO refinery_schema_history VALUES (1, 'shop', '2026-01-01T00:00:00Z', '1')",
    ] {
        let url = cluster().new_database();
        cluster().sql(&url, sql).expect(sql);
        let errors = [
            PostgresStorage::open(&url).err(),
            PostgresStorage::open_read_only(&url).err(),
            pending_migrations(&url).err(),
        ];
        for error in errors {
            let error = error.expect(sql);
            assert_eq!(trouble_of(&error), Some(Trouble::Foreign), "{sql}: {error:?}");
        }
        let made = cluster().sql(&url, "SELECT to_regclass('alias')").expect("an answer");
        assert_eq!(made, "", "nothing was made");
    }
}

#[test]
fn a_schema_of_its_own_is_enough_in_the_database_of_another_program() {
    let url = cluster().new_database();
    let shared = "CREATE TABLE ledger (id bigint); CREATE SCHEMA tillsync; CREATE SCHEMA other";
    cluster().sql(&url, shared).expect("a database in use");
    for schema in ["tillsync", "other"] {
        let own = format!("{url} options='-c search_path={schema},public'");
        let storage = open(&own);
        storage.write(|tx| tx.operations_insert_once(&upload_at(1), &[creation(1)])).expect("in");
        assert_eq!(storage.write(|tx| tx.pull_next()).expect("written"), 1, "{schema} is its own");
        assert_eq!(storage.check_integrity().expect("the check runs"), [""; 0]);
        drop(storage);
        assert_eq!(open(&own).read(|tx| tx.pull_get()).expect("readable"), 1);
    }
    let strays = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(cluster().sql(&url, strays).as_deref(), Ok("1"), "only what was there before");
}

#[test]
fn what_an_extension_brings_is_nobody_elses() {
    let url = cluster().new_database();
    let extension = "CREATE EXTENSION pg_stat_statements";
    cluster().sql(&url, extension).expect("it comes with the server");
    open(&url).write(|tx| tx.pull_next()).expect("written");
}

#[test]
fn looking_at_a_database_neither_makes_nor_changes_one() {
    let url = cluster().new_database();
    assert!(PostgresStorage::open_read_only(&url).is_err(), "there is nothing to look at");
    assert_eq!(pending_migrations(&url).expect("an answer"), SCHEMA);
    open(&url).write(|tx| tx.pull_next()).expect("written");
    let viewer: Box<dyn Storage> =
        Box::new(PostgresStorage::open_read_only(&url).expect("it opens"));
    assert_eq!(viewer.read(|tx| tx.pull_get()).expect("readable"), 1);
    assert!(viewer.write(|tx| tx.pull_next()).is_err());
    assert_eq!(viewer.check_integrity().expect("the check runs"), [""; 0]);
}

#[test]
fn a_server_or_database_that_is_not_there_is_named() {
    let error = PostgresStorage::open("postgres://127.0.0.1:1/none?connect_timeout=1").err();
    let error = error.expect("nobody listens there");
    assert!(matches!(error, StorageError::Busy { .. }), "{error:?}");
    let url = cluster().new_database().replace("dbname=", "dbname=no_");
    let error = PostgresStorage::open(&url).err().expect("there is no such database");
    assert!(matches!(error, StorageError::Broken { .. }), "{error:?}");
    assert!(cause(&error).contains("does not exist"), "{}", cause(&error));
    let error = PostgresStorage::open("hq.db").err().expect("that is a file");
    assert!(matches!(error, StorageError::Broken { .. }), "{error:?}");
}

#[test]
fn a_server_that_may_forget_what_it_answered_is_refused() {
    let url = cluster().new_database();
    let forgetful = format!("{url} options='-c synchronous_commit=off'");
    let error = PostgresStorage::open(&forgetful).err().expect("it is refused");
    assert!(cause(&error).contains("synchronous_commit is off"), "{}", cause(&error));
}

#[test]
fn more_readers_and_writers_than_connections_all_get_their_turn() {
    let url = cluster().new_database();
    let storage = open(&url);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            // Each needs two connections at the same time.
            scope.spawn(|| {
                storage.read(|tx| {
                    tx.pull_get()?;
                    storage.write(|tx| tx.pull_next())
                })
            });
        }
    });
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("readable"), 30);
}

#[test]
fn a_connection_that_was_cut_inside_a_transaction_costs_nothing() {
    let url = cluster().new_database();
    let storage = open(&url);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut runs = 0;
    let pulled = storage.write(|tx| {
        runs += 1;
        tx.pull_next()?;
        if runs == 1 {
            cluster().sql(&url, cut).expect("cut");
        }
        tx.pull_get()
    });
    assert_eq!((pulled.expect("written"), runs), (1, 2), "the first run left no trace");
    cluster().sql(&url, cut).expect("cut");
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("a new connection"), 1);
    assert_eq!(storage.write(|tx| tx.pull_next()).expect("a new connection"), 2);
}

/// More than are fetched at a time.
#[test]
fn a_package_of_many_rows_comes_in_order_and_whole() {
    const CUSTOMERS: u32 = 2_500;
    let url = cluster().new_database();
    let storage = open(&url);
    let promote = |plan: PlanBuilder, n: u32| {
        let n = n * 3;
        plan.promote(n).address(n + 2, n, Rank::Other).address(n + 1, n, Rank::Primary)
    };
    let plan = (0..CUSTOMERS).rev().fold(PlanBuilder::new(), promote).build();
    storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(1))).expect("promoted");
    let all =
        ChangeSelection { address_books: vec![book("north")], after: Version(0), up_to: None };
    let mut rows = Vec::new();
    let streamed = storage.read(|tx| {
        rows.clear();
        tx.rows_stream(&all, &mut |row| {
            rows.push(match row {
                DownloadRow::Customer(customer) => customer.guid.as_uuid().as_u128() as u32,
                DownloadRow::Address(address) => address.guid().as_uuid().as_u128() as u32,
            });
            Ok(())
        })
    });
    streamed.expect("streamed");
    assert_eq!(rows, (0..CUSTOMERS * 3).collect::<Vec<_>>());
}

/// Nobody sends such a kind; whoever does must not hold up the rest of its upload.
#[test]
fn a_character_that_the_server_has_no_place_for_is_replaced() {
    let url = cluster().new_database();
    let storage = open(&url);
    let odd = OperationRow { kind: "odd\0kind".into(), ..creation(1) };
    for repeated in [0, 1] {
        let taken = storage
            .write(|tx| tx.operations_insert_once(&upload_at(1), std::slice::from_ref(&odd)));
        assert_eq!(taken.expect("taken in").repeated, repeated);
    }
    let found = storage.read(|tx| tx.operations_of(&odd.customer)).expect("readable");
    assert_eq!(found[0].row.kind, "odd\u{fffd}kind");
}
