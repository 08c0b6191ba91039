//! Customer orders on their way to sales orders: whoever comes first, the order or its customer.

use tillsync_channel::create::CreateCustomer;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::ids::{CustomerGuid, CustomerKey, RunId, TransactionNumber};
use tillsync_domain::job::JobName;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::StatementKind;
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::Headquarters;
use tillsync_hq::promote::Whom;
use tillsync_hq::repair_transactions::RepairError;
use tillsync_hq::storage::SequenceName;
use tillsync_hq::synchronize_orders::{OrderScope, SynchronizeError};
use tillsync_hq::validate::ValidationScope;
use tillsync_testkit::world::{Basket, Fault, World};

pub(crate) fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.add_register("S1.R1", "S1");
    world.stock();
    world
}

fn deposit(paid: &str) -> Basket {
    Basket::of("coffee", 3).paid(Tender::Cash, paid)
}

fn status(world: &World, order: &TransactionNumber) -> OrderStatus {
    world.order_status(order).0
}

fn sales_order(world: &World, order: &TransactionNumber) -> String {
    world.order_state(order).sales_order.expect("it has its sales order").to_string()
}

#[test]
fn an_order_that_arrives_before_its_customer_waits_without_using_up_a_try() {
    let mut world = chain();
    world.line("S1.R1").suffer(Fault::Cut);
    let guid = world.create("S1.R1", "Waller");
    let order = world.order("S1", guid, Delivery::Pickup, deposit("5.00"));
    let seen = world.transaction_at("S1", &order).unwrap();
    assert!(!seen.is_customer_known, "the store has never heard of the customer");
    assert_eq!(seen.account_for_people(), Some("Pending sync"));
    world.upload("S1").unwrap();
    for _ in 0..10 {
        let run = world.synchronize_orders();
        assert_eq!((&run["waiting"], &run["failed"]), (&1.into(), &0.into()));
        let state = world.order_state(&order);
        assert_eq!((state.status, state.tries), (OrderStatus::Waiting, 0));
        assert!(state.error.unwrap().contains("has not arrived from its store yet"));
        world.pass(jiff::SignedDuration::from_hours(1));
    }
    world.validate();
    assert_eq!(world.validation(&order).0, ValidationStatus::Waiting);

    world.line("S1.R1").mend();
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    assert_eq!(world.synchronize_orders()["created"], 1);
    assert_eq!(world.synchronize_orders()["created"], 0, "once is enough");
    assert_eq!(sales_order(&world, &order), "SO-00000001");
    let record = world.transaction(&order);
    assert_eq!(record.account, world.account_of(guid));
    assert_eq!(record.header.customer, Some(CustomerKey::Temporary(guid)), "as it was written");
    world.end_of_day();
    assert_eq!(world.owes(guid), -500, "the deposit");
}

#[test]
fn a_customer_that_arrives_before_its_order_needs_no_job_of_its_own() {
    let mut world = chain();
    let guid = world.create("S1.R1", "Waller");
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    let order = world.order("S1.R1", guid, Delivery::Pickup, deposit("36.00"));
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    assert_eq!(world.account_of(guid), None, "nothing has promoted the customer");
    assert_eq!(world.synchronize_orders()["created"], 1);
    assert_eq!(world.account_of(guid).unwrap().as_str(), "C-00000001");
    assert_eq!(status(&world, &order), OrderStatus::Succeeded);
}

#[test]
fn an_order_sent_to_an_address_that_is_not_synchronized_promotes_both() {
    let mut world = chain();
    let street = AddressDraft { street: Some("Main Street".into()), ..AddressDraft::default() };
    let customer = CustomerDraft { last_name: Some("Waller".into()), ..CustomerDraft::default() };
    let request = CreateCustomer { customer, addresses: vec![street], ..CreateCustomer::default() };
    let guid = world.create_as("S1", request);
    let view = world.find("S1", &CustomerKey::Temporary(guid)).unwrap();
    let address = view.addresses[0].content.guid;
    let order = world.order("S1", guid, Delivery::Ship(address), deposit("1.00"));
    world.upload("S1").unwrap();
    assert_eq!(world.synchronize_orders()["created"], 1);
    let record = world.hq().show_customer(&CustomerKey::Temporary(guid)).unwrap();
    assert_eq!(record.addresses.len(), 1);
    assert_eq!(world.transaction(&order).header.ship_to, Some(address));
}

