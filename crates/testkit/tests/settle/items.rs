//! Items, parameters, default customers and packages of job 1040.

use std::collections::BTreeSet;

use tillsync_domain::ids::{CustomerKey, SessionId};
use tillsync_domain::job::JobName;
use tillsync_domain::statement::PostingMode;
use tillsync_exchange::messages::{
    DatabaseHealth, DownloadReport, DownloadResult, ExchangeMode, Poll,
};
use tillsync_exchange::package::{Scope, Span};
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::access::AccessError;
use tillsync_hq::default_customers::DefaultCustomerError;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::items::ItemError;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::parameters::ParameterError;
use tillsync_hq::storage::{GroupRecord, Trigger};
use tillsync_testkit::builders::{database, group};

use crate::site::{Site, item};

#[test]
fn a_default_customer_is_promoted_like_any_other_and_is_in_no_stores_address_book() {
    let site = Site::new();
    let account = site.hq.create_default_customer(&database("S1"), "Walk-in S1").expect("created");
    let customer = site.hq.show_customer(&CustomerKey::Numbered(account.clone())).expect("there");
    let groups = site.hq.list_groups().expect("groups");
    let books: Vec<_> = groups.into_iter().flat_map(|group| group.address_books).collect();
    assert!(customer.address_books.iter().all(|book| !books.contains(book)));
    let stolen = GroupRecord {
        id: group("default"),
        address_books: customer.address_books,
        mode: Default::default(),
    };
    assert!(matches!(site.hq.put_group(&stolen), Err(AccessError::ReservedBook(_))));
    assert_eq!(account.as_str(), "C-00000001");
    let databases = site.hq.list_databases().expect("databases");
    assert_eq!(databases[0].default_customer, Some(account.clone()));
    let again = site.hq.create_default_customer(&database("S1"), "Another");
    assert!(matches!(again, Err(DefaultCustomerError::HasOne { .. })));
    site.add_store("S2");
    let key = CustomerKey::Numbered(account.clone());
    assert_eq!(site.hq.set_default_customer(&database("S2"), &key).expect("set"), account);
    let unknown: CustomerKey = "C-99".parse().expect("a key");
    let refused = site.hq.set_default_customer(&database("S2"), &unknown);
    assert!(matches!(refused, Err(DefaultCustomerError::UnknownCustomer(_))));
}

#[test]
fn items_are_taken_all_or_none() {
    let site = Site::new();
    let bad = tillsync_domain::item::Item { name: " ".into(), ..item("Tea") };
    assert!(matches!(site.hq.put_items(&[bad]), Err(ItemError::Problems { .. })));
    let twice = site.hq.put_items(&[item("Tea"), item("Tea")]);
    assert!(matches!(twice, Err(ItemError::Twice(_))));
    assert_eq!(site.hq.find_items("", None, 10).expect("items"), [item("Coffee")]);
    assert_eq!(site.hq.put_items(&[item("Coffee")]).expect("no change"), None);
}

#[test]
fn parameters_out_of_range_are_refused() {
    let site = Site::new();
    site.set(|parameters| parameters.posting_mode = PostingMode::Classic);
    let mut parameters = site.hq.show_parameters().expect("parameters");
    assert_eq!(parameters.posting_mode, PostingMode::Classic);
    parameters.order_workers = 0;
    let refused = site.hq.change_parameters(&parameters);
    assert!(matches!(refused, Err(ParameterError::OutOfRange { .. })));
}

#[test]
fn a_package_of_items_is_made_once_and_only_when_items_changed() {
    let site = Site::new();
    let made = |site: &Site| site.run(JobName::Products1040).detail["packages"].as_u64();
    assert_eq!(made(&site), Some(1));
    assert_eq!(made(&site), Some(0));
    site.hq.create_default_customer(&database("S1"), "Walk-in").expect("a customer changed");
    assert_eq!(made(&site), Some(0));
    site.hq.put_items(&[item("Strong coffee")]).expect("changed");
    assert_eq!(made(&site), Some(1));
}

/// What S1 is offered when it polls: job, scope and session of each package.
fn poll(site: &Site, applied: Option<SessionId>) -> Vec<(JobName, Scope, SessionId)> {
    look(site, applied, true)
}

fn look(
    site: &Site,
    applied: Option<SessionId>,
    is_first: bool,
) -> Vec<(JobName, Scope, SessionId)> {
    let database = site.hq.list_databases().expect("databases").remove(0);
    let health =
        DatabaseHealth { pending: 0, oldest_pending_at: None, unsent: 0, now: site.hq.now() };
    let poll = Poll {
        revoked: None,
        database: database.database.id.clone(),
        wait_ms: 0,
        pulled: 0,
        applied,
        learnt: Some(0),
        testimony: None,
        mode: ExchangeMode::Live,
        health,
    };
    let answer = site.hq.answer_poll(&database, &poll, is_first).expect("an answer").answer;
    answer
        .offers
        .into_iter()
        .map(|offer| match offer.manifest.span {
            Span::Download { job, scope, .. } => (job, scope, offer.session),
            Span::Upload { .. } => panic!("an upload is never offered"),
        })
        .collect()
}

