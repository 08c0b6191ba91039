//! The end of the day: statements through all their states, and what they leave in the books.

use expect_test::expect;
use tillsync_domain::ids::{CustomerKey, StatementId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{LedgerAccount, PostingMode, StatementKind, StatementState};
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::parameters::ParameterError;
use tillsync_hq::statements::StatementError;
use tillsync_hq::storage::{RunOutcome, Trigger};
use tillsync_testkit::world::{Basket, World};

use super::orders::chain;

fn coffee() -> Basket {
    Basket::of("coffee", 1)
}

/// A day of two stores, uploaded and validated: named and unnamed sales, discounts, several
/// tenders, a return, an order, and drawers that are over and short.
fn day(world: &mut World) {
    world.default_customer("S1");
    world.default_customer("S2");
    let (ann, bob) = (world.create("S1", "Ann"), world.create("S1.R1", "Bob"));
    let sale = world.sell("S1", ann, Basket::of("coffee", 3).off("5.00").and("gum", 7));
    world.sell("S1.R1", bob, Basket::of("tea", 2).paid(Tender::GiftCard, "4.00"));
    world.sell_unnamed("S1.R1", coffee().rest_by(Tender::Card));
    world.sell_unnamed("S2", Basket::of("gum", 3).and("tea", 1));
    let deposit = Basket::of("coffee", 10).paid(Tender::Card, "20.00");
    world.order("S2", bob, Delivery::Pickup, deposit);
    world.return_of("S1", &sale, Some(CustomerKey::Temporary(ann)), 1).unwrap();
    world.void_sale("S2", ann, coffee());
    world.close_shift("S1", "1.00");
    world.close_shift("S1.R1", "-2.00");
    world.close_shift("S2", "0.00");
    for at in world.edges() {
        world.upload(&at).unwrap();
    }
    world.synchronize_orders();
    world.validate();
}

#[test]
fn a_day_is_posted_to_the_cent() {
    let mut world = chain();
    day(&mut world);
    world.end_of_day();
    expect![[r#"
        S1-000001 sale C-00000004/GUID 32.63 EUR: Successful, ST-00000001
        S1-000002 sale C-00000004/GUID -10.00 EUR: Successful, ST-00000001
        S1.R1-000001 sale C-00000003/GUID 11.00 EUR: Successful, ST-00000001
        S1.R1-000002 sale nobody 12.00 EUR: Successful, ST-00000001
        S2-000001 sale nobody 6.63 EUR: Successful, ST-00000002
        S2-000002 order C-00000003/GUID 120.00 EUR: Successful, Succeeded SO-00000001, ST-00000002
        S2-000003 voided sale Pending sync 12.00 EUR: None"#]]
    .assert_eq(&world.render_transactions());
    expect![[r#"
        ST-00000001 S1 Transactional Posted: 4 transactions, 0 shifts, 45.63 EUR
        ST-00000002 S2 Transactional Posted: 2 transactions, 0 shifts, 6.63 EUR
        ST-00000003 S1 Financial Posted: 0 transactions, 2 shifts, nothing
        ST-00000004 S2 Financial Posted: 0 transactions, 1 shifts, nothing"#]]
    .assert_eq(&world.render_statements());
    expect![[r#"
        S1 cash 28.63 EUR
        S1 cards 12.00 EUR
        S1 customers 0.00 EUR
        S1 sales-tax -6.65 EUR
        S1 gift-cards 4.00 EUR
        S1 sales -42.31 EUR
        S1 discounts 3.33 EUR
        S1 over-short 1.00 EUR
        S2 cash 6.63 EUR
        S2 cards 20.00 EUR
        S2 customers -20.00 EUR
        S2 sales-tax -0.64 EUR
        S2 sales -5.99 EUR"#]]
    .assert_eq(&world.trial_balance());
}

#[test]
fn a_crash_after_any_state_is_resumed_and_leaves_the_same_books_as_no_crash() {
    let mut whole = chain();
    day(&mut whole);
    whole.end_of_day();
    let (statements, ledger) = (whole.render_statements(), books(&whole));
    for state in StatementState::ALL {
        let mut world = chain();
        day(&mut world);
        let run = world.second_headquarters();
        let begun = begin(&world);
        for id in &begun {
            while world.statement(id).state < state {
                run.step_statement(id).unwrap();
            }
        }
        drop(run);
        world.restart_headquarters();
        for id in &begun {
            assert_eq!(world.statement(id).state, state, "nothing was lost and nothing went on");
        }
        world.end_of_day();
        assert_eq!(world.render_statements(), statements, "{}", state.as_str());
        assert_eq!(books(&world), ledger, "{}", state.as_str());
    }
}

/// What was posted, and the numbers that it took; which voucher has which number hangs on which
/// store was posted first.
fn books(world: &World) -> (Vec<String>, Vec<String>) {
    let ledger = world.render_ledger();
    let vouchers = ledger.lines().map(|line| line.split_once(' ').unwrap());
    let (numbers, mut texts): (Vec<_>, Vec<_>) =
        vouchers.map(|(number, text)| (number.to_owned(), text.to_owned())).unzip();
    texts.sort();
    (numbers, texts)
}

/// Begins the transactional statements and takes them no further.
fn begin(world: &World) -> Vec<StatementId> {
    let run = tillsync_domain::ids::RunId::from_uuid(uuid::Uuid::nil());
    let stopped = world.hq().run_statements(StatementKind::Transactional, None, run, &mut || false);
    assert!(matches!(stopped, Err(StatementError::LeaseLost)), "{stopped:?}");
    world.all_statements().into_iter().map(|statement| statement.id).collect()
}

#[test]
fn a_crash_after_each_and_every_state_is_one_too() {
    let mut whole = chain();
    day(&mut whole);
    whole.end_of_day();
    let mut world = chain();
    day(&mut world);
    for id in begin(&world) {
        while world.statement(&id).state < StatementState::Posted {
            world.hq().step_statement(&id).unwrap();
            world.restart_headquarters();
        }
    }
    world.end_of_day();
    assert_eq!(world.trial_balance(), whole.trial_balance());
}

#[test]
fn a_store_without_a_default_customer_stops_alone_and_goes_on_when_it_has_one() {
    let mut world = chain();
    world.default_customer("S2");
    let named = world.create("S1", "Waller");
    let of_s1 = world.sell("S1", named, coffee());
    world.sell_unnamed("S1", coffee());
    let of_s2 = world.sell_unnamed("S2", coffee());
    world.end_of_day();
    assert!(world.posted_in(&of_s2).is_some());
    assert_eq!(world.posted_in(&of_s1), None);
    let stopped = &world.all_statements()[0];
    assert_eq!((stopped.store.as_str(), stopped.state), ("S1", StatementState::Checked));
    let error = stopped.error.clone().unwrap();
    assert!(error.contains("name no customer, and S1 has no default customer"), "{error}");
    let other = world.sell_unnamed("S2", coffee());
    world.end_of_day();
    assert!(world.posted_in(&other).is_some(), "it never stops the others");
    assert_eq!(world.all_statements().len(), 3, "and gets no second statement itself");
    assert!(world.all_statements()[0].failures >= 2);

    world.default_customer("S1");
    world.end_of_day();
    assert_eq!(world.posted_in(&of_s1).unwrap(), world.all_statements()[0].number);
    assert_eq!(world.all_statements()[0].error, None);
    assert_eq!(world.booked("S1", LedgerAccount::Sales), -2000);
}

#[test]
fn sales_on_the_guid_and_on_the_account_are_one_aggregate() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.sell("S1", guid, coffee());
    world.settle();
    let account = world.account_of(guid).unwrap();
    world.sell("S1", &account, Basket::of("coffee", 2));
    world.sell("S1.R1", guid, Basket::of("tea", 1));
    world.end_of_day();
    let [statement] = world.all_statements().try_into().unwrap();
    let detail = world.hq().show_statement(&statement.number, None, 10).unwrap();
    let [aggregate] = detail.aggregates.try_into().unwrap();
    assert_eq!((aggregate.account, aggregate.transactions), (account, 3));
    let lines: Vec<_> = aggregate.lines.iter().map(|line| (line.item.as_str(), line.net)).collect();
    assert_eq!(lines, [("coffee", 3000), ("tea", 500)]);
    assert!(aggregate.sales_order.is_some() && aggregate.invoice.is_some());
    assert_eq!(world.hq().posting_report().unwrap().temporary_ids_in_postings, 0);
}

#[test]
fn a_financial_statement_takes_only_closed_shifts_and_posts_what_is_over_and_short() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, coffee());
    let blind = world.blind_close("S1");
    world.sell("S1", guid, Basket::of("tea", 1));
    world.sell("S1.R1", guid, coffee().rest_by(Tender::Card));
    world.end_of_day();
    assert!(world.posted_in(&sale).is_some(), "sales wait for no drawer");
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), 0);
    assert_eq!(world.all_statements().len(), 1, "no shift is closed");

    world.close_shift("S1.R1", "1.00");
    world.end_of_day();
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), -100);
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 1200 + 550 + 100);
    assert_eq!(world.booked("S1", LedgerAccount::Cards), 1200);

    world.count_shift("S1", blind, "-3.00");
    world.end_of_day();
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), -100 + 300);
    world.close_shift("S1", "0.00");
    world.end_of_day();
    let kinds: Vec<_> =
        world.all_statements().iter().map(|s| (s.kind, s.transactions, s.shifts)).collect();
    assert_eq!(
        kinds,
        [
            (StatementKind::Transactional, 3, 0),
            (StatementKind::Financial, 0, 1),
            (StatementKind::Financial, 0, 1),
            (StatementKind::Financial, 0, 1),
        ]
    );
    assert_eq!(
        world.booked("S1", LedgerAccount::OverShort),
        200,
        "a drawer that is right is quiet"
    );
    world.end_of_day();
    assert_eq!(world.all_statements().len(), 4, "no shift is counted twice");
}

