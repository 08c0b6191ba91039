//! Operations one by one: found, selected, repaired, logged.

use serde_json::json;
use serde_json::value::RawValue;
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{
    OperationAct, OperationEvent, OperationRecord, OperationSelection, OperationSource, Storage,
    StorageError,
};

use super::inbox::{fail, insert};
use crate::builders::{
    PlanBuilder, Rank, addition, at, creation, customer_guid, database, operation_id, promotion_at,
    upload_at,
};

pub(super) fn ids<'r>(records: impl IntoIterator<Item = &'r OperationRecord>) -> Vec<u32> {
    records.into_iter().map(|it| it.row.id.as_uuid().as_u128() as u32).collect()
}

fn get(storage: &dyn Storage, n: u32) -> Option<OperationRecord> {
    storage.read(|tx| tx.operation_get(&operation_id(n))).expect("readable")
}

pub(super) fn raw(content: &serde_json::Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(content).expect("JSON")
}

fn event(n: u32, seconds: i64, operator: Option<&str>, act: OperationAct) -> OperationEvent {
    let (operation, operator) = (operation_id(n), operator.map(str::to_owned));
    OperationEvent { operation, at: at(seconds), operator, act }
}

fn repaired(field: &str, old: Option<&str>, new: Option<&str>) -> OperationAct {
    let (old, new) = (old.map(str::to_owned), new.map(str::to_owned));
    OperationAct::Repaired { field: field.to_owned(), old, new }
}

fn events(storage: &dyn Storage, numbers: &[u32]) -> Vec<OperationEvent> {
    let ids: Vec<_> = numbers.iter().map(|n| operation_id(*n)).collect();
    storage.read(|tx| tx.operation_events(&ids)).expect("readable")
}

/// The repair page looks one up.
pub fn an_operation_is_found_by_its_id(storage: &dyn Storage) {
    let forged = OperationRow { kind: "other".into(), ..creation(1) };
    insert(storage, 10, &[creation(1), forged]);
    let found = get(storage, 1).expect("it arrived");
    assert_eq!((found.row.kind.as_str(), found.repaired.is_none()), ("create_customer", true));
    assert_eq!(found.content().get(), creation(1).content.get());
    assert!(get(storage, 2).is_none());
}

/// F21, as far as the rows themselves say it.
pub fn operations_are_selected_by_what_their_rows_say(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), addition(2, 1, Rank::Other), creation(3), creation(4)]);
    let s2 = OperationSource { source: database("S2"), ..upload_at(10) };
    let later = OperationRow { created_at: at(9_000), ..creation(5) };
    storage
        .write(|tx| tx.operations_insert_once(&s2, std::slice::from_ref(&later)))
        .expect("taken in");
    let forged = OperationRow { kind: "other".into(), ..creation(3) };
    insert(storage, 20, &[forged]);
    fail(storage, 3, "no", None);
    let plan = PlanBuilder::new().promote(1).complete(1).build();
    storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(100))).expect("promoted");

    let all = OperationSelection { limit: 10, ..OperationSelection::default() };
    let select = |selection: OperationSelection| {
        ids(&storage.read(|tx| tx.operations_select(&selection)).expect("readable"))
    };
    assert_eq!(select(all.clone()), [1, 2, 3, 4, 5], "what was set aside is no operation");
    let by_status = |status| select(OperationSelection { status: Some(status), ..all.clone() });
    assert_eq!(by_status(OperationStatus::Succeeded), [1]);
    assert_eq!(by_status(OperationStatus::Pending), [2, 4, 5]);
    assert_eq!(by_status(OperationStatus::Failed), [3]);
    assert_eq!(by_status(OperationStatus::Quarantined), [3]);
    let kind = Some("add_address".to_owned());
    assert_eq!(select(OperationSelection { kind, ..all.clone() }), [2]);
    assert_eq!(select(OperationSelection { channel: Some(database("S2")), ..all.clone() }), [5]);
    let customer = Some(customer_guid(1));
    assert_eq!(select(OperationSelection { customer, ..all.clone() }), [1, 2]);
    let failed = Some(OperationStatus::Failed);
    let of_one = OperationSelection { customer, status: failed, ..all.clone() };
    assert_eq!(select(of_one), [0; 0]);
    assert_eq!(select(OperationSelection { since: Some(at(9_000)), ..all.clone() }), [5]);
    assert_eq!(select(OperationSelection { until: Some(at(9_000)), ..all.clone() }), [1, 2, 3, 4]);
    let first = OperationSelection { limit: 2, ..all.clone() };
    let found = storage.read(|tx| tx.operations_select(&first)).expect("readable");
    assert_eq!(ids(&found), [1, 2]);
    let after = found[1].position;
    assert_eq!(select(OperationSelection { after, ..first }), [3, 4]);
}

