//! Validation: what may be posted, what waits, and what needs a person first.

use tillsync_domain::ids::{CustomerKey, TransactionNumber};
use tillsync_domain::job::JobName;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::statement::{LedgerAccount, StatementKind};
use tillsync_domain::validation::{Rule, ValidationStatus};
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::repair_transactions::RepairError;
use tillsync_hq::storage::Trigger;
use tillsync_hq::validate::{ValidateError, read_findings};
use tillsync_testkit::world::{Basket, Fault, World};

use super::orders::chain;

/// Two sales of one customer, at headquarters.
fn two_sales(world: &mut World) -> [TransactionNumber; 2] {
    let guid = world.create("S1", "Waller");
    let sales = [1, 2].map(|quantity| world.sell("S1", guid, Basket::of("coffee", quantity)));
    world.upload("S1").unwrap();
    sales
}

fn rules(world: &World, number: &TransactionNumber) -> Vec<(Option<String>, Option<u32>)> {
    let findings = read_findings(&world.transaction(number));
    findings.into_iter().map(|finding| (finding.rule, finding.line)).collect()
}

fn status(world: &World, number: &TransactionNumber) -> ValidationStatus {
    world.validation(number).0
}

fn switch_off(world: &World, rule: Rule) {
    world.change_parameters(|parameters| {
        parameters.rules_off.insert(rule);
    });
}

#[test]
fn each_breach_is_found_with_its_rule_and_line_and_passes_where_the_rule_is_off() {
    let receipt_of_the_first = "S1-000001";
    for (rule, line, field, value) in [
        (Rule::CustomerExists, None, "/trade/customer", "X-1"),
        (Rule::TotalsAgree, None, "/trade/payments/0/amount", "23.00"),
        (Rule::TotalsAgree, Some(1), "/trade/lines/0/price", "9.00"),
        (Rule::Tax, Some(1), "/trade/lines/0/tax_rate", "10"),
        (Rule::Currency, None, "/trade/currency", "NOK"),
        (Rule::ItemExists, Some(1), "/trade/lines/0/item", "nothing"),
        (Rule::UniqueReceipt, None, "/trade/receipt", receipt_of_the_first),
        (Rule::ShiftKnown, None, "/trade/shift", "nowhere"),
    ] {
        let mut world = chain();
        let [good, bad] = two_sales(&mut world);
        world.repair(&bad, field, value).unwrap();
        world.validate();
        assert_eq!(status(&world, &good), ValidationStatus::Successful, "{rule}");
        assert_eq!(status(&world, &bad), ValidationStatus::Error, "{rule}");
        let found = rules(&world, &bad);
        assert_eq!(found[0], (Some(rule.to_string()), line), "{rule}: {found:?}");
        assert!(found.iter().all(|(name, _)| *name == Some(rule.to_string())), "{found:?}");

        world.statements(StatementKind::Transactional);
        assert_eq!(world.posted_in(&bad), None, "an error stays out");
        assert!(world.posted_in(&good).is_some());

        switch_off(&world, rule);
        let options = JobOptions { errors_too: true, ..JobOptions::default() };
        world.hq().run_job(JobName::ValidateTransactions, Trigger::Manual, options).unwrap();
        let expected = match rule {
            // There is no account to post it to, whatever rules are off.
            Rule::CustomerExists => ValidationStatus::Waiting,
            _ => ValidationStatus::Successful,
        };
        assert_eq!(status(&world, &bad), expected, "{rule}: {:?}", rules(&world, &bad));
    }
}

#[test]
fn amounts_that_do_not_agree_are_never_posted_even_where_the_rule_is_off() {
    let mut world = chain();
    let [good, bad] = two_sales(&mut world);
    world.repair(&bad, "/trade/total", "25.00").unwrap();
    switch_off(&world, Rule::TotalsAgree);
    world.validate();
    let (status, why) = world.validation(&bad);
    assert_eq!(status, ValidationStatus::Error);
    assert!(why.contains("its lines come to 2400, but its total is 2500"), "{why}");
    assert_eq!(rules(&world, &bad)[0].0, None, "no rule that could be switched off");
    world.statements(StatementKind::Transactional);
    assert!(world.posted_in(&good).is_some());
    assert_eq!(world.posted_in(&bad), None);
}

#[test]
fn what_was_underpaid_is_owed_by_its_customer_where_the_rule_is_off() {
    let mut world = chain();
    let [good, bad] = two_sales(&mut world);
    world.repair(&bad, "/trade/payments/0/amount", "23.00").unwrap();
    switch_off(&world, Rule::TotalsAgree);
    world.validate();
    world.statements(StatementKind::Transactional);
    assert!(world.posted_in(&good).is_some() && world.posted_in(&bad).is_some());
    assert_eq!(world.owes(world_customer(&world)), 100);
}

#[test]
fn an_error_that_was_edited_and_run_again_goes_into_the_next_statement() {
    let mut world = chain();
    let [_, sale] = two_sales(&mut world);
    world.repair(&sale, "/trade/customer", "X-1").unwrap();
    world.validate();
    world.statements(StatementKind::Transactional);
    let account = world.account_of(world_customer(&world)).unwrap();
    world.repair(&sale, "/trade/customer", account.as_str()).unwrap();
    assert_eq!(status(&world, &sale), ValidationStatus::New);
    world.validate();
    assert_eq!(status(&world, &sale), ValidationStatus::Successful);
    world.statements(StatementKind::Transactional);
    assert_eq!(world.posted_in(&sale).unwrap().as_str(), "ST-00000002");
    let trail: Vec<_> = world.hq().list_edits(&sale).unwrap();
    assert_eq!(trail.len(), 2, "every change is kept");
}

