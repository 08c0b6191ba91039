//! Headquarters put back to an older copy of its database (F64): no number is given twice, every
//! customer keeps its own, and what changes afterwards reaches every store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use tillsync_domain::ids::{CustomerGuid, CustomerKey, DatabaseId};
use tillsync_domain::item::Item;
use tillsync_domain::job::JobName;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::promote::Whom;
use tillsync_hq::recovery::RecoveryStatus;
use tillsync_hq::storage::{NumberConflict, RunOutcome, SequenceName};
use tillsync_testkit::world::{Basket, Fault, World, item};

const SYNCHRONIZE: JobName = JobName::SynchronizeCustomers;

pub(crate) fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.add_store("S2");
    world.create("S1", "First");
    world.settle();
    world
}

pub(crate) fn back_up(world: &mut World) -> PathBuf {
    let copy = world.back_up_headquarters();
    // Nobody makes a session or a package in the moment of the backup.
    world.pass(SignedDuration::from_secs(1));
    copy
}

fn restore_without_packages(world: &mut World, copy: &Path) {
    world.pass(SignedDuration::from_secs(1));
    world.lose_packages_since(copy);
    world.restore_headquarters(copy);
}

fn recovery(world: &World) -> RecoveryStatus {
    world.hq().show_recovery().unwrap()
}

pub(crate) fn is_recovering(world: &World) -> bool {
    recovery(world).is_recovering()
}

fn waits_for(world: &World) -> Vec<String> {
    recovery(world).waiting_for.iter().map(DatabaseId::to_string).collect()
}

fn reason(world: &World) -> String {
    recovery(world).recovery.expect("a recovery").reason
}

pub(crate) fn account(world: &World, guid: CustomerGuid) -> String {
    world.account_of(guid).map_or("none".into(), |account| account.to_string())
}

pub(crate) fn accounts(world: &World, guids: &[CustomerGuid]) -> Vec<String> {
    guids.iter().map(|guid| account(world, *guid)).collect()
}

/// Promotes one customer only.
fn promote(world: &World, guid: CustomerGuid) {
    let run = tillsync_domain::ids::RunId::from_uuid(*guid.as_uuid());
    world.hq().promote_customers(&Whom::Only(vec![guid]), run, &mut |_| true).unwrap();
}

fn tea(price: &str) -> Item {
    item("tea", "10", &[("EUR", price)])
}

fn distribute(world: &mut World) {
    world.run(JobName::Customers1010);
    for at in world.edges() {
        world.download(&at).unwrap();
    }
}

#[test]
fn every_customer_keeps_its_number_and_no_number_is_given_twice() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guids: Vec<_> = ["S1", "S1.R1", "S2", "S2"]
        .iter()
        .map(|at| {
            let guid = world.create(at, &format!("Given at {at}"));
            world.settle();
            guid
        })
        .collect();
    let given = accounts(&world, &guids);
    assert_eq!(given, ["C-00000002", "C-00000003", "C-00000004", "C-00000005"]);
    world.restore_headquarters(&copy);
    let fresh = world.create("S1", "Fresh");
    world.settle();
    assert_eq!(accounts(&world, &guids), given);
    assert_eq!(account(&world, fresh), "C-00000006");
    assert_eq!(world.account_at("S2", fresh), "C-00000006");
    assert_eq!(world.account_at("S1.R1", guids[3]), given[3]);
    let status = recovery(&world);
    assert!(!status.is_recovering() && status.recovery.unwrap().ended_by.is_none());
    assert_eq!((status.promises_open, status.conflicts_open), (0, 0));
    let parties: BTreeSet<_> = guids
        .iter()
        .map(|guid| {
            let found = world.find("S2", &CustomerKey::Temporary(*guid)).unwrap();
            found.party_number.unwrap()
        })
        .collect();
    assert_eq!(parties.len(), guids.len());
}

#[test]
fn what_waited_at_the_backup_is_not_promoted_before_every_store_was_heard() {
    let mut world = chain();
    let waiting = world.create("S1", "Waiting");
    world.upload("S1").unwrap();
    let copy = back_up(&mut world);
    let overtaker = world.create("S2", "Overtaker");
    world.upload("S2").unwrap();
    promote(&world, overtaker);
    world.settle();
    assert_eq!(accounts(&world, &[overtaker, waiting]), ["C-00000002", "C-00000003"]);
    world.restore_headquarters(&copy);
    assert!(reason(&world).starts_with("the package store holds 1010/retail/"), "at the start");
    let run = world.run(SYNCHRONIZE);
    assert_eq!(run.outcome, RunOutcome::CompletedWithErrors);
    let held = run.error.unwrap();
    assert!(held.contains("held") && held.contains("waits for S1, S2"), "{held}");
    world.download("S1").unwrap();
    assert_eq!(waits_for(&world), ["S2"]);
    world.run(SYNCHRONIZE);
    assert_eq!(account(&world, waiting), "none");
    world.download("S2").unwrap();
    assert!(!is_recovering(&world));
    world.run(SYNCHRONIZE);
    assert_eq!(account(&world, waiting), "C-00000003");
    world.settle();
    assert_eq!(account(&world, overtaker), "C-00000002");
}

