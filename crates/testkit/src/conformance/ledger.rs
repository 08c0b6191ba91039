//! The ledger: vouchers, balances, and what must never be found in it.

use std::collections::BTreeMap;

use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    LedgerEntry, OrderState, Storage, StorageError, TrialBalance, Verdict, Voucher,
};

use super::documents::insert;
use super::promotion::apply;
use super::statements::{aggregate, begin, mark, reach};
use super::{orders, validation};
use crate::builders::documents::{
    DocumentBuilder, by_guid, currency, document_number, statement_id, transaction_number,
};
use crate::builders::{PlanBuilder, account, at, at_micros, customer_guid, database};

fn entry(account: LedgerAccount, amount: i64) -> LedgerEntry {
    LedgerEntry { account, customer: None, amount }
}

fn owes(n: u32, amount: i64) -> LedgerEntry {
    let customer = Some(account(n));
    LedgerEntry { account: LedgerAccount::Customers, customer, amount }
}

/// Voucher `V-n` of statement 1 of S1: an invoice to account `customer` with 1.00 of tax in it.
pub(crate) fn invoice(n: u32, customer: u32, total: i64) -> Voucher {
    Voucher {
        number: document_number(&format!("V-{n}")),
        statement: statement_id(1),
        state: StatementState::CustomerOrderInvoiced,
        store: database("S1"),
        currency: currency("EUR"),
        posted_at: at_micros(200, 5),
        text: format!("Invoice \"{n}\""),
        entries: vec![
            owes(customer, total),
            entry(LedgerAccount::Sales, 1_00 - total),
            entry(LedgerAccount::SalesTax, -1_00),
        ],
    }
}

/// Inserts vouchers.
pub(crate) fn post(storage: &dyn Storage, vouchers: &[Voucher]) -> Result<(), StorageError> {
    storage.write(|tx| tx.vouchers_insert(vouchers))
}

fn payment(n: u32, customer: u32, amount: i64) -> Voucher {
    Voucher {
        state: StatementState::PaymentsPosted,
        entries: vec![entry(LedgerAccount::Cash, amount), owes(customer, -amount)],
        ..invoice(n, customer, 2_00)
    }
}

fn vouchers(storage: &dyn Storage, statement: Option<u32>) -> Vec<Voucher> {
    let statement = statement.map(statement_id);
    let found = storage.read(|tx| tx.vouchers_list(statement.as_ref(), None, 100));
    found.expect("readable")
}

fn balance(storage: &dyn Storage, n: u32) -> Vec<(String, i64)> {
    let found = storage.read(|tx| tx.customer_balance(&account(n))).expect("readable");
    found.into_iter().map(|(currency, amount)| (currency.to_string(), amount)).collect()
}

fn temporary_ids(storage: &dyn Storage) -> u64 {
    storage.read(|tx| tx.temporary_ids_in_postings()).expect("counted")
}

fn findings(storage: &dyn Storage) -> Vec<String> {
    storage.read(|tx| tx.postings_check()).expect("the check runs")
}

/// By number, of one statement or all, in pages.
pub fn vouchers_come_back_as_they_were_posted(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    begin(storage, 2, "S2");
    let others = Voucher {
        statement: statement_id(2),
        store: database("S2"),
        currency: currency("JPY"),
        ..payment(2, 1, i64::MAX)
    };
    let posted = [invoice(1, 1, 23_85), others.clone(), payment(3, 1, 23_85)];
    post(storage, &posted).expect("posted");
    assert_eq!(vouchers(storage, None), posted);
    assert_eq!(vouchers(storage, Some(1)), [posted[0].clone(), posted[2].clone()]);
    assert_eq!(vouchers(storage, Some(2)), [others]);
    let page = |after: Option<&str>| {
        let after = after.map(document_number);
        storage.read(|tx| tx.vouchers_list(None, after.as_ref(), 2)).expect("readable")
    };
    assert_eq!(page(None), posted[..2]);
    assert_eq!(page(Some("V-2")), posted[2..]);
}

