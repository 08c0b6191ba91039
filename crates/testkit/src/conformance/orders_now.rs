//! Taking orders while a till waits: one sales order whatever comes first, and nothing at all where
//! there is none.

use std::sync::Arc;

use tillsync_domain::kind::ErrorKind;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::order::OrderStatus;
use tillsync_exchange::device::Secret;
use tillsync_exchange::realtime::{
    AcceptedOrder, CreateOrderCall, OrderAnswer, OrderRefusal, ROWS_MAX,
};
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::create_order_now::CreateOrderError;
use tillsync_hq::storage::{SequenceName, Storage};
use tillsync_hq::synchronize_orders::OrderScope;

use super::documents::{get, insert};
use super::realtime::Site;
use crate::builders::documents::{DocumentBuilder, by_account, by_guid, transaction_number};
use crate::builders::{
    Rank, addition, address_guid, at, creation, customer_guid, database, operation_id, run_id,
};

/// Order 1 of customer 1, sent to the address that operation 2 adds.
fn order() -> DocumentBuilder {
    DocumentBuilder::order(1).to(by_guid(1)).ship_to(address_guid(2))
}

fn rows() -> Vec<OperationRow> {
    vec![creation(1), addition(2, 1, Rank::Primary)]
}

fn call_from(
    site: &Site,
    channel: &str,
    order: &DocumentBuilder,
    operations: Vec<OperationRow>,
) -> Result<OrderAnswer, CreateOrderError> {
    let record = site.hq.storage().read(|tx| tx.database_get(&database(channel)));
    let record = record.expect("readable").expect("a channel");
    site.hq.create_order_now(&record, &CreateOrderCall { document: order.row(), operations })
}

fn call(
    site: &Site,
    order: &DocumentBuilder,
    operations: Vec<OperationRow>,
) -> Result<OrderAnswer, CreateOrderError> {
    call_from(site, "S1", order, operations)
}