#[test]
fn cards_that_were_paid_back_more_than_was_taken_are_neither_over_nor_short() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, coffee().rest_by(Tender::Card));
    world.close_shift("S1", "0.00");
    world.open_shift("S1", "50.00");
    let back = Basket::of("coffee", -1).from_sale(&sale, 1).rest_by(Tender::Card);
    world.sell("S1", guid, back);
    world.close_shift("S1", "0.00");
    world.end_of_day();
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), 0);
    assert_eq!(world.booked("S1", LedgerAccount::Cards), 0);
    assert_eq!(world.all_statements().last().unwrap().shifts, 2);
}

#[test]
fn a_run_for_one_store_leaves_the_others_alone() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sales = ["S1", "S2"].map(|at| world.sell(at, guid, coffee()));
    let orders = ["S1", "S2"].map(|at| world.order(at, guid, Delivery::Pickup, coffee()));
    world.upload("S1").unwrap();
    world.upload("S2").unwrap();
    let run = |job| {
        let store = Some("S2".parse().unwrap());
        let options = JobOptions { store, ..JobOptions::default() };
        world.hq().run_job(job, Trigger::Manual, options).unwrap().outcome
    };
    for job in [
        JobName::SynchronizeOrders,
        JobName::ValidateTransactions,
        JobName::TransactionalStatements,
    ] {
        assert_eq!(run(job), RunOutcome::Succeeded);
    }
    assert_eq!(world.posted_in(&sales[0]), None);
    assert_eq!(world.posted_in(&sales[1]).unwrap().as_str(), "ST-00000001");
    assert_eq!(world.order_status(&orders[0]).0, OrderStatus::New);
    assert_eq!(world.order_status(&orders[1]).0, OrderStatus::Succeeded);
}

