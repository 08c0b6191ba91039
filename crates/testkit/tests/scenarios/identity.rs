//! Devices: codes, credentials, and what each may touch.

use tillsync_domain::ids::DatabaseId;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::EnrolRequest;
use tillsync_exchange::version::{ProtocolRange, SPOKEN};
use tillsync_hq::access::{AccessError, Addition};
use tillsync_testkit::world::World;

fn world_with(store: &str) -> (World, DatabaseId) {
    let world = World::new();
    let id: DatabaseId = store.parse().unwrap();
    let addition = Addition::Channel {
        id: id.clone(),
        group: tillsync_testkit::world::GROUP.parse().unwrap(),
    };
    world.hq().add_database(&addition).unwrap();
    (world, id)
}

fn request(code: &str, byte: u8) -> EnrolRequest {
    let credential_hash = Secret::from_random([byte; 32]).hash();
    EnrolRequest { code: code.into(), credential_hash, protocol: SPOKEN }
}

#[test]
fn a_code_is_good_for_one_device_and_a_lost_answer_costs_nothing() {
    let (world, id) = world_with("S9");
    let code = world.hq().issue_activation_code(&id).unwrap().to_string();
    let enrolled = world.hq().enrol_device(&request(&code, 1), None).unwrap();
    assert_eq!(enrolled.database, id);
    assert_eq!(world.hq().enrol_device(&request(&code, 1), None).unwrap(), enrolled);
    let second = world.hq().enrol_device(&request(&code, 2), None);
    assert!(matches!(second, Err(AccessError::BadCode)));
    let secret = Secret::from_random([1; 32]);
    assert_eq!(world.hq().authenticate_device(&secret).unwrap().database.id, id);
}

#[test]
fn a_code_expires_and_a_guess_is_refused_alike() {
    let (world, id) = world_with("S9");
    let code = world.hq().issue_activation_code(&id).unwrap().to_string();
    world.pass(jiff::SignedDuration::from_hours(25));
    for code in [code.as_str(), "AAAAA-AAAAA", ""] {
        let refused = world.hq().enrol_device(&request(code, 1), None);
        assert!(matches!(refused, Err(AccessError::BadCode)), "{code}");
    }
}

#[test]
fn a_revoked_device_is_out_at_once() {
    let (mut world, _) = world_with("S9");
    world.add_store("S1");
    world.create("S1", "Waller");
    world.hq().revoke_device(&"S1".parse().unwrap()).unwrap();
    let refused = world.upload("S1").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert_eq!(world.hq().storage().read(|tx| tx.inbox_counts()).unwrap().by_status.len(), 0);
}

#[test]
fn an_open_code_does_not_let_a_revoked_device_back_in() {
    let (world, id) = world_with("S9");
    let code = world.hq().issue_activation_code(&id).unwrap().to_string();
    world.hq().revoke_device(&id).unwrap();
    let refused = world.hq().enrol_device(&request(&code, 1), None);
    assert!(matches!(refused, Err(AccessError::BadCode)));
}

#[test]
fn a_device_of_another_time_is_told_to_upgrade() {
    let (world, id) = world_with("S9");
    let code = world.hq().issue_activation_code(&id).unwrap().to_string();
    let future = ProtocolRange { min: 7, max: 9 };
    let refused =
        world.hq().enrol_device(&EnrolRequest { protocol: future, ..request(&code, 1) }, None);
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("upgrade the older end"), "{error}");
}

#[test]
fn a_store_may_ask_only_for_itself_and_its_registers() {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.add_register("S1.R1", "S1");
    let databases = world.hq().list_databases().unwrap();
    let named = |id: &str| databases.iter().find(|d| d.database.id.as_str() == id).unwrap();
    let may = |who: &str, whom: &str| {
        world.hq().authorize_for(named(who), &whom.parse().unwrap()).is_ok()
    };
    assert!(may("S1", "S1") && may("S1", "S1.R1") && may("S1.R1", "S1.R1"));
    assert!(!may("S1", "S2") && !may("S2", "S1.R1") && !may("S1.R1", "S1"));
    assert!(!may("S1", "nobody"));
}

#[test]
fn a_group_keeps_the_book_that_its_own_stores_customers_get() {
    let mut world = World::new();
    world.add_store("S1");
    let group = |book: &str| tillsync_hq::storage::GroupRecord {
        id: tillsync_testkit::world::GROUP.parse().unwrap(),
        address_books: vec![book.parse().unwrap()],
        mode: Default::default(),
    };
    let refused = world.hq().put_group(&group("elsewhere")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    world.hq().put_group(&group(tillsync_testkit::world::GROUP)).unwrap();
}
