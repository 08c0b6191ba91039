//! Faults that are planted on purpose: what every world checks at its end must find them.

use tillsync_domain::ids::{CustomerKey, TransactionNumber};
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_hq::storage::{LedgerEntry, Voucher};
use tillsync_testkit::world::{Basket, World};

use super::orders::chain;

/// A posted sale of one customer.
fn posted() -> (World, TransactionNumber) {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    let sale = world.sell("S1", guid, Basket::of("coffee", 1));
    world.end_of_day();
    (world, sale)
}

/// Posts a voucher by hand in the last statement.
fn plant(world: &World, state: StatementState, entries: [(LedgerAccount, Option<&str>, i64); 2]) {
    let last = world.all_vouchers().pop().unwrap();
    let entries = entries.map(|(account, customer, amount)| {
        let customer = customer.map(|customer| customer.parse::<CustomerKey>().unwrap());
        let customer = customer.map(|key| match key {
            CustomerKey::Numbered(account) => account,
            CustomerKey::Temporary(_) => panic!("an account"),
        });
        LedgerEntry { account, customer, amount }
    });
    let number = "PLANTED".parse().unwrap();
    let voucher = Voucher { number, state, entries: entries.into(), ..last };
    world.hq().storage().write(|tx| tx.vouchers_insert(std::slice::from_ref(&voucher))).unwrap();
}

#[test]
#[should_panic(expected = "acknowledged at S1, is lost")]
fn a_sale_that_is_lost_with_its_database_is_noticed() {
    let mut world = chain();
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    let copy = world.back_up("S1");
    world.sell("S1", guid, Basket::of("coffee", 1));
    world.restore("S1", &copy);
}

#[test]
#[should_panic(expected = "the documents say 1200 EUR, the books 1201")]
fn a_cent_too_much_in_the_drawer_is_noticed() {
    let (world, _) = posted();
    let cash = (LedgerAccount::Cash, None, 1);
    plant(&world, StatementState::PaymentsPosted, [cash, (LedgerAccount::Sales, None, -1)]);
}

#[test]
#[should_panic(expected = "customer C-00000001: the documents say 0 EUR, the books -5")]
fn a_posting_on_a_customer_that_bought_nothing_is_noticed() {
    let (world, _) = posted();
    let customer = (LedgerAccount::Customers, Some("C-00000001"), -5);
    plant(&world, StatementState::PaymentsPosted, [customer, (LedgerAccount::Cash, None, 5)]);
}

#[test]
#[should_panic(expected = "temporary ids")]
fn a_posting_on_what_is_no_account_is_noticed() {
    let (world, _) = posted();
    let nobody = (LedgerAccount::Customers, Some("X-1"), -5);
    plant(&world, StatementState::PaymentsPosted, [nobody, (LedgerAccount::Cash, None, 5)]);
}
