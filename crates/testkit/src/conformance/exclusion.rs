//! What is kept from offline databases, offline profiles, and packages by audience.

use tillsync_domain::ids::Version;
use tillsync_domain::job::JobName;
use tillsync_domain::offline_profile::OfflineProfile;
use tillsync_exchange::package::Scope;
use tillsync_exchange::rows::Table;
use tillsync_hq::exclusion::{Audience, Lever, Subjob};
use tillsync_hq::storage::{
    LeverRecord, PackageRecord, Position, ProfileSelection, Storage, StorageError, Stream,
};

use super::databases::{add_channel, add_group, add_register};
use super::packages::{everyone, package};
use super::promotion::apply;
use crate::builders::{PlanBuilder, at, database, group, package_id};

const FILTER: Lever = Lever::Filter;
const PARTY: Lever = Lever::Subjob(Subjob::Party);

fn pull(storage: &dyn Storage, lever: Lever, is_on: bool, by: &str) -> Option<u64> {
    let version = storage.write(|tx| tx.lever_put(lever, is_on, (by, at(5))));
    version.expect("stored").map(|version| version.0)
}

fn put(storage: &dyn Storage, name: &str, settings: OfflineProfile) -> Option<u64> {
    let name = name.parse().expect("a name");
    let version = storage.write(|tx| tx.offline_profile_put(&name, &settings)).expect("stored");
    version.map(|version| version.0)
}

fn assign(storage: &dyn Storage, register: &str, name: &str) -> Result<Option<u64>, StorageError> {
    let (register, name) = (database(register), name.parse().expect("a name"));
    let version = storage.write(|tx| tx.register_profile_put(&register, &name))?;
    Ok(version.map(|version| version.0))
}

/// The rows as text: version, register, channel, profile, and whether it is paused.
fn rows(storage: &dyn Storage, of: &str, after: u64, up_to: Option<u64>) -> Vec<String> {
    let selection = ProfileSelection {
        group: (!of.is_empty()).then(|| group(of)),
        after: Version(after),
        up_to: up_to.map(Version),
    };
    let rows = storage.read(|tx| tx.register_profiles(&selection)).expect("readable");
    let text = |row: &tillsync_hq::storage::RegisterProfile| {
        let (version, is_paused) = (row.version.0, row.settings.pause_offline_sync);
        format!("{version} {} {} {} {is_paused}", row.register, row.channel, row.profile)
    };
    rows.iter().map(text).collect()
}

fn paused() -> OfflineProfile {
    OfflineProfile { pause_offline_sync: true, request_timeout_ms: 7_000, ..Default::default() }
}

/// `G1` with `S1` and its registers `R1` and `R2`, `G2` with `S3` and `R3`.
fn add_three(storage: &dyn Storage) {
    super::add_channels(storage);
    add_group(storage, "G2", &["south"]);
    add_channel(storage, "S3", "G2");
    for (register, channel) in [("R1", "S1"), ("R2", "S1"), ("R3", "S3")] {
        add_register(storage, register, channel);
    }
}

/// With who and when, from the same change log as customers; the last one of each lever counts.
pub fn every_change_of_a_lever_is_kept(storage: &dyn Storage) {
    let all = || storage.read(|tx| tx.levers_all()).expect("readable");
    assert_eq!(all(), []);
    assert_eq!(pull(storage, FILTER, false, "ada"), None, "it is off until it is touched");
    assert_eq!(pull(storage, FILTER, true, "ada"), Some(1));
    assert_eq!(pull(storage, FILTER, true, "bob"), None, "nothing changes");
    apply(storage, PlanBuilder::new().promote(1));
    assert_eq!(pull(storage, PARTY, true, "bob"), Some(3));
    assert_eq!(pull(storage, FILTER, false, "eve"), Some(4));
    let record = |lever, is_on, version, by: &str| LeverRecord {
        lever,
        is_on,
        version: Version(version),
        changed_at: at(5),
        changed_by: by.to_owned(),
    };
    let (on, party) = (record(FILTER, true, 1, "ada"), record(PARTY, true, 3, "bob"));
    let off = record(FILTER, false, 4, "eve");
    assert_eq!(all(), [off.clone(), party.clone()]);
    let changes = |limit| storage.read(|tx| tx.lever_changes(limit)).expect("readable");
    assert_eq!(changes(9), [off.clone(), party.clone(), on]);
    assert_eq!(changes(2), [off, party]);
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(4));
}

/// Nothing is in force before.
pub fn offline_profiles_come_back_as_they_were_put(storage: &dyn Storage) {
    add_three(storage);
    assert_eq!(storage.read(|tx| tx.offline_profiles_all()).expect("readable"), []);
    assert_eq!(rows(storage, "", 0, None), [""; 0]);
    assert_eq!(storage.read(|tx| tx.register_settings(&database("R1"))).expect("readable"), None);
    assert_eq!(put(storage, "slow", paused()), Some(1));
    assert_eq!(put(storage, "default", OfflineProfile::default()), Some(2));
    assert_eq!(put(storage, "default", OfflineProfile::default()), None);
    let profiles = storage.read(|tx| tx.offline_profiles_all()).expect("readable");
    let found: Vec<_> =
        profiles.iter().map(|it| (it.name.as_str(), it.settings, it.version.0)).collect();
    assert_eq!(found, [("default", OfflineProfile::default(), 2), ("slow", paused(), 1)]);
}

