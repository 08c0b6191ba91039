//! Statements: what they mark as their own, and their aggregates.

use std::collections::BTreeMap;

use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    AggregateLine, AggregateRecord, PostedCounts, StatementFilter, StatementRecord, Storage,
    StorageError,
};

use super::documents::{closed, get, insert, insert_from, numbers_of, opened, upload_of};
use super::ledger::{invoice, post};
use super::{add_channels, orders, validation};
use crate::builders::documents::{
    DocumentBuilder, currency, document_number, item_number, shift_number, statement_id,
    transaction_number,
};
use crate::builders::{account, at, at_micros, database, run_id};

/// Statement `n` of a store, just begun.
pub(crate) fn statement(n: u32, store: &str) -> StatementRecord {
    StatementRecord {
        id: statement_id(n),
        number: document_number(&format!("ST-{n}")),
        store: database(store),
        kind: StatementKind::Transactional,
        state: StatementState::Started,
        error: None,
        failures: 0,
        transactions: 0,
        shifts: 0,
        amounts: BTreeMap::new(),
        default_account: None,
        run: run_id(1),
        created_at: at_micros(100, 3),
        updated_at: at_micros(100, 3),
    }
}

/// Begins statement `n` of a store.
pub(crate) fn begin(storage: &dyn Storage, n: u32, store: &str) {
    put(storage, &statement(n, store)).expect("stored");
}

/// Brings statement `n` of a store to a state.
pub(crate) fn reach(storage: &dyn Storage, n: u32, store: &str, state: StatementState) {
    put(storage, &StatementRecord { state, ..statement(n, store) }).expect("stored");
}

/// Marks transactions of a store for statement `n`.
pub(crate) fn mark(storage: &dyn Storage, n: u32, store: &str, limit: usize) -> u64 {
    let (id, store) = (statement_id(n), database(store));
    storage.write(|tx| tx.transactions_mark(&id, &store, limit)).expect("marked")
}

/// Marks closed shifts of a store for statement `n`.
fn mark_shifts(storage: &dyn Storage, n: u32, store: &str) -> u64 {
    let (id, store) = (statement_id(n), database(store));
    storage.write(|tx| tx.shifts_mark(&id, &store)).expect("marked")
}

/// The sales of account `n` within a statement.
pub(crate) fn aggregate(statement: u32, n: u32) -> AggregateRecord {
    AggregateRecord {
        statement: statement_id(statement),
        account: account(n),
        currency: currency("EUR"),
        transactions: 2,
        net: 38_00,
        discount: 2_00,
        tax: 9_70,
        payments: BTreeMap::from([("cash".to_owned(), 47_70)]),
        lines: vec![],
        sales_order: None,
        invoice: None,
        voucher: None,
    }
}

fn put(storage: &dyn Storage, statement: &StatementRecord) -> Result<(), StorageError> {
    storage.write(|tx| tx.statement_put(statement))
}

fn remove(storage: &dyn Storage, n: u32) -> Result<(), StorageError> {
    storage.write(|tx| tx.statement_remove(&statement_id(n)))
}

fn put_aggregates(
    storage: &dyn Storage,
    n: u32,
    aggregates: &[AggregateRecord],
) -> Result<(), StorageError> {
    storage.write(|tx| tx.aggregates_put(&statement_id(n), aggregates))
}

fn aggregates(storage: &dyn Storage, n: u32) -> Vec<AggregateRecord> {
    storage.read(|tx| tx.aggregates_list(&statement_id(n), None, 100)).expect("readable")
}

fn assert_constraint(outcome: Result<(), StorageError>) {
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
}

fn sales(numbers: std::ops::RangeInclusive<u32>) -> Vec<DocumentBuilder> {
    numbers.map(DocumentBuilder::sale).collect()
}