#[test]
fn an_order_of_a_permanent_customer_to_a_pending_address_promotes_the_address() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.settle();
    let account = world.account_of(guid).unwrap();
    world.line("S2").suffer(Fault::Cut);
    let address = world.add_address("S2", CustomerKey::Numbered(account.clone()), "Late Lane");
    let early = world.order("S1", &account, Delivery::Ship(address), deposit("1.00"));
    world.upload("S1").unwrap();
    world.synchronize_orders();
    let (waiting, why) = world.order_status(&early);
    assert_eq!(waiting, OrderStatus::Waiting);
    assert!(why.unwrap().contains("waits for address"));
    world.line("S2").mend();
    world.upload("S2").unwrap();
    assert_eq!(world.synchronize_orders()["created"], 1);
    let record = world.hq().show_customer(&CustomerKey::Numbered(account)).unwrap();
    assert_eq!(record.addresses.len(), 1, "no sync job has run meanwhile");
}

#[test]
fn an_address_of_somebody_else_fails_until_it_is_repaired() {
    let mut world = chain();
    let (mine, theirs) = (world.create("S1", "Mine"), world.create("S2", "Theirs"));
    let address = world.add_address("S2", CustomerKey::Temporary(theirs), "Their Street");
    let order = world.order("S1", mine, Delivery::Ship(address), deposit("1.00"));
    world.upload("S1").unwrap();
    world.upload("S2").unwrap();
    world.run(JobName::SynchronizeCustomers);
    assert_eq!(world.synchronize_orders()["failed"], 1);
    let state = world.order_state(&order);
    assert_eq!((state.status, state.tries), (OrderStatus::Failed, 1));
    assert!(state.error.unwrap().contains("belongs to another customer"));
    world.repair(&order, "/ship_to", serde_json::Value::Null).unwrap();
    assert_eq!(world.synchronize_orders()["held"], 1);
}

/// Does one of the four things that may promote or post, by turns.
fn work(hq: &Headquarters, turn: usize, run: RunId) {
    match turn % 4 {
        0 => {
            hq.promote_customers(&Whom::Due, run, &mut |_| true).unwrap();
        }
        1 => {
            hq.synchronize_orders(&OrderScope::default(), run, &|| true).unwrap();
        }
        2 => {
            hq.validate_transactions(&ValidationScope::default(), run, &mut || true).unwrap();
        }
        _ => {
            let kind = StatementKind::Transactional;
            hq.run_statements(kind, None, run, &mut || true).unwrap();
        }
    }
}

#[test]
fn every_job_races_for_one_customer_and_there_is_one_account_one_order_and_one_posting() {
    for round in 0..4 {
        let mut world = chain();
        let guid = world.create("S1", &format!("Racer {round}"));
        let order = world.order("S1", guid, Delivery::Pickup, deposit("7.00"));
        let sale = world.sell("S1", guid, Basket::of("tea", 1));
        world.upload("S1").unwrap();
        let others: Vec<_> = (0..2).map(|_| world.second_headquarters()).collect();
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let hqs: Vec<_> = others.iter().chain([world.hq(), world.hq()]).collect();
        std::thread::scope(|scope| {
            for (n, hq) in hqs.into_iter().enumerate() {
                scope.spawn(move || (n..n + 8).for_each(|turn| work(hq, turn, run)));
            }
        });
        world.end_of_day();
        assert_eq!(world.account_of(guid).unwrap().as_str(), "C-00000001");
        assert_eq!(world.hq().storage().read(|tx| tx.customers_count()).unwrap(), 1);
        assert_eq!(sales_order(&world, &order), "SO-00000001");
        assert_eq!(world.transaction(&sale).account, world.account_of(guid));
        assert!(world.posted_in(&sale).is_some() && world.posted_in(&order).is_some());
        assert_eq!(world.owes(guid), -700);
    }
}

