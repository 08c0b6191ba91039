//! Orders on their way to a sales order.

use tillsync_domain::order::OrderStatus;
use tillsync_hq::storage::{
    DocumentPosition, DueOrders, OrderState, Storage, StorageError, TransactionFilter,
};

use super::documents::{get, insert, insert_from, numbers_of, upload_of};
use crate::builders::documents::{DocumentBuilder, document_number, transaction_number};
use crate::builders::{account, at, database};

/// Where an order stands, nothing else about it.
pub(crate) fn state(status: OrderStatus) -> OrderState {
    OrderState {
        status,
        error: None,
        tries: 0,
        next_try_at: None,
        modified_at: at(50),
        editor: None,
        status_before: None,
        is_repaired: false,
        sales_order: None,
        hold: None,
    }
}

/// Order `n` with sales order `SO-n` for account `n`.
pub(crate) fn succeed(storage: &dyn Storage, n: u32) {
    let sales_order = Some(document_number(&format!("SO-{n}")));
    put(storage, n, &OrderState { sales_order, ..state(OrderStatus::Succeeded) }, Some(n));
}

fn put(storage: &dyn Storage, n: u32, state: &OrderState, of: Option<u32>) {
    try_put(storage, n, state, of).expect("stored");
}

fn try_put(
    storage: &dyn Storage,
    n: u32,
    state: &OrderState,
    of: Option<u32>,
) -> Result<(), StorageError> {
    let account = of.map(account);
    storage.write(|tx| tx.order_put(&transaction_number(n), state, account.as_ref()))
}

fn any(now: i64) -> DueOrders {
    let after = DocumentPosition::default();
    DueOrders { after, limit: 10, now: at(now), store: None, only: None }
}

fn due(storage: &dyn Storage, due: &DueOrders) -> Vec<u32> {
    numbers_of(&storage.read(|tx| tx.orders_due(due)).expect("readable"))
}

fn orders(numbers: std::ops::RangeInclusive<u32>) -> Vec<DocumentBuilder> {
    numbers.map(DocumentBuilder::order).collect()
}

/// New and waiting ones always, failed ones when their time has come, the others never (F94).
pub fn orders_are_due_by_their_status(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::sale(9)]);
    insert(storage, 10, &orders(1..=7));
    put(storage, 2, &state(OrderStatus::Waiting), None);
    let failed = |next: Option<i64>| OrderState {
        error: Some("no".into()),
        tries: 1,
        next_try_at: next.map(at),
        ..state(OrderStatus::Failed)
    };
    put(storage, 3, &failed(Some(100)), None);
    put(storage, 4, &failed(None), None);
    put(storage, 5, &state(OrderStatus::Editing), None);
    succeed(storage, 6);
    assert_eq!(due(storage, &any(99)), [1, 2, 7]);
    assert_eq!(due(storage, &any(100)), [1, 2, 3, 7], "at that very moment");
    let only = |numbers: &[u32]| {
        let only = Some(numbers.iter().map(|n| transaction_number(*n)).collect());
        due(storage, &DueOrders { only, ..any(60) })
    };
    assert_eq!(only(&[6, 5, 4, 3, 2, 2, 9]), [2, 3, 4], "never one that is being edited");
    assert_eq!(only(&[]), [0; 0]);
}

/// One store's, in pages.
pub fn due_orders_are_those_of_a_store_in_pages(storage: &dyn Storage) {
    insert(storage, 10, &orders(1..=2));
    insert_from(storage, &upload_of("S2", 10), &orders(3..=6));
    let failed = OrderState { next_try_at: Some(at(60)), ..state(OrderStatus::Failed) };
    put(storage, 2, &failed, None);
    put(storage, 4, &failed, None);
    let of = |store: &str| DueOrders { store: Some(database(store)), ..any(60) };
    assert_eq!(due(storage, &of("S1")), [1, 2]);
    assert_eq!(due(storage, &of("S2")), [3, 4, 5, 6]);
    let only = Some(vec![transaction_number(1), transaction_number(4)]);
    assert_eq!(due(storage, &DueOrders { only, ..of("S2") }), [4]);
    let mut page = DueOrders { limit: 4, ..any(60) };
    assert_eq!(due(storage, &page), [1, 2, 3, 4]);
    page.after = get(storage, 4).position;
    assert_eq!(due(storage, &page), [5, 6]);
}

