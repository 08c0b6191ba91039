//! What stops a statement, and that it stops nothing else.

use std::error::Error;

use expect_test::expect;
use tillsync_domain::ids::AccountNumber;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::check::CheckDepth;
use tillsync_hq::statements::StatementError;
use tillsync_hq::storage::{SequenceName, StatementRecord, TransactionHeader, Verdict};
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, cash, document_number, statement_id, transaction_number,
};
use tillsync_testkit::builders::{account, at, database, run_id, upload_at};

use super::{Books, store};

fn limit(books: &Books, name: SequenceName, largest: u64) {
    let change = SequenceChange { largest: Some(largest), ..SequenceChange::default() };
    books.hq().change_sequence(name, &change).expect("a valid end");
}

#[test]
fn a_store_without_a_default_customer_stops_alone() {
    let books = Books::open();
    books.receive_at("S2", &DocumentBuilder::sale(1), None);
    books.receive_at("S2", &DocumentBuilder::sale(2).to(by_guid(1)), Some(1));
    books.receive_at("S1", &DocumentBuilder::sale(3), None);
    let summary = books.post();
    assert_eq!((summary.begun, summary.posted, summary.failed), (2, 1, 1));
    expect![[r#"
        ST-00000001 S1 Transactional: Posted, 1 transactions, 0 shifts, 23.85 EUR
        ST-00000002 S2 Transactional: Checked, 2 transactions, 0 shifts, 47.70 EUR
    "#]]
    .assert_eq(&books.render());
    let stopped = books.last();
    expect![
        "1 of its transactions name no customer, and S2 has no default customer; give it one with \
         `tillsync hq default-customer`, then run the statement again"
    ]
    .assert_eq(&stopped.error.clone().unwrap_or_default());

    books.receive_at("S2", &DocumentBuilder::sale(4).to(by_guid(1)), Some(1));
    let again = books.post();
    assert_eq!((again.begun, again.failed), (0, 1), "no second statement queues up behind it");
    assert_eq!(books.last().failures, 2);
    let set = |tx: &mut dyn tillsync_hq::storage::WriteTx| {
        tx.database_default_customer_set(&database("S2"), &account(8))
    };
    books.hq().storage().write(set).expect("stored");
    assert_eq!(books.post().posted, 2);
    let posted = books.statements().into_iter().find(|s| s.id == stopped.id).expect("still there");
    assert_eq!((posted.state, posted.error, posted.failures), (StatementState::Posted, None, 0));
}

#[test]
fn a_run_without_work_needs_no_number() {
    let books = Books::open();
    limit(&books, SequenceName::Statement, 1);
    books.shift(1, 1, (vec![cash(1_00)], Some(vec![cash(1_00)])));
    assert_eq!(books.post_financial().posted, 1, "it takes the last number");
    let nothing = books.post_financial();
    assert_eq!((nothing.begun, nothing.failed), (0, 0));
    books.receive(&DocumentBuilder::sale(3).to(by_guid(1)), Some(1));
    let kind = StatementKind::Transactional;
    let refused = books.hq().run_statements(kind, None, run_id(7), &mut || true);
    assert!(matches!(refused, Err(StatementError::Begin(_))), "{refused:?}");
}

#[test]
fn ten_statements_that_stopped_are_named_and_all_are_counted() {
    let books = Books::open();
    books.receive_at("S2", &DocumentBuilder::sale(1), None);
    assert_eq!(books.post().failed, 1);
    let stopped = books.last();
    let more: Vec<_> = (2..=12)
        .map(|n| StatementRecord {
            id: statement_id(n),
            number: document_number(&format!("ST-{n}")),
            ..stopped.clone()
        })
        .collect();
    let put = books.hq().storage().write(|tx| more.iter().try_for_each(|s| tx.statement_put(s)));
    put.expect("stored");
    let report = books.hq().check(CheckDepth::Counts).expect("it runs");
    assert_eq!((report.failed_statements.len(), report.statements_failed), (10, 12));
    let rest = "2 more statements have stopped; `tillsync statement list --failed` shows all";
    assert!(report.findings.iter().any(|finding| finding.message == rest), "{report:#?}");
}

#[test]
fn a_sequence_that_runs_out_leaves_no_gap_and_no_half_posted_state() {
    let steps = [
        (SequenceName::SalesOrder, StatementState::Aggregated),
        (SequenceName::Invoice, StatementState::CustomerOrderCreated),
        (SequenceName::Voucher, StatementState::CustomerOrderCreated),
    ];
    for (sequence, stays) in steps {
        let books = Books::open();
        books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
        books.receive(&DocumentBuilder::sale(2).to(by_guid(2)), Some(2));
        limit(&books, sequence, 1);
        assert_eq!(books.post().failed, 1);
        let error = books.last().error.expect("it says why");
        assert!(error.contains("has 1 numbers left, but 2 are needed"), "{error}");
        assert_eq!(books.last().state, stays);
        assert_eq!(books.ledger(), "", "nothing is posted");
        limit(&books, sequence, 1_000);
        assert_eq!(books.post().posted, 1);
        let left = books.hq().show_sequence(sequence).expect("it is there").next;
        let used = if sequence == SequenceName::Voucher { 6 } else { 2 };
        assert_eq!(left, used + 1, "{sequence:?} is gapless");
    }
}

#[test]
fn a_sequence_of_statements_that_runs_out_is_said_and_begins_nothing() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1), None);
    limit(&books, SequenceName::Statement, 0);
    let stopped = books.run(StatementKind::Transactional).expect_err("no number is left");
    assert!(matches!(stopped, StatementError::Begin(_)), "{stopped:?}");
    assert!(stopped.source().is_some_and(|why| why.to_string().contains("number sequence")));
    assert!(books.statements().is_empty());
}