/// By id and by number, with every state on the way.
pub fn a_statement_is_stored_as_it_stands(storage: &dyn Storage) {
    let begun = statement(1, "S1");
    let get = || storage.read(|tx| tx.statement_get(&statement_id(1))).expect("readable");
    assert_eq!(get(), None);
    put(storage, &begun).expect("stored");
    assert_eq!(get(), Some(begun.clone()));
    for (state, failures) in StatementState::ALL.into_iter().zip(0..) {
        let next = StatementRecord {
            kind: StatementKind::Classic,
            state,
            error: (failures % 2 == 1).then(|| "the sequence is exhausted".into()),
            failures,
            transactions: 7,
            shifts: 2,
            amounts: BTreeMap::from([(currency("EUR"), -5), (currency("JPY"), i64::MAX)]),
            default_account: (failures % 3 == 1).then(|| account(7)),
            updated_at: at_micros(200, 9),
            ..begun.clone()
        };
        put(storage, &next).expect("stored");
        assert_eq!(get(), Some(next.clone()));
        let found = storage.read(|tx| tx.statement_by_number(&next.number)).expect("readable");
        assert_eq!(found, Some(next));
    }
    let unknown = storage.read(|tx| tx.statement_by_number(&document_number("ST-9")));
    assert_eq!(unknown.expect("readable"), None);
    let same_number = StatementRecord { number: document_number("ST-1"), ..statement(2, "S1") };
    assert_constraint(put(storage, &same_number));
}

/// F100: nothing of it changes any more.
pub fn a_posted_statement_never_changes(storage: &dyn Storage) {
    reach(storage, 1, "S1", StatementState::Posted);
    assert_constraint(put(storage, &statement(1, "S1")));
    assert_constraint(remove(storage, 1));
    assert_constraint(put_aggregates(storage, 1, &[aggregate(1, 1)]));
}

/// Newest first, in pages.
pub fn statements_are_listed_newest_first(storage: &dyn Storage) {
    for (n, store) in [(3, "S1"), (1, "S2"), (2, "S1"), (4, "S1")] {
        begin(storage, n, store);
    }
    reach(storage, 3, "S1", StatementState::Posted);
    let failed = StatementRecord {
        error: Some("no".into()),
        kind: StatementKind::Financial,
        ..statement(2, "S1")
    };
    put(storage, &failed).expect("stored");
    let list = |filter: StatementFilter| {
        let filter = StatementFilter { limit: 3, ..filter };
        let found = storage.read(|tx| tx.statements_list(&filter)).expect("readable");
        found.iter().map(|found| found.number.to_string()).collect::<Vec<_>>()
    };
    let all = StatementFilter::default;
    assert_eq!(list(all()), ["ST-4", "ST-2", "ST-1"]);
    assert_eq!(list(StatementFilter { before: Some(statement_id(1)), ..all() }), ["ST-3"]);
    let of_store = StatementFilter { store: Some(database("S1")), ..all() };
    assert_eq!(list(of_store.clone()), ["ST-4", "ST-2", "ST-3"]);
    assert_eq!(list(StatementFilter { is_open: true, ..of_store }), ["ST-4", "ST-2"]);
    assert_eq!(list(StatementFilter { has_failed: true, ..all() }), ["ST-2"]);
    assert_eq!(list(StatementFilter { kind: Some(StatementKind::Financial), ..all() }), ["ST-2"]);
}

/// However many; one that goes on is none any more.
pub fn statements_that_stopped_are_counted(storage: &dyn Storage) {
    let count = || storage.read(|tx| tx.statements_failed_count()).expect("counted");
    assert_eq!(count(), 0);
    for n in 1..=12 {
        put(storage, &StatementRecord { error: Some("no".into()), ..statement(n, "S1") })
            .expect("stored");
    }
    begin(storage, 13, "S1");
    assert_eq!(count(), 12);
    reach(storage, 3, "S1", StatementState::Posted);
    remove(storage, 4).expect("given up");
    assert_eq!(count(), 10);
}

/// The same that marking would find.
pub fn stores_are_ready_when_a_statement_would_take_something_up(storage: &dyn Storage) {
    add_channels(storage);
    let ready = |kind| {
        let ready = storage.read(|tx| tx.stores_ready(kind)).expect("readable");
        ready.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (sales_of, shifts_of) = (StatementKind::Transactional, StatementKind::Financial);
    let both = StatementKind::Classic;
    insert(storage, 10, &sales(1..=2));
    insert(storage, 10, &[closed(3, 1)]);
    assert_eq!(ready(both), [""; 0], "nothing is validated, and a shift was never opened");
    insert_from(storage, &upload_of("S2", 10), &[opened(6, 2), closed(4, 2)]);
    assert_eq!([ready(sales_of), ready(shifts_of)], [vec![], vec!["S2".to_owned()]]);
    validation::succeed(storage, &[1, 2]);
    assert_eq!(ready(sales_of), ["S1"]);
    assert_eq!(ready(both), ["S1", "S2"], "by name");
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 1);
    assert_eq!(ready(sales_of), ["S1"], "there is another one");
    mark(storage, 1, "S1", 1);
    begin(storage, 2, "S2");
    mark_shifts(storage, 2, "S2");
    assert_eq!(ready(both), [""; 0]);
}

