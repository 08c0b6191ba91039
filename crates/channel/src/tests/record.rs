//! Creating, adding, finding, searching; disks that fill up.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;

use expect_test::{Expect, expect};
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::ids::{CustomerKey, OperationId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::log::LogRow;

use super::fake_upstream::FakeUpstream;
use super::world::{Counting, Shop, at, draft, enrolled, open, options, shop, street, temporary};
use crate::clients::ClientName;
use crate::create::{
    AddAddresses, CreateCustomer, CreateError, RequestKey, add_addresses, create_customer,
};
use crate::find::find_customer;
use crate::identity::{Enrolment, UpstreamUrl, enrol_database};
use crate::search::{Page, search_customers};
use crate::{Db, DbError, Edge};

const ALL: Page = Page { top: 1_000, skip: 0 };

fn key(text: &str) -> RequestKey {
    let client = ClientName::parse("pos").expect("a name");
    RequestKey::parse(&client, text).expect("a key")
}

fn found(shop: &Shop, keyword: &str) -> Vec<String> {
    let views = search_customers(&shop.edge, keyword, ALL).expect("searches");
    views.into_iter().filter_map(|view| view.content.last_name).collect()
}

#[test]
fn a_created_customer_is_found_at_once_by_everything_it_is_known_by() {
    let shop = shop("S1", None, 1);
    let view = shop.create("Lovelace");
    shop.create("Byron");
    assert_eq!(find_customer(&shop.edge, &temporary(&view)).expect("reads"), Some(view.clone()));
    let guid = view.guid.to_string();
    for keyword in ["lovelace", "LOVE", "lovelace@example.com", "lovelace@EX", &guid] {
        assert_eq!(found(&shop, keyword), ["Lovelace"], "{keyword}");
    }
    for keyword in ["441234567890", "+44 (123) 456", "44-123-456-7890"] {
        assert_eq!(found(&shop, keyword), ["Lovelace", "Byron"], "{keyword}");
    }
    for keyword in ["lovelace ada", "Ada Love"] {
        assert_eq!(found(&shop, keyword), ["Lovelace", "Byron"], "{keyword}");
    }
    for keyword in ["1234567890x", "lovelace@example.org", "\"", "NEAR(", "*"] {
        assert_eq!(found(&shop, keyword), [""; 0], "{keyword}");
    }
    assert!(search_customers(&shop.edge, "  ", ALL).is_err());
    assert_eq!(view.account_for_people(), "Pending sync");
}

#[test]
fn pages_of_a_search_do_not_overlap_and_leave_nothing_out() {
    let shop = shop("S1", None, 1);
    for n in 0..25 {
        shop.create(&format!("Smith{n}"));
    }
    let mut seen = HashSet::new();
    for skip in [0, 10, 20] {
        let page = search_customers(&shop.edge, "smith", Page { top: 10, skip }).expect("finds");
        assert_eq!(page.len(), if skip == 20 { 5 } else { 10 });
        seen.extend(page.into_iter().map(|view| view.guid));
    }
    assert_eq!(seen.len(), 25);
}

#[test]
fn addresses_keep_their_order_and_exactly_one_is_primary() {
    let shop = shop("S1", None, 1);
    let mut addresses: Vec<_> = (0..20).map(|n| street(&format!("Street {n}"))).collect();
    addresses[7].is_primary = true;
    let request = CreateCustomer { addresses, ..draft("Many") };
    let view = create_customer(&shop.edge, request, at(0)).expect("is created");
    let stored = find_customer(&shop.edge, &temporary(&view)).expect("reads").expect("is there");
    assert_eq!(stored, view);
    let streets: Vec<_> = view.addresses.iter().filter_map(|a| a.content.street.clone()).collect();
    assert_eq!(streets, (0..20).map(|n| format!("Street {n}")).collect::<Vec<_>>());
    let primaries = |view: &crate::find::CustomerView| -> Vec<_> {
        let primary = view.addresses.iter().filter(|address| address.content.is_primary);
        primary.filter_map(|address| address.content.street.clone()).collect()
    };
    assert_eq!(primaries(&view), ["Street 7"]);
    let more = AddAddresses {
        customer: temporary(&view),
        addresses: vec![
            AddressDraft { is_primary: true, ..street("New home") },
            street("Summer house"),
        ],
        staff: None,
        request: None,
    };
    let view = add_addresses(&shop.edge, more, at(5)).expect("are added");
    assert_eq!(view.addresses.len(), 22);
    assert_eq!(primaries(&view), ["New home"]);
}

#[test]
fn the_stores_country_fills_a_blank_one() {
    let shop = shop("S1", None, 1);
    let Shop { dir, edge } = shop;
    drop(edge);
    let country = |country: &str| {
        let options = options(Counting::from(9), Some(country));
        Edge::open(dir.path(), DatabaseKind::Channel, options)
    };
    assert!(country("Finland").is_err());
    let edge = country("FIN").expect("opens");
    let named = AddressDraft { country: Some("SWE".into()), ..street("Storgatan") };
    let addresses = vec![street("Mannerheimintie"), named];
    let request = CreateCustomer { addresses, ..draft("Blank") };
    let view = create_customer(&edge, request, at(0)).expect("is created");
    let countries: Vec<_> = view.addresses.iter().map(|a| a.content.country.as_deref()).collect();
    assert_eq!(countries, [Some("FIN"), Some("SWE")]);
}

#[test]
fn every_violation_is_named_and_nothing_is_recorded() {
    let shop = shop("S1", None, 1);
    let check = |request, expected: Expect| {
        let error = create_customer(&shop.edge, request, at(0)).expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        expected.assert_eq(&error.to_string());
    };
    let nobody = CreateCustomer {
        customer: CustomerDraft::default(),
        addresses: vec![AddressDraft::default()],
        ..CreateCustomer::default()
    };
    check(
        nobody,
        expect![
            "Name: required, but none was given; Addresses[0].Street: required, but none was given"
        ],
    );
    assert_eq!(shop.number("SELECT count(*) FROM operation"), 0);
}

#[test]
fn a_repeated_request_key_gives_the_same_customer_and_other_content_a_conflict() {
    let shop = shop("S1", None, 1);
    let request = |name: &str| CreateCustomer {
        addresses: vec![street("Main")],
        request: Some(key("k1")),
        ..draft(name)
    };
    let first = create_customer(&shop.edge, request("Once"), at(0)).expect("is created");
    let again = create_customer(&shop.edge, request("Once"), at(60)).expect("is repeated");
    assert_eq!(again, first);
    let error = create_customer(&shop.edge, request("Other"), at(61)).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(shop.number("SELECT count(*) FROM operation"), 2);
    // The same key from another program is another key.
    let other = ClientName::parse("web").expect("a name");
    let request = CreateCustomer {
        request: Some(RequestKey::parse(&other, "k1").expect("a key")),
        ..draft("Other")
    };
    assert_ne!(create_customer(&shop.edge, request, at(62)).expect("is created").guid, first.guid);
    let add = || AddAddresses {
        customer: temporary(&first),
        addresses: vec![street("Second")],
        staff: None,
        request: Some(key("k2")),
    };
    add_addresses(&shop.edge, add(), at(63)).expect("is added");
    let view = add_addresses(&shop.edge, add(), at(64)).expect("is repeated");
    assert_eq!(view.addresses.len(), 2);
}

#[test]
fn an_address_for_an_unknown_customer_is_refused() {
    let shop = shop("S1", None, 1);
    let add = AddAddresses {
        customer: "C-404".parse().expect("a key"),
        addresses: vec![street("Nowhere")],
        staff: None,
        request: None,
    };
    let error = add_addresses(&shop.edge, add, at(0)).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn counters_follow_the_order_of_commits_under_eight_writers() {
    let shop = shop("S1", None, 1);
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for writer in 0..8 {
            let (shop, start) = (&shop, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..40 {
                    let before = shop.number("SELECT coalesce(max(counter), 0) FROM operation");
                    let view = shop.create(&format!("W{writer}N{n}"));
                    let own = shop.edge.db.read(|connection| {
                        connection
                            .query_row(
                                "SELECT counter FROM operation WHERE customer = ?1",
                                [view.guid.as_uuid().as_bytes()],
                                |row| row.get::<_, i64>(0),
                            )
                            .map_err(DbError::from)
                    });
                    // What was visible before has a lower counter: none appears late (F63).
                    assert!(own.expect("is there") > before);
                }
            });
        }
    });
    assert_eq!(shop.number("SELECT count(*) FROM operation"), 320);
    assert_eq!(shop.number("SELECT max(counter) FROM operation"), 320);
}

