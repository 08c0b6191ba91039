//! Many writers at once, in as many processes: nothing is lost, doubled, or seen out of order.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use tillsync_domain::ids::{AccountNumber, CustomerKey, Version};
use tillsync_domain::number_sequence::{SequenceChange, SequenceMode};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::promote::Whom;
use tillsync_hq::storage::{
    ChangeSelection, DownloadRow, NewDatabase, SequenceName, Storage, StorageError,
};
use tillsync_hq::{Headquarters, PackageStore, Ports};
use tillsync_hq_postgres::PostgresStorage;
use tillsync_testkit::builders::{
    PlanBuilder, SeededEntropy, at, book, creation, customer_guid, database, group, promotion_at,
    run_id, upload_at,
};
use tillsync_testkit::cluster::cluster;
use tillsync_testkit::world::StoryClock;

fn open(url: &str) -> Arc<dyn Storage> {
    Arc::new(PostgresStorage::open(url).expect("the database opens"))
}

/// The horizon and the versions of all customers, as one snapshot shows them.
fn look(storage: &dyn Storage) -> (u64, Vec<u64>) {
    let all =
        ChangeSelection { address_books: vec![book("north")], after: Version(0), up_to: None };
    let mut versions = Vec::new();
    let horizon = storage.read(|tx| {
        versions.clear();
        tx.rows_stream(&all, &mut |row| {
            if let DownloadRow::Customer(customer) = row {
                versions.push(customer.version);
            }
            Ok(())
        })?;
        tx.change_horizon()
    });
    (horizon.expect("readable").0, versions)
}

/// How many sessions of this database wait for another one.
fn waiting(url: &str) -> u64 {
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    cluster().sql(url, sql).expect("an answer").parse().expect("a count")
}

#[test]
fn a_lower_version_never_appears_after_a_higher_one_was_seen() {
    let url = cluster().new_database();
    let (one, other) = (open(&url), open(&url));
    let promote = |storage: &dyn Storage, n: u32, pause: &mut dyn FnMut()| {
        let plan = PlanBuilder::new().promote(n).build();
        storage.write(|tx| {
            let version = tx.promotion_apply(&plan, &promotion_at(1))?;
            pause();
            Ok(version)
        })
    };
    let (has_version, wait_for_version) = mpsc::channel();
    let (go_on, wait_for_go) = mpsc::channel::<()>();
    let (first, second) = std::thread::scope(|scope| {
        let (one, wait_for_go) = (&*one, wait_for_go);
        // It holds its version, and is not committed, until it is told to go on.
        let first = scope.spawn(move || {
            promote(one, 1, &mut || {
                has_version.send(()).expect("somebody listens");
                wait_for_go.recv().expect("somebody says go");
            })
        });
        wait_for_version.recv().expect("the first has its version");
        let second = scope.spawn(|| promote(&*other, 2, &mut || ()));
        while waiting(&url) == 0 {
            assert_eq!(look(&*other), (0, vec![]), "neither is there");
        }
        assert_eq!(look(&*other), (0, vec![]), "the second waits for the first");
        go_on.send(()).expect("the first listens");
        (first.join().expect("no panic"), second.join().expect("no panic"))
    });
    assert_eq!(first.expect("promoted"), Version(1));
    assert_eq!(second.expect("promoted"), Version(2), "it took its version once more");
    assert_eq!(look(&*other), (2, vec![1, 2]));
}

#[test]
fn whoever_looks_while_many_promote_sees_every_version_up_to_the_horizon() {
    const WRITERS: u32 = 4;
    const EACH: u32 = 15;
    let url = cluster().new_database();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let storage = open(&url);
            let mut seen = 0;
            while !is_done.load(Ordering::SeqCst) {
                let (horizon, versions) = look(&*storage);
                assert!(horizon >= seen, "the horizon never goes back");
                assert_eq!(versions, (1..=horizon).collect::<Vec<_>>(), "none is missing");
                seen = horizon;
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let storage = open(&url);
                scope.spawn(move || {
                    for n in 0..EACH {
                        let plan = PlanBuilder::new().promote(writer * EACH + n).build();
                        let promoted =
                            storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(1)));
                        promoted.expect("promoted");
                    }
                })
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_done.store(true, Ordering::SeqCst);
        watcher.join().expect("nothing was seen out of order");
        assert!(ended.iter().all(Result::is_ok), "every writer got through");
    });
    let total = u64::from(WRITERS * EACH);
    assert_eq!(look(&*open(&url)), (total, (1..=total).collect()));
}

