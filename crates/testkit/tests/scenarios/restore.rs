//! Databases put back to an older copy, and copies that go on living (F64).

use tillsync_domain::job::JobName;
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::statement::LedgerAccount;
use tillsync_hq::trace::Stage;
use tillsync_testkit::world::{Basket, Fault, World};

fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world
}

#[test]
fn a_store_restored_from_an_older_copy_loses_and_repeats_nothing() {
    let mut world = chain();
    let kept = world.create("S1", "Kept");
    world.upload("S1").unwrap();
    let copy = world.back_up("S1");
    let uploaded = world.create("S1", "Uploaded");
    world.settle();
    world.restore("S1", &copy);
    let fresh = world.create("S1", "Fresh");
    let sent = world.upload("S1").unwrap();
    assert!(sent.new_epoch.is_some(), "the copy was recognised");
    world.settle();
    for guid in [kept, uploaded, fresh] {
        assert_ne!(world.account_at("S1", guid), "Pending sync");
        assert_ne!(world.account_at("S1", guid), "unknown");
    }
    assert_eq!(world.hq().storage().read(|tx| tx.customers_count()).unwrap(), 3);
}

#[test]
fn a_restored_store_that_outgrew_its_past_is_recognised_by_the_operation_id() {
    let mut world = chain();
    let copy = world.back_up("S1");
    let past: Vec<_> = (0..3).map(|n| world.create("S1", &format!("Past {n}"))).collect();
    world.settle();
    world.restore("S1", &copy);
    let present: Vec<_> = (0..7).map(|n| world.create("S1", &format!("Present {n}"))).collect();
    assert!(world.upload("S1").unwrap().new_epoch.is_some());
    world.settle();
    for guid in past.iter().chain(&present) {
        assert!(world.account_of(*guid).is_some());
    }
    assert_eq!(world.hq().storage().read(|tx| tx.customers_count()).unwrap(), 10);
}

#[test]
fn what_a_register_sends_again_does_not_hide_that_its_store_was_restored() {
    let mut world = chain();
    let copy = world.back_up("S1");
    let past = world.create("S1", "Past");
    let between = world.create("S1.R1", "Between");
    world.upload("S1.R1").unwrap();
    world.upload("S1").unwrap();
    world.restore("S1", &copy);
    // Where headquarters stands, the same entry stands again; before it, another one.
    let fresh = world.create("S1", "Fresh");
    let late = world.create("S1.R1", "Late");
    world.upload("S1.R1").unwrap();
    assert!(world.upload("S1").unwrap().new_epoch.is_some(), "the copy was recognised");
    world.settle();
    for guid in [past, between, fresh, late] {
        assert!(world.account_of(guid).is_some());
    }
}

#[test]
fn a_restored_store_that_created_nothing_still_gets_back_what_it_was_sent() {
    let mut world = chain();
    world.add_store("S2");
    world.settle();
    let copy = world.back_up("S1");
    let guid = world.create("S2", "Elsewhere");
    world.settle();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
    world.restore("S1", &copy);
    assert_eq!(world.account_at("S1", guid), "unknown");
    world.settle();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
}

#[test]
fn a_lost_report_is_made_good_by_the_next_poll() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    world.line("S1").suffer(Fault::DropAppliedReports);
    world.download("S1").ok();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
    assert_eq!(world.trace(guid).stage, Stage::Promoted, "headquarters was not told");
    world.line("S1").mend();
    assert_eq!(world.download("S1").unwrap(), 0, "nothing is applied twice");
    assert_eq!(world.trace(guid).stage, Stage::PartlyDistributed);
}

#[test]
fn a_restored_register_loses_nothing_either() {
    let mut world = chain();
    world.create("S1.R1", "Kept");
    let copy = world.back_up("S1.R1");
    world.create("S1.R1", "Uploaded");
    world.upload("S1.R1").unwrap();
    world.restore("S1.R1", &copy);
    world.create("S1.R1", "Fresh");
    world.settle();
    assert_eq!(world.hq().storage().read(|tx| tx.customers_count()).unwrap(), 3);
}

#[test]
fn a_store_restored_behind_its_registers_gets_their_customers_again() {
    let mut world = chain();
    let copy = world.back_up("S1");
    let guid = world.create("S1.R1", "Between");
    world.upload("S1.R1").unwrap();
    world.restore("S1", &copy);
    assert_eq!(world.account_at("S1", guid), "unknown");
    world.settle();
    assert_eq!(world.account_at("S1", guid), "C-00000001");
}

#[test]
fn a_shift_that_a_restore_lost_stays_open_at_headquarters_and_its_sales_are_posted() {
    let mut world = chain();
    world.stock();
    let guid = world.create("S1", "Waller");
    let copy = world.back_up("S1");
    let lost = world.open_shift("S1", "50.00");
    let sale = world.sell("S1", guid, Basket::of("coffee", 1));
    world.upload("S1").unwrap();
    world.restore("S1", &copy);
    world.upload("S1").unwrap();
    assert_eq!(world.current_shift("S1"), None);
    world.pass(jiff::SignedDuration::from_mins(1));
    world.open_shift("S1", "62.00");
    let fresh = world.sell("S1", guid, Basket::of("tea", 1));
    world.close_shift("S1", "0.00");
    world.end_of_day();
    assert!(world.posted_in(&sale).is_some() && world.posted_in(&fresh).is_some());
    assert_eq!(world.booked("S1", LedgerAccount::Cash), 1200 + 550);
    assert_eq!(world.booked("S1", LedgerAccount::OverShort), 0);
    let shift = world.hq().storage().read(|tx| tx.shift_get(&lost)).unwrap().unwrap();
    assert_eq!(shift.status, ShiftStatus::Open, "nobody can count its drawer any more");
}
