//! The way down: packages that are repeated, reordered, damaged, interrupted; snapshots.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tillsync_domain::ids::{CustomerGuid, CustomerKey, PackageId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_exchange::messages::{DownloadResult, Offer};
use tillsync_exchange::package::{Manifest, PackageWriter, Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use uuid::Uuid;

use super::fake_upstream::{FakeUpstream, Fault};
use super::world::{Shop, TestClock, at, draft, shop, street, temporary};
use crate::apply::{ApplyError, applied_last};
use crate::create::{AddAddresses, CreateCustomer, add_addresses, create_customer};
use crate::download::{DownloadError, Polled, poll_once};
use crate::find::{CustomerView, find_customer};
use crate::health::read_health;
use crate::inspect::{inspect_database, visit_customers};
use crate::search::{Page, search_customers};

enum Row {
    Customer(CustomerRow),
    Address(AddressRow),
}

fn customer(guid: CustomerGuid, number: u32, version: u64, last_name: &str) -> Row {
    let content = CustomerContent {
        customer_type: 1,
        last_name: Some(last_name.to_owned()),
        ..CustomerContent::default()
    };
    Row::Customer(CustomerRow {
        guid,
        account: format!("C-{number:05}"),
        party_number: format!("P-{number}"),
        created_at: at(0),
        version,
        content,
    })
}

/// The row by which a pending customer comes back, unchanged but for its account.
fn promoted(view: &CustomerView, number: u32, version: u64) -> Vec<Row> {
    let mut rows = vec![Row::Customer(CustomerRow {
        guid: view.guid,
        account: format!("C-{number:05}"),
        party_number: format!("P-{number}"),
        created_at: view.created_at,
        version,
        content: view.content.clone(),
    })];
    rows.extend(view.addresses.iter().map(|address| {
        Row::Address(AddressRow {
            customer: view.guid,
            created_at: address.created_at,
            version,
            content: address.content.clone(),
        })
    }));
    rows
}

fn guid(n: u128) -> CustomerGuid {
    CustomerGuid::from_uuid(Uuid::from_u128(n))
}

struct Package {
    session: u128,
    scope: Scope,
    from: u64,
    to: u64,
}

const fn delta(session: u128, from: u64, to: u64) -> Package {
    Package { session, scope: Scope::Delta, from, to }
}

const fn snapshot(session: u128, to: u64) -> Package {
    Package { session, scope: Scope::Snapshot, from: 0, to }
}

fn offer(hq: &FakeUpstream, package: Package, rows: &[Row]) {
    let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
    for row in rows {
        match row {
            Row::Customer(row) => writer.row(Table::Customer, row).expect("a row"),
            Row::Address(row) => writer.row(Table::Address, row).expect("a row"),
        }
    }
    let (bytes, contents) = writer.finish().expect("a package");
    let Package { session, scope, from, to } = package;
    let group = "shops".parse().expect("a group");
    let span = Span::Download { group, job: JobName::Customers1010, scope, from, to };
    let id = PackageId::from_uuid(Uuid::from_u128(session));
    let manifest = Manifest::new(id, at(0), span, contents);
    let session = SessionId::from_uuid(Uuid::from_u128(session));
    hq.change(|state| {
        state.packages.insert(id, bytes);
        state.offers.push(Offer { session, manifest, sequence: None });
    });
}

fn poll(shop: &Shop, hq: &FakeUpstream) -> Result<Polled, DownloadError> {
    poll_once(&shop.edge, hq, Duration::ZERO, &TestClock(AtomicI64::new(30)))
}

fn accounts(shop: &Shop) -> Vec<String> {
    let mut accounts = Vec::new();
    visit_customers(shop.edge.db().path(), &mut |_, account| {
        accounts.push(account.map_or("pending".to_owned(), |account| account.to_string()));
    })
    .expect("reads");
    accounts.sort();
    accounts
}

fn find(shop: &Shop, key: &str) -> Option<CustomerView> {
    find_customer(&shop.edge, &key.parse().expect("a key")).expect("reads")
}

#[test]
fn a_pending_customer_becomes_permanent_and_is_listed_once() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    let request = CreateCustomer { addresses: vec![street("Main")], ..draft("Lovelace") };
    let view = create_customer(&shop.edge, request, at(0)).expect("is created");
    offer(&hq, delta(1, 0, 5), &promoted(&view, 7, 5));
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 1);
    let by_guid = find_customer(&shop.edge, &temporary(&view)).expect("reads").expect("is there");
    assert_eq!(by_guid.account_for_people(), "C-00007");
    assert_eq!(find(&shop, "C-00007"), Some(by_guid));
    for keyword in ["lovelace", "C-00007", "ada@", "lovelace@example.com"] {
        let page = Page { top: 10, skip: 0 };
        let found = search_customers(&shop.edge, keyword, page).expect("searches");
        assert_eq!(found.len(), usize::from(keyword != "ada@"), "{keyword}");
        assert!(found.iter().all(|view| view.addresses.len() == 1));
    }
    let health = read_health(&shop.edge).expect("reads");
    assert_eq!((health.customers, health.pending, health.oldest_pending_at), (1, 0, None));
    assert_eq!(health.applied["1010"], 5);
    assert_eq!(hq.results(), [DownloadResult::Downloaded, DownloadResult::Applied]);
}

