//! How fast the bulk statements are. Ignored: run it alone and in release,
//! `cargo test --release -p tillsync-hq-postgres --test speed -- --ignored --nocapture`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use tillsync_domain::ids::{Counter, Version};
use tillsync_domain::operation::Watermark;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::storage::{ChangeSelection, DueOperations, OperationSource, Storage};
use tillsync_hq_postgres::PostgresStorage;
use tillsync_testkit::builders::{
    PlanBuilder, Rank, addition, at, book, creation, database, promotion_at, upload_at,
};
use tillsync_testkit::cluster::cluster;

const CUSTOMERS: u32 = 100_000;
const BATCH: u32 = 5_000;

/// Customers are numbered in steps of three: the two numbers behind each are its addresses.
fn batches() -> impl Iterator<Item = Vec<u32>> {
    let numbers: Vec<u32> = (0..CUSTOMERS).map(|n| n * 3).collect();
    numbers.chunks(BATCH as usize).map(<[u32]>::to_vec).collect::<Vec<_>>().into_iter()
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn measure(what: &str, count: u32, work: impl FnOnce()) {
    let begin = Instant::now();
    work();
    let seconds = begin.elapsed().as_secs_f64();
    tell(&format!("{what}: {:.0}/s ({seconds:.2} s)", f64::from(count) / seconds));
}

#[expect(clippy::print_stdout, reason = "what was measured, for people to read")]
fn tell(what: &str) {
    println!("{what}");
}

#[test]
#[ignore = "a measurement"]
fn bulk_work_on_one_hundred_thousand_customers() {
    let storage = PostgresStorage::open(&cluster().new_database()).expect("a database");
    let storage: &dyn Storage = &storage;
    let uploads: Vec<Vec<_>> = batches()
        .map(|batch| {
            let rows = batch.into_iter().flat_map(|n| {
                let (first, second) = (addition(n + 1, n, Rank::Primary), n + 2);
                [creation(n), first, addition(second, n, Rank::Other)]
            });
            rows.collect()
        })
        .collect();
    measure("operations taken in", CUSTOMERS * 3, || {
        for rows in &uploads {
            storage.write(|tx| tx.operations_insert_once(&upload_at(1), rows)).expect("taken in");
        }
    });
    let plans: Vec<_> = batches()
        .map(|batch| {
            let promote = |plan: PlanBuilder, n: u32| {
                let plan = plan.promote(n).address(n + 1, n, Rank::Primary);
                plan.address(n + 2, n, Rank::Other).complete(n).complete(n + 1).complete(n + 2)
            };
            batch.into_iter().fold(PlanBuilder::new(), promote).build()
        })
        .collect();
    let mut after = InboxPosition(0);
    measure("operations found due", CUSTOMERS * 3, || {
        loop {
            let due = DueOperations { after, limit: 15_000, now: at(1), only: None };
            let found = storage.read(|tx| tx.operations_due(&due)).expect("readable");
            let Some(last) = found.last() else { break };
            after = last.position;
        }
    });
    measure("customers promoted", CUSTOMERS, || {
        for plan in &plans {
            storage.write(|tx| tx.promotion_apply(plan, &promotion_at(2))).expect("promoted");
        }
    });
    let selection =
        ChangeSelection { address_books: vec![book("north")], after: Version(0), up_to: None };
    let mut rows = 0;
    measure("rows streamed", CUSTOMERS * 3, || {
        let count = &mut |_: tillsync_hq::storage::DownloadRow<'_>| {
            rows += 1;
            Ok(())
        };
        storage.read(|tx| tx.rows_stream(&selection, count)).expect("streamed");
    });
    assert_eq!(rows, CUSTOMERS * 3);
    measure("customers checked", CUSTOMERS, || {
        let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
        assert_eq!(findings, Vec::<String>::new());
    });
}

/// As channels do: small packages, each with its watermark.
#[test]
#[ignore = "a measurement"]
fn uploads_side_by_side() {
    const PACKAGES: u32 = 200;
    const ROWS: u32 = 20;
    for senders in [1_u32, 2, 4, 8] {
        let url = cluster().new_database();
        let storage = PostgresStorage::open(&url).expect("a database");
        let storage: &dyn Storage = &storage;
        let runs = AtomicU32::new(0);
        let packages = senders * PACKAGES;
        let what = format!("packages of {ROWS} from {senders} senders");
        measure(&what, packages, || {
            std::thread::scope(|scope| {
                for sender in 0..senders {
                    let runs = &runs;
                    scope.spawn(move || {
                        let source = OperationSource {
                            source: database(&format!("S{sender}")),
                            ..upload_at(1)
                        };
                        for package in 0..PACKAGES {
                            let first = (sender * PACKAGES + package) * ROWS;
                            let rows: Vec<_> = (first..first + ROWS).map(creation).collect();
                            let taken = storage.write(|tx| {
                                runs.fetch_add(1, Ordering::Relaxed);
                                let before = tx.watermark_get(&source.source, &source.epoch)?;
                                let before = before.unwrap_or(Watermark::start(source.epoch));
                                tx.operations_insert_once(&source, &rows)?;
                                let counter = Counter(before.counter.0 + u64::from(ROWS));
                                tx.watermark_set(&source.source, &Watermark { counter, ..before })
                            });
                            taken.expect("taken in");
                        }
                    });
                }
            });
        });
        tell(&format!("run once more: {}", runs.load(Ordering::Relaxed) - packages));
    }
}