/// Everything that stands there, and the account only when it is known.
pub fn an_order_is_stored_as_it_stands(storage: &dyn Storage) {
    insert(storage, 10, &orders(1..=1));
    let editing = OrderState {
        status: OrderStatus::Editing,
        error: Some("no such address".into()),
        tries: 3,
        next_try_at: Some(at(70)),
        modified_at: at(60),
        editor: Some("anna".into()),
        status_before: Some(OrderStatus::Failed),
        is_repaired: true,
        sales_order: None,
        hold: None,
    };
    put(storage, 1, &editing, None);
    let found = get(storage, 1);
    assert_eq!((found.order, found.account), (Some(editing.clone()), None));
    let done = OrderState {
        status: OrderStatus::Succeeded,
        sales_order: Some(document_number("SO-1")),
        hold: Some("ORDERSYNC".into()),
        ..editing
    };
    put(storage, 1, &done, Some(7));
    put(storage, 1, &OrderState { hold: None, ..done.clone() }, None);
    let found = get(storage, 1);
    assert_eq!(found.account, Some(account(7)), "it is not forgotten");
    assert_eq!(found.order, Some(OrderState { hold: None, ..done }));
}

/// No order without its sales order, none with two, and no sales order of two.
pub fn a_sales_order_belongs_to_one_order_for_ever(storage: &dyn Storage) {
    insert(storage, 10, &orders(1..=2));
    insert(storage, 10, &[DocumentBuilder::sale(3)]);
    succeed(storage, 1);
    let succeeded = |number: &str| OrderState {
        sales_order: Some(document_number(number)),
        ..state(OrderStatus::Succeeded)
    };
    for (n, refused) in [
        (1, succeeded("SO-9")),
        (1, state(OrderStatus::New)),
        (2, succeeded("SO-1")),
        (2, state(OrderStatus::Succeeded)),
        (3, state(OrderStatus::New)),
        (8, state(OrderStatus::New)),
    ] {
        let outcome = try_put(storage, n, &refused, None);
        assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{n}: {outcome:?}");
    }
    let found = get(storage, 1).order.expect("an order");
    assert_eq!(found.sales_order, Some(document_number("SO-1")));
}

/// The work queues of finance.
pub fn orders_are_listed_by_status_and_hold(storage: &dyn Storage) {
    insert(storage, 10, &orders(1..=4));
    put(storage, 1, &state(OrderStatus::Failed), None);
    put(storage, 3, &state(OrderStatus::Failed), None);
    let hold = OrderState {
        sales_order: Some(document_number("SO-4")),
        hold: Some("ORDERSYNC".into()),
        ..state(OrderStatus::Succeeded)
    };
    put(storage, 4, &hold, Some(4));
    let list = |filter: TransactionFilter| {
        let filter = TransactionFilter { limit: 10, ..filter };
        numbers_of(&storage.read(|tx| tx.transactions_list(&filter)).expect("readable"))
    };
    let in_status =
        |status| list(TransactionFilter { order_status: Some(status), ..Default::default() });
    assert_eq!(in_status(OrderStatus::Failed), [1, 3]);
    assert_eq!(in_status(OrderStatus::New), [2]);
    assert_eq!(in_status(OrderStatus::Succeeded), [4]);
    assert_eq!(list(TransactionFilter { is_on_hold: true, ..Default::default() }), [4]);
    let counts = storage.read(|tx| tx.transaction_counts()).expect("readable");
    let by_status: Vec<_> = counts.by_order_status.into_iter().collect();
    assert_eq!(by_status, [("Failed", 2), ("New", 1), ("Succeeded", 1)]);
    assert_eq!(counts.on_hold, 1);
}