/// Orders are posted too, but are no sales.
pub fn what_is_posted_is_counted(storage: &dyn Storage) {
    let count = || storage.read(|tx| tx.posted_counts()).expect("counted");
    assert_eq!(count(), PostedCounts::default());
    insert(storage, 10, &sales(1..=3));
    insert(storage, 10, &[DocumentBuilder::order(4)]);
    orders::succeed(storage, 4);
    validation::succeed(storage, &[1, 2, 4]);
    begin(storage, 1, "S1");
    begin(storage, 2, "S1");
    mark(storage, 1, "S1", 9);
    assert_eq!(count(), PostedCounts::default(), "they are only taken up");
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    reach(storage, 1, "S1", StatementState::Posted);
    assert_eq!(count(), PostedCounts { sales: 2, statements: 1 });
}

/// F99: validated successfully, of its store, in no other statement, in order of arrival.
pub fn a_statement_marks_what_is_ready(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=4));
    insert(storage, 10, &[DocumentBuilder::voided(5), DocumentBuilder::sale(6)]);
    insert_from(storage, &upload_of("S2", 10), &sales(7..=7));
    validation::succeed(storage, &[1, 2, 4, 6, 7]);
    let waiting = [validation::verdict(3, ValidationStatus::Waiting)];
    storage.write(|tx| tx.verdicts_put(&waiting, at(70))).expect("written down");
    begin(storage, 1, "S1");
    begin(storage, 2, "S1");
    assert_eq!(mark(storage, 1, "S1", 2), 2);
    assert_eq!(mark(storage, 2, "S1", 9), 2);
    assert_eq!(mark(storage, 2, "S1", 9), 0, "each is taken up once");
    let of = |n: u32| get(storage, n).statement;
    let (one, two) = (Some(statement_id(1)), Some(statement_id(2)));
    assert_eq!([1, 2, 3, 4, 5, 6, 7].map(of), [one, one, None, two, None, two, None]);
    let nowhere = storage.write(|tx| tx.transactions_mark(&statement_id(9), &database("S2"), 9));
    assert!(matches!(nowhere, Err(StorageError::Constraint { .. })), "{nowhere:?}");
}

/// F103: only closed ones, and none whose opening has not arrived.
pub fn a_statement_marks_closed_shifts(storage: &dyn Storage) {
    insert(storage, 10, &[opened(6, 2), closed(1, 2), closed(2, 1), opened(3, 3), closed(5, 5)]);
    insert_from(storage, &upload_of("S2", 10), &[opened(7, 4), closed(4, 4)]);
    insert(storage, 20, &[opened(8, 1)]);
    begin(storage, 1, "S1");
    assert_eq!(mark_shifts(storage, 1, "S1"), 2);
    assert_eq!(mark_shifts(storage, 1, "S1"), 0);
    let shifts = storage.read(|tx| tx.statement_shifts(&statement_id(1))).expect("readable");
    let numbers: Vec<_> = shifts.iter().map(|shift| shift.number.clone()).collect();
    assert_eq!(numbers, [shift_number(1), shift_number(2)]);
    assert!(shifts.iter().all(|shift| shift.statement == Some(statement_id(1))));
}

/// By account, those without one first, then by currency and arrival.
pub fn the_transactions_of_a_statement_come_by_account(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1),
        DocumentBuilder::sale(2).currency("SEK"),
        DocumentBuilder::sale(3),
        DocumentBuilder::sale(4),
        DocumentBuilder::sale(5),
    ];
    insert(storage, 10, &documents);
    let of = |n, of: Option<u32>| tillsync_hq::storage::Verdict {
        account: of.map(account),
        ..validation::verdict(n, ValidationStatus::Successful)
    };
    let verdicts = [of(1, Some(2)), of(2, Some(1)), of(3, None), of(4, Some(1)), of(5, Some(1))];
    storage.write(|tx| tx.verdicts_put(&verdicts, at(60))).expect("written down");
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 10);
    let mut found = Vec::new();
    let mut take = |record| {
        found.push(record);
        Ok(())
    };
    storage.read(|tx| tx.statement_transactions(&statement_id(1), &mut take)).expect("readable");
    assert_eq!(numbers_of(&found), [3, 4, 5, 2, 1]);
    let mut seen = 0;
    let stopped = storage.read(|tx| {
        tx.statement_transactions(&statement_id(1), &mut |_| {
            seen += 1;
            Err(StorageError::Corrupt { doing: "stop", value: "here".into() })
        })
    });
    assert!(matches!(stopped, Err(StorageError::Corrupt { doing: "stop", .. })), "{stopped:?}");
    assert_eq!(seen, 1, "a sink that fails stops the stream");
}

