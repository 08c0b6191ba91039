//! How fast the bulk statements are. Ignored: run it alone and in release,
//! `cargo test --release -p tillsync-hq-sqlite --test speed -- --ignored --nocapture`.

use std::time::Instant;

use tillsync_domain::ids::Version;
use tillsync_hq::storage::{ChangeSelection, DueOperations, Storage};
use tillsync_hq_sqlite::SqliteStorage;
use tillsync_testkit::builders::{
    PlanBuilder, Rank, addition, at, book, creation, promotion_at, upload_at,
};

const CUSTOMERS: u32 = 100_000;
const BATCH: u32 = 5_000;

/// Customers are numbered in steps of three: the two numbers behind each are its addresses.
fn batches() -> impl Iterator<Item = Vec<u32>> {
    let numbers: Vec<u32> = (0..CUSTOMERS).map(|n| n * 3).collect();
    numbers.chunks(BATCH as usize).map(<[u32]>::to_vec).collect::<Vec<_>>().into_iter()
}

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures and tells")]
fn measure(what: &str, count: u32, mut work: impl FnMut()) {
    let begin = Instant::now();
    work();
    let seconds = begin.elapsed().as_secs_f64();
    println!("{what}: {:.0}/s ({seconds:.2} s)", f64::from(count) / seconds);
}

#[test]
#[ignore = "a measurement"]
fn bulk_work_on_one_hundred_thousand_customers() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a database");
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
    let mut after = tillsync_domain::promotion::InboxPosition(0);
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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{:?}", status.lines().find(|line| line.starts_with("VmHWM")));
}
