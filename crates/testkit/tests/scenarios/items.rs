//! Items beside customers on the way down: neither job undoes or holds up the other.

use jiff::SignedDuration;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::item::Item;
use tillsync_domain::job::JobName;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{DownloadSessionRecord, SessionFilter, Trigger};
use tillsync_testkit::world::{Basket, Fault, GROUP, World, item};

use super::orders::chain;

fn tea_at(price: &str) -> Item {
    item("tea", "10", &[("EUR", price)])
}

/// What tea costs at an edge.
pub(crate) fn price_of_tea(world: &World, at: &str) -> String {
    let page = tillsync_channel::search::Page { top: 10, skip: 0 };
    let found = tillsync_channel::items::find_items(world.edge(at), "tea", page).unwrap();
    found[0].prices[0].price.to_string()
}

fn full_sync(world: &World, job: JobName) {
    let full_sync_of = Some(GROUP.parse().unwrap());
    let options = JobOptions { full_sync_of, ..JobOptions::default() };
    world.hq().run_job(job, Trigger::Manual, options).unwrap();
}

fn suspended(world: &World, at: &str) -> DownloadSessionRecord {
    let filter = SessionFilter {
        database: Some(at.parse().unwrap()),
        limit: 100,
        ..SessionFilter::default()
    };
    let sessions = world.hq().list_sessions(&filter).unwrap();
    let is_suspended =
        |session: &DownloadSessionRecord| session.progress.status == DownloadStatus::Suspended;
    sessions.into_iter().find(is_suspended).expect("a suspended session")
}

#[test]
fn a_full_sync_of_items_leaves_customers_and_one_of_customers_leaves_items() {
    let mut world = chain();
    let promoted = world.create("S1", "Waller");
    world.settle();
    let pending = world.create("S1", "Berry");
    for job in [JobName::Products1040, JobName::Customers1010] {
        full_sync(&world, job);
        world.download("S1").unwrap();
        for guid in [promoted, pending] {
            assert!(world.find("S1", &CustomerKey::Temporary(guid)).is_some(), "{job}");
        }
        assert_eq!(price_of_tea(&world, "S1"), "5.00", "{job}");
    }
    world.sell("S1", pending, Basket::of("tea", 1));
    world.end_of_day();
    assert_eq!(world.all_statements().len(), 1);
}

#[test]
fn items_that_cannot_be_delivered_hold_up_no_customer() {
    let mut world = chain();
    world.hq().put_items(&[tea_at("6.00")]).unwrap();
    world.run(JobName::Products1040);
    world.line("S2").suffer(Fault::DamagePackages(3));
    for _ in 0..3 {
        assert!(world.download("S2").is_err());
        world.pass(SignedDuration::from_mins(2));
    }
    let session = suspended(&world, "S2");
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    world.download("S2").unwrap();
    assert_eq!(world.account_at("S2", guid), "C-00000001");
    assert_eq!(price_of_tea(&world, "S2"), "5.00");
    world.hq().command_session(&session.id, SessionCommand::Retry).unwrap();
    world.download("S2").unwrap();
    assert_eq!(price_of_tea(&world, "S2"), "6.00");
}

#[test]
fn a_cancelled_price_change_is_made_good_by_a_full_sync() {
    let mut world = chain();
    world.hq().put_items(&[tea_at("6.00")]).unwrap();
    world.run(JobName::Products1040);
    world.line("S2").suffer(Fault::DamagePackages(3));
    for _ in 0..3 {
        assert!(world.download("S2").is_err());
        world.pass(SignedDuration::from_mins(2));
    }
    let session = suspended(&world, "S2");
    world.hq().command_session(&session.id, SessionCommand::Cancel).unwrap();
    full_sync(&world, JobName::Products1040);
    world.download("S2").unwrap();
    assert_eq!(price_of_tea(&world, "S2"), "6.00");
}

#[test]
fn a_store_restored_from_before_a_price_change_gets_it_again() {
    let mut world = chain();
    let copy = world.back_up("S1");
    world.hq().put_items(&[tea_at("6.00")]).unwrap();
    world.distribute_items();
    assert_eq!(price_of_tea(&world, "S1"), "6.00");
    world.restore("S1", &copy);
    assert_eq!(price_of_tea(&world, "S1"), "5.00", "the copy is older");
    world.settle();
    world.distribute_items();
    assert_eq!(price_of_tea(&world, "S1"), "6.00");
}

#[test]
fn putting_the_same_items_again_sends_nothing() {
    let mut world = chain();
    assert_eq!(world.hq().put_items(&[tea_at("5.00")]).unwrap(), None);
    world.run(JobName::Products1040);
    assert_eq!(world.download("S1").unwrap(), 0);
    assert!(world.hq().put_items(&[tea_at("5.01")]).unwrap().is_some());
    world.run(JobName::Products1040);
    assert_eq!(world.download("S1").unwrap(), 1);
    assert_eq!(price_of_tea(&world, "S1"), "5.01");
}