/// Nothing that does not come to zero is ever written, nor is anything beside it.
pub fn a_voucher_that_does_not_balance_is_refused(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    let with = |entries| Voucher { entries, ..invoice(2, 1, 5_00) };
    let wraps = vec![
        entry(LedgerAccount::Cash, i64::MAX),
        entry(LedgerAccount::Cards, i64::MAX),
        entry(LedgerAccount::Sales, 2),
    ];
    for bad in [
        with(vec![owes(1, 5_00), entry(LedgerAccount::Sales, -4_99)]),
        with(wraps),
        with(vec![]),
        with(vec![entry(LedgerAccount::Sales, 0)]),
        with(vec![entry(LedgerAccount::Cash, 0), entry(LedgerAccount::Sales, 0)]),
        with(vec![entry(LedgerAccount::Customers, 5), entry(LedgerAccount::Sales, -5)]),
        with(vec![
            LedgerEntry { account: LedgerAccount::Cash, ..owes(1, 5) },
            entry(LedgerAccount::Sales, -5),
        ]),
        Voucher { statement: statement_id(9), ..invoice(2, 1, 5_00) },
    ] {
        let outcome = post(storage, &[invoice(1, 1, 5_00), bad.clone()]);
        assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{bad:?}: {outcome:?}");
    }
    assert_eq!(vouchers(storage, None), [], "all or nothing");
}

/// A number is given once.
pub fn a_voucher_number_is_used_once(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    post(storage, &[invoice(1, 1, 5_00)]).expect("posted");
    for again in [invoice(1, 1, 5_00), payment(1, 2, 7)] {
        let outcome = post(storage, &[again]);
        assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
    }
    assert_eq!(vouchers(storage, None), [invoice(1, 1, 5_00)]);
}

/// What it bought less what it paid, by currency.
pub fn a_customer_owes_the_sum_of_its_entries(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    let kronor = Voucher { currency: currency("SEK"), ..payment(4, 1, 70) };
    let posted = [invoice(1, 1, 23_85), payment(2, 1, 20_00), invoice(3, 2, 9_00), kronor];
    post(storage, &posted).expect("posted");
    let expected = [("EUR".to_owned(), 3_85), ("SEK".to_owned(), -70)];
    let mut found = balance(storage, 1);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(balance(storage, 2), [("EUR".to_owned(), 9_00)]);
    assert_eq!(balance(storage, 3), []);
}

/// Each store's books, per currency; every one of them comes to zero.
pub fn the_ledger_is_summed_up_by_store_and_currency(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    begin(storage, 2, "S2");
    let others =
        Voucher { statement: statement_id(2), store: database("S2"), ..payment(3, 2, 8_00) };
    let kronor = Voucher { currency: currency("SEK"), ..payment(4, 1, 70) };
    let posted = [invoice(1, 1, 23_85), payment(2, 1, 20_00), others, kronor];
    post(storage, &posted).expect("posted");
    let sums = |accounts: &[(LedgerAccount, i64)]| accounts.iter().copied().collect();
    let euros = TrialBalance {
        store: database("S1"),
        currency: currency("EUR"),
        accounts: sums(&[
            (LedgerAccount::Cash, 20_00),
            (LedgerAccount::Customers, 3_85),
            (LedgerAccount::SalesTax, -1_00),
            (LedgerAccount::Sales, -22_85),
        ]),
        vouchers: 2,
    };
    let of_s1 = storage.read(|tx| tx.trial_balances(Some(&database("S1")))).expect("readable");
    assert_eq!(of_s1.len(), 2, "{of_s1:?}");
    assert!(of_s1.contains(&euros), "{of_s1:?}");
    let all = storage.read(|tx| tx.trial_balances(None)).expect("readable");
    assert_eq!(all.len(), 3);
    assert_eq!(all[..2], of_s1);
    let s2: BTreeMap<_, _> =
        sums(&[(LedgerAccount::Cash, 8_00), (LedgerAccount::Customers, -8_00)]);
    assert_eq!((&all[2].accounts, all[2].vouchers), (&s2, 1));
    assert!(all.iter().all(|balance| balance.accounts.values().sum::<i64>() == 0));
}

fn promote(storage: &dyn Storage, n: u32) {
    apply(storage, PlanBuilder::new().promote(n));
}

