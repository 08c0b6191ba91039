//! Looking customers up.

use tillsync_domain::ids::{AccountNumber, CustomerKey};
use tillsync_hq::storage::Storage;

use super::inbox;
use super::promotion::apply;
use crate::builders::{
    PlanBuilder, Rank, account, addition, address_guid, book, creation, customer_guid,
};

fn promote_three(storage: &dyn Storage) {
    let plan = PlanBuilder::new().promote(1).address(10, 1, Rank::Primary);
    apply(storage, plan.promote(2).promote_from(3, "S2"));
}

fn found(storage: &dyn Storage, text: &str, after: Option<&AccountNumber>) -> Vec<String> {
    let rows = storage.read(|tx| tx.customers_find(text, after, 2)).expect("readable");
    rows.into_iter().map(|row| row.account).collect()
}

/// For ever, in every look-up (F93).
pub fn either_key_finds_the_alias_and_the_customer(storage: &dyn Storage) {
    promote_three(storage);
    let by = |key: CustomerKey| {
        storage.read(|tx| Ok((tx.alias_get(&key)?, tx.customer_get(&key)?))).expect("readable")
    };
    let by_guid = by(CustomerKey::Temporary(customer_guid(1)));
    let by_account = by(CustomerKey::Numbered(account(1)));
    assert_eq!(by_guid, by_account);
    let (alias, customer) = by_guid;
    assert_eq!(alias.map(|alias| alias.account), Some(account(1)));
    assert_eq!(customer.map(|customer| customer.addresses.len()), Some(1));
    let nobody = [CustomerKey::Temporary(customer_guid(9)), CustomerKey::Numbered(account(9))];
    for key in nobody {
        assert_eq!(by(key), (None, None));
    }
}

/// For triage, in bulk.
pub fn look_ups_return_only_what_exists(storage: &dyn Storage) {
    promote_three(storage);
    let guids = [customer_guid(2), customer_guid(9), customer_guid(1)];
    let known = storage.read(|tx| tx.customers_known(&guids)).expect("readable");
    assert_eq!(known.len(), 2);
    assert_eq!(known[&guids[0]].account, account(2));
    assert!(!known[&guids[0]].has_primary_address && known[&guids[2]].has_primary_address);
    let addresses = [address_guid(10), address_guid(11)];
    let owners = storage.read(|tx| tx.address_owners(&addresses)).expect("readable");
    assert_eq!(owners.into_iter().collect::<Vec<_>>(), [(address_guid(10), customer_guid(1))]);
    let accounts = [account(3), account(4)];
    let taken = storage.read(|tx| tx.accounts_taken(&accounts)).expect("readable");
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), [account(3)]);
}

/// Capital letters do not matter, in any field.
pub fn customers_are_found_by_name_mail_phone_and_account(storage: &dyn Storage) {
    promote_three(storage);
    for text in ["ann berry 2", "BERRY 2", "Ann.2@Example", "40 000002", "c-000002"] {
        assert_eq!(found(storage, text, None), ["C-000002"], "{text:?}");
    }
    assert_eq!(found(storage, "nobody", None), [""; 0]);
}

/// A person who searches writes no patterns.
pub fn wildcards_in_a_search_are_plain_letters(storage: &dyn Storage) {
    promote_three(storage);
    for text in ["%", "_", "*", "?", "ann%2", "'", "\"", "\\"] {
        assert_eq!(found(storage, text, None), [""; 0], "{text:?}");
    }
}

/// Two at a time here.
pub fn a_search_pages_by_account(storage: &dyn Storage) {
    promote_three(storage);
    assert_eq!(found(storage, "ann", None), ["C-000001", "C-000002"]);
    assert_eq!(found(storage, "ann", Some(&account(2))), ["C-000003"]);
    assert_eq!(found(storage, "", Some(&account(1))), ["C-000002", "C-000003"], "all");
}

/// Each customer once, however many books it is in.
pub fn customers_are_counted_by_address_book(storage: &dyn Storage) {
    promote_three(storage);
    let count = |names: &[&str]| {
        let books: Vec<_> = names.iter().map(|name| book(name)).collect();
        storage.read(|tx| tx.customers_in_books_count(&books)).expect("readable")
    };
    assert_eq!(count(&["north"]), 2);
    assert_eq!(count(&["south", "north", "south"]), 3);
    assert_eq!(count(&["east"]), 0);
    assert_eq!(count(&[]), 0);
}

/// After real work of every sort.
pub fn the_check_finds_nothing_when_all_is_well(storage: &dyn Storage) {
    let rows = [creation(1), addition(2, 1, Rank::Other), addition(3, 1, Rank::Primary)];
    inbox::insert(storage, 10, &rows);
    inbox::insert(storage, 20, &rows);
    let plan = PlanBuilder::new().promote(1).address(2, 1, Rank::Primary);
    apply(storage, plan.complete(1).complete(2));
    apply(storage, PlanBuilder::new().later_address(3, 1, Rank::Primary).complete(3));
    let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
    assert_eq!(findings, [""; 0]);
    assert_eq!(storage.check_integrity().expect("the check runs"), [""; 0]);
}

/// A completion flag without an account would be a lost customer.
pub fn the_check_finds_a_completed_operation_without_an_account(storage: &dyn Storage) {
    inbox::insert(storage, 10, &[creation(1), creation(2)]);
    apply(storage, PlanBuilder::new().promote(1).complete(1).complete(2));
    let findings = storage.read(|tx| tx.customers_check()).expect("the check runs");
    assert_eq!(findings.len(), 1, "{findings:?}");
    let id = crate::builders::operation_id(2).to_string();
    assert!(findings[0].contains(&id), "{findings:?}");
}
