//! Functionality profiles as job 1070 brings them.

use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::profile::{FunctionalityProfile, ProfileOption};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::profile::ProfileRow;

use super::counter::{Row, apply, parsed};
use super::world::{Shop, at, open, shop};
use crate::db::schema_of_version;
use crate::health::read_health;
use crate::inspect::inspect_database;
use crate::profile::{EffectiveProfile, ProfileSource, effective_profile};

pub(super) const ASKS: FunctionalityProfile = FunctionalityProfile {
    create_customers_async: false,
    allow_offline_customer_create: true,
    create_orders_async: true,
};

pub(super) fn profile(channel: &str, options: FunctionalityProfile, version: u64) -> Row {
    Row::Profile(ProfileRow {
        channel: parsed(channel),
        profile: format!("profile-{version}"),
        options: options.into(),
        version,
    })
}

/// Job 1070 brings a profile to a database.
pub(super) fn distribute(shop: &Shop, channel: &str, options: FunctionalityProfile, version: u64) {
    let cover = (JobName::ChannelConfiguration1070, Scope::Delta, version);
    apply(shop, cover, &[profile(channel, options, version)]).expect("is applied");
}

fn holds(shop: &Shop) -> EffectiveProfile {
    effective_profile(&shop.edge).expect("reads")
}

fn version(shop: &Shop) -> Option<u64> {
    match holds(shop).source {
        ProfileSource::Distributed { version, .. } => Some(version),
        ProfileSource::UntilDistributed => None,
    }
}

#[test]
fn until_a_profile_comes_nobody_is_asked_and_afterwards_it_is_said_where_each_value_is_from() {
    let shop = shop("S1", None, 1);
    let before = holds(&shop);
    assert_eq!(before.source, ProfileSource::UntilDistributed);
    assert_eq!(before.options, FunctionalityProfile::UNTIL_DISTRIBUTED);
    distribute(&shop, "S1", ASKS, 7);
    let after = holds(&shop);
    let (profile, version, applied_at) = ("profile-7".to_owned(), 7, at(3));
    assert_eq!(after.source, ProfileSource::Distributed { profile, version, applied_at });
    assert_eq!(after.values()[0], (ProfileOption::CreateCustomersAsync, false));
    assert_eq!(read_health(&shop.edge).expect("reads").profile, after);
    let file = shop.dir.path().join("channel.db");
    assert_eq!(inspect_database(&file).expect("inspects").profile, Some(after));
}

#[test]
fn a_database_reads_the_row_of_its_own_store_and_a_register_that_of_its_channel() {
    let (store, register) = (shop("S1", None, 1), shop("S1.R1", Some("S1"), 30));
    for database in [&store, &register] {
        distribute(database, "S2", ASKS, 5);
        assert_eq!(version(database), None);
        distribute(database, "S1", ASKS, 6);
        assert_eq!(version(database), Some(6));
    }
}

#[test]
fn an_older_version_never_replaces_a_newer_one_and_a_snapshot_removes_what_left() {
    let shop = shop("S1", None, 1);
    distribute(&shop, "S1", ASKS, 7);
    distribute(&shop, "S2", ASKS, 8);
    let forbids = FunctionalityProfile { allow_offline_customer_create: false, ..ASKS };
    distribute(&shop, "S1", forbids, 6);
    assert_eq!((version(&shop), holds(&shop).options), (Some(7), ASKS));
    let snapshot = (JobName::ChannelConfiguration1070, Scope::Snapshot, 9);
    apply(&shop, snapshot, &[profile("S1", ASKS, 7)]).expect("is applied");
    assert_eq!(shop.number("SELECT count(*) FROM profile"), 1);
    assert_eq!(version(&shop), Some(7), "what is there already counts as seen");
    apply(&shop, snapshot, &[]).expect("is applied");
    assert_eq!(version(&shop), None);
}

#[test]
fn rows_of_another_job_are_refused() {
    let shop = shop("S1", None, 1);
    let products = (JobName::Products1040, Scope::Delta, 9);
    let error = apply(&shop, products, &[profile("S1", ASKS, 9)]).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_database_of_the_version_before_is_brought_up_to_date_and_keeps_what_it_has() {
    let shop = shop("S1", None, 1);
    shop.edge.db().checkpoint().expect("checkpoints");
    let (older, file) = (tempfile::tempdir().expect("a directory"), "channel.db");
    let connection = schema_of_version(&older.path().join(file), 1);
    let who =
        "one, database_id, kind, group_id, parent, upstream, credential, code_hash, epoch, mode";
    connection
        .execute_batch(&format!(
            "ATTACH '{}' AS present; INSERT INTO edge ({who}) SELECT {who} FROM present.edge;
             INSERT INTO customer (guid, created_at, version, generation, content)
             VALUES (zeroblob(16), 0, 0, 0, '{{}}');",
            shop.dir.path().join(file).display()
        ))
        .expect("is as the version before left it");
    drop(connection);
    let found = inspect_database(&older.path().join(file)).expect("inspects");
    assert_eq!((found.profile, found.customers), (None, 1), "looking does not need the upgrade");
    let edge = open(older.path(), DatabaseKind::Channel, 50);
    let upgraded = Shop { dir: older, edge };
    assert_eq!(version(&upgraded), None);
    distribute(&upgraded, "S1", ASKS, 7);
    assert_eq!(version(&upgraded), Some(7));
    assert_eq!(upgraded.number("SELECT count(*) FROM customer"), 1);
}
