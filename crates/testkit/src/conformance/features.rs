//! Feature switches.

use jiff::Timestamp;
use tillsync_domain::feature::Feature;
use tillsync_domain::ids::Version;
use tillsync_hq::storage::{FeatureRecord, Storage};

use super::promotion::apply;
use crate::builders::PlanBuilder;

fn record(feature: Feature, is_enabled: bool, second: i64, by: Option<&str>) -> FeatureRecord {
    FeatureRecord {
        feature,
        is_enabled,
        changed_at: Timestamp::from_second(second).expect("a time"),
        changed_by: by.map(str::to_owned),
        version: Version(0),
    }
}

fn put(storage: &dyn Storage, record: &FeatureRecord) -> Option<u64> {
    let version = storage.write(|tx| tx.feature_put(record)).expect("stored");
    version.map(|version| version.0)
}

fn all(storage: &dyn Storage) -> Vec<FeatureRecord> {
    storage.read(|tx| tx.features_all()).expect("readable")
}

/// Nothing is in force before.
pub fn features_come_back_as_they_were_put(storage: &dyn Storage) {
    assert_eq!(all(storage), []);
    let addresses = record(Feature::AsyncAddressCreation, false, 5, Some("Ada"));
    let contacts = record(Feature::CaptureMultipleContacts, true, 6, None);
    assert_eq!(put(storage, &contacts), Some(1));
    assert_eq!(put(storage, &addresses), Some(2));
    let expected = [
        FeatureRecord { version: Version(2), ..addresses },
        FeatureRecord { version: Version(1), ..contacts },
    ];
    assert_eq!(all(storage), expected, "by name");
}

/// From the same change log as customers; who says the same again gets none, and is not recorded.
pub fn only_a_feature_that_changes_gets_a_version(storage: &dyn Storage) {
    super::add_channels(storage);
    let feature = Feature::AsyncAddressCreation;
    assert_eq!(put(storage, &record(feature, true, 5, None)), Some(1));
    apply(storage, PlanBuilder::new().promote(1));
    assert_eq!(put(storage, &record(feature, true, 6, Some("Ada"))), None);
    assert_eq!(all(storage)[0].changed_by, None);
    assert_eq!(put(storage, &record(feature, false, 7, Some("Ada"))), Some(3));
    let expected = record(feature, false, 7, Some("Ada"));
    assert_eq!(all(storage), [FeatureRecord { version: Version(3), ..expected }]);
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(3));
}

/// After a restore, edges may have seen newer ones.
pub fn renewed_features_are_newer_than_everything_before(storage: &dyn Storage) {
    storage.write(|tx| tx.features_renew()).expect("renewed");
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(0));
    for feature in Feature::ALL {
        put(storage, &record(feature, true, 5, None));
    }
    storage.write(|tx| tx.features_renew()).expect("renewed");
    let versions: Vec<_> = all(storage).iter().map(|record| record.version.0).collect();
    assert_eq!(versions, [6; 5]);
}
