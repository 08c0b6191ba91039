//! Applying promotion plans.

use tillsync_domain::ids::{CustomerKey, Version};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::PromotionPlan;
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{AliasRecord, CustomerRecord, Storage, StorageError};

use super::inbox;
use crate::builders::{
    PlanBuilder, Rank, account, addition, address, at, at_micros, book, creation, customer_guid,
    operation_id, person, promotion_at, run_id,
};

/// Applies a plan in a transaction of its own.
pub(crate) fn apply(storage: &dyn Storage, plan: PlanBuilder) -> Version {
    try_apply(storage, &plan.build()).expect("the plan applies")
}

fn try_apply(storage: &dyn Storage, plan: &PromotionPlan) -> Result<Version, StorageError> {
    storage.write(|tx| tx.promotion_apply(plan, &promotion_at(100)))
}

fn refused(storage: &dyn Storage, plan: PlanBuilder) {
    let outcome = try_apply(storage, &plan.build());
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
}

fn customer(storage: &dyn Storage, n: u32) -> CustomerRecord {
    let key = CustomerKey::Temporary(customer_guid(n));
    let found = storage.read(|tx| tx.customer_get(&key)).expect("readable");
    found.expect("the customer exists")
}

fn status(storage: &dyn Storage, customer: u32) -> Vec<OperationStatus> {
    let records = storage.read(|tx| tx.operations_of(&customer_guid(customer)));
    records.expect("readable").iter().map(|record| record.status).collect()
}

fn totals(storage: &dyn Storage) -> (u64, u64, Version) {
    storage
        .read(|tx| Ok((tx.customers_count()?, tx.aliases_count()?, tx.change_horizon()?)))
        .expect("readable")
}

/// Party, customer, alias, addresses, book and completion flags.
pub fn a_promotion_writes_everything_at_once(storage: &dyn Storage) {
    let rows =
        [creation(1), addition(2, 1, Rank::Other), addition(3, 1, Rank::Primary), creation(4)];
    inbox::insert(storage, 10, &rows);
    let plan = PlanBuilder::new()
        .promote(1)
        .address(2, 1, Rank::Other)
        .address(3, 1, Rank::Primary)
        .promote_from(4, "S2");
    let version = apply(storage, plan.complete(1).complete(2).complete(3).complete(4));
    assert_eq!(version, Version(1));
    assert_eq!(totals(storage), (2, 2, Version(1)));

    let found = customer(storage, 1);
    assert_eq!(found.customer.account_number(), Ok(account(1)));
    assert_eq!(found.customer.party_number, "P-000001");
    assert_eq!((found.customer.created_at, found.customer.version), (at_micros(1, 7), 1));
    assert_eq!(found.customer.content, CustomerContent::from(&person(1)));
    assert_eq!(found.address_books, [book("north")]);
    let addresses: Vec<_> = found.addresses.iter().map(|row| row.content.clone()).collect();
    let expected = [(3, Rank::Primary), (2, Rank::Other)];
    let expected = expected.map(|(n, rank)| AddressContent::from(&address(n, rank)));
    assert_eq!(addresses, expected, "primary first");
    assert_eq!(found.addresses[0].created_at, at_micros(3, 9), "F28");
    assert_eq!(found.addresses[0].customer, customer_guid(1));
    assert_eq!(customer(storage, 4).address_books, [book("south")]);

    let key = CustomerKey::Temporary(customer_guid(1));
    let alias = storage.read(|tx| tx.alias_get(&key)).expect("readable");
    let expected = AliasRecord {
        guid: customer_guid(1),
        account: account(1),
        promoted_at: at(100),
        run: run_id(1),
        version: Version(1),
    };
    assert_eq!(alias, Some(expected));
    assert_eq!(status(storage, 1), [OperationStatus::Succeeded; 3]);
    let operations = storage.read(|tx| tx.operations_of(&customer_guid(1))).expect("readable");
    assert!(operations.iter().all(|operation| operation.completed_at == Some(at(100))));
}

/// Their fate is the use case's to record.
pub fn a_promotion_leaves_failed_and_waiting_operations_alone(storage: &dyn Storage) {
    inbox::insert(storage, 10, &[creation(1), creation(2), creation(3)]);
    let mut plan = PlanBuilder::new().promote(1).complete(1).build();
    plan.waiting.push(operation_id(2));
    let unreadable = tillsync_domain::promotion::Defect::Unreadable("on purpose".into());
    plan.failed.push((operation_id(3), unreadable));
    try_apply(storage, &plan).expect("the plan applies");
    assert_eq!(status(storage, 1), [OperationStatus::Succeeded]);
    assert_eq!(status(storage, 2), [OperationStatus::Pending]);
    assert_eq!(status(storage, 3), [OperationStatus::Pending]);
}

