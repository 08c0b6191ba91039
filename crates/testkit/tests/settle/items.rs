//! Items, parameters, default customers and packages of job 1040.

use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::statement::PostingMode;
use tillsync_hq::access::AccessError;
use tillsync_hq::default_customers::DefaultCustomerError;
use tillsync_hq::items::ItemError;
use tillsync_hq::parameters::ParameterError;
use tillsync_hq::storage::GroupRecord;
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