#[test]
fn a_store_that_was_sent_something_since_proves_the_restore_by_its_poll() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guid = world.create("S1", "Waller");
    world.settle();
    restore_without_packages(&mut world, &copy);
    assert!(recovery(&world).recovery.is_none(), "nobody has said anything");
    world.download("S2").unwrap();
    assert!(reason(&world).starts_with("S2 has learnt version 2"), "{}", reason(&world));
    assert_eq!(waits_for(&world), ["S1"]);
    world.settle();
    assert_eq!(account(&world, guid), "C-00000002");
}

#[test]
fn a_store_whose_upload_was_received_proves_the_restore_by_its_hello() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    restore_without_packages(&mut world, &copy);
    world.pass(SignedDuration::from_mins(5));
    // The answer to the proof gets lost: it is the same proof when it comes again.
    world.line("S1").suffer(Fault::LoseAnswers(1));
    world.upload("S1").unwrap_err();
    assert!(reason(&world).contains("S1 was told that its log is received up to 2"));
    world.download("S1").unwrap();
    world.upload("S1").unwrap();
    world.download("S2").unwrap();
    assert!(!is_recovering(&world));
    assert_eq!(recovery(&world).recovery.unwrap().number, 1);
    world.settle();
    assert_eq!(account(&world, guid), "C-00000002");
}

#[test]
fn a_session_of_the_lost_past_proves_the_restore_when_versions_have_caught_up() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let lost = world.create("S1", "Lost");
    world.settle();
    restore_without_packages(&mut world, &copy);
    // Headquarters changes something before any store has spoken.
    world.hq().put_items(&[item("tea", "10", &[("EUR", "5.00")])]).unwrap();
    world.download("S2").unwrap();
    let reason = reason(&world);
    assert!(reason.contains("which headquarters does not know"), "{reason}");
    world.settle();
    assert_eq!(account(&world, lost), "C-00000002");
}

#[test]
fn what_changes_after_the_restore_reaches_every_store() {
    let mut world = chain();
    let guid = world.create("S1", "Mover");
    world.hq().put_items(&[tea("5.00")]).unwrap();
    world.distribute_items();
    world.settle();
    let copy = back_up(&mut world);
    let key = CustomerKey::Temporary(guid);
    let lost_streets: Vec<_> = (1..=3)
        .map(|n| {
            world.hq().put_items(&[tea(&format!("6.0{n}"))]).unwrap();
            world.distribute_items();
            let address = world.add_address("S1", key.clone(), &format!("Lost Street {n}"));
            world.settle();
            address
        })
        .collect();
    world.restore_headquarters(&copy);
    world.settle();
    world.distribute_items();
    let price = |world: &World, at: &str| super::items::price_of_tea(world, at);
    assert_eq!(price(&world, "S2"), "5.00", "what headquarters knows counts");
    let street = world.add_address("S2", key.clone(), "New Street");
    world.hq().put_items(&[tea("7.00")]).unwrap();
    world.settle();
    world.distribute_items();
    for at in world.edges() {
        let found = world.find(&at, &key).unwrap();
        let has = |guid| found.addresses.iter().any(|address| address.content.guid == guid);
        assert!(has(street) && lost_streets.iter().all(|guid| has(*guid)), "{at}");
        assert_eq!(price(&world, &at), "7.00", "{at}");
    }
}