#[test]
fn an_older_version_never_replaces_a_newer_one() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, delta(2, 5, 9), &[customer(guid(1), 1, 9, "Newer")]);
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Older")]);
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 2);
    let name = find(&shop, "C-00001").expect("is there").content.last_name;
    assert_eq!(name.as_deref(), Some("Newer"));
    assert_eq!(read_health(&shop.edge).expect("reads").applied["1010"], 9);
    let page = Page { top: 10, skip: 0 };
    assert_eq!(search_customers(&shop.edge, "older", page).expect("searches").len(), 0);
}

#[test]
fn a_changed_customer_is_found_by_its_new_name_only() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Maiden")]);
    offer(&hq, delta(2, 5, 6), &[customer(guid(1), 1, 6, "Married")]);
    poll(&shop, &hq).expect("polls");
    let page = Page { top: 10, skip: 0 };
    assert_eq!(search_customers(&shop.edge, "maiden", page).expect("searches").len(), 0);
    assert_eq!(search_customers(&shop.edge, "married", page).expect("searches").len(), 1);
}

#[test]
fn an_applied_session_is_answered_without_fetching_again_but_a_rerun_is_applied() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Once")]);
    hq.lock().report_faults.extend([Fault::AnswerLost, Fault::AnswerLost]);
    assert!(poll(&shop, &hq).is_err(), "the answer to the first report is lost");
    hq.lock().report_faults.clear();
    poll(&shop, &hq).expect("polls");
    assert_eq!(hq.lock().fetches, 2);
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Once")]);
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 1);
    assert_eq!(hq.lock().fetches, 2, "it is known to be applied");
    offer(&hq, delta(2, 0, 5), &[customer(guid(1), 1, 5, "Once")]);
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 1);
    assert_eq!(hq.lock().fetches, 3);
}

#[test]
fn a_damaged_package_is_reported_applied_by_nobody_and_holds_up_its_followers() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "First")]);
    offer(&hq, delta(2, 5, 6), &[customer(guid(2), 2, 6, "Second")]);
    let package = PackageId::from_uuid(Uuid::from_u128(1));
    let good = hq.lock().packages[&package].clone();
    let mut corrupted = good.clone();
    corrupted[good.len() / 2] ^= 1;
    let truncated = good[..good.len() - 3].to_vec();
    let longer = [good.clone(), vec![0; 100]].concat();
    for bad in [corrupted, truncated, longer] {
        hq.change(|state| drop(state.packages.insert(package, bad)));
        let error = poll(&shop, &hq).expect_err("is refused");
        assert!(matches!(error, DownloadError::Fetch { .. }), "{error}");
        assert_eq!(accounts(&shop), [""; 0]);
    }
    assert_eq!(hq.results(), [DownloadResult::DownloadFailed; 3]);
    hq.change(|state| drop(state.packages.insert(package, good)));
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 2);
    assert_eq!(accounts(&shop), ["C-00001", "C-00002"]);
    let left = std::fs::read_dir(shop.dir.path().join("incoming")).expect("a folder").count();
    assert_eq!(left, 0, "no package stays behind");
}

