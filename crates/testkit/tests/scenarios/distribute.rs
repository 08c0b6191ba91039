//! The way down: deltas, snapshots, order, tries, suspension, operators' commands.

use expect_test::expect;
use jiff::SignedDuration;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_exchange::package::Scope;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::jobs::{JobError, JobOptions};
use tillsync_hq::storage::{DownloadSessionRecord, SessionFilter, Trigger};
use tillsync_testkit::world::{Fault, GROUP, World};

fn stores() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.settle();
    world
}

fn sessions(world: &World, at: &str) -> Vec<DownloadSessionRecord> {
    let filter = SessionFilter {
        database: Some(at.parse().unwrap()),
        limit: 100,
        ..SessionFilter::default()
    };
    world.hq().list_sessions(&filter).unwrap()
}

fn latest(world: &World, at: &str) -> DownloadSessionRecord {
    sessions(world, at).remove(0)
}

fn promote_one(world: &mut World, name: &str) -> tillsync_domain::ids::CustomerGuid {
    let guid = world.create("S1", name);
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    guid
}

#[test]
fn a_session_walks_through_its_statuses() {
    let mut world = stores();
    promote_one(&mut world, "Waller");
    world.line("S2").suffer(Fault::LoseAnswers(1));
    assert!(world.download("S2").is_err(), "the offer got lost");
    assert_eq!(latest(&world, "S2").progress.status, DownloadStatus::Available);
    world.line("S2").suffer(Fault::DamagePackages(1));
    assert!(world.download("S2").is_err(), "the digest is wrong");
    let failed = latest(&world, "S2");
    assert_eq!(failed.progress.status, DownloadStatus::DownloadFailed);
    assert_eq!(failed.progress.failures, 1);
    assert!(failed.error.unwrap().contains("damaged on the way"));
    assert_eq!(world.download("S2").unwrap(), 0, "the pause is not over");
    world.pass(SignedDuration::from_mins(2));
    assert_eq!(world.download("S2").unwrap(), 1);
    let applied = latest(&world, "S2");
    assert_eq!(applied.progress.status, DownloadStatus::Applied);
    assert!(applied.applied_at.is_some() && applied.error.is_none());
}

#[test]
fn three_failed_tries_suspend_and_a_retry_lets_the_followers_through_in_order() {
    let mut world = stores();
    let first = promote_one(&mut world, "First");
    world.line("S2").suffer(Fault::DamagePackages(3));
    for _ in 0..3 {
        assert!(world.download("S2").is_err());
        world.pass(SignedDuration::from_mins(2));
    }
    let suspended = latest(&world, "S2");
    assert_eq!(suspended.progress.status, DownloadStatus::Suspended);
    let second = promote_one(&mut world, "Second");
    assert_eq!(world.download("S2").unwrap(), 0, "it holds up its followers");
    assert_eq!(world.account_at("S2", second), "unknown");
    assert_eq!(world.download("S1").unwrap(), 2, "other databases are not concerned");

    world.hq().command_session(&suspended.id, SessionCommand::Retry).unwrap();
    assert_eq!(world.download("S2").unwrap(), 2);
    assert_eq!(world.account_at("S2", first), "C-00000001");
    assert_eq!(world.account_at("S2", second), "C-00000002");
}

#[test]
fn cancelling_a_suspended_session_is_the_other_way_out() {
    let mut world = stores();
    let first = promote_one(&mut world, "First");
    world.line("S2").suffer(Fault::DamagePackages(3));
    for _ in 0..3 {
        assert!(world.download("S2").is_err());
        world.pass(SignedDuration::from_mins(2));
    }
    let second = promote_one(&mut world, "Second");
    let suspended = latest(&world, "S2");
    world.hq().command_session(&suspended.id, SessionCommand::Cancel).unwrap();
    assert_eq!(world.download("S2").unwrap(), 1);
    assert_eq!(world.account_at("S2", first), "unknown", "that was the price");
    assert_eq!(world.account_at("S2", second), "C-00000002");
    full_sync(&world);
    world.download("S2").unwrap();
    assert_eq!(world.account_at("S2", first), "C-00000001", "a full sync heals it");
}

fn full_sync(world: &World) {
    let full_sync_of = Some(GROUP.parse().unwrap());
    let options = JobOptions { full_sync_of, ..JobOptions::default() };
    world.hq().run_job(JobName::Customers1010, Trigger::Manual, options).unwrap();
}