#[test]
fn what_has_no_account_of_headquarters_is_taken_out_and_the_rest_is_posted() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::sale(2).to(by_guid(2)), Some(2));
    // As a fault elsewhere would leave them.
    let stray = AccountNumber::parse("C-777777").expect("a number");
    let verdict = |n, account| Verdict {
        number: transaction_number(n),
        status: ValidationStatus::Successful,
        findings: None,
        account,
    };
    books.receive(&DocumentBuilder::sale(3).to(by_account(3)), None);
    books.receive(&DocumentBuilder::sale(4).to(by_guid(4)), None);
    let tamper = books
        .hq()
        .storage()
        .write(|tx| tx.verdicts_put(&[verdict(3, Some(stray.clone())), verdict(4, None)], at(30)));
    tamper.expect("stored");
    let summary = books.post();
    assert_eq!((summary.begun, summary.posted, summary.transactions), (1, 1, 2));
    let (three, four) = (books.transaction(3), books.transaction(4));
    assert_eq!(
        (three.validation, four.validation),
        (ValidationStatus::Error, ValidationStatus::New)
    );
    assert_eq!((three.statement, four.statement), (None, None));
    let findings = three.findings.unwrap_or_default();
    assert!(findings.contains("C-777777 is none that headquarters gave"), "{findings}");
    assert_eq!(books.hq().posting_report().expect("hq answers").temporary_ids_in_postings, 0);
}

#[test]
fn a_transaction_that_cannot_be_summed_is_taken_out() {
    let books = Books::open();
    let document = DocumentBuilder::sale(1).to(by_guid(1));
    let mut arriving = document.arriving();
    let content = arriving.row.content.get().replace("\"total\":\"23.85\"", "\"total\":\"99.00\"");
    arriving.row.content = serde_json::from_str(&content).expect("still JSON");
    let source = upload_at(10);
    let verdict = Verdict {
        number: transaction_number(1),
        status: ValidationStatus::Successful,
        findings: None,
        account: Some(account(1)),
    };
    let write = books.hq().storage().write(|tx| {
        tx.documents_insert_once(&source, std::slice::from_ref(&arriving))?;
        tx.verdicts_put(std::slice::from_ref(&verdict), at(20))
    });
    write.expect("stored");
    let summary = books.post();
    assert_eq!((summary.posted, summary.transactions), (1, 0));
    let taken_out = books.transaction(1);
    assert_eq!(taken_out.validation, ValidationStatus::Error);
    let findings = taken_out.findings.unwrap_or_default();
    assert!(findings.contains("its lines come to 2385, but its total is 9900"), "{findings}");
    assert_eq!(books.post().begun, 0, "it is not taken up again by itself");
}

#[test]
fn a_shift_with_a_sale_that_nobody_can_read_waits_for_its_repair() {
    let books = Books::open();
    books.shift(1, 1, (vec![cash(50_00)], Some(vec![cash(50_00)])));
    let mut arriving = DocumentBuilder::sale(3).in_shift(1).arriving();
    arriving.row.content = serde_json::from_str(r#"{"hello":1}"#).expect("JSON");
    let source = upload_at(10);
    let header = DocumentBuilder::sale(3).in_shift(1).header();
    let write = books
        .hq()
        .storage()
        .write(|tx| tx.documents_insert_once(&source, std::slice::from_ref(&arriving)));
    write.expect("stored");
    assert_eq!(books.post_financial().failed, 1);
    let stopped = books.last();
    assert_eq!(stopped.state, StatementState::Calculated);
    let error = stopped.error.expect("it says why");
    assert!(error.starts_with("read transaction T-000003 of shift SH-1; repair it"), "{error}");

    let repaired = DocumentBuilder::sale(3).in_shift(1).row().content;
    let header = TransactionHeader { ..header };
    let repair = books
        .hq()
        .storage()
        .write(|tx| tx.transaction_repair(&transaction_number(3), &repaired, &header, &[]));
    assert!(repair.expect("stored"));
    assert_eq!(books.post_financial().posted, 1);
    expect![[r#"
        V-000000001 EUR Shift SH-1: cash short: cash -23.85, over-short 23.85
    "#]]
    .assert_eq(&books.ledger());
}

#[test]
fn another_default_customer_meanwhile_leaves_nothing_unlinked() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1), None);
    books.receive(&DocumentBuilder::sale(2).to(by_account(8)), Some(8));
    books.post_states(5).expect_err("it stops behind its sums");
    let set = books
        .hq()
        .storage()
        .write(|tx| tx.database_default_customer_set(&store("S1"), &account(8)));
    set.expect("stored");
    assert_eq!(books.post().posted, 1);
    assert_eq!(books.last().default_account, Some(account(9)), "it is kept with the statement");
    let (unnamed, named) = (books.transaction(1), books.transaction(2));
    assert!(unnamed.voucher.is_some() && named.voucher.is_some());
    assert_ne!(unnamed.voucher, named.voucher, "it stays with the customer it was summed under");
}

#[test]
fn only_a_channel_has_statements() {
    let books = Books::open();
    let kind = StatementKind::Transactional;
    let refused = books.hq().run_statements(kind, Some(&store("S9")), run_id(1), &mut || true);
    assert!(matches!(refused, Err(StatementError::UnknownStore(_))), "{refused:?}");
    books.receive_at("S1", &DocumentBuilder::sale(1), None);
    books.receive_at("S2", &DocumentBuilder::sale(2).to(by_guid(1)), Some(1));
    let summary = books.hq().run_statements(kind, Some(&store("S2")), run_id(1), &mut || true);
    assert_eq!(summary.expect("it is there").posted, 1);
    assert_eq!(books.last().store, store("S2"));
}