/// A repeated address changes no customer, so there is nothing to send down.
pub fn completing_alone_gives_no_version(storage: &dyn Storage) {
    inbox::insert(storage, 10, &[creation(1), addition(2, 1, Rank::Other)]);
    assert_eq!(apply(storage, PlanBuilder::new().promote(1).complete(1)), Version(1));
    assert_eq!(apply(storage, PlanBuilder::new().complete(2)), Version(1));
    assert_eq!(totals(storage), (1, 1, Version(1)));
    assert_eq!(status(storage, 1), [OperationStatus::Succeeded; 2]);
}

/// One account, one customer; the customers before it in the plan are rolled back too.
pub fn a_taken_account_rolls_everything_back(storage: &dyn Storage) {
    inbox::insert(storage, 10, &[creation(1), creation(2), creation(3)]);
    apply(storage, PlanBuilder::new().promote(1).complete(1));
    let plan = PlanBuilder::new().promote(2).address(20, 2, Rank::Primary);
    refused(storage, plan.promote_as(3, account(1), "S1").complete(2).complete(3));
    assert_eq!(totals(storage), (1, 1, Version(1)));
    assert_eq!(status(storage, 2), [OperationStatus::Pending]);
    let owners = storage.read(|tx| tx.address_owners(&[crate::builders::address_guid(20)]));
    assert!(owners.expect("readable").is_empty());
    let next = PlanBuilder::new().promote(2).complete(2);
    assert_eq!(apply(storage, next), Version(2), "no version was used up");
}

/// Whatever account the second one would give.
pub fn a_customer_is_never_promoted_twice(storage: &dyn Storage) {
    apply(storage, PlanBuilder::new().promote(1));
    refused(storage, PlanBuilder::new().promote_as(1, account(99), "S1"));
    refused(storage, PlanBuilder::new().promote(2).promote(2));
    assert_eq!(totals(storage), (1, 1, Version(1)));
}

/// F27.
pub fn an_address_identity_belongs_to_one_customer(storage: &dyn Storage) {
    let two = PlanBuilder::new().promote(1).address(10, 1, Rank::Primary).promote(2);
    apply(storage, two);
    refused(storage, PlanBuilder::new().later_address(10, 2, Rank::Primary));
    assert_eq!(customer(storage, 2).addresses, []);
    assert_eq!(customer(storage, 1).addresses.len(), 1);
}

/// F17: two promotions that race for one operation cannot both succeed.
pub fn an_operation_is_completed_once(storage: &dyn Storage) {
    inbox::insert(storage, 10, &[creation(1), creation(2)]);
    apply(storage, PlanBuilder::new().promote(1).complete(1));
    refused(storage, PlanBuilder::new().promote(2).complete(2).complete(1));
    refused(storage, PlanBuilder::new().complete(77));
    assert_eq!(status(storage, 2), [OperationStatus::Pending]);
    assert_eq!(totals(storage), (1, 1, Version(1)));
}

/// No address without a customer.
pub fn an_address_for_an_unknown_customer_is_refused(storage: &dyn Storage) {
    refused(storage, PlanBuilder::new().later_address(10, 1, Rank::Primary));
    assert_eq!(totals(storage), (0, 0, Version(0)));
}

/// Without a book a customer would reach no store (F75).
pub fn a_source_without_an_address_book_is_refused(storage: &dyn Storage) {
    refused(storage, PlanBuilder::new().promote_from(1, "S9"));
}

/// So that the stores get customer and addresses together.
pub fn a_later_address_moves_its_customer_to_the_new_version(storage: &dyn Storage) {
    let two = PlanBuilder::new().promote(1).promote(2).address(10, 1, Rank::Primary);
    apply(storage, two);
    let version = apply(storage, PlanBuilder::new().later_address(11, 1, Rank::Other));
    assert_eq!(version, Version(2));
    let changed = customer(storage, 1);
    assert_eq!(changed.customer.version, 2);
    let versions: Vec<_> = changed.addresses.iter().map(|row| row.version).collect();
    assert_eq!(versions, [1, 2], "the older address did not change");
    assert_eq!(customer(storage, 2).customer.version, 1);
    let key = CustomerKey::Temporary(customer_guid(1));
    let alias = storage.read(|tx| tx.alias_get(&key)).expect("readable").expect("promoted");
    assert_eq!(alias.version, Version(1), "the version in which the alias first appeared");
}

/// F29.
pub fn a_new_primary_address_takes_over(storage: &dyn Storage) {
    let plan = PlanBuilder::new().promote(1).address(10, 1, Rank::Primary).promote(2);
    apply(storage, plan.address(20, 2, Rank::Primary));
    apply(storage, PlanBuilder::new().later_address(11, 1, Rank::Primary));
    let found = customer(storage, 1);
    let ranked: Vec<_> =
        found.addresses.iter().map(|row| (row.content.is_primary, row.version)).collect();
    assert_eq!(ranked, [(true, 2), (false, 2)], "both changed");
    assert_eq!(found.addresses[0].content.street.as_deref(), Some("Main Street 11"));
    assert!(customer(storage, 2).addresses[0].content.is_primary, "others keep theirs");
}
