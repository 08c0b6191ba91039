//! Documents as they arrive, and the shifts that their steps move on.

use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::{ShiftAct, ShiftStatus};
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{
    ArrivingContent, ArrivingDocument, DocumentPosition, InsertCounts, OperationSource, OrderState,
    ShiftRecord, Storage, TransactionHeader, TransactionRecord,
};

use crate::builders::documents::{
    DocumentBuilder, by_account, by_guid, cash, entry_id, receipt_number, shift_number,
    transaction_number,
};
use crate::builders::{address_guid, at, at_micros, database, epoch_id, upload_at};

/// Takes documents of S1 in.
pub(crate) fn insert(
    storage: &dyn Storage,
    seconds: i64,
    documents: &[DocumentBuilder],
) -> InsertCounts {
    insert_from(storage, &upload_at(seconds), documents)
}

/// Takes documents of a source in.
pub(crate) fn insert_from(
    storage: &dyn Storage,
    source: &OperationSource,
    documents: &[DocumentBuilder],
) -> InsertCounts {
    let arriving: Vec<_> = documents.iter().map(DocumentBuilder::arriving).collect();
    storage.write(|tx| tx.documents_insert_once(source, &arriving)).expect("taken in")
}

/// An upload of another store.
pub(crate) fn upload_of(store: &str, seconds: i64) -> OperationSource {
    OperationSource { source: database(store), ..upload_at(seconds) }
}

/// Transaction `n`.
pub(crate) fn get(storage: &dyn Storage, n: u32) -> TransactionRecord {
    find(storage, &transaction_number(n)).expect("the transaction exists")
}

/// The small numbers of transactions.
pub(crate) fn numbers_of(records: &[TransactionRecord]) -> Vec<u32> {
    records.iter().map(|record| record.row.id.as_uuid().as_u128() as u32).collect()
}

fn find(storage: &dyn Storage, number: &TransactionNumber) -> Option<TransactionRecord> {
    storage.read(|tx| tx.transaction_get(number)).expect("readable")
}

fn arrive(storage: &dyn Storage, documents: &[ArrivingDocument]) -> InsertCounts {
    storage.write(|tx| tx.documents_insert_once(&upload_at(10), documents)).expect("taken in")
}

fn quarantine(storage: &dyn Storage) -> Vec<(DocumentPosition, DocumentRow, OperationSource)> {
    let all = DocumentPosition::default();
    storage.read(|tx| tx.documents_quarantined(all, 100)).expect("readable")
}

fn as_json(row: &DocumentRow) -> String {
    serde_json::to_string(row).expect("a row is JSON")
}

/// Nothing that was sent is lost or rewritten, and everything that is looked up is there.
pub fn a_transaction_comes_back_word_for_word_with_its_header(storage: &dyn Storage) {
    let sale = DocumentBuilder::sale(1).to(by_guid(3));
    let order = DocumentBuilder::order(2).to(by_account(4)).ship_to(address_guid(5));
    let odd = RawValue::from_string(r#"{ "what" :  1.50, "is": "ö" }"#.into()).expect("JSON");
    let row = DocumentRow {
        counter: u64::MAX,
        created_at: at_micros(3, 7),
        staff: Some("anna".parse().expect("a staff id")),
        relayed_at: Some(at_micros(4, 9)),
        content: odd,
        ..DocumentBuilder::sale(3).row()
    };
    let header = TransactionHeader {
        customer: None,
        shift: None,
        receipt: None,
        total: None,
        ..DocumentBuilder::sale(3).header()
    };
    let unreadable = ArrivingDocument {
        row: row.clone(),
        content: ArrivingContent::Transaction(header.clone()),
    };
    arrive(storage, &[sale.arriving(), order.arriving(), unreadable]);
    for (n, builder) in [(1, &sale), (2, &order)] {
        let found = get(storage, n);
        assert_eq!(as_json(&found.row), as_json(&builder.row()));
        assert_eq!((&found.header, &found.source), (&builder.header(), &upload_at(10)));
        assert_eq!(found.content(), builder.row().content.get());
        assert_eq!(found.validation, ValidationStatus::New);
        assert_eq!((found.account, found.statement, found.posted_at), (None, None, None));
    }
    let found = get(storage, 3);
    assert_eq!((as_json(&found.row), found.header), (as_json(&row), header));
    assert!(get(storage, 1).position < get(storage, 2).position, "in order of arrival");
    assert!(find(storage, &transaction_number(9)).is_none());
}

/// Only an order is synchronized, and it begins at New.
pub fn an_order_begins_new_and_a_sale_has_no_order_state(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::sale(1), DocumentBuilder::order(2)]);
    assert_eq!(get(storage, 1).order, None);
    let expected = OrderState {
        status: OrderStatus::New,
        error: None,
        tries: 0,
        next_try_at: None,
        modified_at: at(10),
        editor: None,
        status_before: None,
        is_repaired: false,
        sales_order: None,
        hold: None,
    };
    assert_eq!(get(storage, 2).order, Some(expected));
}