#[test]
fn recorded_operations_cannot_be_changed_or_removed() {
    let shop = shop("S1", None, 1);
    shop.create("Firm");
    for statement in ["UPDATE operation SET content = '{}'", "DELETE FROM operation"] {
        let refused = shop.edge.db.write(move |connection| -> Result<(), DbError> {
            connection.execute_batch(statement)?;
            Ok(())
        });
        assert!(refused.is_err(), "{statement}");
    }
}

#[test]
fn a_full_disk_is_said_clearly_loses_nothing_and_heals() {
    let shop = shop("S1", None, 1);
    let before = shop.create("Before");
    let pages = shop.number("PRAGMA page_count");
    let limit = |pages: i64| {
        let limited = shop.edge.db.write(move |connection| -> Result<(), DbError> {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        });
        limited.expect("is limited");
    };
    limit(pages + 2);
    let mut created = 1;
    let error = loop {
        let addresses = (0..20).map(|n| street(&"x".repeat(200 + n))).collect();
        let request = CreateCustomer { addresses, ..draft("Full") };
        match create_customer(&shop.edge, request, at(1)) {
            Ok(_) => created += 1,
            Err(error) => break error,
        }
        assert!(created < 1_000, "the limit does not bite");
    };
    assert_eq!(error.kind(), ErrorKind::Busy);
    let CreateError::Db(cause) = error else { panic!("{error}") };
    assert!(cause.to_string().contains("nothing was written"), "{cause}");
    assert_eq!(shop.number("SELECT count(*) FROM customer"), created);
    assert_eq!(
        shop.number("SELECT count(*) FROM operation"),
        shop.number("SELECT count(*) FROM address") + created,
        "nothing is half-written"
    );
    assert!(find_customer(&shop.edge, &temporary(&before)).expect("reads").is_some());
    limit(1_000_000);
    shop.create("After");
    assert_eq!(found(&shop, "after").len(), 1);
    let log = shop.number("SELECT max(counter) - count(*) FROM operation");
    assert_eq!(log, 0, "the failed request left no gap");
}