#[test]
fn many_orders_for_many_workers_get_one_sales_order_each_and_no_number_is_wasted() {
    let mut world = chain();
    world.change_parameters(|parameters| parameters.order_workers = 8);
    let guids: Vec<_> = (0..20).map(|n| world.create("S1", &format!("Customer {n}"))).collect();
    let orders: Vec<_> = (0..600)
        .map(|n| world.order("S1", guids[n % 20], Delivery::Pickup, deposit("1.00")))
        .collect();
    world.upload("S1").unwrap();
    let second = world.second_headquarters();
    let run = RunId::from_uuid(uuid::Uuid::nil());
    let created: u64 = std::thread::scope(|scope| {
        let callers = [world.hq(), &second];
        let threads = callers.map(|hq| {
            scope.spawn(move || hq.synchronize_orders(&OrderScope::default(), run, &|| true))
        });
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap().created).sum()
    });
    assert_eq!(created, 600);
    let numbers: std::collections::BTreeSet<_> =
        orders.iter().map(|order| sales_order(&world, order)).collect();
    assert_eq!(numbers.len(), 600);
    assert_eq!(numbers.last().unwrap(), "SO-00000600");
}

/// Two customers that a clerk mixed up.
fn two_wrong_orders(world: &mut World) -> ([CustomerGuid; 2], [TransactionNumber; 2]) {
    let guids = [world.create("S1", "Berry"), world.create("S1", "Waller")];
    world.settle();
    let orders = ["X-1", "X-2"].map(|wrong| {
        let nobody: CustomerKey = wrong.parse().unwrap();
        world.order("S1", nobody, Delivery::Pickup, deposit("2.00"))
    });
    world.upload("S1").unwrap();
    assert_eq!(world.synchronize_orders()["failed"], 2);
    (guids, orders)
}

#[test]
fn two_repaired_orders_get_a_sales_order_each_and_lifting_one_hold_leaves_the_other() {
    let mut world = chain();
    let (guids, orders) = two_wrong_orders(&mut world);
    for (order, guid) in orders.iter().zip(guids) {
        let (_, error) = world.order_status(order);
        assert!(error.unwrap().contains("no customer has account"));
        let account = world.account_of(guid).unwrap();
        world.repair(order, "/trade/customer", account.as_str()).unwrap();
    }
    let run = world.synchronize_orders();
    assert_eq!((&run["created"], &run["held"]), (&2.into(), &2.into()));
    assert_ne!(sales_order(&world, &orders[0]), sales_order(&world, &orders[1]));
    for (order, guid) in orders.iter().zip(guids) {
        assert_eq!(world.transaction(order).account, world.account_of(guid));
    }
    world.hq().lift_hold(&orders[0]).unwrap();
    let holds = orders.each_ref().map(|order| world.order_state(order).hold);
    assert_eq!(holds, [None, Some("ORDERSYNC".to_owned())]);
    assert!(matches!(world.hq().lift_hold(&orders[0]), Err(RepairError::NotOnHold(_))));
}

#[test]
fn two_wrong_orders_can_be_repaired_to_the_same_customer() {
    let mut world = chain();
    let (guids, orders) = two_wrong_orders(&mut world);
    let account = world.account_of(guids[0]).unwrap();
    world.repair(&orders[0], "/trade/customer", account.as_str()).unwrap();
    world.repair(&orders[1], "/trade/customer", guids[0].to_string()).unwrap();
    assert_eq!(world.synchronize_orders()["created"], 2);
    assert_ne!(sales_order(&world, &orders[0]), sales_order(&world, &orders[1]));
    for order in &orders {
        assert_eq!(world.transaction(order).account.as_ref(), Some(&account));
        let edits = world.hq().list_edits(order).unwrap();
        let [edit] = edits.as_slice() else { panic!("one change: {edits:?}") };
        assert_eq!((edit.operator.as_str(), edit.field.as_str()), ("olga", "/trade/customer"));
        assert!(edit.old.as_ref().unwrap().contains("X-"));
    }
    world.end_of_day();
    assert_eq!(world.owes(&account), -400);
}