#[track_caller]
fn accepted(answer: Result<OrderAnswer, CreateOrderError>) -> AcceptedOrder {
    match answer {
        Ok(OrderAnswer::Accepted(accepted)) => *accepted,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(answer: Result<OrderAnswer, CreateOrderError>) -> (OrderRefusal, String) {
    match answer {
        Ok(OrderAnswer::Refused { reason, message }) => (reason, message),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expect_nothing(site: &Site) {
    let found = site.hq.storage().read(|tx| {
        let operations = tx.operations_of(&customer_guid(1))?.len();
        let order = tx.transaction_get(&transaction_number(1))?.is_some();
        let quarantined = tx.documents_quarantined(Default::default(), 10)?.len();
        Ok((operations, order, tx.aliases_count()?, tx.change_horizon()?.0, quarantined))
    });
    assert_eq!(found.expect("readable"), (0, false, 0, 0, 0));
    for name in [SequenceName::Party, SequenceName::SalesOrder] {
        assert_eq!(site.hq.show_sequence(name).expect("a sequence").next, 1, "{name:?}");
    }
}

#[track_caller]
fn expect_one(site: &Site, of: &AcceptedOrder) {
    let storage = site.hq.storage();
    let record = get(storage, 1);
    let state = record.order.expect("an order");
    assert_eq!(state.status, OrderStatus::Succeeded);
    assert_eq!(state.sales_order.as_ref(), Some(&of.sales_order));
    let customer = of.customer.as_ref().expect("a customer");
    let account = record.account.expect("its account");
    assert_eq!(account.as_str(), customer.customer.account);
    assert_eq!(storage.read(|tx| tx.aliases_count()).expect("readable"), 1);
    let next = site.hq.show_sequence(SequenceName::SalesOrder).expect("a sequence").next;
    assert_eq!(next, 2, "one number was used up");
    assert!(storage.read(|tx| tx.customers_check()).expect("checked").is_empty());
}

/// With its address, in one transaction; the till is told both numbers.
pub fn a_call_gives_a_sales_order_and_the_customer_its_account(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let order = order();
    let taken = accepted(call(&site, &order, rows()));
    expect_one(&site, &taken);
    assert_eq!(taken.customer.as_ref().expect("a customer").addresses.len(), 1);
    let record = get(site.hq.storage(), 1);
    assert_eq!(record.row.content_hash(), order.row().content_hash(), "word for word");
    assert_eq!(record.source.source, database("S1"));
}

/// An answer that got lost is asked for again, with or without what is known by now.
pub fn a_repeated_order_has_the_same_answer(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let taken = accepted(call(&site, &order(), rows()));
    assert_eq!(accepted(call(&site, &order(), rows())), taken);
    assert_eq!(accepted(call(&site, &order(), vec![])), taken);
    expect_one(&site, &taken);
}

/// The store has it in its log as well, and sends it up.
pub fn an_upload_of_the_order_after_its_call_is_a_repeat(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let taken = accepted(call(&site, &order(), rows()));
    assert_eq!(site.upload(&rows()), (0, 2, 0));
    let counts = insert(site.hq.storage(), 60, &[order()]);
    assert_eq!((counts.inserted, counts.repeated, counts.quarantined), (0, 1, 0));
    site.hq.synchronize_orders(&OrderScope::default(), run_id(9), &|| true).expect("a run");
    expect_one(&site, &taken);
}

/// It waits for its customer, whom the call brings.
pub fn a_call_for_an_order_that_was_uploaded_finds_it(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    insert(site.hq.storage(), 60, &[order()]);
    site.hq.synchronize_orders(&OrderScope::default(), run_id(9), &|| true).expect("a run");
    assert_eq!(get(site.hq.storage(), 1).order.expect("an order").status, OrderStatus::Waiting);
    let taken = accepted(call(&site, &order(), rows()));
    expect_one(&site, &taken);
}

/// The same order by every way there is.
pub fn calls_and_uploads_of_an_order_at_once_give_one_sales_order(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| drop(call(&site, &order(), rows())));
            scope.spawn(|| site.upload(&rows()));
            scope.spawn(|| insert(site.hq.storage(), 60, &[order()]));
            scope.spawn(|| {
                let all = OrderScope::default();
                drop(site.hq.synchronize_orders(&all, run_id(9), &|| true));
            });
        }
    });
    let taken = accepted(call(&site, &order(), rows()));
    expect_one(&site, &taken);
}

/// F49: by its GUID or by an account that nobody has; and an address that is not there.
pub fn an_order_of_somebody_unknown_is_refused_and_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let (reason, message) = refused(call(&site, &order(), vec![]));
    assert_eq!(reason, OrderRefusal::CustomerNotAtHeadquarters);
    assert!(message.contains("has not arrived from its store yet"), "{message}");
    let (reason, message) = refused(call(&site, &order(), vec![creation(1)]));
    assert_eq!(reason, OrderRefusal::CustomerNotAtHeadquarters);
    assert!(message.contains("waits for address"), "{message}");
    let unknown = DocumentBuilder::order(1).to(by_account(1));
    let (reason, message) = refused(call(&site, &unknown, vec![]));
    assert_eq!(reason, OrderRefusal::OrderNotUsable);
    assert!(message.contains("no customer has account"), "{message}");
    expect_nothing(&site);
    accepted(call(&site, &order(), rows()));
}

/// Nobody's, and one that goes to somebody else's address.
pub fn an_order_that_is_not_usable_is_refused_and_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let (reason, _) = refused(call(&site, &DocumentBuilder::order(1), vec![]));
    assert_eq!(reason, OrderRefusal::OrderNotUsable);
    expect_nothing(&site);
    accepted(call(&site, &order(), rows()));
    let foreign = DocumentBuilder::order(2).to(by_guid(3)).ship_to(address_guid(2));
    let (reason, message) = refused(call(&site, &foreign, vec![creation(3)]));
    assert_eq!(reason, OrderRefusal::OrderNotUsable);
    assert!(message.contains("belongs to another customer"), "{message}");
    let aliases = site.hq.storage().read(|tx| tx.aliases_count()).expect("readable");
    assert_eq!(aliases, 1, "nobody was promoted for it");
}

