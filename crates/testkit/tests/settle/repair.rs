//! Operators repair what was uploaded.

use expect_test::expect;
use serde_json::json;
use tillsync_domain::job::JobName;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::repair_transactions::{FieldChange, RepairError};
use tillsync_hq::storage::TransactionRecord;
use tillsync_testkit::builders::creation;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, transaction_number,
};

use crate::site::Site;

fn set(pointer: &str, value: impl Into<serde_json::Value>) -> FieldChange {
    FieldChange { pointer: pointer.to_owned(), value: Some(value.into()) }
}

fn to_customer(n: u32) -> [FieldChange; 1] {
    [set("/trade/customer", by_guid(n).to_string())]
}

fn repair(site: &Site, n: u32, changes: &[FieldChange]) -> Result<TransactionRecord, RepairError> {
    site.hq.repair_transaction(&transaction_number(n), "eva", changes)
}

#[test]
fn a_repaired_order_begins_anew_and_its_sales_order_is_on_hold_until_it_is_lifted() {
    let site = Site::new();
    site.receive_operations(&[creation(1)]);
    site.receive(&[DocumentBuilder::order(1).to(by_account(99))]);
    site.run(JobName::SynchronizeOrders);
    site.hq.lock_order(&transaction_number(1), "eva").expect("locked");
    repair(&site, 1, &to_customer(1)).expect("repaired");
    assert_eq!((site.order(1).status, site.order(1).tries), (OrderStatus::New, 0));
    site.run(JobName::SynchronizeOrders);
    expect!["Succeeded SO-00000001 for C-00000001 on hold ORDERSYNC"]
        .assert_eq(&site.shown_order(1));
    site.hq.lift_hold(&transaction_number(1)).expect("lifted");
    expect!["Succeeded SO-00000001 for C-00000001"].assert_eq(&site.shown_order(1));
    let again = site.hq.lift_hold(&transaction_number(1));
    assert!(matches!(again, Err(RepairError::NotOnHold(_))));
    let edits = site.hq.list_edits(&transaction_number(1)).expect("edits");
    let [edit] = edits.as_slice() else { panic!("one edit, not {edits:?}") };
    assert_eq!((edit.operator.as_str(), edit.field.as_str()), ("eva", "/trade/customer"));
    assert_eq!(edit.old, Some(format!("\"{}\"", by_account(99))));
    assert_eq!(edit.new, Some(format!("\"{}\"", by_guid(1))));
    let record = site.transaction(1);
    assert!(record.row.content.get().contains(&by_account(99).to_string()), "sent is sent");
    assert!(matches!(repair(&site, 1, &to_customer(2)), Err(RepairError::HasSalesOrder { .. })));
}

#[test]
fn a_trace_tells_what_was_recorded_and_who_repaired_it_when() {
    let site = Site::new();
    site.receive_operations(&[creation(1)]);
    site.receive(&[DocumentBuilder::order(1).to(by_account(99))]);
    site.run(JobName::SynchronizeOrders);
    site.hq.lock_order(&transaction_number(1), "eva").expect("locked");
    repair(&site, 1, &to_customer(1)).expect("repaired");
    site.run(JobName::SynchronizeOrders);
    let created_at = site.order(1).modified_at;
    site.pass(jiff::SignedDuration::from_hours(1));
    site.hq.lift_hold(&transaction_number(1)).expect("lifted");
    assert_eq!(site.order(1).modified_at, created_at, "the status did not change");
    let trace = site.hq.trace_customer(&by_guid(1)).expect("it is known");
    let told: Vec<_> = trace.events.iter().map(|event| event.what.as_str()).collect();
    for what in [
        "customer order T-000001: recorded under C-000099",
        "customer order T-000001: /trade/customer repaired by eva",
        "customer order T-000001: sales order SO-00000001 created",
    ] {
        assert!(told.contains(&what), "{what} is not in {told:#?}");
    }
}

