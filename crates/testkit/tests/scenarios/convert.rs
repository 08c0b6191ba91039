//! The main road: created at the edge, uploaded, promoted, distributed.

use expect_test::expect;
use tillsync_channel::create::CreateCustomer;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::trace::Stage;
use tillsync_testkit::world::{Fault, World};

fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.add_register("S1.R1", "S1");
    world
}

#[test]
fn the_three_steps_turn_a_guid_into_an_account_everywhere() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    assert_eq!(world.account_at("S1", guid), "Pending sync");
    assert_eq!(world.account_at("S2", guid), "unknown");

    world.upload("S1").unwrap();
    assert_eq!(world.trace(guid).stage, Stage::Staged);
    world.run(JobName::SynchronizeCustomers);
    assert_eq!(world.trace(guid).stage, Stage::Promoted);
    assert_eq!(world.account_at("S1", guid), "Pending sync", "the store has not heard of it");

    world.run(JobName::Customers1010);
    world.download("S1").unwrap();
    assert_eq!(world.trace(guid).stage, Stage::PartlyDistributed);
    assert_eq!(world.account_at("S1", guid), "C-00000001");
    assert_eq!(world.account_at("S2", guid), "unknown", "distribution is per database");

    world.download("S2").unwrap();
    world.download("S1.R1").unwrap();
    assert_eq!(world.account_at("S2", guid), "C-00000001");
    assert_eq!(world.trace(guid).stage, Stage::Distributed);
}

#[test]
fn a_customer_of_a_cut_off_register_of_a_cut_off_store_arrives_whole() {
    let mut world = chain();
    world.line("S1").suffer(Fault::Cut);
    world.line("S1.R1").suffer(Fault::Cut);
    let address =
        |street: &str| AddressDraft { street: Some(street.into()), ..AddressDraft::default() };
    let guid = world.create_as(
        "S1.R1",
        CreateCustomer {
            customer: CustomerDraft { last_name: Some("Berry".into()), ..Default::default() },
            addresses: (0..20).map(|n| address(&format!("Street {n}"))).collect(),
            ..Default::default()
        },
    );
    let created_at = world.find("S1.R1", &CustomerKey::Temporary(guid)).unwrap().created_at;
    assert!(world.upload("S1.R1").is_err());
    world.line("S1.R1").mend();
    world.upload("S1.R1").unwrap();
    assert_eq!(world.account_at("S1", guid), "Pending sync");
    assert!(world.upload("S1").is_err());
    world.settle();

    let record = world.hq().show_customer(&CustomerKey::Temporary(guid)).unwrap();
    assert_eq!(record.customer.created_at, created_at);
    assert_eq!(record.addresses.len(), 20);
    assert_eq!(record.addresses.iter().filter(|a| a.content.is_primary).count(), 1);
    for at in ["S1", "S2", "S1.R1"] {
        let view = world.find(at, &CustomerKey::Temporary(guid)).unwrap();
        assert_eq!((view.account_for_people(), view.addresses.len()), ("C-00000001", 20));
    }
}

#[test]
fn steps_in_any_order_are_harmless_and_a_later_run_completes() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.run(JobName::Customers1010);
    world.run(JobName::SynchronizeCustomers);
    world.download("S1").unwrap();
    assert_eq!(world.account_at("S1", guid), "Pending sync");
    world.upload("S1").unwrap();
    world.run(JobName::Customers1010);
    world.download("S1").unwrap();
    assert_eq!(world.account_at("S1", guid), "Pending sync");
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    world.download("S1").unwrap();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
}

#[test]
fn an_address_added_after_promotion_and_before_1010_lands_on_the_account() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.add_address("S1", CustomerKey::Temporary(guid), "Late Lane");
    world.settle();
    let record = world.hq().show_customer(&CustomerKey::Temporary(guid)).unwrap();
    assert_eq!(record.addresses.len(), 1);
    assert_eq!(world.find("S2", &CustomerKey::Temporary(guid)).unwrap().addresses.len(), 1);
}

#[test]
fn a_permanent_customer_takes_an_address_while_headquarters_is_away() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.settle();
    world.line("S2").suffer(Fault::Cut);
    let account = CustomerKey::Numbered(world.account_of(guid).unwrap());
    world.add_address("S2", account.clone(), "Second Street");
    assert_eq!(world.find("S2", &account).unwrap().addresses.len(), 1);
    world.settle();
    assert_eq!(world.find("S1", &account).unwrap().addresses.len(), 1);
    assert_eq!(world.hq().show_customer(&account).unwrap().addresses.len(), 1);
}