/// Of another store, of another customer, twice the same, a sale, or known with other content.
pub fn what_is_no_part_of_an_order_is_refused_and_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let foreign = call_from(&site, "S2", &order(), rows()).expect_err("refused");
    assert_eq!(foreign.kind(), ErrorKind::Forbidden, "{foreign}");
    let elsewhere = OperationRow { origin: database("S2"), ..creation(1) };
    let foreign = call(&site, &order(), vec![elsewhere]).expect_err("refused");
    assert_eq!(foreign.kind(), ErrorKind::Forbidden, "{foreign}");
    let sale = DocumentBuilder::sale(1).to(by_guid(1));
    let many = (2..=52).map(|n| addition(n, 1, Rank::Other)).collect::<Vec<_>>();
    assert!(many.len() + 1 > ROWS_MAX);
    for (document, operations) in [
        (&sale, rows()),
        (&order(), vec![creation(1), creation(1)]),
        (&order(), vec![creation(1), addition(2, 3, Rank::Other)]),
        (&order(), [vec![creation(1)], many].concat()),
    ] {
        let refused = call(&site, document, operations).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    expect_nothing(&site);
    let taken = accepted(call(&site, &order(), rows()));
    let other = order().price(77);
    let used = call(&site, &other, vec![]).expect_err("refused");
    assert!(matches!(used, CreateOrderError::NumberUsed(_)), "{used}");
    let contradiction = OperationRow { id: operation_id(2), ..addition(4, 1, Rank::Other) };
    let refused = call(&site, &order(), vec![contradiction]).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    expect_one(&site, &taken);
    let quarantined = site.hq.storage().read(|tx| tx.documents_quarantined(Default::default(), 10));
    assert!(quarantined.expect("readable").is_empty());
}

/// Neither of sales orders nor of accounts; afterwards the same call works.
pub fn an_order_without_a_number_left_leaves_nothing(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    for name in [SequenceName::SalesOrder, SequenceName::CustomerAccount] {
        let largest = site.hq.show_sequence(name).expect("a sequence").largest;
        let change = |largest| SequenceChange { largest: Some(largest), ..Default::default() };
        site.hq.change_sequence(name, &change(0)).expect("changed");
        let refused = call(&site, &order(), rows()).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        expect_nothing(&site);
        site.hq.change_sequence(name, &change(largest)).expect("changed");
    }
    accepted(call(&site, &order(), rows()));
}

/// F64: it has forgotten some of what it would judge by, but not that it has taken an order.
pub fn a_recovering_headquarters_takes_no_new_order_and_refuses_none(storage: Arc<dyn Storage>) {
    let site = Site::open(storage);
    let taken = accepted(call(&site, &order(), rows()));
    let hash = Secret::from_random([7; 32]).hash();
    let storage = site.hq.storage();
    storage.write(|tx| tx.database_enrol(&database("S2"), &hash, at(1))).expect("enrolled");
    site.hq.declare_restored("Ann").expect("declared");
    let newcomer = DocumentBuilder::order(2).to(by_guid(3));
    let known = DocumentBuilder::order(3).to(by_guid(1));
    let forgotten = DocumentBuilder::order(4).to(by_account(99));
    let ask = |order: &DocumentBuilder, rows| call(&site, order, rows);
    for (order, rows) in [(&newcomer, vec![creation(3)]), (&known, vec![]), (&forgotten, vec![])] {
        let held = ask(order, rows).expect_err("held");
        assert!(matches!(held, CreateOrderError::Held), "{held}");
        assert_eq!(held.kind(), ErrorKind::Busy);
    }
    assert_eq!(accepted(ask(&order(), rows())).sales_order, taken.sales_order, "a repeat");
    site.hq.finish_recovery("Ann").expect("finished");
    accepted(ask(&newcomer, vec![creation(3)]));
    accepted(ask(&known, vec![]));
    refused(ask(&forgotten, vec![]));
}
