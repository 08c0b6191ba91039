//! Packages whose bytes are gone from the package store: whoever needs one gets a snapshot.

use std::path::PathBuf;

use jiff::SignedDuration;
use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::Scope;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::check::CheckDepth;
use tillsync_hq::storage::{DownloadSessionRecord, PackageRecord, SessionFilter};
use tillsync_testkit::world::{GROUP, World};

fn stores() -> World {
    let mut world = World::new();
    for store in ["S1", "S2", "S3"] {
        world.add_store(store);
    }
    world.settle();
    world
}

fn promote_one(world: &mut World, name: &str) -> CustomerGuid {
    let guid = world.create("S1", name);
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    guid
}

/// The newest package that has bytes.
fn newest_package(world: &World) -> PackageRecord {
    let group = GROUP.parse().unwrap();
    let found = world.hq().storage().read(|tx| tx.packages_list(&group, JobName::Customers1010, 9));
    found.unwrap().into_iter().find(|package| package.location.is_some()).unwrap()
}

fn newest_session(world: &World, at: &str) -> DownloadSessionRecord {
    let database = Some(at.parse().unwrap());
    let filter = SessionFilter { database, limit: 1, ..SessionFilter::default() };
    world.hq().list_sessions(&filter).unwrap().remove(0)
}

fn file_of(world: &World, package: &PackageRecord) -> PathBuf {
    world.folder().join("hq/packages").join(package.location.as_deref().unwrap())
}

/// Takes the newest package out of the store, a while after it was made.
fn lose_newest(world: &World) -> PackageRecord {
    let package = newest_package(world);
    std::fs::remove_file(file_of(world, &package)).unwrap();
    world.pass(SignedDuration::from_mins(2));
    package
}

fn findings(world: &World) -> Vec<String> {
    let report = world.hq().check(CheckDepth::EveryRow).unwrap();
    report.findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn a_lost_delta_is_replaced_by_a_snapshot_for_all_that_still_need_it() {
    let mut world = stores();
    let first = promote_one(&mut world, "First");
    world.download("S1").unwrap();
    let lost = lose_newest(&world);
    assert!(findings(&world).iter().any(|message| message.contains("have lost their bytes")));
    let error = world.download("S2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("is lost"), "{error}");
    let session = newest_session(&world, "S2");
    assert_eq!((session.package, session.progress.status), (lost.id, DownloadStatus::CreateFailed));
    assert!(session.error.unwrap().contains("has lost the package"));
    let messages = findings(&world);
    assert!(messages.iter().any(|message| message.contains("were lost")), "{messages:?}");
    assert_eq!(world.download("S2").unwrap(), 0, "there is nothing else yet");

    let second = promote_one(&mut world, "Second");
    let snapshots = world.hq().storage().read(|tx| tx.snapshot_latest(&lost.stream())).unwrap();
    assert!(snapshots.unwrap().position.sequence > lost.position.sequence, "made by itself");
    for store in ["S1", "S2", "S3"] {
        world.download(store).unwrap();
        assert_eq!(world.account_at(store, first), "C-00000001", "{store}");
        assert_eq!(world.account_at(store, second), "C-00000002", "{store}");
    }
    let third = promote_one(&mut world, "Third");
    world.settle();
    assert_eq!(world.account_at("S3", third), "C-00000003", "deltas go on after the snapshot");
    let suspended = findings(&world).into_iter().find(|message| message.contains("suspended"));
    assert_eq!(suspended, None);
}

#[test]
fn a_session_that_was_open_when_another_database_found_the_loss_learns_of_it() {
    let mut world = stores();
    promote_one(&mut world, "First");
    world.line("S3").suffer(tillsync_testkit::world::Fault::BreakOffPackages);
    assert!(world.download("S3").is_err(), "its session is open");
    let lost = lose_newest(&world);
    assert!(world.download("S2").is_err());
    world.line("S3").mend();
    assert_eq!(world.download("S3").unwrap_err().kind(), ErrorKind::NotFound);
    let session = newest_session(&world, "S3");
    assert_eq!((session.package, session.progress.status), (lost.id, DownloadStatus::CreateFailed));
    world.settle();
}

#[test]
fn a_lost_snapshot_is_made_anew_for_a_store_that_begins() {
    let mut world = World::new();
    world.add_store("S1");
    let guid = promote_one(&mut world, "First");
    world.download("S1").unwrap();
    let first = newest_package(&world);
    assert_eq!(first.scope, Scope::Snapshot);
    std::fs::remove_file(file_of(&world, &first)).unwrap();
    world.pass(SignedDuration::from_mins(2));
    world.add_store("S2");
    assert_eq!(world.download("S2").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(world.download("S2").unwrap(), 0);
    world.run(JobName::Customers1010);
    assert_ne!(newest_package(&world).id, first.id);
    world.download("S2").unwrap();
    assert_eq!(world.account_at("S2", guid), "C-00000001");
}

#[test]
fn what_is_missing_for_a_moment_is_not_lost_and_uses_up_no_try() {
    let mut world = stores();
    let guid = promote_one(&mut world, "First");
    let package = newest_package(&world);
    let file = file_of(&world, &package);
    let hidden = file.with_extension("hidden");
    std::fs::rename(&file, &hidden).unwrap();
    for _ in 0..5 {
        assert_eq!(world.download("S2").unwrap_err().kind(), ErrorKind::Busy);
    }
    let session = newest_session(&world, "S2");
    assert_eq!(
        (session.progress.status, session.progress.failures),
        (DownloadStatus::Requested, 0)
    );
    std::fs::rename(&hidden, &file).unwrap();
    assert_eq!(world.download("S2").unwrap(), 1);
    assert_eq!(world.account_at("S2", guid), "C-00000001");
    world.settle();
}

#[test]
fn a_rerun_of_a_package_that_is_lost_ends_and_holds_up_nobody() {
    let mut world = stores();
    promote_one(&mut world, "First");
    world.settle();
    let applied = newest_session(&world, "S2");
    lose_newest(&world);
    let command = tillsync_hq::distribution::SessionCommand::Rerun;
    world.hq().command_session(&applied.id, command).unwrap();
    assert_eq!(world.download("S2").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(newest_session(&world, "S2").progress.status, DownloadStatus::CreateFailed);
    let second = promote_one(&mut world, "Second");
    world.settle();
    assert_eq!(world.account_at("S2", second), "C-00000002");
}
