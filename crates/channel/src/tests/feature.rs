//! Feature switches as job 1110 brings them.

use tillsync_domain::feature::{Feature, Features, SwitchedOff};
use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::feature::FeatureRow;

use super::counter::{Row, apply, promote};
use super::world::{Shop, at, shop, street, temporary};
use crate::clients::ClientName;
use crate::configuration::{SettingSource, SettingValue, effective_configuration};
use crate::create::{AddAddresses, CreateError, RequestKey, add_addresses};
use crate::feature::{FeatureSource, effective_features};
use crate::find::CustomerView;

const ADDRESSES: &str = "async_address_creation";

fn feature(name: &str, is_enabled: bool, version: u64) -> Row {
    Row::Feature(FeatureRow { feature: name.to_owned(), is_enabled, version })
}

/// Job 1110 brings a switch to a database.
fn distribute(shop: &Shop, name: &str, is_enabled: bool, version: u64) {
    let cover = (JobName::GlobalConfiguration1110, Scope::Delta, version);
    apply(shop, cover, &[feature(name, is_enabled, version)]).expect("is applied");
}

fn features(shop: &Shop) -> Features {
    effective_features(&shop.edge).expect("reads").features
}

fn add(shop: &Shop, to: &CustomerView, key: &str) -> Result<CustomerView, CreateError> {
    let client = ClientName::parse("pos").expect("a name");
    let request = AddAddresses {
        customer: temporary(to),
        addresses: vec![street("High Street 1")],
        staff: None,
        request: Some(RequestKey::parse(&client, key).expect("a key")),
    };
    add_addresses(&shop.edge, request, at(5))
}

#[test]
fn until_1110_comes_everything_is_allowed_and_afterwards_it_is_said_where_each_value_is_from() {
    let shop = shop("S1", None, 1);
    assert_eq!(features(&shop), Features::UNTIL_CONFIGURED);
    distribute(&shop, ADDRESSES, false, 7);
    assert!(!features(&shop).has(Feature::AsyncAddressCreation));
    assert!(features(&shop).has(Feature::EnhancedAsyncCreation), "nothing was said of it");
    let of = |feature: Feature| {
        effective_features(&shop.edge).expect("reads").values()[feature as usize]
    };
    let distributed = FeatureSource::Distributed { version: 7, applied_at: at(3) };
    assert_eq!(of(Feature::AsyncAddressCreation).2, distributed);
    assert_eq!(of(Feature::EnhancedAsyncCreation).2, FeatureSource::UntilDistributed);
    let configuration = effective_configuration(&shop.edge).expect("reads");
    let found = configuration.iter().find(|setting| setting.option == ADDRESSES).expect("is there");
    let source = SettingSource::Distributed { profile: None, version: 7, applied_at: at(3) };
    assert_eq!((&found.value, &found.source), (&SettingValue::Flag(false), &source));
}

#[test]
fn an_older_version_never_replaces_a_newer_one_and_a_snapshot_removes_what_left() {
    let shop = shop("S1", None, 1);
    distribute(&shop, ADDRESSES, false, 7);
    distribute(&shop, "of_a_later_version", true, 8);
    distribute(&shop, ADDRESSES, true, 6);
    assert!(!features(&shop).has(Feature::AsyncAddressCreation));
    assert_eq!(shop.number("SELECT count(*) FROM feature"), 2, "an unknown one is kept");
    let snapshot = (JobName::GlobalConfiguration1110, Scope::Snapshot, 9);
    apply(&shop, snapshot, &[feature(ADDRESSES, false, 7)]).expect("is applied");
    assert_eq!(shop.number("SELECT count(*) FROM feature"), 1);
    apply(&shop, snapshot, &[]).expect("is applied");
    assert_eq!(features(&shop), Features::UNTIL_CONFIGURED);
}

#[test]
fn a_pending_customer_takes_an_address_only_while_the_feature_is_on_but_what_was_done_stays_done() {
    let shop = shop("S1", None, 1);
    let view = shop.create("Ada");
    let before = add(&shop, &view, "1").expect("nothing forbids it");
    distribute(&shop, ADDRESSES, false, 7);
    let logged = shop.number("SELECT count(*) FROM operation");
    let refused = add(&shop, &view, "2").expect_err("is refused");
    assert!(
        matches!(refused, CreateError::SwitchedOff(SwitchedOff::AddressOfPending)),
        "{refused}"
    );
    assert_eq!(shop.number("SELECT count(*) FROM operation"), logged);
    assert_eq!(add(&shop, &view, "1").expect("is repeated"), before);
    promote(&shop, &view, "C-1");
    add(&shop, &view, "2").expect("the customer has its account");
    distribute(&shop, ADDRESSES, true, 8);
    let pending = shop.create("Grace");
    add(&shop, &pending, "3").expect("the feature is on");
}