#[test]
fn a_package_of_another_group_or_an_unreadable_row_is_not_applied() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Ours")]);
    hq.change(|state| match &mut state.offers[0].manifest.span {
        Span::Download { group, .. } => *group = "others".parse().expect("a group"),
        Span::Upload { .. } => unreachable!("a download was offered"),
    });
    assert!(poll(&shop, &hq).is_err());
    assert_eq!(hq.results(), [DownloadResult::Downloaded, DownloadResult::ApplyFailed]);
    assert_eq!(accounts(&shop), [""; 0]);
}

#[test]
fn a_snapshot_removes_what_left_and_keeps_what_is_pending() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    let pending = shop.create("Pending");
    let rows: Vec<_> = (1..=4).map(|n| customer(guid(n), n as u32, 5, "Old")).collect();
    offer(&hq, delta(1, 0, 5), &rows);
    // Came later than the snapshot was taken.
    offer(&hq, delta(2, 5, 30), &[customer(guid(5), 5, 30, "Later")]);
    poll(&shop, &hq).expect("polls");
    for account in ["C-00002", "C-00004"] {
        let with_address = AddAddresses {
            customer: account.parse().expect("a key"),
            addresses: vec![street("Not at headquarters yet")],
            staff: None,
            request: None,
        };
        add_addresses(&shop.edge, with_address, at(40)).expect("is added");
    }
    let rows = [customer(guid(1), 1, 5, "Old"), customer(guid(2), 2, 20, "New name")];
    offer(&hq, snapshot(3, 20), &rows);
    assert_eq!(poll(&shop, &hq).expect("polls").applied, 1);
    assert_eq!(accounts(&shop), ["C-00001", "C-00002", "C-00005", "pending"]);
    assert!(find_customer(&shop.edge, &temporary(&pending)).expect("reads").is_some());
    assert_eq!(find(&shop, "C-00002").expect("stays").addresses.len(), 1);
    let unsent = read_health(&shop.edge).expect("reads").unsent;
    assert_eq!(unsent, 3, "an address of who may not be seen any more still goes up");
    let page = Page { top: 10, skip: 0 };
    assert_eq!(search_customers(&shop.edge, "old", page).expect("searches").len(), 1);
    // A second run of the same snapshot, as after an interruption, changes nothing.
    offer(&hq, snapshot(4, 20), &rows);
    poll(&shop, &hq).expect("polls");
    assert_eq!(accounts(&shop).len(), 4);
}

#[test]
fn a_delta_that_leaves_a_gap_is_refused_and_everything_asked_for() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(&hq, snapshot(1, 5), &[customer(guid(1), 1, 5, "First")]);
    hq.change(|state| state.offers[0].sequence = Some(1));
    poll(&shop, &hq).expect("polls");
    hq.change(|state| state.offers.clear());
    offer(&hq, delta(3, 9, 12), &[customer(guid(3), 3, 12, "Third")]);
    hq.change(|state| state.offers[0].sequence = Some(3));
    let error = poll(&shop, &hq).expect_err("is refused");
    let DownloadError::Apply { source: ApplyError::Gap { has, sequence, .. }, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((has, sequence), (1, 3));
    assert_eq!(accounts(&shop), ["C-00001"]);
    let names = shop.edge.db.read(applied_last).expect("reads");
    assert_eq!(names, None, "its next poll asks for everything");
}