/// F96: it needs no rules.
pub fn a_voided_sale_is_validated_as_none(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::voided(1)]);
    let found = get(storage, 1);
    assert_eq!((found.validation, found.header.is_voided), (ValidationStatus::None, true));
}

/// An answer that got lost is followed by the same rows once more, maybe renumbered (F62, F64).
pub fn a_repeated_document_changes_nothing(storage: &dyn Storage) {
    let documents = [DocumentBuilder::sale(1), DocumentBuilder::order(2)];
    let expected = InsertCounts { inserted: 2, ..InsertCounts::default() };
    assert_eq!(insert(storage, 10, &documents), expected);
    let row =
        DocumentRow { counter: 77, relayed_at: Some(at(9)), ..DocumentBuilder::sale(1).row() };
    let renumbered = ArrivingDocument { row, ..DocumentBuilder::sale(1).arriving() };
    let repeat = OperationSource { epoch: epoch_id(2), ..upload_of("S2", 20) };
    let again = [renumbered, DocumentBuilder::order(2).arriving()];
    let counts = storage.write(|tx| tx.documents_insert_once(&repeat, &again)).expect("taken in");
    assert_eq!(counts, InsertCounts { repeated: 2, ..InsertCounts::default() });
    let first = get(storage, 1);
    assert_eq!((first.row.counter, &first.source), (1, &upload_at(10)), "the first one stands");
    let counts = storage.read(|tx| tx.transaction_counts()).expect("readable");
    assert_eq!(counts.by_validation.get("New"), Some(&2));
}

/// F115: nothing is overwritten, and nothing is lost either.
pub fn another_content_under_a_known_number_is_set_aside_once(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::sale(1)]);
    let other = DocumentBuilder::sale(1).price(99);
    for seconds in [20, 30] {
        let counts = insert(storage, seconds, std::slice::from_ref(&other));
        assert_eq!(counts, InsertCounts { quarantined: 1, ..InsertCounts::default() });
    }
    insert(storage, 40, &[DocumentBuilder::sale(1).price(98)]);
    let aside = quarantine(storage);
    let rows: Vec<_> = aside.iter().map(|(_, row, _)| as_json(row)).collect();
    let third = as_json(&DocumentBuilder::sale(1).price(98).row());
    assert_eq!(rows, [as_json(&other.row()), third], "each contradiction is one row");
    assert_eq!(aside[0].2, upload_at(20));
    let behind = storage.read(|tx| tx.documents_quarantined(aside[0].0, 100)).expect("readable");
    assert_eq!(behind.len(), 1, "pages by position");
    assert_eq!(get(storage, 1).header, DocumentBuilder::sale(1).header(), "the first one stands");
    let counts = storage.read(|tx| tx.transaction_counts()).expect("readable");
    assert_eq!(counts.quarantined, 2);
}