#[test]
fn a_rerun_of_an_old_package_changes_nothing() {
    let mut world = stores();
    let guid = promote_one(&mut world, "Waller");
    world.download("S2").unwrap();
    let old = latest(&world, "S2");
    let key = tillsync_domain::ids::CustomerKey::Temporary(guid);
    world.add_address("S1", key.clone(), "New Street");
    world.settle();
    let before = world.find("S2", &key).unwrap();
    let rerun = world.hq().command_session(&old.id, SessionCommand::Rerun).unwrap();
    assert_eq!(rerun.rerun_of, Some(old.id));
    assert_eq!(world.download("S2").unwrap(), 1);
    assert_eq!(world.find("S2", &key).unwrap(), before);
    let statuses: Vec<_> =
        sessions(&world, "S2").into_iter().map(|session| session.progress.status).collect();
    assert!(statuses.iter().all(|status| *status == DownloadStatus::Applied), "{statuses:?}");
}

#[test]
fn nothing_changed_is_no_data() {
    let mut world = stores();
    promote_one(&mut world, "Waller");
    let run = world.run(JobName::Customers1010);
    assert_eq!((&run.detail["packages"], &run.detail["no_data"]), (&0.into(), &2.into()));
    let group = GROUP.parse().unwrap();
    let packages = world
        .hq()
        .storage()
        .read(|tx| tx.packages_list(&group, JobName::Customers1010, 1))
        .unwrap();
    assert_eq!(packages[0].status, DownloadStatus::NoData);
    assert_eq!(world.download("S1").unwrap(), 1);
    assert_eq!(world.download("S1").unwrap(), 0);
}