#[test]
fn a_count_waits_for_no_sale_since_the_log_brings_them_in_order() {
    let mut world = chain();
    world.default_customer("S1");
    for _ in 0..5 {
        world.sell_unnamed("S1.R1", coffee());
    }
    world.close_shift("S1.R1", "0.00");
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    world.statements(StatementKind::Financial);
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), 0, "not one sale was missing");
    let [statement] = world.all_statements().try_into().unwrap();
    assert_eq!((statement.kind, statement.shifts), (StatementKind::Financial, 1));
}

#[test]
fn classic_posting_posts_both_at_once_and_is_never_mixed_with_trickle_feed() {
    let mut world = chain();
    world.default_customer("S1");
    let run = tillsync_domain::ids::RunId::from_uuid(uuid::Uuid::nil());
    let post = |world: &World, kind| world.hq().run_statements(kind, None, run, &mut || true);
    let mixed = post(&world, StatementKind::Classic);
    assert!(matches!(mixed, Err(StatementError::WrongMode { .. })), "{mixed:?}");
    world.change_parameters(|parameters| parameters.posting_mode = PostingMode::Classic);
    for kind in [StatementKind::Transactional, StatementKind::Financial] {
        assert!(matches!(post(&world, kind), Err(StatementError::WrongMode { .. })));
    }
    world.sell_unnamed("S1", coffee());
    world.close_shift("S1", "-1.50");
    world.end_of_day();
    expect!["ST-00000001 S1 Classic Posted: 1 transactions, 1 shifts, 12.00 EUR"]
        .assert_eq(&world.render_statements());
    expect![[r#"
        S1 cash 10.50 EUR
        S1 customers 0.00 EUR
        S1 sales-tax -2.00 EUR
        S1 sales -10.00 EUR
        S1 over-short 1.50 EUR"#]]
    .assert_eq(&world.trial_balance());
}

#[test]
fn the_posting_mode_is_not_switched_while_a_statement_is_open() {
    let mut world = chain();
    world.sell_unnamed("S1", coffee());
    world.end_of_day();
    let mut parameters = world.hq().show_parameters().unwrap();
    parameters.posting_mode = PostingMode::Classic;
    let refused = world.hq().change_parameters(&parameters).unwrap_err();
    assert!(matches!(refused, ParameterError::StatementOpen(_)));
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let open = world.all_statements()[0].id;
    world.hq().release_statement(&open).unwrap();
    world.hq().change_parameters(&parameters).unwrap();
    world.default_customer("S1");
    world.end_of_day();
    let kinds: Vec<_> = world.all_statements().iter().map(|statement| statement.kind).collect();
    assert_eq!(kinds, [StatementKind::Classic]);
}

#[test]
fn two_currencies_are_two_sums_and_two_books() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.sell("S1", guid, coffee());
    world.sell("S1", guid, coffee().in_currency("SEK").paid(Tender::Cash, "20.00"));
    world.close_shift("S1", "0.00");
    world.end_of_day();
    expect![[r#"
        S1 cash 12.00 EUR
        S1 customers 0.00 EUR
        S1 sales-tax -2.00 EUR
        S1 sales -10.00 EUR
        S1 cash 120.00 SEK
        S1 customers 0.00 SEK
        S1 sales-tax -20.00 SEK
        S1 sales -100.00 SEK"#]]
    .assert_eq(&world.trial_balance());
    expect![[r#"
        V-000000001 S1 EUR Sales to C-00000001: customers 12.00, sales -10.00, sales-tax -2.00
        V-000000002 S1 SEK Sales to C-00000001: customers 120.00, sales -100.00, sales-tax -20.00
        V-000000003 S1 EUR Payments of C-00000001: cash 12.00, customers -12.00
        V-000000004 S1 SEK Payments of C-00000001: cash 120.00, customers -120.00"#]]
    .assert_eq(&world.render_ledger());
}

#[test]
fn what_was_released_is_free_again_and_what_has_posted_is_not_released() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, coffee());
    world.upload("S1").unwrap();
    world.validate();
    let [id] = begin(&world).try_into().unwrap();
    while world.statement(&id).state < StatementState::CustomerOrderCreated {
        world.hq().step_statement(&id).unwrap();
    }
    assert!(world.repair(&sale, "/trade/total", "1.00").is_err(), "it is taken up");
    world.hq().release_statement(&id).unwrap();
    assert_eq!(world.all_statements(), []);
    world.repair(&sale, "/trade/lines/0/name", "Coffee, black").unwrap();
    world.end_of_day();
    let [posted] = world.all_statements().try_into().unwrap();
    assert_eq!(world.posted_in(&sale), Some(posted.number));
    let refused = world.hq().release_statement(&posted.id);
    assert!(matches!(refused, Err(StatementError::Irreversible { .. })), "{refused:?}");
}

#[test]
fn a_second_end_of_the_day_posts_nothing_again() {
    let mut world = chain();
    day(&mut world);
    world.end_of_day();
    let (statements, ledger) = (world.render_statements(), world.render_ledger());
    world.end_of_day();
    world.restart_headquarters();
    world.settle();
    world.end_of_day();
    assert_eq!(world.render_statements(), statements);
    assert_eq!(world.render_ledger(), ledger);
}

#[test]
fn a_customer_of_two_stores_has_one_balance_and_each_store_its_own_books() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.settle();
    let on_account = || coffee().rest_by(Tender::CustomerAccount);
    world.sell("S1", guid, on_account());
    world.sell("S2", guid, on_account());
    world.sell("S2", guid, on_account());
    world.end_of_day();
    assert_eq!(world.owes(guid), 3600);
    assert_eq!(world.booked("S1", LedgerAccount::Customers), 1200);
    assert_eq!(world.booked("S2", LedgerAccount::Customers), 2400);
}