/// The identity in the log is one document's, too.
pub fn another_number_under_a_known_id_is_set_aside(storage: &dyn Storage) {
    let forged = |n| {
        let row = DocumentRow { number: transaction_number(n), ..DocumentBuilder::sale(1).row() };
        ArrivingDocument { row, ..DocumentBuilder::sale(1).arriving() }
    };
    let documents = [DocumentBuilder::sale(1).arriving(), forged(7), forged(7)];
    let counts = arrive(storage, &documents);
    assert_eq!(counts, InsertCounts { inserted: 1, repeated: 0, quarantined: 2 });
    assert_eq!(quarantine(storage).len(), 1);
    assert!(find(storage, &transaction_number(7)).is_none());
    let findings = storage.read(|tx| tx.postings_check()).expect("the check runs");
    assert_eq!(findings, [""; 0]);
}

/// A newer sender may know more kinds.
pub fn a_document_of_an_unknown_kind_is_kept_and_counted(storage: &dyn Storage) {
    let row = DocumentRow { kind: "loan".into(), ..DocumentBuilder::sale(1).row() };
    let loan = ArrivingDocument { row, content: ArrivingContent::Unknown };
    assert_eq!(arrive(storage, std::slice::from_ref(&loan)).inserted, 1);
    assert_eq!(arrive(storage, &[loan]).repeated, 1);
    assert!(find(storage, &transaction_number(1)).is_none(), "it is no transaction");
    let counts = storage.read(|tx| tx.transaction_counts()).expect("readable");
    assert_eq!((counts.unknown, counts.by_validation.len()), (1, 0));
}

/// For the rule of unique receipts; a voided sale takes no number away.
pub fn receipts_are_found_by_number_in_order_of_arrival(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1),
        DocumentBuilder::order(2).receipt(1),
        DocumentBuilder::voided(3).receipt(1),
        DocumentBuilder::voided(4),
        DocumentBuilder::sale(5),
    ];
    insert(storage, 10, &documents);
    let wanted = [1, 4, 5, 9].map(receipt_number);
    let known = storage.read(|tx| tx.receipts_known(&wanted)).expect("readable");
    assert_eq!(known.len(), 2, "{known:?}");
    assert_eq!(known[&receipt_number(1)], [transaction_number(1), transaction_number(2)]);
    assert_eq!(known[&receipt_number(5)], [transaction_number(5)]);
}

/// Document `n`, which opens a shift.
pub(crate) fn opened(n: u32, shift: u32) -> DocumentBuilder {
    DocumentBuilder::shift(n, shift, ShiftAct::Opened { float: vec![cash(10_000)] })
}

fn blind_closed(n: u32, shift: u32) -> DocumentBuilder {
    DocumentBuilder::shift(n, shift, ShiftAct::BlindClosed)
}

/// Document `n`, which closes a shift.
pub(crate) fn closed(n: u32, shift: u32) -> DocumentBuilder {
    DocumentBuilder::shift(n, shift, ShiftAct::Closed { counted: vec![cash(12_345)] })
}

fn shift(storage: &dyn Storage, n: u32) -> Option<ShiftRecord> {
    storage.read(|tx| tx.shift_get(&shift_number(n))).expect("readable")
}

/// Its counts are the lists of its documents.
pub fn a_shift_follows_its_steps(storage: &dyn Storage) {
    assert_eq!(shift(storage, 1), None);
    insert(storage, 100, &[opened(1, 1).origin(database("S1.R1"))]);
    let open = ShiftRecord {
        number: shift_number(1),
        store: database("S1"),
        origin: database("S1.R1"),
        status: ShiftStatus::Open,
        times: [Some(at(1)), None, None],
        float: r#"[{"tender":"cash","currency":"EUR","amount":"100.00"}]"#.into(),
        counted: None,
        statement: None,
    };
    assert_eq!(shift(storage, 1), Some(open.clone()));
    insert(storage, 100, &[blind_closed(2, 1)]);
    let times = [Some(at(1)), Some(at(2)), None];
    let waiting = ShiftRecord { status: ShiftStatus::BlindClosed, times, ..open };
    assert_eq!(shift(storage, 1), Some(waiting.clone()));
    insert(storage, 100, &[closed(3, 1)]);
    let counted = r#"[{"tender":"cash","currency":"EUR","amount":"123.45"}]"#;
    let done = ShiftRecord {
        status: ShiftStatus::Closed,
        times: [Some(at(1)), Some(at(2)), Some(at(3))],
        counted: Some(counted.into()),
        ..waiting
    };
    assert_eq!(shift(storage, 1), Some(done));
}