fn report(site: &Site, session: SessionId, result: DownloadResult) -> DownloadStatus {
    let report = DownloadReport { database: database("S1"), result, error: None };
    site.hq.report_download(&session, &report).expect("a report")
}

fn make_snapshots(site: &Site, job: JobName) {
    let snapshots_for: BTreeSet<_> = [group("default")].into();
    let options = JobOptions { snapshots_for, ..JobOptions::default() };
    site.hq.run_job(job, Trigger::Manual, options).expect("it runs");
}

#[test]
fn a_poll_that_waits_while_another_machine_applies_something_is_offered_nothing_behind_it() {
    let site = Site::new();
    make_snapshots(&site, JobName::Products1040);
    let snapshot = poll(&site, None)[0].2;
    report(&site, snapshot, DownloadResult::Downloaded);
    report(&site, snapshot, DownloadResult::Applied);
    site.hq.put_items(&[item("Strong coffee")]).expect("changed");
    site.run(JobName::Products1040);
    assert_eq!(look(&site, None, false), [], "it lacks what the other one has");
    let scopes: Vec<_> = poll(&site, Some(snapshot)).iter().map(|offer| offer.1).collect();
    assert_eq!(scopes, [Scope::Delta]);
}

#[test]
fn an_old_snapshot_that_is_applied_late_brings_the_deltas_behind_it_again() {
    let site = Site::new();
    make_snapshots(&site, JobName::Products1040);
    let apply = |session| {
        report(&site, session, DownloadResult::Downloaded);
        report(&site, session, DownloadResult::Applied);
    };
    let snapshot = poll(&site, None)[0].2;
    apply(snapshot);
    site.hq.put_items(&[item("Strong coffee")]).expect("changed");
    site.run(JobName::Products1040);
    let delta = poll(&site, Some(snapshot))[0].2;
    apply(delta);
    assert_eq!(poll(&site, Some(delta)), []);
    site.hq.command_session(&snapshot, SessionCommand::Rerun).expect("a new session");
    let rerun = poll(&site, Some(delta))[0].2;
    apply(rerun);
    let scopes: Vec<_> = poll(&site, Some(rerun)).iter().map(|offer| offer.1).collect();
    assert_eq!(scopes, [Scope::Delta], "a machine that has the snapshot alone lacks it");
}

#[test]
fn items_and_customers_are_offered_side_by_side_and_neither_holds_the_other_up() {
    use DownloadResult::{Applied, ApplyFailed, Downloaded};
    let (items, customers) = (JobName::Products1040, JobName::Customers1010);
    let site = Site::new();
    assert_eq!(poll(&site, None), []);
    make_snapshots(&site, items);
    make_snapshots(&site, customers);
    let offered = poll(&site, None);
    let kinds: Vec<_> = offered.iter().map(|(job, scope, _)| (*job, *scope)).collect();
    assert_eq!(kinds, [(items, Scope::Snapshot), (customers, Scope::Snapshot)]);
    let (of_items, of_customers) = (offered[0].2, offered[1].2);
    for _ in 0..3 {
        let (_, package) = site.hq.show_session(&of_customers).expect("a session");
        let package = package.expect("its package").id;
        site.hq.request_package(&database("S1"), &package).expect("offered");
        report(&site, of_customers, Downloaded);
        report(&site, of_customers, ApplyFailed);
    }
    report(&site, of_items, Downloaded);
    assert_eq!(report(&site, of_items, Applied), DownloadStatus::Applied);
    assert_eq!(poll(&site, Some(of_items)), [], "customers are suspended, items are up to date");
    site.hq.put_items(&[item("Strong coffee")]).expect("changed");
    site.run(items);
    let offered = poll(&site, Some(of_items));
    assert_eq!((offered.len(), offered[0].0, offered[0].1), (1, items, Scope::Delta));
}

#[test]
fn a_store_that_forgot_its_items_starts_both_again_from_snapshots() {
    let (items, customers) = (JobName::Products1040, JobName::Customers1010);
    let site = Site::new();
    make_snapshots(&site, items);
    make_snapshots(&site, customers);
    let offered = poll(&site, None);
    for (_, _, session) in &offered {
        report(&site, *session, DownloadResult::Downloaded);
        report(&site, *session, DownloadResult::Applied);
    }
    assert_eq!(poll(&site, Some(offered[1].2)), [], "both ends agree");
    // Restored from a copy of before the second package.
    let again = poll(&site, Some(offered[0].2));
    let kinds: Vec<_> = again.iter().map(|(job, scope, _)| (*job, *scope)).collect();
    assert_eq!(kinds, [(items, Scope::Snapshot), (customers, Scope::Snapshot)]);
}