/// A row is as new as the newest of its profile, its assignment, and what is kept from it.
pub fn registers_have_the_profile_they_were_given_or_the_default(storage: &dyn Storage) {
    add_three(storage);
    put(storage, "default", OfflineProfile::default());
    put(storage, "slow", paused());
    assert_eq!(assign(storage, "R2", "slow").expect("assigned"), Some(3));
    assert_eq!(assign(storage, "R2", "slow").expect("assigned"), None);
    let all = ["1 R1 S1 default false", "1 R3 S3 default false", "3 R2 S1 slow true"];
    assert_eq!(rows(storage, "", 0, None), all);
    assert_eq!(rows(storage, "G1", 0, Some(2)), ["1 R1 S1 default false"]);
    assert_eq!(rows(storage, "G1", 1, None), ["3 R2 S1 slow true"]);
    let settings = |id: &str| storage.read(|tx| tx.register_settings(&database(id)));
    assert_eq!(settings("R2").expect("readable"), Some(paused()));
    assert_eq!(settings("R1").expect("readable"), Some(OfflineProfile::default()));
    assert_eq!(settings("S1").expect("readable"), None, "a channel is never offline");
    pull(storage, FILTER, true, "ada");
    let all = ["4 R1 S1 default false", "4 R2 S1 slow true", "4 R3 S3 default false"];
    assert_eq!(rows(storage, "", 3, None), all);
}

/// Nothing of it is written.
pub fn an_unknown_offline_profile_or_register_is_refused(storage: &dyn Storage) {
    add_three(storage);
    put(storage, "default", OfflineProfile::default());
    for (register, profile) in [("R1", "slow"), ("R9", "default"), ("S1", "default")] {
        let refused = assign(storage, register, profile);
        assert!(matches!(refused, Err(StorageError::Constraint { .. })), "{register} {profile}");
    }
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(1));
}

/// After a restore, edges may have seen newer ones.
pub fn renewed_offline_profiles_are_newer_than_everything_before(storage: &dyn Storage) {
    add_three(storage);
    storage.write(|tx| tx.offline_profiles_renew()).expect("renewed");
    assert_eq!(storage.read(|tx| tx.change_horizon()).expect("readable"), Version(0));
    put(storage, "default", OfflineProfile::default());
    storage.write(|tx| tx.offline_profiles_renew()).expect("renewed");
    assert_eq!(rows(storage, "G2", 1, None), ["2 R3 S3 default false"]);
}

fn without_customers() -> Stream {
    let audience = Audience::without([Table::Customer, Table::Address]);
    Stream { audience, ..everyone("G1") }
}

/// Row versions, deltas and snapshots of one group and job, for everyone and for registers.
pub fn packages_of_each_audience_are_kept_apart(storage: &dyn Storage) {
    super::add_channels(storage);
    let lacking = without_customers();
    let place = |sequence, version| Position { sequence, version: Version(version) };
    let of_lacking = |n, scope, sequence| PackageRecord {
        audience: lacking.audience.clone(),
        ..package(n, scope, sequence, (0, 5))
    };
    let packages = [
        package(1, Scope::Delta, 1, (0, 5)),
        package(2, Scope::Snapshot, 1, (0, 5)),
        of_lacking(3, Scope::Delta, 1),
        of_lacking(4, Scope::Snapshot, 1),
    ];
    storage
        .write(|tx| {
            for package in &packages {
                tx.package_put(package)?;
            }
            tx.row_version_put(&everyone("G1"), place(7, 70))?;
            tx.row_version_put(&lacking, place(1, 9))
        })
        .expect("stored");
    for (stream, delta, snapshot, at) in
        [(everyone("G1"), 1, 2, place(7, 70)), (lacking.clone(), 3, 4, place(1, 9))]
    {
        storage
            .read(|tx| {
                let found = tx.delta_get(&stream, 1)?.map(|it| (it.id, it.audience));
                assert_eq!(found, Some((package_id(delta), stream.audience.clone())));
                let found = tx.snapshot_latest(&stream)?.map(|it| it.id);
                assert_eq!(found, Some(package_id(snapshot)));
                assert_eq!(tx.row_version_get(&stream)?, at);
                Ok(())
            })
            .expect("readable");
    }
    let streams = storage.read(|tx| tx.row_versions(&group("G1"), JobName::Customers1010));
    let everyones = (Audience::EVERYONE, place(7, 70));
    assert_eq!(streams.expect("readable"), [everyones, (lacking.audience.clone(), place(1, 9))]);
    let streams = storage.read(|tx| tx.row_versions(&group("G2"), JobName::Customers1010));
    assert_eq!(streams.expect("readable"), []);
    storage.write(|tx| tx.packages_forget(&lacking, 2, 9)).expect("forgotten");
    let left = storage.read(|tx| tx.packages_list(&group("G1"), JobName::Customers1010, 9));
    let left: Vec<_> = left.expect("readable").into_iter().map(|it| it.id).collect();
    assert_eq!(left, [package_id(2), package_id(1)]);
}

/// So that a snapshot comes first when somebody gets packages of another audience.
pub fn a_position_says_of_whose_packages_it_is(storage: &dyn Storage) {
    let (job, r1) = (JobName::Customers1010, database("R1"));
    let audience = || storage.read(|tx| tx.audience_get(&r1, job)).expect("readable");
    assert_eq!(audience(), Audience::EVERYONE);
    let lacking = without_customers().audience;
    let place = Position { sequence: 1, version: Version(3) };
    for of in [&lacking, &Audience::EVERYONE] {
        storage.write(|tx| tx.position_put(&r1, job, (place, of))).expect("stored");
        assert_eq!(audience(), *of);
    }
    storage.write(|tx| tx.position_put(&r1, job, (place, &lacking))).expect("stored");
    storage.write(|tx| tx.position_clear(&r1, job)).expect("cleared");
    assert_eq!(audience(), Audience::EVERYONE);
}
