//! Searching the customers of all stores, and taking one into a store's address book.

use std::sync::Arc;

use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::{
    AddToStoreCall, CreatedCustomer, FOUND_MAX, SearchAnswer, SearchCall,
};
use tillsync_hq::remote_search::{MATCHES_MAX, RemoteSearchError};
use tillsync_hq::storage::{DatabaseRecord, Storage};

use super::databases;
use super::realtime::Site;
use crate::builders::{Rank, addition, book, creation, customer_guid, database};

/// Customers 1 to `count`: Ann Berry, each with her number behind the name.
fn site(storage: Arc<dyn Storage>, count: u32) -> Site {
    let site = Site::open(storage);
    add_customers(&site, 1..=count);
    site
}

fn add_customers(site: &Site, numbers: std::ops::RangeInclusive<u32>) {
    let rows: Vec<_> = numbers.map(creation).collect();
    site.upload(&rows);
    site.synchronize();
}

fn channel(site: &Site, name: &str) -> DatabaseRecord {
    let record = site.hq.storage().read(|tx| tx.database_get(&database(name)));
    record.expect("readable").expect("a channel")
}

fn search(site: &Site, keyword: &str, page: (u32, u32)) -> Result<SearchAnswer, RemoteSearchError> {
    let call = SearchCall { keyword: keyword.to_owned(), top: page.0, skip: page.1 };
    site.hq.search_all_stores(&channel(site, "S1"), &call)
}

fn found(site: &Site, keyword: &str) -> Vec<String> {
    let answer = search(site, keyword, (FOUND_MAX, 0)).expect("an answer");
    answer.customers.into_iter().map(|it| it.customer.account).collect()
}

fn add(site: &Site, name: &str, n: u32) -> Option<CreatedCustomer> {
    let call = AddToStoreCall { customer: CustomerKey::Temporary(customer_guid(n)) };
    site.hq.add_to_store(&channel(site, name), &call).expect("an answer").customer
}

fn books_of(site: &Site, n: u32) -> Vec<tillsync_domain::ids::AddressBook> {
    let key = CustomerKey::Temporary(customer_guid(n));
    let record = site.hq.storage().read(|tx| tx.customer_get(&key)).expect("readable");
    record.expect("a customer").address_books
}

/// Each kind of keyword, whatever the letters are.
pub fn customers_of_all_stores_are_found_by_words_phone_mail_and_keys(storage: Arc<dyn Storage>) {
    let site = site(storage, 12);
    let second = vec!["C-00000002".to_owned()];
    let guid = customer_guid(2).to_string();
    for keyword in ["BÉRRY 2", "2 berr", "ann.2@", "+358 (40) 000002", "C-00000002", &guid] {
        assert_eq!(found(&site, keyword), second, "{keyword}");
    }
    let several = ["C-00000001", "C-00000010", "C-00000011", "C-00000012"];
    assert_eq!(found(&site, "berry 1"), several, "the beginning of a word, by account");
    assert_eq!(found(&site, "C-0000001"), several[1..], "the beginning of an account");
    for nobody in ["perry", "berry 7 x", "@berry", "_____%%%%abcd", "C-00000099"] {
        assert_eq!(found(&site, nobody), Vec::<String>::new(), "{nobody}");
    }
}

/// Whoever was promoted before is found, and once, however often it changed.
pub fn a_search_sees_whoever_was_promoted_before_it(storage: Arc<dyn Storage>) {
    let site = site(storage, 1);
    assert_eq!(found(&site, "berry").len(), 1);
    add_customers(&site, 2..=2);
    assert_eq!(found(&site, "berry").len(), 2);
    site.upload(&[addition(50, 1, Rank::Primary)]);
    site.synchronize();
    assert_eq!(found(&site, "berry").len(), 2);
}

/// More than one transaction's worth of customers gets words before the answer.
pub fn a_search_goes_through_many_batches_first(storage: Arc<dyn Storage>) {
    let site = site(storage, 2_500);
    assert_eq!(found(&site, "berry 2499"), ["C-00002499"]);
    assert_eq!(found(&site, "berry 249").len(), 11);
}

/// F91; and nobody gets a part of a result for the whole.
pub fn a_keyword_that_says_too_little_is_refused(storage: Arc<dyn Storage>) {
    let site = site(storage, u32::try_from(MATCHES_MAX).expect("a few") + 1);
    for short in ["", "  ber ", "b-e-r", "@@@@@"] {
        let refused = search(&site, short, (10, 0)).expect_err("refused");
        assert!(matches!(refused, RemoteSearchError::TooShort(_)), "{short}: {refused}");
    }
    for (keyword, page) in [("berry", (10, 0)), ("berry", (FOUND_MAX + 1, 0))] {
        let refused = search(&site, keyword, page).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    let long = "x".repeat(201);
    assert_eq!(search(&site, &long, (10, 0)).expect_err("refused").kind(), ErrorKind::Invalid);
    assert_eq!(found(&site, "berry 20").len(), 3, "20, 200, 201");
}

/// PostgreSQL has no text with a NUL, and the others are as little of a name.
pub fn a_keyword_with_a_control_character_is_refused(storage: Arc<dyn Storage>) {
    let site = site(storage, 1);
    for keyword in ["ber\0ry", "berry\u{1b}1", "ber\nry", "\0berry", "C-0000\0", "be\u{85}rry"] {
        let refused = search(&site, keyword, (10, 0)).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{keyword:?}: {refused}");
        assert!(refused.to_string().starts_with("Keyword: "), "{refused}");
    }
    assert_eq!(found(&site, " berry\n"), ["C-00000001"], "what surrounds it is no part of it");
}

/// Pages neither overlap nor leave anybody out.
pub fn a_search_of_all_stores_is_paged(storage: Arc<dyn Storage>) {
    let site = site(storage, 25);
    let mut paged = Vec::new();
    for skip in [0, 10, 20, 30] {
        let page = search(&site, "berry", (10, skip)).expect("an answer").customers;
        paged.extend(page.into_iter().map(|it| it.customer.account));
    }
    assert_eq!(paged, found(&site, "berry"));
    assert_eq!(paged.len(), 25);
}

/// F92: once, and only then is there something to send.
pub fn a_customer_is_taken_into_a_store_once(storage: Arc<dyn Storage>) {
    let site = site(storage, 2);
    databases::add_group(site.hq.storage(), "G2", &["east"]);
    databases::add_channel_with(site.hq.storage(), ("S3", "G2"), "east");
    let own = book("east");
    let is_in_store = |site: &Site| {
        let call = SearchCall { keyword: "berry 1".to_owned(), top: 10, skip: 0 };
        let answer = site.hq.search_all_stores(&channel(site, "S3"), &call).expect("an answer");
        answer.customers[0].is_in_store
    };
    assert!(!is_in_store(&site));
    let before = site.hq.storage().read(|tx| tx.change_horizon()).expect("readable");
    let first = add(&site, "S3", 1).expect("a customer");
    assert!(first.customer.version > before.0, "it goes down");
    let mut books = vec![book("north"), own];
    books.sort();
    assert_eq!(books_of(&site, 1), books);
    assert!(is_in_store(&site));
    let again = add(&site, "S3", 1).expect("a customer");
    assert_eq!(again.customer, first.customer, "a repeat changes nothing");
    assert_eq!(add(&site, "S3", 9), None, "nobody has that key");
    assert_eq!(books_of(&site, 2), [book("north")]);
}