/// A headquarters node over a database that others share.
fn node(url: &str, seed: u64, folder: &std::path::Path) -> Headquarters {
    let folder = folder.join(seed.to_string());
    Headquarters::new(Ports {
        storage: open(url),
        packages: PackageStore::open_folder(&folder.join("packages")).expect("a folder"),
        work_folder: folder,
        clock: Arc::new(StoryClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
    })
}

const PROMOTERS: u64 = 8;
const CUSTOMERS: u32 = 200;

/// Lets eight nodes promote the same customers, each in an order of its own; every customer's
/// account, by customer.
fn promote_from_many_nodes(url: &str, mode: SequenceMode) -> Vec<AccountNumber> {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(url);
    let rows: Vec<_> = (1..=CUSTOMERS).map(creation).collect();
    storage.write(|tx| tx.operations_insert_once(&upload_at(1), &rows)).expect("taken in");
    let first = node(url, 0, folder.path());
    first.initialize().expect("sequences");
    let channel = NewDatabase {
        id: database("S1"),
        kind: DatabaseKind::Channel,
        group: group("default"),
        parent: None,
        address_book: book("north"),
        created_at: at(1),
    };
    assert!(storage.write(|tx| tx.database_insert_once(&channel)).expect("added"));
    let change = SequenceChange { mode: Some(mode), ..SequenceChange::default() };
    first.change_sequence(SequenceName::CustomerAccount, &change).expect("a mode");
    std::thread::scope(|scope| {
        for promoter in 0..PROMOTERS {
            let hq = node(url, promoter + 1, folder.path());
            scope.spawn(move || {
                let customers: Vec<_> = (1..=CUSTOMERS).map(customer_guid).collect();
                let mut lots: Vec<_> = customers.chunks(20).collect();
                let begin = promoter as usize % lots.len();
                lots.rotate_left(begin);
                for lot in lots {
                    let whom = Whom::Only(lot.to_vec());
                    let promoted = hq.promote_customers(&whom, run_id(1), &mut |_| true);
                    assert_eq!(promoted.expect("the promotion gets through").failed, 0);
                }
            });
        }
    });
    let alias = |n: u32| {
        let key = CustomerKey::Temporary(customer_guid(n));
        storage.read(|tx| tx.alias_get(&key)).expect("readable").expect("an account").account
    };
    let accounts: Vec<_> = (1..=CUSTOMERS).map(alias).collect();
    let (customers, aliases) =
        storage.read(|tx| Ok((tx.customers_count()?, tx.aliases_count()?))).expect("readable");
    assert_eq!((customers, aliases), (u64::from(CUSTOMERS), u64::from(CUSTOMERS)));
    let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
    assert_eq!(findings, Vec::<String>::new());
    accounts
}

#[test]
fn eight_promoters_give_continuous_numbers_without_a_gap() {
    let url = cluster().new_database();
    let accounts = promote_from_many_nodes(&url, SequenceMode::Continuous);
    let given: BTreeSet<_> = accounts.into_iter().collect();
    let expected: BTreeSet<_> = (1..=CUSTOMERS)
        .map(|n| AccountNumber::parse(&format!("C-{n:08}")).expect("an account"))
        .collect();
    assert_eq!(given, expected);
    let sequence = open(&url).read(|tx| tx.sequence_get(SequenceName::CustomerAccount));
    let sequence = sequence.expect("readable").expect("a sequence");
    assert_eq!(sequence.next, u64::from(CUSTOMERS) + 1, "no number was taken and lost");
}

#[test]
fn eight_promoters_never_give_a_number_of_a_block_twice() {
    let url = cluster().new_database();
    let accounts = promote_from_many_nodes(&url, SequenceMode::Blocks { size: 7 });
    let given: BTreeSet<_> = accounts.iter().collect();
    assert_eq!(given.len(), accounts.len());
}

#[test]
fn uploads_that_arrive_at_once_are_all_kept_and_counted() {
    const SENDERS: u32 = 6;
    const EACH: u32 = 20;
    let url = cluster().new_database();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let storage = open(&url);
            scope.spawn(move || {
                for n in 0..EACH {
                    // Every sender sends one row that all others send as well.
                    let rows = [creation(1_000 + n), creation(sender * EACH + n)];
                    let taken = storage.write(|tx| tx.operations_insert_once(&upload_at(1), &rows));
                    let counts = taken.expect("taken in");
                    assert_eq!(counts.inserted + counts.repeated, 2, "{counts:?}");
                }
            });
        }
    });
    let storage = open(&url);
    let counts = storage.read(|tx| tx.inbox_counts()).expect("readable");
    let total = u64::from(SENDERS * EACH + EACH);
    assert_eq!(counts.by_status.get("Pending"), Some(&total));
    let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
    assert_eq!(findings, Vec::<String>::new());
}

#[test]
fn work_that_goes_on_after_a_refused_statement_is_not_taken_for_done() {
    let url = cluster().new_database();
    let storage = open(&url);
    let refused = PlanBuilder::new().later_address(1, 1, tillsync_testkit::builders::Rank::Other);
    let (good, refused) = (PlanBuilder::new().promote(2).promote(2).build(), refused.build());
    let outcome: Result<(), StorageError> = storage.write(|tx| {
        tx.pull_next()?;
        // The first is refused by the program and leaves the transaction whole, the second by the
        // server.
        assert!(tx.promotion_apply(&refused, &promotion_at(1)).is_err());
        assert!(tx.promotion_apply(&good, &promotion_at(1)).is_err());
        Ok(())
    });
    assert!(outcome.is_err(), "nothing of it is durable, so it is no success");
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("readable"), 0);
}
