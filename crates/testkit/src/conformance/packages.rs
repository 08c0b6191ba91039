//! Packages, sessions and uploads.

use std::collections::BTreeMap;

use tillsync_domain::ids::Version;
use tillsync_domain::job::JobName;
use tillsync_exchange::package::{Manifest, PackageContents, Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::session::{DownloadStatus, Progress, UploadStatus};
use tillsync_hq::exclusion::Audience;
use tillsync_hq::storage::{
    DownloadSessionRecord, ForgottenPackages, PackageRecord, Position, SessionFilter,
    StalePackages, Storage, Stream, UploadSessionRecord,
};

use super::add_channels;
use crate::builders::{at, at_micros, database, epoch_id, group, package_id, run_id, session_id};

const JOB: JobName = JobName::Customers1010;

/// The 1010 packages of a group that hold everything.
pub(super) fn everyone(name: &str) -> Stream {
    Stream::of_everyone(&group(name), JOB)
}

/// Package `n`: what changed after one version up to another, or everything up to it.
pub(super) fn package(n: u32, scope: Scope, sequence: u64, versions: (u64, u64)) -> PackageRecord {
    let (from, to) = versions;
    let span = Span::Download { group: group("G1"), job: JOB, scope, from, to };
    let contents = PackageContents {
        rows: BTreeMap::from([(Table::Customer, 3)]),
        bytes: 120,
        plain_bytes: 900,
        sha256: "ab".repeat(32),
    };
    PackageRecord {
        id: package_id(n),
        group: group("G1"),
        job: JOB,
        audience: Audience::EVERYONE,
        scope,
        position: Position { sequence, version: Version(to) },
        status: DownloadStatus::Available,
        manifest: Some(Manifest::new(package_id(n), at_micros(5, 7), span, contents)),
        location: Some(format!("G1/{n}")),
        error: None,
        run: run_id(1),
        created_at: at_micros(i64::from(n), 3),
    }
}

/// Session `n`, which carries a package to a channel.
fn session(n: u32, channel: &str, package: u32, status: DownloadStatus) -> DownloadSessionRecord {
    let applied_at = (status == DownloadStatus::Applied).then(|| at(i64::from(n) + 50));
    DownloadSessionRecord {
        id: session_id(n),
        database: database(channel),
        package: package_id(package),
        job: JOB,
        progress: Progress::fresh(status),
        error: None,
        rerun_of: None,
        created_at: at(i64::from(n)),
        updated_at: at(i64::from(n)),
        applied_at,
    }
}

fn put_packages(storage: &dyn Storage, packages: &[PackageRecord]) {
    for package in packages {
        storage.write(|tx| tx.package_put(package)).expect("stored");
    }
}

fn put_sessions(storage: &dyn Storage, sessions: &[DownloadSessionRecord]) {
    for session in sessions {
        storage.write(|tx| tx.session_put(session)).expect("stored");
    }
}

fn numbers(sessions: &[DownloadSessionRecord]) -> Vec<u32> {
    sessions.iter().map(|session| session.id.as_uuid().as_u128() as u32).collect()
}

/// Two channels and one delta for them.
fn prepare(storage: &dyn Storage) {
    add_channels(storage);
    put_packages(storage, &[package(1, Scope::Delta, 1, (0, 5))]);
}

/// From the attempt to the manifest, and with an error.
pub fn a_package_comes_back_as_it_was_put(storage: &dyn Storage) {
    add_channels(storage);
    let get = || storage.read(|tx| tx.package_get(&package_id(1))).expect("readable");
    assert_eq!(get(), None);
    let available = package(1, Scope::Delta, 1, (0, 5));
    let bare = PackageRecord { manifest: None, location: None, ..available.clone() };
    let started = PackageRecord { status: DownloadStatus::Started, ..bare.clone() };
    let failed = PackageRecord {
        status: DownloadStatus::CreateFailed,
        error: Some("disk full".into()),
        ..bare
    };
    for stage in [started, failed, available] {
        put_packages(storage, std::slice::from_ref(&stage));
        assert_eq!(get(), Some(stage));
    }
    put_packages(storage, &[package(2, Scope::Delta, 2, (5, 6))]);
    let listed = |limit| {
        let found = storage.read(|tx| tx.packages_list(&group("G1"), JOB, limit));
        found.expect("readable").iter().map(|package| package.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(9), [package_id(2), package_id(1)]);
    assert_eq!(listed(1), [package_id(2)]);
}

/// An attempt that failed has a number too, but no bytes.
pub fn only_an_available_delta_is_found_by_its_number(storage: &dyn Storage) {
    add_channels(storage);
    let failed = PackageRecord {
        status: DownloadStatus::CreateFailed,
        ..package(1, Scope::Delta, 1, (0, 5))
    };
    let snapshot = package(2, Scope::Snapshot, 1, (0, 5));
    put_packages(storage, &[failed, snapshot]);
    let get = |name: &str, sequence| {
        let found = storage.read(|tx| tx.delta_get(&everyone(name), sequence));
        found.expect("readable").map(|package| package.id)
    };
    assert_eq!(get("G1", 1), None);
    put_packages(storage, &[package(3, Scope::Delta, 1, (0, 5))]);
    assert_eq!(get("G1", 1), Some(package_id(3)));
    assert_eq!((get("G1", 2), get("G2", 1)), (None, None));
}

/// Where a new database starts.
pub fn the_newest_available_snapshot_is_found(storage: &dyn Storage) {
    add_channels(storage);
    let latest = || {
        let found = storage.read(|tx| tx.snapshot_latest(&everyone("G1")));
        found.expect("readable").map(|package| package.id)
    };
    put_packages(storage, &[package(1, Scope::Delta, 9, (0, 90))]);
    assert_eq!(latest(), None);
    let started = PackageRecord {
        status: DownloadStatus::Started,
        ..package(4, Scope::Snapshot, 7, (0, 70))
    };
    let older = package(2, Scope::Snapshot, 3, (0, 30));
    put_packages(storage, &[older, package(3, Scope::Snapshot, 5, (0, 50)), started]);
    assert_eq!(latest(), Some(package_id(3)));
}

/// The backend and the state machine agree on every status (F70).
pub fn a_session_is_open_exactly_while_it_holds_up_followers(storage: &dyn Storage) {
    prepare(storage);
    for status in DownloadStatus::ALL.iter().copied() {
        let put = DownloadSessionRecord {
            progress: Progress { status, failures: 2, next_try_at: Some(at_micros(9, 1)) },
            error: Some("no route".into()),
            rerun_of: Some(session_id(7)),
            ..session(1, "S1", 1, status)
        };
        put_sessions(storage, std::slice::from_ref(&put));
        let open = storage.read(|tx| tx.sessions_open(&database("S1"))).expect("readable");
        assert_eq!(open.len() == 1, put.progress.holds_up_followers(), "{status}");
        let found = storage.read(|tx| tx.session_get(&session_id(1))).expect("readable");
        assert_eq!(found, Some(put));
    }
}

/// F69; a clock that is set back must not turn the order round.
pub fn open_sessions_come_in_the_order_they_were_made_whatever_the_clock_said(
    storage: &dyn Storage,
) {
    prepare(storage);
    put_packages(storage, &[package(2, Scope::Delta, 2, (5, 6))]);
    let early = DownloadSessionRecord {
        created_at: at(500),
        ..session(9, "S1", 1, DownloadStatus::Available)
    };
    let late = session(1, "S1", 2, DownloadStatus::Available);
    let other = session(2, "S2", 1, DownloadStatus::Available);
    put_sessions(storage, &[early.clone(), late, other]);
    let suspended = Progress::fresh(DownloadStatus::Suspended);
    put_sessions(storage, &[DownloadSessionRecord { progress: suspended, ..early }]);
    let open = storage.read(|tx| tx.sessions_open(&database("S1"))).expect("readable");
    assert_eq!(numbers(&open), [9, 1], "a change of status does not move a session");
}

/// Every filter, and the next page.
pub fn sessions_are_listed_newest_first_in_pages(storage: &dyn Storage) {
    use DownloadStatus::{Applied, Available, Suspended};
    prepare(storage);
    let sessions = [
        session(1, "S1", 1, Applied),
        session(2, "S2", 1, Applied),
        session(3, "S1", 1, Suspended),
        session(4, "S1", 1, Available),
    ];
    put_sessions(storage, &sessions);
    let list = |filter: SessionFilter| {
        numbers(&storage.read(|tx| tx.sessions_list(&filter)).expect("readable"))
    };
    let all = SessionFilter { limit: 10, ..SessionFilter::default() };
    assert_eq!(list(all.clone()), [4, 3, 2, 1]);
    assert_eq!(list(SessionFilter { database: Some(database("S1")), ..all.clone() }), [4, 3, 1]);
    assert_eq!(list(SessionFilter { status: Some(Applied), ..all.clone() }), [2, 1]);
    let both =
        SessionFilter { database: Some(database("S1")), status: Some(Applied), ..all.clone() };
    assert_eq!(list(both), [1]);
    let page = |before| SessionFilter { before, limit: 2, ..all.clone() };
    assert_eq!(list(page(None)), [4, 3]);
    assert_eq!(list(page(Some(session_id(3)))), [2, 1]);
    assert_eq!(list(page(Some(session_id(1)))), [0; 0]);
}

/// One session a database: the one after which the account was there.
pub fn a_version_is_traced_to_the_first_session_that_brought_it(storage: &dyn Storage) {
    use DownloadStatus::{Applied, Available};
    prepare(storage);
    let second = package(2, Scope::Delta, 2, (5, 8));
    put_packages(storage, &[second, package(3, Scope::Snapshot, 2, (0, 8))]);
    let sessions = [
        session(1, "S1", 1, Applied),
        session(2, "S1", 2, Applied),
        session(3, "S2", 3, Applied),
        session(4, "S1", 3, Applied),
        session(5, "S2", 2, Available),
    ];
    put_sessions(storage, &sessions);
    let brought = |version| {
        let found = storage.read(|tx| tx.sessions_that_brought(Version(version)));
        numbers(&found.expect("readable"))
    };
    assert_eq!(brought(5), [1, 3], "the end of a delta is in it");
    assert_eq!(brought(6), [2, 3]);
    assert_eq!(brought(8), [2, 3]);
    assert_eq!(brought(9), [0; 0]);
}

/// The next delta does not include it either.
pub fn a_cancelled_delta_brought_nothing(storage: &dyn Storage) {
    prepare(storage);
    put_packages(storage, &[package(2, Scope::Delta, 2, (5, 8))]);
    let cancelled = session(1, "S1", 1, DownloadStatus::Canceled);
    put_sessions(storage, &[cancelled, session(2, "S1", 2, DownloadStatus::Applied)]);
    let found = storage.read(|tx| tx.sessions_that_brought(Version(3))).expect("readable");
    assert_eq!(numbers(&found), [0; 0]);
}

fn upload(n: u32, source: &str, seconds: i64) -> UploadSessionRecord {
    UploadSessionRecord {
        id: package_id(n),
        source: database(source),
        epoch: epoch_id(1),
        counters: (1, u64::MAX),
        rows: 3,
        bytes: 100,
        status: UploadStatus::ApplyFailed,
        tries: 1,
        error: Some("disk full".into()),
        created_at: at(seconds),
        updated_at: at(seconds),
    }
}

fn uploads(storage: &dyn Storage, source: Option<&str>, limit: usize) -> Vec<UploadSessionRecord> {
    let source = source.map(database);
    storage.read(|tx| tx.uploads_list(source.as_ref(), limit)).expect("readable")
}

/// F66: the first arrival stays the session's beginning.
pub fn an_upload_that_arrives_again_is_one_more_try(storage: &dyn Storage) {
    let first = upload(1, "S1", 10);
    let again =
        UploadSessionRecord { status: UploadStatus::Applied, error: None, ..upload(1, "S1", 20) };
    for record in [&first, &again] {
        storage.write(|tx| tx.upload_put(record)).expect("stored");
    }
    let expected = UploadSessionRecord { tries: 2, created_at: at(10), ..again };
    assert_eq!(uploads(storage, None, 10), [expected]);
}

/// A source chooses its package ids; it must not reach those of others by that.
pub fn an_upload_never_changes_that_of_another_source(storage: &dyn Storage) {
    for record in [upload(1, "S1", 10), upload(1, "S2", 20), upload(2, "S1", 30)] {
        storage.write(|tx| tx.upload_put(&record)).expect("stored");
    }
    assert_eq!(uploads(storage, Some("S1"), 10), [upload(2, "S1", 30), upload(1, "S1", 10)]);
    assert_eq!(uploads(storage, Some("S2"), 10), [upload(1, "S2", 20)]);
    let newest = [upload(2, "S1", 30), upload(1, "S2", 20)];
    assert_eq!(uploads(storage, None, 2), newest);
}

/// Bounded disk, and nobody loses a package that it still waits for.
pub fn old_packages_are_forgotten_unless_a_session_needs_them(storage: &dyn Storage) {
    use DownloadStatus::{Applied, Suspended};
    prepare(storage);
    let failed = PackageRecord {
        status: DownloadStatus::CreateFailed,
        location: None,
        ..package(5, Scope::Delta, 2, (5, 6))
    };
    let delta = |n, sequence| package(n, Scope::Delta, sequence, (sequence, sequence + 1));
    put_packages(storage, &[failed, delta(2, 2), delta(3, 3), delta(4, 4)]);
    let sessions = [
        session(1, "S1", 1, Applied),
        session(2, "S1", 2, Applied),
        session(3, "S2", 2, Suspended),
        session(4, "S1", 3, Applied),
    ];
    put_sessions(storage, &sessions);
    let forget = |limit| {
        storage.write(|tx| tx.packages_forget(&everyone("G1"), 4, limit)).expect("forgotten")
    };
    assert_eq!(forget(1), ["G1/1"]);
    assert_eq!(forget(9), ["G1/3"], "that of the failed attempt has no bytes");
    assert_eq!(forget(9), [""; 0]);
    let left = storage.read(|tx| tx.packages_list(&group("G1"), JOB, 9)).expect("readable");
    let left: Vec<_> = left.iter().map(|package| package.id).collect();
    assert_eq!(left, [package_id(4), package_id(2)], "one is needed, the other is not old");
    let filter = SessionFilter { limit: 9, ..SessionFilter::default() };
    let sessions = storage.read(|tx| tx.sessions_list(&filter)).expect("readable");
    assert_eq!(numbers(&sessions), [3, 2]);
}

/// The database may have applied it, and a session that headquarters does not know would prove a
/// restore.
pub fn a_cancelled_session_is_kept_until_its_database_has_applied_a_later_one(
    storage: &dyn Storage,
) {
    use DownloadStatus::{Applied, Canceled};
    prepare(storage);
    put_packages(storage, &[package(2, Scope::Delta, 2, (2, 3))]);
    let sessions =
        [session(1, "S1", 1, Applied), session(2, "S1", 2, Canceled), session(3, "S1", 1, Applied)];
    put_sessions(storage, &sessions);
    let database = "S1".parse().expect("a database");
    let forget_after = |n| {
        storage
            .write(|tx| {
                tx.applied_put(&database, JOB, Some(&session_id(n)))?;
                tx.packages_forget(&everyone("G1"), 4, 9)
            })
            .expect("forgotten")
    };
    assert_eq!(forget_after(1), ["G1/1"]);
    assert_eq!(forget_after(3), ["G1/2"]);
}

/// What came to nothing goes, and a snapshot goes once a newer one is there, lost or not; all that
/// somebody may still ask for stays, and so does a lost delta: others have applied it.
pub fn stale_packages_are_forgotten_and_needed_ones_stay(storage: &dyn Storage) {
    use DownloadStatus::{Applied, CreateFailed, NoData, Requested, Started};
    prepare(storage);
    let fruitless = |n, status| PackageRecord {
        status,
        manifest: None,
        location: None,
        ..package(n, Scope::Delta, u64::from(n), (1, 2))
    };
    let snapshot = |n| package(n, Scope::Snapshot, 1, (0, u64::from(n)));
    let other_job = PackageRecord { job: JobName::Products1040, ..snapshot(9) };
    put_packages(storage, &[fruitless(2, Started), fruitless(3, NoData)]);
    let lost = |package| PackageRecord { status: CreateFailed, location: None, ..package };
    let lost_delta =
        lost(PackageRecord { created_at: at(1), ..package(10, Scope::Delta, 10, (10, 11)) });
    let lost_snapshot = lost(PackageRecord { created_at: at(6), ..snapshot(11) });
    put_packages(storage, &[fruitless(4, CreateFailed), lost_delta, lost_snapshot]);
    put_packages(storage, &[snapshot(5), snapshot(6), snapshot(7)]);
    put_packages(storage, &[lost(snapshot(8)), other_job]);
    put_sessions(storage, &[session(1, "S1", 5, Applied), session(2, "S1", 6, Requested)]);
    let forget = |fruitless, superseded, limit| {
        let (fruitless_before, superseded_before) = (at(fruitless), at(superseded));
        let stale = StalePackages { fruitless_before, superseded_before, limit };
        storage.write(|tx| tx.packages_forget_stale(&stale)).expect("forgotten")
    };
    let nothing = ForgottenPackages::default();
    assert_eq!(forget(2, 5, 9), nothing, "none is old enough");
    let two = ForgottenPackages { count: 2, locations: vec![] };
    assert_eq!(forget(5, 0, 2), two, "the oldest first");
    let rest = ForgottenPackages { count: 3, locations: vec!["G1/5".into()] };
    assert_eq!(forget(5, 20, 9), rest, "and the snapshots that nobody waits for");
    assert_eq!(forget(5, 20, 9), nothing, "6 is being fetched, 7 and 8 are the newest");
    let locations = storage.read(|tx| tx.package_locations()).expect("readable");
    assert_eq!(locations, ["G1/1", "G1/6", "G1/7", "G1/9"]);
    let filter = SessionFilter { limit: 9, ..SessionFilter::default() };
    let sessions = storage.read(|tx| tx.sessions_list(&filter)).expect("readable");
    assert_eq!(numbers(&sessions), [2]);
}

/// An upload that came again is as young as its last arrival.
pub fn old_uploads_are_forgotten(storage: &dyn Storage) {
    for record in [upload(1, "S1", 10), upload(2, "S1", 20), upload(3, "S2", 30)] {
        storage.write(|tx| tx.upload_put(&record)).expect("stored");
    }
    let again = UploadSessionRecord { updated_at: at(90), ..upload(1, "S1", 10) };
    storage.write(|tx| tx.upload_put(&again)).expect("stored");
    let forget = |before, limit| {
        storage.write(|tx| tx.uploads_forget(at(before), limit)).expect("forgotten")
    };
    assert_eq!(forget(20, 9), 0, "at that time is not before it");
    assert_eq!(forget(31, 2), 1, "of the two that came first, one came again");
    assert_eq!(forget(31, 9), 1);
    let left: Vec<_> = uploads(storage, None, 9).iter().map(|one| one.id).collect();
    assert_eq!(left, [package_id(1)]);
}

/// In the order of their values; statuses without sessions are absent.
pub fn sessions_are_counted_by_status(storage: &dyn Storage) {
    use DownloadStatus::{Applied, Available, Suspended};
    prepare(storage);
    for (n, status) in [(1, Suspended), (2, Applied), (3, Applied), (4, Available)] {
        put_sessions(storage, &[session(n, "S1", 1, status)]);
    }
    let counts = storage.read(|tx| tx.session_counts()).expect("readable");
    assert_eq!(counts, [(Available, 1), (Applied, 2), (Suspended, 1)]);
}
