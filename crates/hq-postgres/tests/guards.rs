//! The schema's own guards: what no program can do, and what the checks find where one did.

use std::sync::Arc;

use tillsync_domain::statement::{LedgerAccount, StatementKind, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    LedgerEntry, StatementRecord, Storage, TransactionEdit, Verdict, Voucher,
};
use tillsync_hq_postgres::PostgresStorage;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, currency, document_number, statement_id, transaction_number,
};
use tillsync_testkit::builders::{
    PlanBuilder, Rank, account, addition, at, creation, database, promotion_at, run_id, upload_at,
};
use tillsync_testkit::cluster::cluster;

/// What somebody does first who is allowed to do everything.
const UNGUARDED: &str = "SET session_replication_role = replica;
    DO $$
    DECLARE rule record;
    BEGIN
        FOR rule IN SELECT conname, conrelid::regclass AS owner FROM pg_constraint
            WHERE contype = 'c' AND connamespace = 'public'::regnamespace
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rule.owner, rule.conname);
        END LOOP;
    END $$;";

fn open() -> (String, Arc<dyn Storage>) {
    let url = cluster().new_database();
    let storage = PostgresStorage::open(&url).expect("a new database");
    (url, Arc::new(storage))
}

fn expect_refused(url: &str, refusals: &[(&str, &str)]) {
    for (sql, reason) in refusals {
        let outcome = cluster().sql(url, sql);
        let said = outcome.expect_err(sql);
        assert!(said.contains(reason), "{sql}: {said}");
    }
}

#[test]
fn what_was_received_and_what_was_given_cannot_be_rewritten() {
    let (url, storage) = open();
    let plan = PlanBuilder::new().promote(1).complete(1).build();
    let forged =
        tillsync_exchange::rows::operation::OperationRow { kind: "other".into(), ..creation(2) };
    let promoted = storage.write(|tx| {
        tx.operations_insert_once(&upload_at(1), &[creation(1), creation(2), forged.clone()])?;
        tx.documents_insert_once(&upload_at(1), &[DocumentBuilder::sale(1).arriving()])?;
        tx.promotion_apply(&plan, &promotion_at(1))
    });
    promoted.expect("promoted");
    expect_refused(
        &url,
        &[
            ("UPDATE operation SET content = '{}'", "a received operation never changes"),
            ("DELETE FROM operation", "a received operation is never deleted"),
            ("TRUNCATE operation CASCADE", "is never deleted"),
            ("UPDATE quarantine SET content = '{}'", "set aside never changes"),
            ("UPDATE alias SET account = 'C-999999'", "an alias never changes"),
            ("DELETE FROM alias", "an alias is never deleted"),
            ("TRUNCATE alias CASCADE", "an alias is never deleted"),
            ("UPDATE transaction_state SET store = 'S2'", "never becomes another one"),
            ("DELETE FROM customer", "violates foreign key constraint"),
        ],
    );
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
    let (url, storage) = open();
    post_a_sale(&*storage);
    let voucher = "INSERT INTO voucher
        SELECT 'V-2', statement, state, store, currency, posted_at, text FROM voucher";
    expect_refused(
        &url,
        &[
            ("UPDATE document SET content = '{}'", "a received document never changes"),
            ("DELETE FROM document", "a received document is never deleted"),
            ("UPDATE document_quarantine SET content = '{}'", "set aside never changes"),
            ("UPDATE transaction_state SET posted_at = NULL", "a posted transaction never changes"),
            ("DELETE FROM transaction_state", "a transaction is never deleted"),
            ("UPDATE transaction_edit SET operator = 'otto'", "record of an edit never changes"),
            ("DELETE FROM transaction_edit", "record of an edit is never deleted"),
            ("UPDATE statement SET amounts = '{}'", "a posted statement never changes"),
            ("DELETE FROM statement", "a posted statement is never deleted"),
            ("UPDATE voucher SET store = 'S2'", "a voucher never changes"),
            ("DELETE FROM voucher", "a voucher is never deleted"),
            ("UPDATE ledger_entry SET amount = amount * 2", "of the ledger never changes"),
            ("DELETE FROM ledger_entry", "of the ledger is never deleted"),
            ("TRUNCATE ledger_entry", "of the ledger is never deleted"),
            ("INSERT INTO ledger_entry VALUES ('V-1', 3, 'cash', NULL, 1)", "no further entries"),
            (voucher, "a voucher has at least two entries and comes to zero"),
        ],
    );
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
        (
            "UPDATE tally SET amount = 7 WHERE name = 'posted'",
            "there are 1 posted transactions, but 7 are noted",
        ),
    ] {
        let (url, storage) = open();
        post_a_sale(&*storage);
        let check = || storage.read(|tx| tx.postings_check()).expect("it runs");
        assert_eq!(check(), [""; 0]);
        cluster().sql(&url, &format!("{UNGUARDED} {sql}")).expect(sql);
        let found = check();
        assert!(found.iter().any(|found| found == finding), "{sql}: {found:#?}");
    }
}

#[test]
fn the_check_of_customers_finds_an_address_that_is_gone() {
    let (url, storage) = open();
    let rows = [creation(1), addition(2, 1, Rank::Primary), addition(3, 1, Rank::Other)];
    let plan = PlanBuilder::new().promote(1).address(2, 1, Rank::Primary);
    let plan = plan.address(3, 1, Rank::Other).complete(1).complete(2).complete(3).build();
    let promoted = storage.write(|tx| {
        tx.operations_insert_once(&upload_at(1), &rows)?;
        tx.promotion_apply(&plan, &promotion_at(1))
    });
    promoted.expect("promoted");
    let check = || storage.read(|tx| tx.customers_check()).expect("it runs");
    assert_eq!(check(), [""; 0]);
    cluster().sql(&url, "DELETE FROM address WHERE NOT is_primary").expect("deleted");
    let operation = rows[2].id;
    let finding = format!("operation {operation} is completed but its address does not exist");
    assert_eq!(check(), [finding]);
}

#[test]
fn a_guard_that_was_switched_off_is_found() {
    let (url, storage) = open();
    assert_eq!(storage.check_integrity().expect("it runs"), [""; 0]);
    cluster().sql(&url, "ALTER TABLE alias DISABLE TRIGGER alias_is_kept").expect("switched off");
    let found = storage.check_integrity().expect("it runs");
    assert_eq!(found, ["the guard alias_is_kept of alias is switched off"]);
}