#[test]
fn a_new_store_starts_from_a_snapshot_and_a_short_tail() {
    let mut world = stores();
    for n in 0..40 {
        promote_one(&mut world, &format!("Customer {n}"));
        if n % 20 == 0 {
            world.settle();
        }
    }
    world.add_store("S3");
    world.run(JobName::Customers1010);
    let applied = world.download("S3").unwrap();
    assert!(applied < 40, "a backlog of {applied} packages");
    let scopes: Vec<_> = sessions(&world, "S3")
        .iter()
        .map(|session| world.hq().show_session(&session.id).unwrap().1.unwrap().scope)
        .collect();
    assert_eq!(scopes.last(), Some(&Scope::Snapshot), "the oldest session is the snapshot");
    expect![[r#"
        hq: 40 customers
        S1: 40 customers
        S2: 21 customers
        S3: 40 customers"#]]
    .assert_eq(&{
        world.download("S1").unwrap();
        world.render()
    });
}

#[test]
fn a_store_that_was_away_for_long_gets_a_snapshot_instead_of_a_backlog() {
    let mut world = stores();
    for n in 0..40 {
        promote_one(&mut world, &format!("Customer {n}"));
    }
    let pending = world.create("S2", "Pending");
    world.run(JobName::Customers1010);
    world.download("S2").unwrap();
    assert!(sessions(&world, "S2").len() < 10);
    assert_eq!(world.account_at("S2", pending), "Pending sync", "a snapshot keeps what waits");
    assert_eq!(tillsync_channel::health::read_health(world.edge("S2")).unwrap().customers, 41);
}

#[test]
fn a_customer_reaches_only_stores_that_share_an_address_book() {
    let mut world = stores();
    world.add_group("outlet", &["outlet"]);
    world.add_group("both", &["both", GROUP, "outlet"]);
    world.add_store_to("O1", "outlet");
    world.add_store_to("B1", "both");
    let retail = world.create("S1", "Retail");
    let outlet = world.create("O1", "Outlet");
    world.settle();
    let known = |guid| ["S1", "S2", "O1", "B1"].map(|at| world.account_at(at, guid) != "unknown");
    assert_eq!(known(retail), [true, true, false, true]);
    assert_eq!(known(outlet), [false, false, true, true]);
}

#[test]
fn who_is_in_a_book_that_a_group_is_given_arrives_with_the_next_1010_and_leaves_with_the_book() {
    let mut world = stores();
    world.add_group("outlet", &["outlet"]);
    world.add_store_to("O1", "outlet");
    world.add_register("O1.R1", "O1");
    let retail = world.create("S1", "Retail");
    let outlet = world.create("O1", "Outlet");
    world.settle();
    let pending = world.create("O1.R1", "Pending");
    let known = |world: &World, guid| {
        ["S1", "O1", "O1.R1"].map(|at| world.account_at(at, guid).starts_with("C-"))
    };
    assert_eq!(known(&world, retail), [true, false, false]);
    let next_1010 = |world: &mut World| {
        world.run(JobName::Customers1010);
        ["O1", "O1.R1"].map(|at| world.download(at).unwrap())
    };

    world.add_group("outlet", &["outlet", GROUP]);
    assert_eq!(next_1010(&mut world), [1, 1], "a snapshot, and nothing twice");
    assert_eq!(known(&world, retail), [true, true, true]);
    assert_eq!(known(&world, outlet), [false, true, true]);
    assert_eq!(world.account_at("O1.R1", pending), "Pending sync", "it is still on its way up");
    let later = promote_one(&mut world, "Later");
    assert_eq!(next_1010(&mut world), [1, 1], "deltas go on behind it");
    assert_eq!(known(&world, later), [false, true, true]);

    world.add_group("outlet", &["outlet"]);
    assert_eq!(next_1010(&mut world), [1, 1]);
    assert_eq!(known(&world, retail), [true, false, false]);
    assert_eq!(known(&world, outlet), [false, true, true], "its own stays");
    world.settle();
    assert_eq!(known(&world, pending), [false, true, true]);
    world.add_group("outlet", &["outlet"]);
    assert_eq!(next_1010(&mut world), [0, 0], "nothing changed");
}

#[test]
fn a_delta_that_is_under_way_when_the_books_change_does_not_bring_who_left_back() {
    let mut world = stores();
    world.add_group("outlet", &["outlet", GROUP]);
    world.add_store_to("O1", "outlet");
    world.settle();
    let retail = promote_one(&mut world, "Retail");
    world.line("O1").suffer(Fault::LoseAnswers(1));
    assert!(world.download("O1").is_err(), "it is offered, and not applied yet");
    world.add_group("outlet", &["outlet"]);
    let why = world.hq().why_not_here(&CustomerKey::Temporary(retail), &"O1".parse().unwrap());
    assert!(!why.unwrap().is_here);
    world.run(JobName::Customers1010);
    assert_eq!(world.download("O1").unwrap(), 2, "the delta, and the snapshot behind it");
    assert_eq!(world.account_at("O1", retail), "unknown");
}

#[test]
fn a_full_sync_is_for_1010_alone_and_for_groups_that_exist() {
    let world = stores();
    let run = |job, group: &str| {
        let full_sync_of = Some(group.parse().unwrap());
        let options = JobOptions { full_sync_of, ..JobOptions::default() };
        world.hq().run_job(job, Trigger::Manual, options)
    };
    assert!(matches!(run(JobName::P0001, GROUP), Err(JobError::NoFullSync(_))));
    let record = run(JobName::Customers1010, "nowhere").unwrap();
    assert_eq!(record.error.as_deref(), Some("there is no channel database group nowhere"));
}

#[test]
fn a_package_that_cannot_be_made_says_so_and_the_next_run_makes_it() {
    let mut world = stores();
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    let folder = world.folder().join("hq/packages/1010");
    let aside = world.folder().join("hq/aside");
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let failed = world.run(JobName::Customers1010);
    assert_eq!(failed.outcome.as_str(), "completed_with_errors");
    let group = GROUP.parse().unwrap();
    let newest = |world: &World| {
        let list = |tx: &mut dyn tillsync_hq::storage::ReadTx| {
            tx.packages_list(&group, JobName::Customers1010, 1)
        };
        world.hq().storage().read(list).unwrap().remove(0)
    };
    assert_eq!(newest(&world).status, DownloadStatus::CreateFailed);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    world.run(JobName::Customers1010);
    assert_eq!(newest(&world).status, DownloadStatus::Available);
    full_sync(&world);
    world.settle();
    assert_eq!(world.account_at("S2", guid), "C-00000001");
}

#[test]
fn a_line_that_keeps_breaking_off_uses_up_no_tries() {
    let mut world = stores();
    let guid = promote_one(&mut world, "Waller");
    world.line("S2").suffer(Fault::BreakOffPackages);
    for _ in 0..5 {
        assert!(world.download("S2").is_err());
        world.pass(SignedDuration::from_mins(2));
    }
    assert_eq!(latest(&world, "S2").progress.failures, 0);
    world.line("S2").mend();
    world.download("S2").unwrap();
    assert_eq!(world.account_at("S2", guid), "C-00000001");
}

#[test]
fn a_cancelled_snapshot_does_not_leave_a_store_without_customers() {
    let mut world = stores();
    let guid = promote_one(&mut world, "Waller");
    world.add_store("S3");
    world.run(JobName::Customers1010);
    world.line("S3").suffer(Fault::BreakOffPackages);
    assert!(world.download("S3").is_err());
    let snapshot = latest(&world, "S3");
    world.hq().command_session(&snapshot.id, SessionCommand::Cancel).unwrap();
    world.line("S3").mend();
    world.download("S3").unwrap();
    assert_eq!(world.account_at("S3", guid), "C-00000001");
}
