//! Registers that go offline and come back, by themselves and by hand (`domain.md` 6.3).

use jiff::SignedDuration;
use tillsync_channel::download::DownloadError;
use tillsync_channel::health::read_health;
use tillsync_channel::upload::UploadError;
use tillsync_domain::job::JobName;
use tillsync_domain::offline::{OfflineReason, RegisterLine};
use tillsync_domain::trade::Tender;
use tillsync_testkit::world::{Basket, Fault, World};

const TILL: &str = "S1.R1";

/// A store with a register that asks headquarters for customers, and has customers and items.
fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register(TILL, "S1");
    world.set_profile(|profile| profile.create_customers_async = false);
    world.run(JobName::Customers1010);
    for at in ["S1", TILL] {
        world.download(at).unwrap();
    }
    world.stock();
    world.open_shift(TILL, "100");
    world.upload(TILL).unwrap();
    world
}

fn unsent(world: &World) -> (u64, u64) {
    let health = read_health(world.edge(TILL)).unwrap();
    (health.unsent, health.unsent_documents)
}

fn reason(world: &World) -> Option<OfflineReason> {
    match world.register_line(TILL) {
        RegisterLine::Online => None,
        RegisterLine::Offline { reason, .. } => Some(reason),
    }
}

#[test]
fn a_till_whose_store_is_away_sells_on_and_its_pending_count_falls_to_zero_when_it_is_back() {
    let mut world = chain();
    assert!(world.create_at_till(TILL, "Online").unwrap().account.is_some());
    world.upload(TILL).unwrap();
    world.line(TILL).suffer(Fault::Cut);
    // The first one finds out; nobody waits after that.
    let first = world.create_at_till(TILL, "First").unwrap();
    assert_eq!((first.account.as_ref(), reason(&world)), (None, Some(OfflineReason::CutOff)));
    let second = world.create_at_till(TILL, "Second").unwrap();
    let basket = Basket::of("coffee", 2).rest_by(Tender::Cash);
    world.sell(TILL, second.guid, basket);
    assert_eq!(unsent(&world), (3, 1));
    world.pass(SignedDuration::from_mins(5));
    assert!(world.look(TILL).is_offline());
    world.line(TILL).mend();
    assert_eq!(world.look(TILL), RegisterLine::Online);
    world.upload(TILL).unwrap();
    assert_eq!(unsent(&world), (0, 0));
    assert!(world.create_at_till(TILL, "Back").unwrap().account.is_some());
    world.settle();
}

#[test]
fn a_till_that_somebody_disconnected_exchanges_nothing_until_somebody_connects_it() {
    let mut world = chain();
    let switched = world.disconnect(TILL).unwrap();
    assert_eq!(switched.warnings, [""; 0], "it has just heard of its store");
    let view = world.create_at_till(TILL, "Disconnected").unwrap();
    assert_eq!(view.account, None, "headquarters is not asked");
    assert!(matches!(world.upload(TILL), Err(UploadError::Disconnected)));
    assert!(matches!(world.download(TILL), Err(DownloadError::Disconnected)));
    world.stop(TILL);
    world.start(TILL);
    assert_eq!(reason(&world), Some(OfflineReason::Manual), "a start changes nothing");
    assert!(world.look(TILL).is_offline(), "nor does a store that would answer");
    assert_eq!(unsent(&world), (1, 0));
    assert_eq!(world.connect(TILL), RegisterLine::Online);
    world.upload(TILL).unwrap();
    assert_eq!(unsent(&world), (0, 0));
    world.settle();
}

#[test]
fn a_till_that_is_connected_while_its_store_is_away_goes_on_by_itself() {
    let mut world = chain();
    world.disconnect(TILL).unwrap();
    world.line(TILL).suffer(Fault::Cut);
    assert!(world.connect(TILL).is_offline());
    assert_eq!(reason(&world), Some(OfflineReason::CutOff));
    assert_eq!(world.create_at_till(TILL, "Alone").unwrap().account, None);
    world.line(TILL).mend();
    assert_eq!(world.look(TILL), RegisterLine::Online);
    world.settle();
}

/// The customer whom the till does not have is on her card or in her memory (`domain.md` 6.3).
#[test]
fn a_till_that_is_offline_sells_to_a_customer_whom_it_does_not_know() {
    let mut world = chain();
    let elsewhere = world.create_at_till("S1", "Elsewhere").unwrap();
    world.disconnect(TILL).unwrap();
    assert_eq!(world.account_at(TILL, elsewhere.guid), "unknown");
    let basket = Basket::of("coffee", 1).rest_by(Tender::Cash);
    let sale = world.sell(TILL, elsewhere.guid, basket);
    assert_eq!(world.connect(TILL), RegisterLine::Online);
    world.settle();
    assert!(world.transaction_at("S1", &sale).is_some());
}