/// Whatever order the steps come in, and whoever sends another one later.
pub fn a_shift_moves_on_and_never_back(storage: &dyn Storage) {
    insert(storage, 10, &[closed(3, 1)]);
    let early = shift(storage, 1).expect("known by its end");
    assert_eq!((early.status, early.float.as_str()), (ShiftStatus::Closed, "[]"));
    assert_eq!(early.times, [None, None, Some(at(3))]);
    insert(storage, 20, &[blind_closed(2, 1), opened(1, 1)]);
    let whole = shift(storage, 1).expect("known");
    assert_eq!((whole.status, &whole.counted), (ShiftStatus::Closed, &early.counted));
    assert_eq!(whole.times, [Some(at(1)), Some(at(2)), Some(at(3))]);
    assert!(whole.float.contains("100.00"), "{}", whole.float);
    let other = |n, act| DocumentBuilder::shift(n, 1, act);
    let later = [
        other(7, ShiftAct::Opened { float: vec![cash(7)] }),
        other(8, ShiftAct::Closed { counted: vec![cash(8)] }),
    ];
    insert_from(storage, &upload_of("S2", 30), &later);
    assert_eq!(shift(storage, 1), Some(whole), "what came first stands");
}

/// A shift of which only the end is known may belong to anybody.
pub fn a_shift_is_known_once_it_was_opened(storage: &dyn Storage) {
    insert(storage, 10, &[opened(1, 1), closed(2, 2), opened(3, 3), closed(4, 3)]);
    let wanted = [1, 2, 3, 4].map(shift_number);
    let known = storage.read(|tx| tx.shifts_known(&wanted)).expect("readable");
    let mut known: Vec<_> = known.into_iter().collect();
    known.sort();
    assert_eq!(known, [shift_number(1), shift_number(3)]);
}

/// By number, of one store or all, in one status or any.
pub fn shifts_are_listed_by_store_and_status(storage: &dyn Storage) {
    insert(storage, 10, &[opened(1, 1), closed(2, 2), opened(3, 5)]);
    insert_from(storage, &upload_of("S2", 10), &[opened(4, 3), closed(5, 4)]);
    let list = |store: Option<&str>, status, after: Option<u32>| {
        let (store, after) = (store.map(database), after.map(shift_number));
        let found = storage.read(|tx| tx.shifts_list(store.as_ref(), status, after.as_ref(), 2));
        let found = found.expect("readable");
        found.iter().map(|shift| shift.number.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None), ["SH-1", "SH-2"], "two at a time");
    assert_eq!(list(None, None, Some(2)), ["SH-3", "SH-4"]);
    assert_eq!(list(Some("S2"), None, None), ["SH-3", "SH-4"]);
    assert_eq!(list(None, Some(ShiftStatus::Closed), None), ["SH-2", "SH-4"]);
    assert_eq!(list(Some("S1"), Some(ShiftStatus::Open), Some(1)), ["SH-5"]);
}

/// The document of a step is kept, but is no transaction.
pub fn a_step_of_a_shift_is_no_transaction(storage: &dyn Storage) {
    insert(storage, 10, &[opened(1, 1)]);
    assert!(find(storage, &transaction_number(1)).is_none());
    assert_eq!(insert(storage, 20, &[opened(1, 1)]).repeated, 1);
    let other = DocumentBuilder::shift(1, 1, ShiftAct::Opened { float: vec![] });
    assert_eq!(insert(storage, 30, &[other]).quarantined, 1);
    assert!(shift(storage, 1).expect("known").float.contains("100.00"));
    assert_eq!(quarantine(storage)[0].1.kind, DocumentKind::ShiftOpened.as_str());
    assert_eq!(quarantine(storage)[0].1.id, entry_id(1));
}
