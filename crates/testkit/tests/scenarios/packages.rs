//! Packages and their bytes in the package store: what is missing is reported, what belongs to
//! nobody is removed, and nothing else is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::job::JobName;
use tillsync_hq::check::{CheckDepth, Severity};
use tillsync_testkit::world::{GROUP, World};

/// A store that has not fetched yet the package with its customer, and where its bytes lie.
fn a_package_on_its_way() -> (World, String, PathBuf) {
    let mut world = World::new();
    world.add_store("S1");
    world.settle();
    world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    world.run(JobName::Customers1010);
    let group = GROUP.parse().unwrap();
    let list = |tx: &mut dyn tillsync_hq::storage::ReadTx| {
        tx.packages_list(&group, JobName::Customers1010, 10)
    };
    let packages = world.hq().storage().read(list).unwrap();
    let location = packages.into_iter().find_map(|package| package.location).unwrap();
    let file = world.folder().join("hq/packages").join(&location);
    (world, location, file)
}

/// Copies bytes to another name, as if they had been written some hours ago by the world's clock.
fn leave(bytes: &Path, file: &Path, hours: i64) {
    fs::copy(bytes, file).unwrap();
    let start: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    let written = start - SignedDuration::from_hours(hours);
    File::options().write(true).open(file).unwrap().set_modified(written.into()).unwrap();
}

fn findings(world: &World) -> Vec<(Severity, String)> {
    let report = world.hq().check(CheckDepth::EveryRow).unwrap();
    report.findings.into_iter().map(|finding| (finding.severity, finding.message)).collect()
}

#[test]
fn bytes_without_a_package_are_reported_and_removed_once_they_are_a_day_old() {
    let (mut world, location, file) = a_package_on_its_way();
    let folder = file.parent().unwrap();
    let ending = location.split_once('.').unwrap().1;
    let named = |n: u32| folder.join(format!("00000000-0000-7000-8000-00000000000{n}.{ending}"));
    let (orphan, young, foreign) = (named(1), named(2), folder.join("notes.txt"));
    leave(&file, &orphan, 30);
    leave(&file, &young, -40);
    leave(&file, &foreign, 30);
    let found = findings(&world);
    let lost = "1 objects in the package store belong to no package, such as ";
    assert!(
        matches!(&found[..], [(Severity::Warning, text)] if text.starts_with(lost)
            && text.contains("000000000001")),
        "{found:#?}"
    );

    let done = world.hq().clean_up().unwrap();
    assert_eq!(done.orphans, 1);
    assert_eq!([&orphan, &young, &foreign].map(|file| file.exists()), [false, true, true]);
    assert!(file.exists(), "a package keeps its bytes");
    assert_eq!(findings(&world), []);
    assert!(world.download("S1").unwrap() > 0, "it can still be fetched");
    assert_eq!(world.hq().clean_up().unwrap().orphans, 0);
}

#[test]
fn a_package_that_lost_its_bytes_is_an_error_until_they_are_back() {
    let (world, location, file) = a_package_on_its_way();
    let elsewhere = world.folder().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    let found = findings(&world);
    let lost = format!("1 packages have lost their bytes in the package store, such as {location}");
    assert!(
        matches!(&found[..], [(Severity::Error, text)] if text.starts_with(&lost)),
        "{found:#?}"
    );
    fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(findings(&world), []);
}
