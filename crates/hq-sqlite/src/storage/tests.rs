//! What only the inside of the crate can show: full disks, the schema's own guards, query plans.

use tempfile::TempDir;
use tillsync_domain::statement::{LedgerAccount, StatementKind, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    LedgerEntry, StatementFilter, StatementRecord, Storage, StorageError, TransactionEdit,
    TransactionFilter, Verdict, Voucher,
};
use tillsync_testkit::builders::documents::{
    DocumentBuilder, currency, document_number, statement_id, transaction_number,
};
use tillsync_testkit::builders::{
    PlanBuilder, account, at, creation, database, promotion_at, run_id, upload_at,
};

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

/// A sale that is marked by a statement, invoiced and posted.
fn post_a_sale(storage: &dyn Storage) {
    let (id, store) = (statement_id(1), database("S1"));
    let sale = DocumentBuilder::sale(1).arriving();
    let other = DocumentBuilder::sale(1).price(1).arriving();
    let verdict = Verdict {
        number: transaction_number(1),
        status: ValidationStatus::Successful,
        findings: None,
        account: Some(account(1)),
    };
    let entry = |ledger, amount| LedgerEntry { account: ledger, customer: None, amount };
    let voucher = Voucher {
        number: document_number("V-1"),
        statement: id,
        state: StatementState::CustomerOrderInvoiced,
        store: store.clone(),
        currency: currency("EUR"),
        posted_at: at(1),
        text: "Invoice".into(),
        entries: vec![
            LedgerEntry { customer: Some(account(1)), ..entry(LedgerAccount::Customers, 23_85) },
            entry(LedgerAccount::Sales, -23_85),
        ],
    };
    let edit = TransactionEdit {
        number: transaction_number(1),
        at: at(1),
        operator: "anna".into(),
        field: "/total".into(),
        old: None,
        new: None,
    };
    let statement = StatementRecord {
        id,
        number: document_number("ST-1"),
        store: store.clone(),
        kind: StatementKind::Transactional,
        state: StatementState::Started,
        error: None,
        failures: 0,
        transactions: 1,
        shifts: 0,
        amounts: [(currency("EUR"), 23_85)].into(),
        default_account: None,
        run: run_id(1),
        created_at: at(1),
        updated_at: at(1),
    };
    let posted = storage.write(|tx| {
        tx.documents_insert_once(&upload_at(1), &[sale.clone(), other.clone()])?;
        let (content, header) = (&sale.row.content, DocumentBuilder::sale(1).header());
        tx.transaction_repair(&edit.number, content, &header, std::slice::from_ref(&edit))?;
        tx.verdicts_put(std::slice::from_ref(&verdict), at(1))?;
        tx.statement_put(&statement)?;
        tx.transactions_mark(&id, &store, 9)?;
        tx.vouchers_insert(std::slice::from_ref(&voucher))?;
        tx.transactions_post(&id, at(1))?;
        tx.statement_put(&StatementRecord { state: StatementState::Posted, ..statement.clone() })
    });
    posted.expect("posted");
}

#[test]
fn what_was_sold_and_posted_cannot_be_rewritten() {
    let (_folder, storage) = open();
    post_a_sale(&storage);
    for sql in [
        "UPDATE document SET content = '{}'",
        "DELETE FROM document",
        "UPDATE document_quarantine SET content = '{}'",
        "UPDATE transaction_state SET store = 'S2'",
        "UPDATE transaction_state SET posted_at = NULL",
        "DELETE FROM transaction_state",
        "UPDATE transaction_edit SET operator = 'otto'",
        "DELETE FROM transaction_edit",
        "UPDATE statement SET amounts = '{}'",
        "DELETE FROM statement",
        "UPDATE voucher SET store = 'S2'",
        "DELETE FROM voucher",
        "UPDATE ledger_entry SET amount = amount * 2",
        "DELETE FROM ledger_entry",
        "INSERT INTO ledger_entry VALUES ('V-1', 3, 'cash', NULL, 1)",
        "INSERT INTO voucher SELECT 'V-2', statement, state, store, currency, posted_at, text
            FROM voucher",
    ] {
        let outcome = on_writer(&storage, |writer| writer.execute(sql, []).doing("try"));
        assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{sql}: {outcome:?}");
    }
}