#[test]
fn each_operation_carries_its_own_completion_flag() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.add_address("S1", CustomerKey::Temporary(guid), "Main Street");
    world.upload("S1").unwrap();
    let statuses = |world: &World| {
        let operations = world.hq().storage().read(|tx| tx.operations_of(&guid)).unwrap();
        operations.iter().map(|o| (o.status, o.completed_at.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&world), [(OperationStatus::Pending, false); 2]);
    world.run(JobName::SynchronizeCustomers);
    assert_eq!(statuses(&world), [(OperationStatus::Succeeded, true); 2]);
}

#[test]
fn a_bad_operation_keeps_its_error_and_stops_no_other() {
    let mut world = chain();
    let before = world.create("S1", "Before");
    world.upload("S1").unwrap();
    let bad = super::upload::send_operation(&world, "S2", r#"{"customer_type":1,"shoe_size":44}"#);
    let after = world.create("S1", "After");
    world.upload("S1").unwrap();
    let run = world.run(JobName::SynchronizeCustomers);
    assert_eq!(run.detail["promoted"], 2);
    assert_eq!(run.detail["failed"], 1);
    assert!(world.account_of(before).is_some() && world.account_of(after).is_some());

    let failed = world.hq().list_operations(OperationStatus::Failed, InboxPosition(0), 10);
    let (failed, _) = failed.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].row.customer, failed[0].tries), (bad, 1));
    let error = failed[0].error.as_deref().unwrap();
    assert!(error.contains("unknown field `shoe_size`"), "{error}");
    let trace = world.trace(bad);
    assert_eq!((trace.stage, trace.error.as_deref()), (Stage::Failed, Some(error)));
}

#[test]
fn what_this_version_cannot_read_is_tried_again_for_ever() {
    let world = chain();
    let guid = super::upload::send_operation(&world, "S1", r#"{"from_a_later_version":1}"#);
    for tries in 1..=8 {
        world.run(JobName::SynchronizeCustomers);
        world.pass(jiff::SignedDuration::from_hours(2));
        let operations = world.hq().storage().read(|tx| tx.operations_of(&guid)).unwrap();
        assert_eq!((operations[0].tries, operations[0].next_try_at.is_some()), (tries, true));
    }
}

#[test]
fn one_bad_customer_in_ten_thousand_fails_alone() {
    let mut world = chain();
    let source = super::upload::Sender::new(&world, "S1");
    source.send_customers(10_000, |n| match n {
        4_321 => r#"{"customer_type":1,"first_name":"No\u0007Good"}"#.into(),
        n => format!(r#"{{"customer_type":1,"last_name":"Customer {n}"}}"#),
    });
    let run = world.run(JobName::SynchronizeCustomers);
    assert_eq!((&run.detail["promoted"], &run.detail["failed"]), (&9_999.into(), &1.into()));
    world.settle();
    expect![[r#"
        hq: 9999 customers, 1 operations failed
        S1.R1: 9999 customers
        S1: 9999 customers
        S2: 9999 customers"#]]
    .assert_eq(&world.render());
}

#[test]
fn three_callers_race_for_one_guid_and_it_gets_one_account() {
    let mut world = chain();
    let guids: Vec<_> = (0..50).map(|n| world.create("S1", &format!("Racer {n}"))).collect();
    world.upload("S1").unwrap();
    let callers: Vec<_> = (0..3).map(|_| world.second_headquarters()).collect();
    std::thread::scope(|scope| {
        for caller in &callers {
            scope.spawn(|| {
                let whom = tillsync_hq::promote::Whom::Only(guids.clone());
                let run = tillsync_domain::ids::RunId::from_uuid(uuid::Uuid::nil());
                caller.promote_customers(&whom, run, &mut |_| true).unwrap();
            });
        }
    });
    let accounts: std::collections::BTreeSet<_> =
        guids.iter().map(|guid| world.account_of(*guid).unwrap()).collect();
    assert_eq!(accounts.len(), 50);
    assert_eq!(accounts.last().unwrap().as_str(), "C-00000050", "no number was wasted");
}

#[test]
fn either_key_finds_the_customer_for_ever() {
    let mut world = chain();
    let guid = world.create("S1.R1", "Waller");
    world.settle();
    let account = world.account_of(guid).unwrap();
    for at in ["S1", "S2", "S1.R1"] {
        let by_guid = world.find(at, &CustomerKey::Temporary(guid)).unwrap();
        let by_account = world.find(at, &CustomerKey::Numbered(account.clone())).unwrap();
        assert_eq!(by_guid, by_account);
    }
    let by_guid = world.hq().show_customer(&CustomerKey::Temporary(guid)).unwrap();
    let by_account = world.hq().show_customer(&CustomerKey::Numbered(account)).unwrap();
    assert_eq!(by_guid, by_account);
}
