//! Customer orders become sales orders.

use std::collections::BTreeSet;

use expect_test::expect;
use jiff::SignedDuration;
use tillsync_domain::customer::{AddressDraft, CustomerType};
use tillsync_domain::job::JobName;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::operation::{ActKind, OperationStatus};
use tillsync_domain::order::OrderStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{RunOutcome, SequenceName, TransactionFilter, Trigger};
use tillsync_hq::synchronize_orders::SynchronizeError;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, transaction_number,
};
use tillsync_testkit::builders::{Rank, addition, address_guid, creation, database};

use crate::site::Site;

const ORDERS: JobName = JobName::SynchronizeOrders;

#[test]
fn an_order_promotes_its_customer_and_its_address_without_the_other_job() {
    let site = Site::new();
    site.receive_operations(&[creation(1), addition(2, 1, Rank::Primary)]);
    site.receive(&[DocumentBuilder::order(1).to(by_guid(1)).ship_to(address_guid(2))]);
    site.run(ORDERS);
    expect!["Succeeded SO-00000001 for C-00000001"].assert_eq(&site.shown_order(1));
    let account = site.account_of(1).expect("promoted");
    assert_eq!(account.as_str(), "C-00000001");
    // What it was written with stays readable beside the account.
    assert_eq!(site.transaction(1).header.customer, Some(by_guid(1)));
}

#[test]
fn an_address_added_to_a_customer_with_an_account_is_promoted_by_the_order() {
    let site = Site::new();
    site.receive_operations(&[creation(1)]);
    site.run(JobName::SynchronizeCustomers);
    let account = site.account_of(1).expect("promoted");
    site.receive_operations(&[addition(2, 1, Rank::Other)]);
    let by_account = tillsync_domain::ids::CustomerKey::Numbered(account);
    site.receive(&[DocumentBuilder::order(1).to(by_account).ship_to(address_guid(2))]);
    site.run(ORDERS);
    expect!["Succeeded SO-00000001 for C-00000001"].assert_eq(&site.shown_order(1));
}

#[test]
fn an_order_that_comes_before_its_customer_waits_without_using_up_tries() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::order(1).to(by_guid(1)).ship_to(address_guid(2))]);
    for _ in 0..10 {
        assert_eq!(site.run(ORDERS).outcome, RunOutcome::Succeeded);
    }
    assert_eq!((site.order(1).status, site.order(1).tries), (OrderStatus::Waiting, 0));
    let since = site.order(1).modified_at;
    site.run(ORDERS);
    assert_eq!(site.order(1).modified_at, since, "the same wait is no change");
    site.receive_operations(&[creation(1)]);
    site.run(ORDERS);
    let reason = site.order(1).error.expect("a reason");
    assert_eq!(site.order(1).status, OrderStatus::Waiting);
    assert!(reason.starts_with(&format!("waits for address {}", address_guid(2))), "{reason}");
    site.receive_operations(&[addition(2, 1, Rank::Primary)]);
    site.run(ORDERS);
    expect!["Succeeded SO-00000001 for C-00000001"].assert_eq(&site.shown_order(1));
}

#[test]
fn a_customer_that_cannot_be_promoted_is_waited_for_and_not_hammered() {
    let site = Site::new();
    site.receive_operations(&[refused_creation(1), creation(2), refused_addition(3, 2)]);
    site.receive(&[
        DocumentBuilder::order(1).to(by_guid(1)),
        DocumentBuilder::order(2).to(by_guid(2)).ship_to(address_guid(3)),
    ]);
    for _ in 0..5 {
        site.run(ORDERS);
    }
    for n in [1, 2] {
        assert_eq!(site.order(n).status, OrderStatus::Waiting, "{}", site.shown_order(n));
        let error = site.order(n).error.expect("a reason");
        assert!(error.contains("could not be"), "{error}");
    }
    let failed = site.hq.list_operations(OperationStatus::Failed, InboxPosition(0), 10);
    let (failed, _) = failed.expect("a list");
    let tries: Vec<_> = failed.iter().map(|record| record.tries).collect();
    assert_eq!(tries, [1, 1], "five runs are one try");
    site.hq.synchronize_order(&transaction_number(1)).expect("a person asked");
    let failed = site.hq.list_operations(OperationStatus::Failed, InboxPosition(0), 10);
    assert_eq!(failed.expect("a list").0[0].tries, 2);
}

