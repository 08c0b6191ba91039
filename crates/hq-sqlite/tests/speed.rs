//! How fast the bulk statements are. Ignored: run it alone and in release,
//! `cargo test --release -p tillsync-hq-sqlite --test speed -- --ignored --nocapture`.

use std::time::Instant;

use std::collections::BTreeMap;

use tillsync_domain::ids::Version;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    ChangeSelection, DocumentPosition, DueOperations, DueOrders, DueTransactions, OrderState,
    StatementRecord, Storage, Verdict,
};
use tillsync_hq_sqlite::SqliteStorage;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_guid, document_number, statement_id, transaction_number,
};
use tillsync_testkit::builders::{
    PlanBuilder, Rank, account, addition, at, book, creation, database, promotion_at, run_id,
    upload_at,
};

const CUSTOMERS: u32 = 100_000;
const SALES: u32 = 200_000;
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

#[test]
#[ignore = "a measurement"]
fn a_day_of_two_hundred_thousand_sales() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a database");
    let storage: &dyn Storage = &storage;
    let batches: Vec<_> = (0..SALES).step_by(1_000).map(|first| first..first + 1_000).collect();
    // Every tenth is an order.
    let document =
        |n| if n % 10 == 0 { DocumentBuilder::order(n) } else { DocumentBuilder::sale(n) };
    let uploads: Vec<Vec<_>> = batches
        .iter()
        .map(|batch| batch.clone().map(|n| document(n).to(by_guid(n % 999)).arriving()).collect())
        .collect();
    measure("documents taken in", SALES, || {
        for documents in &uploads {
            storage.write(|tx| tx.documents_insert_once(&upload_at(1), documents)).expect("in");
        }
    });
    measure("the same documents once more", SALES, || {
        for documents in &uploads {
            storage.write(|tx| tx.documents_insert_once(&upload_at(2), documents)).expect("in");
        }
    });
    let mut orders = 0;
    measure("orders found due and synchronized", SALES / 10, || orders = synchronize(storage));
    assert_eq!(orders, SALES / 10);
    let mut validated = 0;
    measure("transactions found due and validated", SALES, || validated = validate(storage));
    assert_eq!(validated, SALES);
    post(storage);
    measure("transactions counted", SALES, || {
        let counts = storage.read(|tx| tx.transaction_counts()).expect("counted");
        assert_eq!(counts.posted, u64::from(SALES));
    });
    measure("a customer's history found", 20, || {
        let newest = |tx: &mut dyn tillsync_hq::storage::ReadTx| {
            tx.transactions_of(Some(&tillsync_testkit::builders::customer_guid(7)), None, None, 20)
        };
        assert_eq!(storage.read(newest).expect("found").len(), 20);
    });
    measure("temporary identities looked for", SALES, || {
        storage.read(|tx| tx.temporary_ids_in_postings()).expect("counted");
    });
    measure("postings checked", SALES, || {
        storage.read(|tx| tx.postings_check()).expect("the check runs");
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{:?}", status.lines().find(|line| line.starts_with("VmHWM")));
}

fn synchronize(storage: &dyn Storage) -> u32 {
    let mut done = 0;
    loop {
        let after = DocumentPosition::default();
        let due = DueOrders { after, limit: 1_000, now: at(9), store: None, only: None };
        let found = storage.read(|tx| tx.orders_due(&due)).expect("readable");
        if found.is_empty() {
            return done;
        }
        done += found.len() as u32;
        let states: Vec<_> = found
            .into_iter()
            .map(|record| {
                let sales_order = Some(document_number(&format!("SO-{}", record.position.0)));
                let order = record.order.expect("an order");
                let done = OrderState { status: OrderStatus::Succeeded, sales_order, ..order };
                (record.row.number, done)
            })
            .collect();
        let account = account(1);
        let stored = storage.write(|tx| {
            states
                .iter()
                .try_for_each(|(number, state)| tx.order_put(number, state, Some(&account)))
        });
        stored.expect("stored");
    }
}

fn validate(storage: &dyn Storage) -> u32 {
    let mut after = DocumentPosition::default();
    let mut done = 0;
    loop {
        let due = DueTransactions { after, limit: 1_000, store: Some(database("S1")), only: None };
        let found = storage.read(|tx| tx.transactions_due(&due)).expect("readable");
        let Some(last) = found.last() else { return done };
        (after, done) = (last.position, done + found.len() as u32);
        let verdicts: Vec<_> = found
            .into_iter()
            .map(|record| Verdict {
                number: record.row.number,
                status: ValidationStatus::Successful,
                findings: None,
                account: Some(account(done % 999)),
            })
            .collect();
        storage.write(|tx| tx.verdicts_put(&verdicts, at(9))).expect("written down");
    }
}

/// Marks, reads and posts everything, in statements of 20,000.
fn post(storage: &dyn Storage) {
    let statement = |n: u32| StatementRecord {
        id: statement_id(n),
        number: document_number(&format!("ST-{n}")),
        store: database("S1"),
        kind: StatementKind::Transactional,
        state: StatementState::Started,
        error: None,
        failures: 0,
        transactions: 0,
        shifts: 0,
        amounts: BTreeMap::new(),
        default_account: None,
        run: run_id(1),
        created_at: at(1),
        updated_at: at(1),
    };
    let statements: Vec<u32> = (1..=SALES / 20_000).collect();
    measure("transactions marked", SALES, || {
        for n in &statements {
            let marked = storage.write(|tx| {
                tx.statement_put(&statement(*n))?;
                tx.transactions_mark(&statement_id(*n), &database("S1"), 20_000)
            });
            assert_eq!(marked.expect("marked"), 20_000);
        }
    });
    let mut seen = 0;
    measure("transactions of statements read", SALES, || {
        for n in &statements {
            let mut count = |_| {
                seen += 1;
                Ok(())
            };
            let id = statement_id(*n);
            storage.read(|tx| tx.statement_transactions(&id, &mut count)).expect("read");
        }
    });
    assert_eq!(seen, SALES);
    measure("transactions posted", SALES, || {
        for n in &statements {
            storage.write(|tx| tx.transactions_post(&statement_id(*n), at(9))).expect("posted");
        }
    });
    let late = [transaction_number(1)];
    let unmarked = storage.write(|tx| tx.transactions_unmark(&statement_id(1), &late));
    assert!(unmarked.is_err(), "what is posted is final");
}