/// Whatever their validation says, but not those that were voided.
pub fn the_transactions_of_a_statements_shifts_come_by_shift(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1).in_shift(2),
        DocumentBuilder::sale(2).in_shift(1),
        DocumentBuilder::voided(3).in_shift(1),
        DocumentBuilder::order(4).in_shift(1),
        DocumentBuilder::sale(5).in_shift(3),
        DocumentBuilder::sale(6).in_shift(7),
        opened(9, 1),
        closed(7, 1),
        opened(10, 2),
        closed(8, 2),
    ];
    insert(storage, 10, &documents);
    let moved = DocumentBuilder::sale(6).in_shift(2);
    let repaired = storage.write(|tx| {
        let number = transaction_number(6);
        tx.transaction_repair(&number, &moved.row().content, &moved.header(), &[])
    });
    assert!(repaired.expect("an answer"));
    begin(storage, 1, "S1");
    mark_shifts(storage, 1, "S1");
    let mut found = Vec::new();
    let mut take = |record| {
        found.push(record);
        Ok(())
    };
    let id = statement_id(1);
    storage.read(|tx| tx.statement_shift_transactions(&id, &mut take)).expect("readable");
    assert_eq!(numbers_of(&found), [2, 4, 1, 6], "repairs included");
}

/// They did not keep the rules of posting.
pub fn transactions_are_taken_out_of_a_statement_again(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=3));
    validation::succeed(storage, &[1, 2, 3]);
    begin(storage, 1, "S1");
    begin(storage, 2, "S1");
    mark(storage, 1, "S1", 2);
    mark(storage, 2, "S1", 2);
    let out = [2, 3, 9].map(transaction_number);
    storage.write(|tx| tx.transactions_unmark(&statement_id(1), &out)).expect("unmarked");
    let of = |n: u32| get(storage, n).statement;
    let (one, two) = (Some(statement_id(1)), Some(statement_id(2)));
    assert_eq!([1, 2, 3].map(of), [one, None, two], "others' stay");
    assert_eq!(mark(storage, 2, "S1", 2), 1, "it is free for another one");
}

/// What it marked can be posted by another one.
pub fn a_statement_that_is_given_up_frees_what_it_marked(storage: &dyn Storage) {
    let mut documents = sales(1..=2);
    documents.extend([opened(4, 1), closed(3, 1)]);
    insert(storage, 10, &documents);
    validation::succeed(storage, &[1, 2]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 9);
    mark_shifts(storage, 1, "S1");
    put_aggregates(storage, 1, &[with_lines(1, 1)]).expect("stored");
    remove(storage, 1).expect("given up");
    let found = storage.read(|tx| tx.statement_get(&statement_id(1))).expect("readable");
    assert_eq!((found, aggregates(storage, 1)), (None, vec![]));
    begin(storage, 2, "S1");
    assert_eq!((mark(storage, 2, "S1", 9), mark_shifts(storage, 2, "S1")), (2, 1));
    assert_constraint(remove(storage, 1));
}

/// The ledger would name a statement that is not there.
pub fn a_statement_that_posted_cannot_be_given_up(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=1));
    validation::succeed(storage, &[1]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 9);
    post(storage, &[invoice(1, 1, 5_00)]).expect("posted");
    assert_constraint(remove(storage, 1));
    assert_eq!(get(storage, 1).statement, Some(statement_id(1)), "nothing was freed");
}

fn with_lines(statement: u32, n: u32) -> AggregateRecord {
    let line = |item, quantity: &str| AggregateLine {
        item: item_number(item),
        quantity: quantity.into(),
        net: 19_00,
        discount: 1_00,
        tax: i64::from(item),
    };
    AggregateRecord { lines: vec![line(1, "2"), line(2, "-0.125")], ..aggregate(statement, n) }
}