#[test]
fn an_apply_that_breaks_off_in_the_middle_is_completed_by_the_next() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    let mut rows: Vec<_> = (1..=9_000).map(|n| customer(guid(n), n as u32, 5, "Bulk")).collect();
    rows.push(customer(guid(9_001), 9_001, u64::MAX, "A version that no database holds"));
    offer(&hq, snapshot(1, 5), &rows);
    let error = poll(&shop, &hq).expect_err("breaks off");
    assert!(matches!(error, DownloadError::Apply { .. }), "{error}");
    let half = accounts(&shop).len();
    assert!(half > 0 && half < 9_000, "{half}");
    assert!(read_health(&shop.edge).expect("reads").applied.is_empty());
    rows.pop();
    hq.change(|state| state.offers.clear());
    offer(&hq, snapshot(2, 5), &rows);
    poll(&shop, &hq).expect("polls");
    assert_eq!(accounts(&shop).len(), 9_000);
}

#[test]
fn a_number_is_one_customers_and_headquarters_says_whose() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    offer(
        &hq,
        snapshot(1, 5),
        &[customer(guid(1), 1, 5, "Before"), customer(guid(2), 2, 5, "Other")],
    );
    poll(&shop, &hq).expect("polls");
    offer(
        &hq,
        snapshot(2, 7),
        &[customer(guid(3), 1, 6, "After"), customer(guid(1), 3, 7, "Before")],
    );
    poll(&shop, &hq).expect("polls");
    let found = |n| find_customer(&shop.edge, &CustomerKey::Temporary(guid(n))).expect("reads");
    let account = |n| found(n).map(|view| view.account_for_people().to_owned());
    assert_eq!((account(1), account(3)), (Some("C-00003".into()), Some("C-00001".into())));
}

#[test]
fn one_address_is_primary_whatever_comes_back_in_which_order() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    let address = |n: u128, version, is_primary| {
        let content = AddressContent {
            guid: tillsync_domain::ids::AddressGuid::from_uuid(Uuid::from_u128(100 + n)),
            purpose: 6,
            street: Some(format!("Street {n}")),
            is_primary,
            ..serde_json::from_str(&format!(
                "{{\"guid\":\"{}\",\"purpose\":6}}",
                Uuid::from_u128(100 + n)
            ))
            .expect("a content")
        };
        Row::Address(AddressRow { customer: guid(1), created_at: at(0), version, content })
    };
    let rows = [customer(guid(1), 1, 5, "Moves"), address(1, 5, true), address(2, 5, false)];
    offer(&hq, delta(1, 0, 5), &rows);
    poll(&shop, &hq).expect("polls");
    let primary = |shop: &Shop| -> Vec<_> {
        let view = find(shop, "C-00001").expect("is there");
        let primary = view.addresses.into_iter().filter(|address| address.content.is_primary);
        primary.filter_map(|address| address.content.street).collect()
    };
    assert_eq!(primary(&shop), ["Street 1"]);
    let key: CustomerKey = "C-00001".parse().expect("a key");
    let add = AddAddresses {
        customer: key,
        addresses: vec![tillsync_domain::customer::AddressDraft {
            is_primary: true,
            ..street("Typed at the till")
        }],
        staff: None,
        request: None,
    };
    add_addresses(&shop.edge, add, at(50)).expect("is added");
    assert_eq!(primary(&shop), ["Typed at the till"]);
    offer(&hq, delta(2, 5, 8), &[address(2, 8, true)]);
    poll(&shop, &hq).expect("polls");
    assert_eq!(primary(&shop), ["Typed at the till"], "the till's own stands until it is synced");
}

#[test]
fn an_inspection_reads_a_file_while_the_edge_runs() {
    let (shop, hq) = (shop("S1", None, 1), FakeUpstream::default());
    shop.create("Pending");
    offer(&hq, delta(1, 0, 5), &[customer(guid(1), 1, 5, "Synced")]);
    poll(&shop, &hq).expect("polls");
    let found = inspect_database(shop.edge.db().path()).expect("inspects");
    assert_eq!(found.damage, [""; 0]);
    assert_eq!((found.customers, found.pending, found.unsent, found.counter), (2, 1, 1, 1));
    assert_eq!(found.oldest_pending_at, Some(at(0)));
    assert_eq!(found.identity.expect("enrolled").database, shop.id());
}
