//! The protocol in a world so small that every order of events in it can be tried.
//!
//! The decisions are the product's own, from `session` and `watermark`; the rest of this folder is
//! a store, a headquarters and a network made of a few numbers. Every state that can be reached is
//! checked, and from every one the end must be reachable without another fault. Errors planted in
//! the glue must be found: a search that finds nothing proves nothing by itself.

mod download;
mod search;
mod upload;

use search::explore;
use upload::Copies;

#[test]
fn no_order_of_faults_loses_doubles_or_reorders_an_entry_or_stops_an_upload() {
    for (entries_max, copies) in [(3, Copies::Restored), (2, Copies::RestoredOrRunning)] {
        let world = upload::World { entries_max, copies, planted: None };
        let found = explore(&world).unwrap_or_else(|broken| panic!("{broken}"));
        println!("upload of {entries_max}, {copies:?}: {found}");
        assert!(found.states > 5_000, "the world became too small to prove anything: {found}");
    }
}

#[test]
#[ignore = "a minute; run it after a change of the rules: cargo nextest run --run-ignored all"]
fn no_order_of_faults_breaks_an_upload_while_a_copy_of_the_store_runs_beside_it() {
    let copies = Copies::RestoredOrRunning;
    let world = upload::World { entries_max: 3, copies, planted: None };
    let found = explore(&world).unwrap_or_else(|broken| panic!("{broken}"));
    println!("upload of 3, {copies:?}: {found}");
}

#[test]
fn errors_planted_in_an_upload_are_found() {
    for planted in upload::Planted::ALL {
        let copies = Copies::Restored;
        let world = upload::World { entries_max: 3, copies, planted: Some(planted) };
        let broken = explore(&world).expect_err("a planted error must be found");
        assert!(broken.contains(planted.finding()), "{planted:?} was found as: {broken}");
    }
}

#[test]
fn no_order_of_faults_reorders_packages_or_leaves_a_session_without_an_end() {
    for (packages, reruns_max) in [(3, 0), (2, 1)] {
        let world = download::World { packages, reruns_max, ..download::World::WATCHED };
        let found = explore(&world).unwrap_or_else(|broken| panic!("{broken}"));
        println!("download of {packages}: {found}");
        assert!(found.states > 5_000, "the world became too small to prove anything: {found}");
    }
}

#[test]
fn without_an_operator_every_download_ends_applied_or_suspended() {
    let operator = download::Operator::Sleeps;
    let world = download::World { operator, ..download::World::WATCHED };
    let found = explore(&world).unwrap_or_else(|broken| panic!("{broken}"));
    println!("download without an operator: {found}");
}

#[test]
fn errors_planted_in_a_download_are_found() {
    for planted in download::Planted::ALL {
        let planted_in = Some(planted);
        let world = download::World { planted: planted_in, ..download::World::WATCHED };
        let broken = explore(&world).expect_err("a planted error must be found");
        assert!(broken.contains(planted.finding()), "{planted:?} was found as: {broken}");
    }
}