#[test]
fn a_store_that_is_cut_off_is_waited_for_until_somebody_goes_on_without_it() {
    let mut world = chain();
    world.add_store("S3");
    world.settle();
    let copy = back_up(&mut world);
    let at_the_cut_off = world.create("S3", "Known at S3");
    world.upload("S3").unwrap();
    world.run(SYNCHRONIZE);
    world.run(JobName::Customers1010);
    world.download("S3").unwrap();
    let later = world.create("S1", "Later");
    world.upload("S1").unwrap();
    world.line("S3").suffer(Fault::Cut);
    world.run(SYNCHRONIZE);
    world.run(JobName::Customers1010);
    world.download("S1").unwrap();
    let given = accounts(&world, &[at_the_cut_off, later]);
    assert_eq!(given, ["C-00000002", "C-00000003"]);
    world.pass(SignedDuration::from_mins(5));
    world.restore_headquarters(&copy);
    let fresh = world.create("S2", "Fresh");
    for at in ["S1", "S2"] {
        world.upload(at).unwrap();
        world.download(at).unwrap();
    }
    world.run(SYNCHRONIZE);
    assert_eq!((waits_for(&world), account(&world, fresh)), (vec!["S3".to_owned()], "none".into()));
    let ended = world.hq().finish_recovery("ann").unwrap();
    assert_eq!(ended.ended_by.as_deref(), Some("ann"));
    world.hq().finish_recovery("ann").unwrap_err();
    world.run(SYNCHRONIZE);
    assert_eq!(accounts(&world, &[later, fresh]), ["C-00000003", "C-00000004"]);
    world.line("S3").mend();
    world.download("S3").unwrap();
    assert_eq!(recovery(&world).promises_open, 1, "S1 told of it, S3 has not sent it again");
    assert!(
        recovery(&world)
            .hearings
            .iter()
            .any(|h| { h.database.as_str() == "S3" && h.heard_at.is_some() })
    );
    assert!(!is_recovering(&world), "a late store holds up nobody");
    world.settle();
    assert_eq!(account(&world, at_the_cut_off), given[0]);
}

#[test]
fn a_revoked_store_is_not_waited_for() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guid = world.create("S1", "Waller");
    world.settle();
    world.pass(SignedDuration::from_mins(5));
    world.restore_headquarters(&copy);
    world.upload("S1").unwrap();
    world.download("S1").unwrap();
    assert_eq!(waits_for(&world), ["S2"]);
    world.hq().revoke_device(&"S2".parse().unwrap()).unwrap();
    assert_eq!(world.run(SYNCHRONIZE).outcome, RunOutcome::Succeeded);
    assert!(!is_recovering(&world));
    assert_eq!(account(&world, guid), "C-00000002");
}

/// Two customers and two numbers that changed places: promoted again before any store had spoken.
fn crossed() -> (World, [CustomerGuid; 2]) {
    let mut world = chain();
    let waiting = world.create("S1", "Waiting");
    world.upload("S1").unwrap();
    let copy = back_up(&mut world);
    let overtaker = world.create("S2", "Overtaker");
    world.upload("S2").unwrap();
    promote(&world, overtaker);
    world.settle();
    assert_eq!(accounts(&world, &[overtaker, waiting]), ["C-00000002", "C-00000003"]);
    restore_without_packages(&mut world, &copy);
    world.run(SYNCHRONIZE);
    assert_eq!(account(&world, waiting), "C-00000002", "given a second time");
    (world, [waiting, overtaker])
}

#[test]
fn a_number_that_was_given_twice_is_shown_and_nothing_is_overwritten() {
    let (mut world, [waiting, overtaker]) = crossed();
    world.upload("S1").unwrap();
    world.upload("S2").unwrap();
    for at in ["S1", "S2"] {
        world.download(at).unwrap();
    }
    world.run(SYNCHRONIZE);
    assert_eq!(accounts(&world, &[waiting, overtaker]), ["C-00000002", "none"]);
    let found = recovery(&world).conflicts;
    let told = |conflict: &NumberConflict| {
        let known = conflict.known_account.as_ref().map(ToString::to_string);
        (conflict.guid, conflict.account.to_string(), known, conflict.holder)
    };
    let told: BTreeSet<_> = found.iter().map(told).collect();
    let expected = [
        (waiting, "C-00000003".to_owned(), Some("C-00000002".to_owned()), None),
        (overtaker, "C-00000002".to_owned(), None, Some(waiting)),
    ];
    assert_eq!(told, BTreeSet::from(expected));
    let report = world.hq().check(tillsync_hq::check::CheckDepth::Counts).unwrap();
    let shown = report.findings.iter().any(|f| f.message.starts_with("2 account numbers are disp"));
    assert!(shown, "{:?}", report.findings);
    for conflict in &found {
        let settled = world.hq().settle_conflict(&conflict.guid, &conflict.account, "ann").unwrap();
        assert_eq!(settled.settled_by.as_deref(), Some("ann"));
        world.hq().settle_conflict(&conflict.guid, &conflict.account, "ann").unwrap_err();
    }
    world.settle();
    assert_eq!(accounts(&world, &[waiting, overtaker]), ["C-00000002", "C-00000004"]);
    for at in world.edges() {
        assert_eq!(world.account_at(&at, waiting), "C-00000002", "{at}");
        assert_eq!(world.account_at(&at, overtaker), "C-00000004", "{at}");
    }
}

