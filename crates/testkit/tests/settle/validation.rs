//! Validation: promotion first, then the rules.

use expect_test::expect;
use tillsync_domain::job::JobName;
use tillsync_domain::shift::ShiftAct;
use tillsync_domain::validation::{Rule, ValidationStatus};
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{RunOutcome, Trigger};
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, transaction_number,
};
use tillsync_testkit::builders::{Rank, addition, creation, customer_guid};

use crate::site::Site;

const VALIDATE: JobName = JobName::ValidateTransactions;

#[test]
fn a_sale_promotes_its_customer_with_its_address_before_it_is_judged() {
    let site = Site::new();
    site.receive_operations(&[creation(1), addition(2, 1, Rank::Primary)]);
    site.receive(&[DocumentBuilder::sale(1).to(by_guid(1)), DocumentBuilder::sale(2)]);
    assert_eq!(site.run(VALIDATE).outcome, RunOutcome::Succeeded);
    expect!["Successful for C-00000001"].assert_eq(&site.shown_validation(1));
    expect!["Successful"].assert_eq(&site.shown_validation(2));
    assert_eq!(site.transaction(1).header.customer, Some(by_guid(1)));
    let customer = site.hq.show_customer(&by_guid(1)).expect("a customer");
    assert_eq!(customer.addresses.len(), 1);
}

#[test]
fn a_sale_to_a_guid_that_is_not_here_waits_and_is_never_an_error() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1).to(by_guid(1))]);
    for _ in 0..3 {
        assert_eq!(site.run(VALIDATE).outcome, RunOutcome::Succeeded);
    }
    let shown = site.shown_validation(1);
    let waits = format!(
        "Waiting\nalways: waits for customer Pending sync ({}), which has",
        customer_guid(1)
    );
    assert!(shown.starts_with(&waits), "{shown}");
    site.receive_operations(&[creation(1)]);
    site.run(VALIDATE);
    expect!["Successful for C-00000001"].assert_eq(&site.shown_validation(1));
}

#[test]
fn an_unknown_account_is_an_error_until_its_rule_is_off_and_even_then_never_postable() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1).to(by_account(9))]);
    site.run(VALIDATE);
    expect![[r#"
        Error
        customer-exists: no customer has account C-000009"#]]
    .assert_eq(&site.shown_validation(1));
    site.set(|parameters| {
        parameters.rules_off.insert(Rule::CustomerExists);
    });
    site.run(VALIDATE);
    assert_eq!(site.transaction(1).validation, ValidationStatus::Error, "until it is run again");
    site.hq.validate_transaction(&transaction_number(1)).expect("validated");
    assert_eq!(site.transaction(1).validation, ValidationStatus::Waiting);
}

#[test]
fn a_rule_that_is_off_is_not_asked_and_errors_can_be_looked_at_again() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1).in_shift(7), DocumentBuilder::sale(2).in_shift(8)]);
    assert_eq!(site.run(VALIDATE).outcome, RunOutcome::CompletedWithErrors);
    site.set(|parameters| {
        parameters.rules_off.insert(Rule::ShiftKnown);
    });
    let options = JobOptions { errors_too: true, ..JobOptions::default() };
    let run = site.hq.run_job(VALIDATE, Trigger::Manual, options).expect("it runs");
    assert_eq!((run.detail["successful"].as_u64(), run.outcome), (Some(2), RunOutcome::Succeeded));
}

#[test]
fn the_second_holder_of_a_receipt_number_is_the_one_in_error() {
    let site = Site::new();
    site.receive(&[DocumentBuilder::sale(1), DocumentBuilder::sale(2).receipt(1)]);
    site.run(VALIDATE);
    expect!["Successful"].assert_eq(&site.shown_validation(1));
    expect![[r#"
        Error
        unique-receipt: transaction T-000001 has receipt number R-000001 already"#]]
    .assert_eq(&site.shown_validation(2));
}

#[test]
fn an_order_is_validated_once_it_has_its_sales_order() {
    let site = Site::new();
    site.receive_operations(&[creation(1)]);
    site.receive(&[DocumentBuilder::order(1).to(by_guid(1))]);
    site.run(VALIDATE);
    expect![[r#"
        Waiting for C-00000001
        always: waits for its sales order"#]]
    .assert_eq(&site.shown_validation(1));
    site.run(JobName::SynchronizeOrders);
    site.run(VALIDATE);
    expect!["Successful for C-00000001"].assert_eq(&site.shown_validation(1));
}

#[test]
fn foreign_currencies_unknown_shifts_and_voided_sales_are_told_apart() {
    let site = Site::new();
    let opening = ShiftAct::Opened { float: vec![] };
    site.receive(&[
        DocumentBuilder::sale(1).currency("SEK"),
        DocumentBuilder::voided(2),
        DocumentBuilder::sale(3).in_shift(5),
        DocumentBuilder::shift(4, 5, opening),
        DocumentBuilder::sale(5).in_shift(6),
    ]);
    site.run(VALIDATE);
    let shown: Vec<_> = [1, 2, 3, 5].map(|n| site.shown_validation(n)).into();
    expect![[r#"
        Error
        currency: no active item has a price in SEK
        None
        Successful
        Error
        shift-known: no opening of shift SH-6 has arrived"#]]
    .assert_eq(&shown.join("\n"));
}