#[test]
fn a_wrong_order_is_tried_again_with_back_off_until_its_tries_are_used_up() {
    let site = Site::new();
    site.set(|parameters| parameters.order_tries_max = 2);
    site.receive(&[DocumentBuilder::order(1).to(by_account(99))]);
    assert_eq!(site.run(ORDERS).outcome, RunOutcome::CompletedWithErrors);
    expect!["Failed: no customer has account C-000099; repair the order with the right account"]
        .assert_eq(&site.shown_order(1));
    site.run(ORDERS);
    assert_eq!(site.order(1).tries, 1, "its next try has not come");
    site.pass(SignedDuration::from_hours(1));
    site.run(ORDERS);
    assert_eq!((site.order(1).tries, site.order(1).next_try_at), (2, None));
    site.pass(SignedDuration::from_hours(1_000));
    assert_eq!(site.run(ORDERS).outcome, RunOutcome::Succeeded);
    assert_eq!(site.order(1).tries, 2);
    site.hq.synchronize_order(&transaction_number(1)).expect("a person may always ask");
    assert_eq!(site.order(1).tries, 3);
}

#[test]
fn an_order_that_this_version_cannot_read_is_tried_for_ever_and_ever_more_seldom() {
    let site = Site::new();
    site.set(|parameters| parameters.order_tries_max = 1);
    let mut arriving = DocumentBuilder::order(1).arriving();
    arriving.row.content = serde_json::value::to_raw_value(&[1]).expect("JSON");
    let source = tillsync_testkit::builders::upload_at(1);
    let taken =
        site.hq.storage().write(|tx| tx.documents_insert_once(&source, &[arriving.clone()]));
    taken.expect("it arrives");
    for tries in 1..=3 {
        site.run(ORDERS);
        assert_eq!(site.order(1).tries, tries);
        assert!(site.order(1).next_try_at.is_some(), "an upgrade may read it");
        site.pass(SignedDuration::from_hours(24));
    }
}

#[test]
fn an_address_of_another_customer_fails_its_order_and_no_other() {
    let site = Site::new();
    site.receive_operations(&[creation(1), creation(2), addition(3, 2, Rank::Primary)]);
    site.run(JobName::SynchronizeCustomers);
    site.receive(&[
        DocumentBuilder::order(1).to(by_guid(1)).ship_to(address_guid(3)),
        DocumentBuilder::order(2).to(by_guid(2)).ship_to(address_guid(3)),
    ]);
    site.run(ORDERS);
    assert_eq!(site.order(1).status, OrderStatus::Failed);
    expect!["Succeeded SO-00000001 for C-00000002"].assert_eq(&site.shown_order(2));
}