/// With their lines, each of its own.
pub fn aggregates_are_replaced_and_listed_in_pages(storage: &dyn Storage) {
    begin(storage, 1, "S1");
    begin(storage, 2, "S1");
    put_aggregates(storage, 1, &[with_lines(1, 9)]).expect("stored");
    put_aggregates(storage, 2, &[with_lines(2, 1)]).expect("stored");
    let kronor = AggregateRecord { currency: currency("SEK"), ..with_lines(1, 2) };
    let ordered = AggregateRecord {
        sales_order: Some(document_number("SO-1")),
        invoice: Some(document_number("INV-1")),
        payments: BTreeMap::new(),
        ..aggregate(1, 3)
    };
    let all = [with_lines(1, 2), kronor, ordered];
    put_aggregates(storage, 1, &all).expect("stored");
    assert_eq!(aggregates(storage, 1), all, "what is left out is gone");
    let page = |after: Option<(u32, &str)>| {
        let after = after.map(|(n, code)| (account(n), currency(code)));
        let after = after.as_ref().map(|(account, currency)| (account, *currency));
        let found = storage.read(|tx| tx.aggregates_list(&statement_id(1), after, 2));
        found.expect("readable")
    };
    assert_eq!(page(None), all[..2]);
    assert_eq!(page(Some((2, "EUR"))), all[1..]);
    assert_eq!(page(Some((2, "SEK"))), all[2..]);
    assert_eq!(aggregates(storage, 2), [with_lines(2, 1)], "others' stay");
    let taken = AggregateRecord { invoice: Some(document_number("INV-1")), ..aggregate(2, 1) };
    assert_constraint(put_aggregates(storage, 2, &[taken]));
}

/// F102: whoever stands in an invoice names its voucher.
pub fn sales_are_linked_with_the_voucher_of_their_invoice(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1),
        DocumentBuilder::sale(2),
        DocumentBuilder::sale(3).currency("SEK"),
        DocumentBuilder::order(4),
    ];
    insert(storage, 10, &documents);
    orders::succeed(storage, 4);
    let of = |n, of: Option<u32>| tillsync_hq::storage::Verdict {
        account: of.map(account),
        ..validation::verdict(n, ValidationStatus::Successful)
    };
    let verdicts = [of(1, Some(1)), of(2, None), of(3, Some(1)), of(4, Some(1))];
    storage.write(|tx| tx.verdicts_put(&verdicts, at(60))).expect("written down");
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 10);
    post(storage, &[invoice(1, 1, 23_85), invoice(2, 9, 23_85)]).expect("posted");
    let invoiced =
        |n, voucher| AggregateRecord { voucher: Some(document_number(voucher)), ..aggregate(1, n) };
    put_aggregates(storage, 1, &[invoiced(1, "V-1"), invoiced(9, "V-2")]).expect("stored");
    let default = account(9);
    storage.write(|tx| tx.vouchers_link(&statement_id(1), Some(&default))).expect("linked");
    let voucher = |n: u32| get(storage, n).voucher.map(|voucher| voucher.to_string());
    assert_eq!(voucher(1).as_deref(), Some("V-1"));
    assert_eq!(voucher(2).as_deref(), Some("V-2"), "by the default customer");
    assert_eq!(voucher(3), None, "there is no invoice in its currency");
    assert_eq!(voucher(4), None, "an invoice holds nothing of an order");
    assert_eq!(get(storage, 4).order.expect("an order").status, OrderStatus::Succeeded);
}

/// A repeat after a crash finds nothing to do; what is posted is final.
pub fn what_is_posted_never_changes(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=2));
    insert(storage, 10, &[DocumentBuilder::order(3)]);
    validation::succeed(storage, &[1, 3]);
    let number = transaction_number(3);
    let held = tillsync_hq::storage::OrderState {
        sales_order: Some(document_number("SO-3")),
        hold: Some("ORDERSYNC".into()),
        ..orders::state(OrderStatus::Succeeded)
    };
    storage.write(|tx| tx.order_put(&number, &held, Some(&account(3)))).expect("stored");
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 9);
    storage.write(|tx| tx.transactions_post(&statement_id(1), at(300))).expect("posted");
    assert_eq!(get(storage, 1).posted_at, Some(at(300)));
    assert_eq!(get(storage, 2).posted_at, None, "it is in no statement");
    let out = [transaction_number(1)];
    assert_constraint(storage.write(|tx| tx.transactions_unmark(&statement_id(1), &out)));
    assert_constraint(remove(storage, 1));
    let lifted = tillsync_hq::storage::OrderState { hold: None, ..held };
    storage.write(|tx| tx.order_put(&number, &lifted, Some(&account(3)))).expect("lifted");
    assert_eq!(get(storage, 3).order, Some(lifted));
}
