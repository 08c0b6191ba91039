//! People and jobs at the same time, each on a headquarters of its own over one database.

use serde_json::json;
use tillsync_domain::ids::{RunId, TransactionNumber};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::StatementKind;
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_hq::Headquarters;
use tillsync_hq::repair_transactions::{FieldChange, RepairError};
use tillsync_hq::synchronize_orders::OrderScope;
use tillsync_hq::validate::ValidationScope;
use tillsync_testkit::world::Basket;

use super::orders::chain;

const RUN: RunId = RunId::from_uuid(uuid::Uuid::nil());

fn set(field: &str, value: serde_json::Value) -> [FieldChange; 1] {
    [FieldChange { pointer: field.into(), value: Some(value) }]
}

/// Ruins sales and mends them again; what a statement has taken up is refused.
fn repair_over_and_over(hq: &Headquarters, sales: &[TransactionNumber]) -> usize {
    let mut refused = 0;
    for sale in sales {
        for total in ["99.00", "12.00"] {
            match hq.repair_transaction(sale, "olga", &set("/trade/total", json!(total))) {
                Ok(_) | Err(RepairError::NoChange(_)) => {}
                Err(RepairError::InStatement { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    refused
}

#[test]
fn an_operator_who_edits_while_statements_run_never_changes_what_is_posted() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sales: Vec<_> = (0..60).map(|_| world.sell("S1", guid, Basket::of("coffee", 1))).collect();
    world.upload("S1").unwrap();
    world.run(JobName::ValidateTransactions);
    let (olga, jobs) = (world.second_headquarters(), world.second_headquarters());
    std::thread::scope(|scope| {
        scope.spawn(|| repair_over_and_over(&olga, &sales));
        scope.spawn(|| {
            for _ in 0..6 {
                jobs.validate_transactions(&ValidationScope::default(), RUN, &mut || true).unwrap();
                let kind = StatementKind::Transactional;
                jobs.run_statements(kind, None, RUN, &mut || true).unwrap();
            }
        });
    });
    // Whatever the operator still could change, she left as it was.
    for sale in &sales {
        let total = world.transaction(sale).header.total.unwrap().1;
        if total != 1200 {
            world.repair(sale, "/trade/total", "12.00").unwrap();
        }
    }
    world.end_of_day();
    for sale in &sales {
        assert!(world.posted_in(sale).is_some(), "{:?}", world.validation(sale));
        assert_eq!(world.transaction(sale).header.total.unwrap().1, 1200);
    }
}

#[test]
fn locks_and_runs_race_for_orders_and_none_is_made_while_it_is_edited() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let basket = || Basket::of("coffee", 1).paid(Tender::Cash, "1.00");
    let orders: Vec<_> =
        (0..60).map(|_| world.order("S1", guid, Delivery::Pickup, basket())).collect();
    world.upload("S1").unwrap();
    let (olga, jobs) = (world.second_headquarters(), world.second_headquarters());
    let locked = std::thread::scope(|scope| {
        let runs = scope.spawn(|| {
            for _ in 0..10 {
                jobs.synchronize_orders(&OrderScope::default(), RUN, &|| true).unwrap();
            }
        });
        let locks = scope.spawn(|| {
            let lock = |order: &&TransactionNumber| match olga.lock_order(order, "olga") {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                    false
                }
            };
            orders.iter().rev().filter(lock).cloned().collect::<Vec<_>>()
        });
        runs.join().unwrap();
        locks.join().unwrap()
    });
    for order in &orders {
        let state = world.order_state(order);
        let is_locked = locked.contains(order);
        assert_eq!(state.status == OrderStatus::Editing, is_locked);
        assert_eq!(state.sales_order.is_some(), !is_locked, "either, never both");
    }
    for order in &locked {
        world.hq().give_up_edit(order).unwrap();
    }
    world.end_of_day();
    assert_eq!(world.owes(guid), -6000);
}

#[test]
fn two_stores_upload_while_every_job_runs() {
    let mut world = chain();
    let guids = ["S1", "S2"].map(|at| world.create(at, "Waller"));
    for n in 0..40 {
        world.sell("S1", guids[n % 2], Basket::of("coffee", 1));
        world.sell("S2", guids[n % 2], Basket::of("tea", 1));
    }
    let jobs = world.second_headquarters();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                work_once(&jobs);
            }
        });
        let world = &mut world;
        for n in 0..20 {
            let (first, second) = (guids[n % 2], guids[(n + 1) % 2]);
            world.sell("S1", first, Basket::of("gum", 3));
            world.order("S2", second, Delivery::Pickup, Basket::of("tea", 1));
            world.upload("S1").unwrap();
            world.upload("S2").unwrap();
        }
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    world.end_of_day();
    let transactions = world.all_transactions();
    assert_eq!(transactions.len(), 120);
    assert!(transactions.iter().all(|record| record.posted_at.is_some()));
}

fn work_once(hq: &Headquarters) {
    hq.synchronize_orders(&OrderScope::default(), RUN, &|| true).unwrap();
    hq.validate_transactions(&ValidationScope::default(), RUN, &mut || true).unwrap();
    hq.run_statements(StatementKind::Transactional, None, RUN, &mut || true).unwrap();
}

#[test]
fn a_store_gets_one_default_customer_however_many_ask_for_one() {
    let world = chain();
    let others = [world.second_headquarters(), world.second_headquarters()];
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads = others.each_ref().map(|hq| {
            scope.spawn(|| hq.create_default_customer(&"S1".parse().unwrap(), "Counter sales"))
        });
        threads.into_iter().filter_map(|thread| thread.join().unwrap().ok()).collect()
    });
    let databases = world.hq().list_databases().unwrap();
    let store = databases.iter().find(|record| record.database.id.as_str() == "S1").unwrap();
    assert_eq!(made, [store.default_customer.clone().unwrap()], "one answer, and it holds");
}