#[test]
fn workers_side_by_side_make_no_order_twice_and_leave_no_gap() {
    let site = Site::new();
    site.set(|parameters| parameters.order_workers = 4);
    let customers: Vec<_> = (1..=100).map(creation).collect();
    site.receive_operations(&customers);
    let orders: Vec<_> =
        (1..=1_200).map(|n| DocumentBuilder::order(n).to(by_guid(1 + n % 100))).collect();
    site.receive(&orders);
    let run = site.run(ORDERS);
    assert_eq!(run.detail["created"], 1_200);
    let filter = TransactionFilter { limit: 5_000, ..TransactionFilter::default() };
    let list = site.hq.storage().read(|tx| tx.transactions_list(&filter)).expect("a list");
    let numbers: BTreeSet<String> = list
        .into_iter()
        .map(|record| record.order.and_then(|order| order.sales_order).expect("made").to_string())
        .collect();
    let expected: BTreeSet<String> = (1..=1_200).map(|n| format!("SO-{n:08}")).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn orders_without_a_number_stay_until_the_sequence_is_extended() {
    let site = Site::new();
    let ends_at = |largest| SequenceChange { largest: Some(largest), ..SequenceChange::default() };
    site.hq.change_sequence(SequenceName::SalesOrder, &ends_at(1)).expect("a shorter sequence");
    site.receive_operations(&[creation(1)]);
    site.receive(&[
        DocumentBuilder::order(1).to(by_guid(1)),
        DocumentBuilder::order(2).to(by_guid(1)),
    ]);
    let run = site.run(ORDERS);
    assert!(run.error.expect("an error").contains("sales-order has been exceeded"));
    assert_eq!(
        (site.order(1).status, site.order(2).status),
        (OrderStatus::Succeeded, OrderStatus::New)
    );
    site.hq.change_sequence(SequenceName::SalesOrder, &ends_at(9)).expect("a longer sequence");
    site.run(ORDERS);
    expect!["Succeeded SO-00000002 for C-00000001"].assert_eq(&site.shown_order(2));
}

#[test]
fn a_run_for_one_store_leaves_the_orders_of_the_others() {
    let site = Site::new();
    site.add_store("S2");
    site.receive_operations(&[creation(1)]);
    site.receive(&[DocumentBuilder::order(1).to(by_guid(1))]);
    site.receive_from("S2", &[DocumentBuilder::order(2).to(by_guid(1))]);
    let options = JobOptions { store: Some(database("S2")), ..JobOptions::default() };
    site.hq.run_job(ORDERS, Trigger::Manual, options).expect("it runs");
    assert_eq!(
        (site.order(1).status, site.order(2).status),
        (OrderStatus::New, OrderStatus::Succeeded)
    );
    for (job, store) in [(ORDERS, "S9"), (JobName::Customers1010, "S1")] {
        let options = JobOptions { store: Some(database(store)), ..JobOptions::default() };
        assert!(site.hq.run_job(job, Trigger::Manual, options).is_err());
    }
}

#[test]
fn asking_for_one_order_says_what_it_cannot_do() {
    let site = Site::new();
    let number = transaction_number;
    site.receive(&[DocumentBuilder::sale(1), DocumentBuilder::order(2).to(by_account(9))]);
    site.hq.lock_order(&number(2), "eva").expect("locked");
    let ask = |n| site.hq.synchronize_order(&number(n)).expect_err("refused");
    assert!(matches!(ask(1), SynchronizeError::NotAnOrder(_)));
    assert!(matches!(ask(2), SynchronizeError::BeingEdited { .. }));
    assert!(matches!(ask(3), SynchronizeError::Unknown(_)));
}

/// A creation with a name that no field is wide enough for.
fn refused_creation(n: u32) -> tillsync_exchange::rows::operation::OperationRow {
    let content = serde_json::json!({ "customer_type": 1, "last_name": "x".repeat(26) });
    let content = serde_json::value::to_raw_value(&content).expect("JSON");
    tillsync_exchange::rows::operation::OperationRow { content, ..creation(n) }
}

/// An addition of an address whose country is no country.
fn refused_addition(n: u32, customer: u32) -> tillsync_exchange::rows::operation::OperationRow {
    let row = addition(n, customer, Rank::Primary);
    assert_eq!(row.kind, ActKind::AddAddress.as_str());
    let content = serde_json::json!({ "guid": address_guid(n).to_string(), "purpose": 2,
        "country": "nowhere at all" });
    let refused =
        AddressDraft { country: Some("nowhere at all".into()), ..AddressDraft::default() };
    assert!(refused.check(address_guid(n), CustomerType::Person).is_err());
    let content = serde_json::value::to_raw_value(&content).expect("JSON");
    tillsync_exchange::rows::operation::OperationRow { content, ..row }
}