#[test]
fn an_unenrolled_directory_says_what_to_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = options(Counting::from(1), None);
    let Err(error) = Edge::open(dir.path(), DatabaseKind::Register, options) else {
        panic!("opens");
    };
    assert!(error.to_string().contains("tillsync register enrol"), "{error}");
}

#[test]
fn an_enrolment_whose_answer_was_lost_is_repeated_with_the_same_credential() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::open(&dir.path().join("channel.db")).expect("opens");
    let hq = FakeUpstream::default();
    let enrolment = |code: &str| Enrolment {
        kind: DatabaseKind::Channel,
        upstream: UpstreamUrl::parse("https://hq.example.com/").expect("a URL"),
        code: code.to_owned(),
    };
    let entropy = Counting::from(1);
    hq.lock().is_cut = true;
    enrol_database(&db, &hq, enrolment("ABCDE-FGHJK"), &*entropy).expect_err("is cut");
    hq.change(|state| (state.is_cut, state.enrols) = (false, Some(enrolled("S1", None))));
    for typed in ["ABCDE-FGHJK", "abcde fghjk"] {
        let done = enrol_database(&db, &hq, enrolment(typed), &*entropy).expect("enrols");
        assert_eq!(done, enrolled("S1", None));
    }
    let credentials = hq.lock().credentials.clone();
    assert_eq!(credentials.len(), 3);
    assert!(credentials.iter().all(|credential| *credential == credentials[0]));
    hq.lock().enrols = Some(enrolled("S2", None));
    let error = enrol_database(&db, &hq, enrolment("ZZZZZ-ZZZZZ"), &*entropy).expect_err("other");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    drop(db);
    let edge = open(dir.path(), DatabaseKind::Channel, 2);
    assert_eq!(edge.identity().credential.hash().to_string(), credentials[0]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(edge.db().path()).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_customer_is_recorded_with_one_operation_per_act() {
    let shop = shop("S1", None, 1);
    let request = CreateCustomer { addresses: vec![street("A"), street("B")], ..draft("Acts") };
    let view = create_customer(&shop.edge, request, at(0)).expect("is created");
    let kinds = shop.edge.db.read(|connection| -> Result<Vec<_>, DbError> {
        let mut kinds = Vec::new();
        let last = crate::log::counter_last(connection)?;
        let first = tillsync_domain::ids::Counter(1);
        crate::log::entries_visit(connection, first, last, |row| {
            let LogRow::Operation(row) = row else { panic!("an operation") };
            assert_eq!(row.customer, view.guid);
            assert_eq!(row.operation().expect("keeps the rules").created_at, at(0));
            assert_ne!(row.id, OperationId::from_uuid(*view.guid.as_uuid()));
            kinds.push(row.kind);
            Ok::<_, DbError>(crate::log::Visit::GoOn)
        })?;
        Ok(kinds)
    });
    assert_eq!(kinds.expect("reads"), ["create_customer", "add_address", "add_address"]);
    let key: CustomerKey = temporary(&view);
    assert_eq!(key.for_people(), "Pending sync");
}