#[test]
fn an_order_that_is_being_edited_is_left_alone_and_giving_up_restores_its_status() {
    let mut world = chain();
    let (_, [first, second]) = two_wrong_orders(&mut world);
    let before = world.order_state(&first);
    world.hq().lock_order(&first, "olga").unwrap();
    assert!(matches!(world.hq().lock_order(&first, "otto"), Err(RepairError::BeingEdited { .. })));
    world.pass(jiff::SignedDuration::from_hours(24));
    let run = world.synchronize_orders();
    assert_eq!(run["failed"], 1, "the other one is tried again");
    assert_eq!(status(&world, &first), OrderStatus::Editing);
    assert_eq!(world.order_state(&first).tries, before.tries);
    assert!(matches!(
        world.hq().synchronize_order(&first),
        Err(SynchronizeError::BeingEdited { .. })
    ));
    world.hq().give_up_edit(&first).unwrap();
    let after = world.order_state(&first);
    assert_eq!((after.status, after.error), (before.status, before.error));
    assert!(!after.is_repaired, "nothing was saved");
    assert!(matches!(world.hq().give_up_edit(&second), Err(RepairError::NotBeingEdited(_))));
}

#[test]
fn a_failed_order_is_tried_less_and_less_often_up_to_a_limit_and_then_by_hand() {
    let mut world = chain();
    world.change_parameters(|parameters| parameters.order_tries_max = 3);
    let nobody: CustomerKey = "X-1".parse().unwrap();
    let order = world.order("S1", nobody, Delivery::Pickup, deposit("2.00"));
    world.upload("S1").unwrap();
    world.synchronize_orders();
    assert_eq!(world.order_state(&order).tries, 1);
    world.synchronize_orders();
    assert_eq!(world.order_state(&order).tries, 1, "the back-off is not over");
    let mut pauses = Vec::new();
    while let Some(next) = world.order_state(&order).next_try_at {
        let since = world.order_state(&order).modified_at;
        pauses.push(next.duration_since(since));
        world.pass(next.duration_since(since));
        world.synchronize_orders();
    }
    assert_eq!((world.order_state(&order).tries, pauses.len()), (3, 2));
    assert!(pauses[0] < pauses[1], "{pauses:?}");
    world.pass(jiff::SignedDuration::from_hours(24 * 30));
    assert_eq!(world.synchronize_orders()["failed"], 0, "it waits for a person");
    assert_eq!(status(&world, &order), OrderStatus::Failed);
    let by_hand = world.hq().synchronize_order(&order).unwrap();
    assert_eq!(by_hand.order.unwrap().tries, 4, "by hand it is tried however often it failed");
    let guid = world.create("S1", "Berry");
    world.upload("S1").unwrap();
    world.repair(&order, "/trade/customer", guid.to_string()).unwrap();
    assert_eq!(world.order_state(&order).tries, 0, "a repair begins anew");
    assert_eq!(world.synchronize_orders()["created"], 1);
}

#[test]
fn orders_without_a_number_stay_and_get_theirs_when_the_sequence_is_extended() {
    use tillsync_domain::number_sequence::SequenceChange;
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let orders = [1, 2, 3].map(|_| world.order("S1", guid, Delivery::Pickup, deposit("2.00")));
    world.upload("S1").unwrap();
    let limit = |largest| SequenceChange { largest: Some(largest), ..SequenceChange::default() };
    world.hq().change_sequence(SequenceName::SalesOrder, &limit(2)).unwrap();
    let run = world.run(JobName::SynchronizeOrders);
    assert_eq!((&run.detail["created"], &run.detail["without_number"]), (&2.into(), &1.into()));
    assert!(run.error.unwrap().contains("sales-order"));
    assert_eq!(world.order_state(&orders[2]).tries, 0);
    world.hq().change_sequence(SequenceName::SalesOrder, &limit(100)).unwrap();
    assert_eq!(world.synchronize_orders()["created"], 1);
    assert_eq!(sales_order(&world, &orders[2]), "SO-00000003");
}

#[test]
fn only_deposits_of_an_order_are_posted_and_only_once_it_has_its_sales_order() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let basket = Basket::of("coffee", 3).paid(Tender::Card, "10.00").paid(Tender::Cash, "3.00");
    let order = world.order("S1", guid, Delivery::Pickup, basket);
    world.upload("S1").unwrap();
    world.validate();
    let (waiting, why) = world.validation(&order);
    assert_eq!(waiting, ValidationStatus::Waiting);
    assert!(why.contains("waits for its sales order"), "{why}");
    assert_eq!(world.statements(StatementKind::Transactional)["begun"], 0);
    world.end_of_day();
    expect_test::expect![[r#"
        S1 cash 3.00 EUR
        S1 cards 10.00 EUR
        S1 customers -13.00 EUR"#]]
    .assert_eq(&world.trial_balance());
}