/// What the list shows and searches besides the rows.
pub fn customers_and_creations_are_read_by_guid(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), addition(2, 1, Rank::Other), creation(3)]);
    let plan = PlanBuilder::new().promote(1).complete(1).build();
    storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(100))).expect("promoted");
    let guids = [3, 1, 9, 1].map(customer_guid);
    let named = storage.read(|tx| tx.customers_named(&guids)).expect("readable");
    let named: Vec<_> = named.iter().map(|it| it.guid).collect();
    assert_eq!(named, [customer_guid(1)]);
    let creations = storage.read(|tx| tx.creations_of(&guids)).expect("readable");
    assert_eq!(ids(&creations), [1, 3]);
    assert!(storage.read(|tx| tx.customers_named(&[])).expect("readable").is_empty());
}

/// F24: the row that was received stays as it was.
pub fn a_repair_stands_beside_what_was_sent_and_makes_it_due(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1)]);
    fail(storage, 1, "no such name", None);
    let content = raw(&json!({"customer_type": 1, "last_name": "Better"}));
    let log = [
        event(1, 50, Some("ann"), repaired("last_name", Some("x"), Some("Better"))),
        event(1, 50, Some("ann"), repaired("phone", Some("1"), None)),
    ];
    let done = storage.write(|tx| tx.operation_repair(&operation_id(1), &content, &log));
    assert!(done.expect("repaired"));
    let record = get(storage, 1).expect("it arrived");
    assert_eq!(record.row.content.get(), creation(1).content.get(), "as it was sent");
    assert_eq!(record.content().get(), content.get());
    assert_eq!((record.status, &record.error, record.tries), (OperationStatus::Pending, &None, 1));
    assert_eq!(events(storage, &[1]), log);
    let history = storage.read(|tx| tx.operations_of(&customer_guid(1))).expect("readable");
    assert_eq!(history[0].content().get(), content.get(), "wherever it is read");

    let again = raw(&json!({"customer_type": 1, "last_name": "Best"}));
    let log = [event(1, 60, Some("otto"), repaired("last_name", Some("Better"), Some("Best")))];
    storage.write(|tx| tx.operation_repair(&operation_id(1), &again, &log)).expect("again");
    assert_eq!(get(storage, 1).expect("there").content().get(), again.get());
    let operators: Vec<_> = events(storage, &[1]).into_iter().map(|it| it.operator).collect();
    assert_eq!(operators, ["ann", "ann", "otto"].map(|name| Some(name.to_owned())));
}

/// F18: completion is final.
pub fn what_is_completed_or_unknown_is_never_repaired(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1)]);
    let plan = PlanBuilder::new().promote(1).complete(1).build();
    storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(100))).expect("promoted");
    for n in [1, 2] {
        let log = [event(n, 50, Some("ann"), repaired("phone", None, Some("1")))];
        let content = raw(&json!({}));
        let done = storage.write(|tx| tx.operation_repair(&operation_id(n), &content, &log));
        assert!(!done.expect("asked"), "{n}");
        assert_eq!(events(storage, &[n]), []);
    }
    assert!(get(storage, 1).expect("there").repaired.is_none());
}

/// F52.
pub fn the_log_of_operations_keeps_every_line_in_order(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), creation(2)]);
    let lines = [
        event(1, 20, None, OperationAct::Failed("no such country".into())),
        event(2, 20, None, OperationAct::Failed("second".into())),
        event(1, 30, Some("ann"), repaired("country", Some("a\"b"), Some("FIN"))),
        event(1, 30, Some("ann"), OperationAct::Synchronized),
    ];
    storage.write(|tx| tx.operation_events_add(&lines[..1])).expect("written");
    storage.write(|tx| tx.operation_events_add(&lines[1..])).expect("written");
    storage.write(|tx| tx.operation_events_add(&[])).expect("nothing to write");
    assert_eq!(events(storage, &[1, 2]), lines);
    assert_eq!(events(storage, &[2]), lines[1..2]);
    assert_eq!(events(storage, &[]), []);
    let unknown = [event(9, 20, None, OperationAct::Synchronized)];
    let outcome = storage.write(|tx| tx.operation_events_add(&unknown));
    assert!(matches!(outcome, Err(StorageError::Constraint { .. })), "{outcome:?}");
}
