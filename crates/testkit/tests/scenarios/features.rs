//! Feature switches on their way to the stores (`domain.md` 8.2; F25, F45, F46).

use tillsync_channel::configuration::{SettingSource, effective_configuration};
use tillsync_channel::create::{AddAddresses, CreateError, add_addresses};
use tillsync_channel::feature::effective_features;
use tillsync_domain::customer::AddressDraft;
use tillsync_domain::feature::{Feature, Features};
use tillsync_domain::ids::{CustomerGuid, CustomerKey, DatabaseId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_testkit::world::World;

const EDGES: [&str; 3] = ["S1", "S1.R1", "S2"];

/// Two stores, one with a register.
fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.add_store("S2");
    world
}

fn features(world: &World, at: &str) -> Features {
    effective_features(world.edge(at)).unwrap().features
}

fn download_all(world: &mut World) {
    for at in EDGES {
        world.download(at).unwrap();
    }
}

fn try_address(world: &World, at: &str, guid: CustomerGuid) -> Result<(), CreateError> {
    let address = AddressDraft { street: Some("High Street 1".into()), ..AddressDraft::default() };
    let request = AddAddresses {
        customer: CustomerKey::Temporary(guid),
        addresses: vec![address],
        staff: None,
        request: None,
    };
    add_addresses(world.edge(at), request, world.hq().now()).map(drop)
}

#[test]
fn nothing_is_sent_and_everything_is_allowed_until_a_feature_is_set() {
    let mut world = chain();
    world.run(JobName::Customers1010);
    download_all(&mut world);
    let guid = world.create("S1", "Before");
    try_address(&world, "S1", guid).unwrap();
    for at in EDGES {
        assert_eq!(features(&world, at), Features::UNTIL_CONFIGURED);
    }
    assert_eq!(world.hq().list_features().unwrap().features, []);
    world.settle();
}

#[test]
fn a_feature_that_is_off_keeps_addresses_from_pending_customers_once_1110_has_come() {
    let mut world = chain();
    let guid = world.create("S1", "Pending");
    world.set_feature(Feature::AsyncCustomerEditing, false);
    world.set_feature(Feature::AsyncAddressCreation, false);
    try_address(&world, "S1", guid).expect("1110 has not come down yet");
    download_all(&mut world);
    for at in EDGES {
        assert!(!features(&world, at).has(Feature::AsyncAddressCreation), "{at}");
        assert!(features(&world, at).has(Feature::EnhancedAsyncCreation), "it was never touched");
    }
    let refused = try_address(&world, "S1", guid).expect_err("is refused");
    assert!(matches!(refused, CreateError::SwitchedOff(_)), "{refused}");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    download_all(&mut world);
    try_address(&world, "S1", guid).expect("the customer has its account");
    let other = world.create("S2", "Also pending");
    try_address(&world, "S2", other).expect_err("is refused everywhere");
    world.set_feature(Feature::AsyncAddressCreation, true);
    download_all(&mut world);
    try_address(&world, "S2", other).expect("the feature is on again");
    world.settle();
}

#[test]
fn a_feature_is_set_only_after_what_it_needs_and_says_who_set_it() {
    let world = chain();
    let set = |feature, is_enabled| world.hq().set_feature(feature, is_enabled, "Ada");
    let refused = set(Feature::EnhancedAsyncCreation, false).expect_err("editing needs it");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("async_customer_editing"), "{refused}");
    assert_eq!(world.hq().list_features().unwrap().features, [], "a refusal changes nothing");
    set(Feature::AsyncCustomerEditing, false).unwrap();
    let off = set(Feature::EnhancedAsyncCreation, false).unwrap();
    assert_eq!((off.is_enabled, off.changed_by.as_deref()), (false, Some("Ada")));
    let early = set(Feature::AsyncCustomerEditing, true).expect_err("is too early");
    assert!(early.to_string().contains("enhanced_async_creation"), "{early}");
    set(Feature::EnhancedAsyncCreation, true).unwrap();
    set(Feature::AsyncCustomerEditing, true).unwrap();
    let records = world.hq().list_features().unwrap().features;
    let untouched = records.iter().find(|it| it.feature == Feature::CaptureMultipleContacts);
    assert_eq!(untouched.unwrap().changed_by, None);
}

#[test]
fn what_is_set_and_what_each_database_has_applied_is_told_apart() {
    let mut world = chain();
    let store: DatabaseId = "S1".parse().unwrap();
    world.set_profile(|profile| profile.create_customers_async = true);
    world.set_feature(Feature::CaptureMultipleContacts, false);
    let behind = |world: &World| -> Vec<(String, String)> {
        let found = world.hq().show_configuration(&store).unwrap();
        assert_eq!(found.len(), 2, "the store and its register");
        let jobs = found.into_iter().flat_map(|database| {
            let name = database.database.to_string();
            let behind = database.jobs.into_iter().filter(|job| job.is_behind());
            behind.map(move |job| (name.clone(), job.job.to_string()))
        });
        jobs.collect()
    };
    let of_1110 = |at: &str| (at.to_owned(), "1110".to_owned());
    assert_eq!(behind(&world), [of_1110("S1"), of_1110("S1.R1")]);
    world.download("S1").unwrap();
    assert_eq!(behind(&world), [of_1110("S1.R1")]);
    world.download("S1.R1").unwrap();
    assert_eq!(behind(&world), []);
    let found = world.hq().show_configuration(&store).unwrap();
    assert!(found[1].jobs.iter().all(|job| job.session.is_some()), "{found:?}");
    let settings = effective_configuration(world.edge("S1.R1")).unwrap();
    let contacts = settings.iter().find(|it| it.option == "capture_multiple_contacts").unwrap();
    let SettingSource::Distributed { version, .. } = contacts.source else { panic!("came") };
    let set = found[1].options.iter().find(|it| it.option == contacts.option).unwrap();
    assert_eq!((version, contacts.value.to_string()), (set.version.0, set.value.clone()));
    let unknown = world.hq().show_configuration(&"S9".parse().unwrap()).expect_err("is unknown");
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}
