//! The thirteen states: each is one transaction, and each can be the last before a crash.

use expect_test::expect;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_hq::statements::StatementError;
use tillsync_testkit::builders::documents::{DocumentBuilder, by_account, by_guid};

use super::Books;

/// Two sales and an order of customer 1 under both keys, one sale of nobody, one in kronor.
fn day(books: &Books) {
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::sale(2).to(by_account(1)).price(5_00), Some(1));
    books.receive(&DocumentBuilder::order(3).to(by_guid(1)), Some(1));
    books.receive(&DocumentBuilder::sale(4), None);
    books.receive(&DocumentBuilder::sale(5).to(by_guid(2)).currency("SEK"), Some(2));
}

#[test]
fn a_day_is_posted_per_resolved_account_and_currency() {
    let books = Books::open();
    day(&books);
    let summary = books.post();
    assert_eq!((summary.begun, summary.posted, summary.transactions), (1, 1, 5));
    expect![[r#"
        ST-00000001 S1 Transactional: Posted, 5 transactions, 0 shifts, 59.00 EUR 23.85 SEK
    "#]]
    .assert_eq(&books.render());
    expect![[r#"
        V-000000001 EUR Sales to C-000001: customers C-000001 35.15, sales -28.00, sales-tax -7.15
        V-000000002 SEK Sales to C-000002: customers C-000002 23.85, sales -19.00, sales-tax -4.85
        V-000000003 EUR Sales to C-000009: customers C-000009 23.85, sales -19.00, sales-tax -4.85
        V-000000004 EUR Discounts given to C-000001: discounts 2.00, sales -2.00
        V-000000005 SEK Discounts given to C-000002: discounts 1.00, sales -1.00
        V-000000006 EUR Discounts given to C-000009: discounts 1.00, sales -1.00
        V-000000007 EUR Payments of C-000001: cash 59.00, customers C-000001 -59.00
        V-000000008 SEK Payments of C-000002: cash 23.85, customers C-000002 -23.85
        V-000000009 EUR Payments of C-000009: cash 23.85, customers C-000009 -23.85
    "#]]
    .assert_eq(&books.ledger());
    let vouchers: Vec<_> =
        (1..=5).map(|n| books.transaction(n).voucher.map(|voucher| voucher.to_string())).collect();
    let (one, two, three) =
        (Some("V-000000001".into()), Some("V-000000002".into()), Some("V-000000003".into()));
    assert_eq!(vouchers, [one.clone(), one, None, three, two]);
}

#[test]
fn a_crash_in_any_state_changes_nothing_of_what_is_posted() {
    let undisturbed = Books::open();
    day(&undisturbed);
    undisturbed.post();
    let (expected, states) = (undisturbed.ledger(), StatementState::ALL.len());
    for (done, state) in StatementState::ALL.into_iter().enumerate().take(states - 1) {
        let mut books = Books::open();
        day(&books);
        let stopped = books.post_states(u32::try_from(done).expect("thirteen"));
        assert!(matches!(stopped, Err(StatementError::LeaseLost)), "{stopped:?}");
        assert_eq!(books.last().state, state);
        books.restart();
        let summary = books.post();
        assert_eq!((summary.begun, summary.posted), (0, 1), "after {}", state.as_str());
        assert_eq!(books.ledger(), expected, "after {}", state.as_str());
        assert_eq!(books.post(), Default::default(), "nothing is left to do");
    }
}

#[test]
fn each_step_is_exactly_one_state() {
    let books = Books::open();
    day(&books);
    books.post_states(0).expect_err("it stops before its first state");
    let id = books.last().id;
    for state in &StatementState::ALL[1..] {
        assert_eq!(books.step(&id).expect("nothing is in the way").state, *state);
    }
    let posted = books.last();
    assert_eq!(books.step(&id).expect("a posted one stays as it is"), posted);
}

#[test]
fn two_runs_at_once_post_everything_once() {
    let books = Books::open();
    day(&books);
    let undisturbed = Books::open();
    day(&undisturbed);
    undisturbed.post();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| books.post())).collect();
        let posted: u64 = runs.into_iter().map(|run| run.join().expect("no panic").begun).sum();
        assert_eq!(posted, 1, "one statement is begun");
    });
    assert_eq!(books.ledger(), undisturbed.ledger());
}

#[test]
fn later_sales_go_into_a_later_statement() {
    let books = Books::open();
    books.receive(&DocumentBuilder::sale(1).to(by_guid(1)), Some(1));
    books.post();
    assert_eq!(books.post().begun, 0);
    books.receive(&DocumentBuilder::sale(2).to(by_guid(1)), Some(1));
    assert_eq!(books.post().posted, 1);
    expect![[r#"
        ST-00000001 S1 Transactional: Posted, 1 transactions, 0 shifts, 23.85 EUR
        ST-00000002 S1 Transactional: Posted, 1 transactions, 0 shifts, 23.85 EUR
    "#]]
    .assert_eq(&books.render());
}

#[test]
fn a_statement_that_posted_nothing_can_be_released_and_no_other() {
    let books = Books::open();
    day(&books);
    for states in [1, 5] {
        books.post_states(states).expect_err("it stops");
        let released = books.hq().release_statement(&books.last().id).expect("still reversible");
        assert_eq!(released.transactions, 5);
        assert!(books.statements().is_empty());
    }
    books.post_states(6).expect_err("it stops");
    let statement = books.last();
    assert_eq!(statement.state, StatementState::CustomerOrderInvoiced);
    let refused = books.hq().release_statement(&statement.id);
    assert!(matches!(refused, Err(StatementError::Irreversible { .. })), "{refused:?}");
    assert_eq!(books.post().posted, 1);
}

#[test]
fn trickle_feed_and_classic_posting_are_never_mixed() {
    let books = Books::open();
    let refused = books.run(StatementKind::Classic);
    assert!(matches!(refused, Err(StatementError::WrongMode { .. })), "{refused:?}");
    let switch = books.hq().storage().write(|tx| {
        let mut parameters = tx.parameters_get()?;
        parameters.posting_mode = tillsync_domain::statement::PostingMode::Classic;
        tx.parameters_put(&parameters)
    });
    switch.expect("stored");
    for kind in [StatementKind::Transactional, StatementKind::Financial] {
        let refused = books.run(kind);
        assert!(matches!(refused, Err(StatementError::WrongMode { .. })), "{refused:?}");
    }
    books.receive(&DocumentBuilder::sale(1), None);
    books.shift(2, 1, (vec![], Some(vec![])));
    let summary = books.run(StatementKind::Classic).expect("it fits");
    assert_eq!((summary.posted, summary.transactions, summary.shifts), (1, 1, 1));
    expect![[r#"
        V-000000001 EUR Sales to C-000009: customers C-000009 23.85, sales -19.00, sales-tax -4.85
        V-000000002 EUR Discounts given to C-000009: discounts 1.00, sales -1.00
        V-000000003 EUR Shift SH-1: cash short: cash -23.85, over-short 23.85
        V-000000004 EUR Payments of C-000009: cash 23.85, customers C-000009 -23.85
    "#]]
    .assert_eq(&books.ledger());
}
