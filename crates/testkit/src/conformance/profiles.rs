//! Functionality profiles, and which one each channel has.

use tillsync_domain::ids::Version;
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_hq::storage::{ProfileSelection, Storage, StorageError};

use super::databases::{add_channel, add_group};
use super::promotion::apply;
use crate::builders::{PlanBuilder, database, group};

const ASKS: FunctionalityProfile = FunctionalityProfile {
    create_customers_async: false,
    allow_offline_customer_create: true,
    create_orders_async: true,
};
const ASKS_NOBODY: FunctionalityProfile =
    FunctionalityProfile { create_customers_async: true, create_orders_async: false, ..ASKS };

fn put(storage: &dyn Storage, name: &str, options: FunctionalityProfile) -> Option<u64> {
    let name = name.parse().expect("a name");
    let version = storage.write(|tx| tx.profile_put(&name, &options)).expect("stored");
    version.map(|version| version.0)
}

fn assign(storage: &dyn Storage, channel: &str, name: &str) -> Result<Option<u64>, StorageError> {
    let (channel, name) = (database(channel), name.parse().expect("a name"));
    let version = storage.write(|tx| tx.channel_profile_put(&channel, &name))?;
    Ok(version.map(|version| version.0))
}

/// The rows as text: version, channel, profile, and its first option.
fn rows(storage: &dyn Storage, of: &str, after: u64, up_to: Option<u64>) -> Vec<String> {
    let selection = ProfileSelection {
        group: (!of.is_empty()).then(|| group(of)),
        after: Version(after),
        up_to: up_to.map(Version),
    };
    let rows = storage.read(|tx| tx.channel_profiles(&selection)).expect("readable");
    let text = |row: &tillsync_exchange::rows::profile::ProfileRow| {
        let is_async = row.options.create_customers_async;
        format!("{} {} {} {is_async}", row.version, row.channel, row.profile)
    };
    rows.iter().map(text).collect()
}

/// `G1` with `S1` and `S2`, `G2` with `S3`.
fn add_three(storage: &dyn Storage) {
    super::add_channels(storage);
    add_group(storage, "G2", &["south"]);
    add_channel(storage, "S3", "G2");
    super::databases::add_register(storage, "R1", "S1");
}

/// Nothing is in force before, and nothing is sent.
pub fn profiles_come_back_as_they_were_put(storage: &dyn Storage) {
    add_three(storage);
    assert_eq!(storage.read(|tx| tx.profiles_all()).expect("readable"), []);
    assert_eq!(rows(storage, "", 0, None), [""; 0]);
    assert_eq!(put(storage, "rush", ASKS_NOBODY), Some(1));
    assert_eq!(put(storage, "default", ASKS), Some(2));
    let profiles = storage.read(|tx| tx.profiles_all()).expect("readable");
    let found: Vec<_> =
        profiles.iter().map(|it| (it.name.as_str(), it.options, it.version.0)).collect();
    assert_eq!(found, [("default", ASKS, 2), ("rush", ASKS_NOBODY, 1)]);
}

/// From the same change log as customers; who says the same again gets none.
pub fn only_a_profile_that_changes_gets_a_version(storage: &dyn Storage) {
    add_three(storage);
    assert_eq!(put(storage, "default", ASKS), Some(1));
    apply(storage, PlanBuilder::new().promote(1));
    assert_eq!(put(storage, "default", ASKS), None);
    assert_eq!(put(storage, "default", ASKS_NOBODY), Some(3));
    assert_eq!(assign(storage, "S1", "default").expect("assigned"), Some(4));
    assert_eq!(assign(storage, "S1", "default").expect("assigned"), None);
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(4));
}

/// A row is as new as the newer of its profile and its assignment; registers have none.
pub fn channels_have_the_profile_they_were_given_or_the_default(storage: &dyn Storage) {
    add_three(storage);
    put(storage, "default", ASKS);
    put(storage, "rush", ASKS_NOBODY);
    assign(storage, "S2", "rush").expect("assigned");
    let all = ["1 S1 default false", "1 S3 default false", "3 S2 rush true"];
    assert_eq!(rows(storage, "", 0, None), all);
    put(storage, "rush", ASKS);
    assert_eq!(rows(storage, "", 3, None), ["4 S2 rush false"]);
    assign(storage, "S2", "default").expect("assigned");
    assert_eq!(rows(storage, "", 4, None), ["5 S2 default false"]);
}

/// The start is not included, the end is.
pub fn profiles_are_selected_by_group_and_version(storage: &dyn Storage) {
    add_three(storage);
    put(storage, "default", ASKS);
    put(storage, "rush", ASKS_NOBODY);
    assign(storage, "S1", "rush").expect("assigned");
    assert_eq!(rows(storage, "G1", 0, None), ["1 S2 default false", "3 S1 rush true"]);
    assert_eq!(rows(storage, "G2", 0, None), ["1 S3 default false"]);
    assert_eq!(rows(storage, "G1", 0, Some(2)), ["1 S2 default false"]);
    assert_eq!(rows(storage, "G1", 1, Some(3)), ["3 S1 rush true"]);
    assert_eq!(rows(storage, "G1", 3, None), [""; 0]);
}

/// Nothing of it is written.
pub fn an_unknown_profile_or_channel_is_refused(storage: &dyn Storage) {
    add_three(storage);
    put(storage, "default", ASKS);
    for (channel, profile) in [("S1", "rush"), ("S9", "default"), ("R1", "default")] {
        let refused = assign(storage, channel, profile);
        assert!(matches!(refused, Err(StorageError::Constraint { .. })), "{channel} {profile}");
    }
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(1));
}

/// After a restore, edges may have seen newer ones.
pub fn renewed_profiles_are_newer_than_everything_before(storage: &dyn Storage) {
    add_three(storage);
    storage.write(|tx| tx.profiles_renew()).expect("renewed");
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(0));
    put(storage, "default", ASKS);
    put(storage, "rush", ASKS_NOBODY);
    assign(storage, "S2", "rush").expect("assigned");
    storage.write(|tx| tx.profiles_renew()).expect("renewed");
    let all = ["4 S1 default false", "4 S2 rush true", "4 S3 default false"];
    assert_eq!(rows(storage, "", 3, None), all);
}
