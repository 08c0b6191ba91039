//! What waits is looked at again and again, and is in nobody's way meanwhile.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::StorageError;
use tillsync_hq::synchronize_orders::OrderScope;
use tillsync_hq::validate::ValidationScope;
use tillsync_testkit::builders::documents::{DocumentBuilder, by_guid};
use tillsync_testkit::builders::{creation, run_id};

use crate::site::Site;

/// How long the writer is held when nobody gives it back.
const PATIENCE: Duration = Duration::from_secs(20);

fn settle(site: &Site) -> (u64, u64) {
    let orders = site.hq.synchronize_orders(&OrderScope::default(), run_id(1), &|| true);
    let scope = ValidationScope::default();
    let validated = site.hq.validate_transactions(&scope, run_id(2), &mut || true);
    (orders.expect("it runs").waiting, validated.expect("it runs").waiting)
}

#[test]
fn another_look_at_what_still_waits_needs_no_turn_at_writing() {
    let site = Site::new();
    let sales = (1..=300).map(|n| DocumentBuilder::sale(n).to(by_guid(n)));
    let orders = (301..=600).map(|n| DocumentBuilder::order(n).to(by_guid(n)));
    site.receive(&sales.chain(orders).collect::<Vec<_>>());
    assert_eq!(settle(&site), (300, 600));
    let (holding, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let hq = site.hq.clone();
    let writer = thread::spawn(move || {
        let held = hq.storage().write(|_| {
            holding.send(()).expect("somebody waits");
            Ok::<_, StorageError>(released.recv_timeout(PATIENCE).is_ok())
        });
        held.expect("nothing is written")
    });
    is_held.recv().expect("the writer is held");
    assert_eq!(settle(&site), (300, 600));
    release.send(()).expect("it was not waited for");
    assert!(writer.join().expect("no panic"), "nobody had to wait for the writer");
    site.receive_operations(&[creation(1), creation(301)]);
    assert_eq!(settle(&site), (299, 598));
    assert_eq!(site.order(301).status, OrderStatus::Succeeded);
    assert_eq!(site.transaction(1).validation, ValidationStatus::Successful);
}