/// Wherever one can stand: in the ledger, in aggregates, under orders and posted transactions.
pub fn temporary_ids_are_found_wherever_they_were_posted(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1).to(by_guid(1)),
        DocumentBuilder::sale(2),
        DocumentBuilder::order(3).to(by_guid(3)),
        DocumentBuilder::sale(4).to(by_guid(4)),
    ];
    insert(storage, 10, &documents);
    begin(storage, 1, "S1");
    assert_eq!(temporary_ids(storage), 0);
    post(storage, &[invoice(1, 1, 5_00)]).expect("posted");
    assert_eq!(temporary_ids(storage), 1, "an entry of the ledger");
    storage.write(|tx| tx.aggregates_put(&statement_id(1), &[aggregate(1, 1)])).expect("stored");
    assert_eq!(temporary_ids(storage), 2, "an aggregate");
    promote(storage, 1);
    assert_eq!(temporary_ids(storage), 0, "it is an account that was given");
    orders::succeed(storage, 3);
    assert_eq!(temporary_ids(storage), 1, "an order with its sales order");
    promote(storage, 3);
    assert_eq!(temporary_ids(storage), 0);
    let verdicts = [2, 4]
        .map(|n| Verdict { account: None, ..validation::verdict(n, ValidationStatus::Successful) });
    storage.write(|tx| tx.verdicts_put(&verdicts, at(60))).expect("written down");
    validation::succeed(storage, &[1]);
    mark(storage, 1, "S1", 9);
    assert_eq!(temporary_ids(storage), 0, "nothing is posted yet");
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    assert_eq!(temporary_ids(storage), 1, "the named sale that has no account");
}

/// An order on nobody's account is as bad as one on a GUID.
pub fn an_order_without_an_account_counts_as_temporary(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::order(1).to(by_guid(1))]);
    let sales_order = Some(document_number("SO-1"));
    let done = OrderState { sales_order, ..orders::state(OrderStatus::Succeeded) };
    storage.write(|tx| tx.order_put(&transaction_number(1), &done, None)).expect("stored");
    assert_eq!(temporary_ids(storage), 1);
}

/// A store's day as it should be: sold, invoiced, paid, posted.
pub fn the_check_of_postings_finds_nothing_when_all_is_well(storage: &dyn Storage) {
    promote(storage, 1);
    let documents = [
        DocumentBuilder::sale(1).to(by_guid(1)),
        DocumentBuilder::order(2).to(by_guid(1)),
        DocumentBuilder::voided(3),
        DocumentBuilder::sale(4),
    ];
    insert(storage, 10, &documents);
    insert(storage, 20, &[DocumentBuilder::sale(1), DocumentBuilder::sale(4)]);
    orders::succeed(storage, 2);
    let resolved = |n| Verdict {
        account: Some(account(1)),
        ..validation::verdict(n, ValidationStatus::Successful)
    };
    let verdicts = [resolved(1), resolved(2)];
    storage.write(|tx| tx.verdicts_put(&verdicts, at(60))).expect("written down");
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 9);
    post(storage, &[invoice(1, 1, 23_85), payment(2, 1, 47_70)]).expect("posted");
    assert_eq!(findings(storage), [""; 0], "half way through");
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    reach(storage, 1, "S1", StatementState::Posted);
    assert_eq!(findings(storage), [""; 0]);
    assert_eq!(storage.check_integrity().expect("the check runs"), [""; 0]);
    let known = storage.read(|tx| tx.customers_known(&[customer_guid(1)])).expect("readable");
    assert_eq!(known[&customer_guid(1)].account, account(1));
}

/// An amount that got lost between till and ledger.
pub fn the_check_finds_invoices_that_are_not_the_sales(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::sale(1), DocumentBuilder::sale(2).currency("SEK")]);
    validation::succeed(storage, &[1, 2]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 9);
    post(storage, &[invoice(1, 1, 23_84)]).expect("posted");
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    reach(storage, 1, "S1", StatementState::Posted);
    let sentence = |code| {
        format!("the invoices of statement ST-1 in {code} are not the amounts of its transactions")
    };
    assert_eq!(findings(storage), [sentence("EUR"), sentence("SEK")]);
}

/// One is done and the other is not.
pub fn the_check_finds_statements_and_transactions_that_disagree(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::order(1), DocumentBuilder::order(2)]);
    validation::succeed(storage, &[1, 2]);
    orders::succeed(storage, 1);
    begin(storage, 1, "S1");
    begin(storage, 2, "S2");
    mark(storage, 1, "S1", 1);
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    mark(storage, 2, "S1", 1);
    reach(storage, 2, "S2", StatementState::Posted);
    let expected = [
        "transaction T-000001 is posted, but its statement is not",
        "transaction T-000002 is not posted, but its statement is",
        "transaction T-000002 is in a statement of another store",
        "order T-000002 is in a statement, but has no sales order",
    ];
    assert_eq!(findings(storage), expected);
}