#[test]
fn no_run_touches_an_order_that_is_being_edited_and_nobody_else_edits_it() {
    let site = Site::new();
    site.receive_operations(&[creation(1)]);
    site.receive(&[DocumentBuilder::order(1).to(by_guid(1))]);
    let number = transaction_number(1);
    site.hq.lock_order(&number, "eva").expect("locked");
    site.hq.lock_order(&number, "eva").expect("a repeat");
    let other = site.hq.lock_order(&number, "max");
    assert!(matches!(other, Err(RepairError::BeingEdited { .. })));
    let other = site.hq.repair_transaction(&number, "max", &to_customer(1));
    assert!(matches!(other, Err(RepairError::BeingEdited { .. })));
    site.run(JobName::SynchronizeOrders);
    assert_eq!(site.order(1).status, OrderStatus::Editing);
    site.hq.give_up_edit(&number).expect("given up");
    assert_eq!((site.order(1).status, site.order(1).editor), (OrderStatus::New, None));
    assert!(matches!(site.hq.give_up_edit(&number), Err(RepairError::NotBeingEdited(_))));
    site.run(JobName::SynchronizeOrders);
    expect!["Succeeded SO-00000001 for C-00000001"].assert_eq(&site.shown_order(1));
}

#[test]
fn two_customers_repaired_into_one_queue_get_their_own_accounts() {
    let site = Site::new();
    site.receive_operations(&[creation(1), creation(2)]);
    site.receive(&[
        DocumentBuilder::order(1).to(by_account(98)),
        DocumentBuilder::order(2).to(by_account(99)),
    ]);
    site.run(JobName::SynchronizeOrders);
    repair(&site, 1, &to_customer(2)).expect("repaired");
    repair(&site, 2, &to_customer(1)).expect("repaired");
    site.run(JobName::SynchronizeOrders);
    for (order, customer) in [(1, 2), (2, 1)] {
        assert_eq!(site.transaction(order).account, site.account_of(customer));
        assert!(site.transaction(order).account.is_some());
    }
}

#[test]
fn a_sale_in_error_is_repaired_and_validated_again() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1).in_shift(7)]);
    site.run(JobName::ValidateTransactions);
    assert_eq!(site.transaction(1).validation, ValidationStatus::Error);
    site.run(JobName::ValidateTransactions);
    repair(&site, 1, &[set("/trade/shift", "SH-1")]).expect("repaired");
    assert_eq!(site.transaction(1).validation, ValidationStatus::New);
    site.run(JobName::ValidateTransactions);
    assert_eq!(site.shown_validation(1), "Successful");
    // Nothing has taken it up, so a Successful one may be edited and is judged again.
    repair(&site, 1, &[set("/trade/total", "1.00")]).expect("repaired");
    let judged = site.hq.validate_transaction(&transaction_number(1)).expect("validated");
    assert_eq!(judged.validation, ValidationStatus::Error);
}

#[test]
fn a_repair_that_leaves_no_readable_document_changes_nothing() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1)]);
    let no_field = FieldChange { pointer: "/trade/nothing".into(), value: None };
    for (change, is_expected) in [
        (
            set("/trade/lines", "none"),
            (|error| matches!(error, RepairError::Unreadable { .. })) as fn(&_) -> bool,
        ),
        (set("/colour", "red"), |error| matches!(error, RepairError::Unreadable { .. })),
        (set("/trade/shift", "SH-1"), |error| matches!(error, RepairError::NoChange(_))),
        (no_field, |error| matches!(error, RepairError::Pointer { .. })),
    ] {
        let error = repair(&site, 1, &[change]).expect_err("refused");
        assert!(is_expected(&error), "{error:?}");
    }
    assert!(site.transaction(1).repaired.is_none());
    assert_eq!(site.hq.list_edits(&transaction_number(1)).expect("edits"), []);
}

#[test]
fn content_that_cannot_be_read_is_replaced_as_a_whole() {
    let site = Site::new();
    let good = DocumentBuilder::sale(1);
    let mut arriving = good.arriving();
    arriving.row.content = serde_json::value::to_raw_value(&json!({"new": 1})).expect("JSON");
    let source = tillsync_testkit::builders::upload_at(1);
    let taken =
        site.hq.storage().write(|tx| tx.documents_insert_once(&source, &[arriving.clone()]));
    taken.expect("it arrives");
    site.run(JobName::ValidateTransactions);
    assert_eq!(site.transaction(1).validation, ValidationStatus::Error);
    let whole: serde_json::Value = serde_json::from_str(good.row().content.get()).expect("JSON");
    repair(&site, 1, &[set("", whole)]).expect("repaired");
    site.run(JobName::ValidateTransactions);
    assert_eq!(site.shown_validation(1), "Successful");
    assert_eq!(site.transaction(1).content(), good.row().content.get());
}