/// The one customer of the story.
fn world_customer(world: &World) -> tillsync_domain::ids::CustomerGuid {
    let transactions = world.all_transactions();
    let sent = transactions.iter().find_map(|record| record.header.customer.clone());
    match sent {
        Some(CustomerKey::Temporary(guid)) => guid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_successful_sale_that_is_edited_is_validated_anew_and_a_posted_one_is_never_edited() {
    let mut world = chain();
    let [first, second] = two_sales(&mut world);
    world.validate();
    world.repair(&first, "/trade/total", "13.00").unwrap();
    assert_eq!(status(&world, &first), ValidationStatus::New);
    assert_eq!(world.transaction(&first).account, None, "its customer may be another one now");
    world.validate();
    assert_eq!(status(&world, &first), ValidationStatus::Error);
    world.statements(StatementKind::Transactional);
    assert!(matches!(
        world.repair(&second, "/trade/total", "1.00"),
        Err(RepairError::InStatement { .. })
    ));
    assert!(matches!(
        world.hq().validate_transaction(&second),
        Err(ValidateError::InStatement { .. })
    ));
    world.repair(&first, "/trade/total", "12.00").unwrap();
    let validated = world.hq().validate_transaction(&first).unwrap();
    assert_eq!(validated.validation, ValidationStatus::Successful);
}

#[test]
fn a_voided_sale_is_kept_and_never_posted() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let voided = world.void_sale("S1", guid, Basket::of("coffee", 2));
    let part = world.sell("S1", guid, Basket::of("coffee", 1).and("tea", 9).voided());
    world.close_shift("S1", "0.00");
    world.end_of_day();
    assert_eq!(status(&world, &voided), ValidationStatus::None);
    assert_eq!(world.posted_in(&voided), None);
    assert!(world.posted_in(&part).is_some());
    assert_eq!(world.transaction_at("S1", &voided).unwrap().trade.lines.len(), 1);
    assert_eq!(world.booked("S1", LedgerAccount::Sales), -1000);
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), 0);
}

#[test]
fn an_unknown_account_is_an_error_and_an_unknown_guid_waits() {
    let mut world = chain();
    world.line("S1.R1").suffer(Fault::Cut);
    let guid = world.create("S1.R1", "Waller");
    let by_guid = world.sell("S1", guid, Basket::of("coffee", 1));
    let nobody: CustomerKey = "X-1".parse().unwrap();
    let by_account = world.sell("S1", nobody, Basket::of("coffee", 1));
    world.end_of_day();
    assert_eq!(status(&world, &by_guid), ValidationStatus::Waiting);
    assert_eq!(status(&world, &by_account), ValidationStatus::Error);
    assert_eq!(rules(&world, &by_guid)[0].0, None, "no rule is broken");
    let counts = world.hq().storage().read(|tx| tx.transaction_counts()).unwrap();
    assert_eq!(counts.blocked_by_customer, 1);
    world.line("S1.R1").mend();
    world.end_of_day();
    assert!(world.posted_in(&by_guid).is_some());
    let counts = world.hq().storage().read(|tx| tx.transaction_counts()).unwrap();
    assert_eq!(counts.blocked_by_customer, 0);
}

#[test]
fn a_sale_whose_customer_could_not_be_promoted_waits_with_the_reason() {
    let mut world = chain();
    let bad = super::upload::send_operation(&world, "S2", r#"{"customer_type":1,"shoe_size":44}"#);
    world.run(JobName::SynchronizeCustomers);
    let sale = world.sell("S1", bad, Basket::of("coffee", 1));
    world.end_of_day();
    let (status, why) = world.validation(&sale);
    assert_eq!(status, ValidationStatus::Waiting);
    assert!(why.contains("could not be promoted") && why.contains("shoe_size"), "{why}");
    assert_eq!(world.posted_in(&sale), None);
}

#[test]
fn a_sale_whose_customer_found_no_number_is_posted_once_the_sequence_is_extended() {
    let mut world = chain();
    let limit = |largest| SequenceChange { largest: Some(largest), ..SequenceChange::default() };
    world.change_sequence(&limit(1));
    let guids = [world.create("S1", "First"), world.create("S1", "Second")];
    let sales = guids.map(|guid| world.sell("S1", guid, Basket::of("coffee", 1)));
    world.end_of_day();
    assert!(world.posted_in(&sales[0]).is_some());
    let (status, why) = world.validation(&sales[1]);
    assert_eq!(status, ValidationStatus::Waiting);
    assert!(why.contains("has no account yet"), "{why}");
    world.change_sequence(&limit(2));
    world.end_of_day();
    assert!(world.posted_in(&sales[1]).is_some());
    assert_eq!(world.transaction(&sales[1]).account, world.account_of(guids[1]));
}

#[test]
fn a_repair_that_would_leave_a_sale_unreadable_is_refused_and_changes_nothing() {
    let mut world = chain();
    let [sale, _] = two_sales(&mut world);
    let refused = world.repair(&sale, "/trade/lines/0/quantity", "a few").unwrap_err();
    assert!(matches!(refused, RepairError::Unreadable { .. }), "{refused}");
    assert!(world.hq().list_edits(&sale).unwrap().is_empty());
    assert!(world.transaction(&sale).repaired.is_none());
}