#[test]
fn the_check_of_postings_finds_what_the_schema_was_kept_from_refusing() {
    for (sql, finding) in [
        ("UPDATE ledger_entry SET amount = 1 WHERE line = 2", "voucher V-1 does not come to zero"),
        ("DELETE FROM ledger_entry WHERE line = 2", "voucher V-1 has fewer than two entries"),
        ("DELETE FROM voucher", "there are entries of voucher V-1, which does not exist"),
        ("UPDATE voucher SET store = 'S2'", "voucher V-1 was posted by no statement of its store"),
        (
            "UPDATE transaction_state SET statement = NULL",
            "transaction T-000001 is posted without a statement",
        ),
        (
            "UPDATE transaction_state SET validation = 'Error'",
            "transaction T-000001 is in a statement, but may not be posted",
        ),
        (
            "UPDATE transaction_state SET voucher = 'V-9'",
            "transaction T-000001 names a voucher that its statement has not posted",
        ),
        (
            "DELETE FROM transaction_state",
            "document T-000001 was received, but nothing was made of it",
        ),
        (
            "UPDATE transaction_state SET kind = 'customer_order'",
            "order T-000001 was received, but is not synchronized by anybody",
        ),
        ("UPDATE headquarters SET posted = 7", "there are 1 posted transactions, but 7 are noted"),
    ] {
        let (_folder, storage) = open();
        post_a_sale(&storage);
        let check = || (&storage as &dyn Storage).read(|tx| tx.postings_check()).expect("it runs");
        assert_eq!(check(), [""; 0]);
        on_writer(&storage, |writer| {
            let triggers = "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema
                WHERE type = 'trigger'";
            let mut statement = writer.prepare(triggers).expect("SQL");
            let drops = statement.query_map([], |row| row.get::<_, String>(0)).expect("names");
            let drops: String = drops.collect::<Result<_, _>>().expect("names");
            let unguarded = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;";
            writer.execute_batch(&format!("{unguarded} {drops} {sql}")).expect(sql);
        });
        let found = check();
        assert!(found.iter().any(|found| found == finding), "{sql}: {found:#?}");
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
fn what_is_streamed_is_not_sorted_in_memory() {
    let (_folder, storage) = open();
    for sql in [
        STREAM,
        crate::customers::ADDRESSES_OF,
        crate::items::STREAM,
        crate::statements::OF_STATEMENT,
        crate::statements::OF_SHIFTS,
    ] {
        let plan = plan_of(&storage, sql);
        assert!(!plan.iter().any(|step| step.contains("B-TREE FOR ORDER BY")), "{sql}: {plan:#?}");
        let reads_a_table = |step: &String| step.starts_with("SCAN") && !step.contains("json_each");
        assert!(!plan.iter().any(reads_a_table), "{sql}: {plan:#?}");
    }
}

#[test]
fn what_is_named_in_a_list_is_looked_up_and_not_searched_for() {
    let (_folder, storage) = open();
    for sql in [crate::documents_writes::VERDICTS, crate::statements::UNMARK] {
        let plan = plan_of(&storage, sql);
        assert!(!plan.iter().any(|step| step.starts_with("SCAN transaction")), "{plan:#?}");
    }
}

#[test]
fn the_few_are_found_without_reading_the_history() {
    let (_folder, storage) = open();
    let of = |store: bool| store.then(|| database("S1"));
    for store in [false, true] {
        let errors = TransactionFilter {
            store: of(store),
            validation: Some(ValidationStatus::Error),
            ..TransactionFilter::default()
        };
        let of_statement = TransactionFilter {
            store: of(store),
            statement: Some(statement_id(1)),
            ..TransactionFilter::default()
        };
        let statements =
            StatementFilter { store: of(store), is_open: true, ..StatementFilter::default() };
        for (sql, index) in [
            (crate::documents::list_query(&errors).0, "INDEX transaction_unsuccessful"),
            (crate::documents::list_query(&of_statement).0, "INDEX transaction_statement"),
            (crate::statements::list_query(&statements).0, "INDEX statement_open"),
        ] {
            let plan = plan_of(&storage, &sql);
            assert!(plan[0].contains(index), "{sql}: {plan:#?}");
        }
    }
}

fn plan_of(storage: &SqliteStorage, sql: &str) -> Vec<String> {
    on_writer(storage, |writer| {
        let mut statement = writer.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
        let unbound = (1..=statement.parameter_count()).map(|_| "[]");
        let steps = statement
            .query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3))
            .expect("a plan");
        steps.collect::<Result<Vec<_>, _>>().expect("steps")
    })
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