#[test]
fn a_package_that_was_never_published_proves_nothing() {
    let mut world = chain();
    let packages = world.folder().join("hq/packages/1010/retail");
    let known = std::fs::read_dir(&packages).unwrap().next().unwrap().unwrap().path();
    // Stored by a process that died before it could say so.
    let orphan = packages.join("7fffffff-0000-7000-8000-000000000001.ndjson.zst");
    std::fs::copy(known, orphan).unwrap();
    std::fs::write(packages.join("7fffffff-0000-7000-8000-000000000002.ndjson.zst"), "x").unwrap();
    world.restart_headquarters();
    assert!(recovery(&world).recovery.is_none());
    std::fs::remove_file(packages.join("7fffffff-0000-7000-8000-000000000001.ndjson.zst")).unwrap();
}

#[test]
fn a_store_restored_from_a_copy_that_is_older_than_what_is_kept_proves_nothing() {
    let mut world = chain();
    let copy = world.back_up("S2");
    for n in 0..150 {
        world.pass(SignedDuration::from_secs(1));
        world.create("S1", &format!("Customer {n}"));
        world.upload("S1").unwrap();
        world.run(SYNCHRONIZE);
        distribute(&mut world);
    }
    world.hq().clean_up().unwrap();
    world.restore("S2", &copy);
    world.settle();
    assert!(recovery(&world).recovery.is_none(), "it is the store that has forgotten");
    assert_eq!(world.hq().storage().read(|tx| tx.customers_count()).unwrap(), 151);
}

#[test]
fn a_restore_that_was_declared_is_over_when_nobody_knows_more() {
    let mut world = chain();
    assert!(world.hq().declare_restored("ann").unwrap());
    assert!(!world.hq().declare_restored("bob").unwrap(), "one at a time");
    assert_eq!(reason(&world), "ann said so");
    let fresh = world.create("S1", "Fresh");
    world.settle();
    assert!(!is_recovering(&world));
    assert_eq!(account(&world, fresh), "C-00000002");
}

#[test]
fn headquarters_restored_in_the_middle_of_a_recovery_hears_everybody_again() {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guid = world.create("S1", "Waller");
    world.settle();
    world.restore_headquarters(&copy);
    world.download("S1").unwrap();
    let second = back_up(&mut world);
    world.settle();
    let more = world.create("S2", "More");
    world.settle();
    let given = accounts(&world, &[guid, more]);
    world.restore_headquarters(&second);
    let fresh = world.create("S1", "Fresh");
    world.settle();
    assert_eq!(accounts(&world, &[guid, more]), given);
    assert_eq!(account(&world, fresh), "C-00000004");
    assert!(!is_recovering(&world));
}

#[test]
fn sales_on_numbers_that_headquarters_has_forgotten_are_posted() {
    let mut world = chain();
    world.stock();
    world.settle();
    let copy = back_up(&mut world);
    let guid = world.create("S1", "Waller");
    world.settle();
    let number = world.account_of(guid).unwrap();
    let sale = world.sell("S2", CustomerKey::Numbered(number.clone()), Basket::of("tea", 1));
    world.upload("S2").unwrap();
    world.pass(SignedDuration::from_mins(5));
    world.restore_headquarters(&copy);
    world.upload("S2").unwrap();
    let validation = |world: &World| {
        let found = world.hq().storage().read(|tx| tx.transaction_get(&sale));
        found.unwrap().map(|record| record.validation)
    };
    world.run(JobName::ValidateTransactions);
    assert_eq!(
        validation(&world),
        Some(ValidationStatus::New),
        "nothing is judged while recovering"
    );
    distribute(&mut world);
    world.run(JobName::ValidateTransactions);
    assert_eq!(
        validation(&world),
        Some(ValidationStatus::Waiting),
        "its customer has not come again"
    );
    world.settle();
    world.end_of_day();
    assert_eq!(world.account_of(guid), Some(number));
    assert!(world.posted_in(&sale).is_some());
}

#[test]
fn numbers_in_blocks_are_kept_as_well() {
    let mut world = chain();
    world.change_sequence(&tillsync_domain::number_sequence::SequenceChange {
        mode: Some(tillsync_domain::number_sequence::SequenceMode::Blocks { size: 10 }),
        ..Default::default()
    });
    let copy = back_up(&mut world);
    let guids: Vec<_> = (0..3).map(|n| world.create("S1", &format!("Given {n}"))).collect();
    world.settle();
    let given = accounts(&world, &guids);
    world.restore_headquarters(&copy);
    let fresh = world.create("S1", "Fresh");
    world.settle();
    assert_eq!(accounts(&world, &guids), given);
    assert!(!given.contains(&account(&world, fresh)));
    let sequence = world.hq().show_sequence(SequenceName::CustomerAccount).unwrap();
    assert!(sequence.next > 4);
}
