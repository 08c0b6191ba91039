//! The inbox.

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::ids::{Counter, CustomerGuid};
use tillsync_domain::operation::{OperationStatus, Watermark};
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{
    DueOperations, InsertCounts, OperationRecord, OperationSource, StagedCustomer, Storage,
    StorageError,
};

use crate::builders::{
    PlanBuilder, Rank, addition, at, at_micros, creation, customer_guid, database, epoch_id,
    operation_id, promotion_at, upload_at,
};

/// Takes rows in.
pub(crate) fn insert(storage: &dyn Storage, seconds: i64, rows: &[OperationRow]) -> InsertCounts {
    storage.write(|tx| tx.operations_insert_once(&upload_at(seconds), rows)).expect("taken in")
}

/// Marks operations as failed.
pub(crate) fn fail(storage: &dyn Storage, n: u32, error: &str, next_try_at: Option<Timestamp>) {
    let failure = [(operation_id(n), error.to_owned(), next_try_at)];
    storage.write(|tx| tx.operations_fail(&failure)).expect("marked");
}

fn promote(storage: &dyn Storage, n: u32) {
    let plan = PlanBuilder::new().promote(n).complete(n).build();
    storage.write(|tx| tx.promotion_apply(&plan, &promotion_at(100))).expect("promoted");
}

fn due(after: u64, limit: usize, now: i64, only: Option<Vec<CustomerGuid>>) -> DueOperations {
    DueOperations { after: InboxPosition(after), limit, now: at(now), only }
}

fn find_due(storage: &dyn Storage, due: &DueOperations) -> Vec<OperationRecord> {
    storage.read(|tx| tx.operations_due(due)).expect("readable")
}

fn ids(records: &[OperationRecord]) -> Vec<u32> {
    let number = |record: &OperationRecord| record.row.id.as_uuid().as_u128() as u32;
    records.iter().map(number).collect()
}

fn history(storage: &dyn Storage, customer: u32) -> Vec<OperationRecord> {
    storage.read(|tx| tx.operations_of(&customer_guid(customer))).expect("readable")
}

fn listed(storage: &dyn Storage, status: OperationStatus) -> Vec<OperationRecord> {
    storage.read(|tx| tx.operations_in(status, InboxPosition(0), 100)).expect("readable")
}

/// The same operation with other content under the same id.
fn forged(n: u32, kind: &str) -> OperationRow {
    OperationRow { kind: kind.into(), ..creation(n) }
}

/// Nothing that was sent is lost or rewritten.
pub fn rows_come_back_word_for_word_in_arrival_order(storage: &dyn Storage) {
    let odd = "{ \"b\" : 1.50,\n \"a\":\"\\u00e4 ä\" }";
    let sent = OperationRow {
        staff: Some("ann@s1".parse().expect("a staff id")),
        relayed_at: Some(at_micros(8, 1)),
        created_at: at_micros(5, 123_457),
        content: RawValue::from_string(odd.to_owned()).expect("JSON"),
        ..creation(2)
    };
    insert(storage, 10, &[sent.clone(), creation(1)]);
    let found = find_due(storage, &due(0, 10, 11, None));
    assert_eq!(ids(&found), [2, 1], "arrival order, not that of ids or times");
    let first = &found[0];
    assert_eq!(first.row.content.get(), odd);
    assert_eq!(first.row.content_hash(), sent.content_hash());
    assert_eq!((&first.row.staff, first.row.relayed_at), (&sent.staff, sent.relayed_at));
    assert_eq!(first.row.counter, 2);
    assert_eq!(first.source, upload_at(10));
    assert_eq!((first.status, first.tries), (OperationStatus::Pending, 0));
    assert!(found[0].position < found[1].position && found[0].position > InboxPosition(0));
}

/// An answer that got lost is followed by the same rows once more, maybe renumbered (F62, F64).
pub fn a_repeat_changes_nothing(storage: &dyn Storage) {
    let rows = [creation(1), creation(2)];
    let expected = InsertCounts { inserted: 2, ..InsertCounts::default() };
    assert_eq!(insert(storage, 10, &rows), expected);
    let renumbered = OperationRow { counter: 77, relayed_at: Some(at(9)), ..creation(1) };
    let repeat = OperationSource { epoch: epoch_id(2), ..upload_at(20) };
    let counts = storage
        .write(|tx| tx.operations_insert_once(&repeat, &[renumbered.clone(), creation(3)]))
        .expect("taken in");
    assert_eq!(counts, InsertCounts { inserted: 1, repeated: 1, quarantined: 0 });
    let first = &history(storage, 1)[0];
    assert_eq!((first.row.counter, &first.source), (1, &upload_at(10)), "the first one stands");
    assert_eq!(history(storage, 1).len(), 1);
}

/// F115: nothing is overwritten, and nothing is lost either.
pub fn another_content_under_a_known_id_is_quarantined_once(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1)]);
    for seconds in [20, 30] {
        let counts = insert(storage, seconds, &[forged(1, "other")]);
        assert_eq!(counts, InsertCounts { inserted: 0, repeated: 0, quarantined: 1 });
    }
    insert(storage, 40, &[forged(1, "third")]);
    let quarantined = listed(storage, OperationStatus::Quarantined);
    let kinds: Vec<_> = quarantined.iter().map(|record| record.row.kind.as_str()).collect();
    assert_eq!(kinds, ["other", "third"], "each contradiction is one row");
    assert_eq!(quarantined[0].source.received_at, at(20));
    let pending = listed(storage, OperationStatus::Pending);
    assert_eq!(pending[0].row.kind, "create_customer", "the first one stands");
    assert_eq!(ids(&find_due(storage, &due(0, 10, 50, None))), [1], "quarantine is never due");
}

/// The contradiction may come in the same package.
pub fn a_contradiction_within_one_upload_is_quarantined(storage: &dyn Storage) {
    let counts = insert(storage, 10, &[creation(1), forged(1, "other"), creation(1)]);
    assert_eq!(counts, InsertCounts { inserted: 1, repeated: 1, quarantined: 1 });
}

/// F61, F64.
pub fn watermarks_count_each_epoch_and_never_go_back(storage: &dyn Storage) {
    let mark = |epoch, counter: u64, operation| Watermark {
        epoch: epoch_id(epoch),
        counter: Counter(counter),
        entry: Some(operation_id(operation).into()),
    };
    let set = |source: &str, mark: &Watermark| {
        storage.write(|tx| tx.watermark_set(&database(source), mark))
    };
    let get = |epoch| {
        storage.read(|tx| tx.watermark_get(&database("S1"), &epoch_id(epoch))).expect("readable")
    };
    assert_eq!(get(1), None);
    set("S1", &mark(1, 10, 10)).expect("the first");
    set("S1", &mark(1, 10, 10)).expect("a repeat");
    set("S1", &mark(1, 12, 12)).expect("further");
    let back = set("S1", &mark(1, 11, 11));
    assert!(matches!(back, Err(StorageError::Constraint { .. })), "{back:?}");
    assert_eq!(get(1), Some(mark(1, 12, 12)));
    set("S1", &Watermark::start(epoch_id(2))).expect("a new epoch starts at zero");
    set("S2", &mark(1, 3, 3)).expect("another source");
    let all = storage.read(|tx| tx.watermarks_all()).expect("readable");
    let (s1, s2) = (database("S1"), database("S2"));
    let expected =
        [(s1.clone(), mark(1, 12, 12)), (s1, Watermark::start(epoch_id(2))), (s2, mark(1, 3, 3))];
    assert_eq!(all, expected);
}

/// What a promotion takes up by itself.
pub fn pending_operations_and_failures_whose_time_has_come_are_due(storage: &dyn Storage) {
    let rows: Vec<_> = (1..=5).map(creation).collect();
    insert(storage, 10, &rows);
    promote(storage, 1);
    fail(storage, 2, "later", Some(at(200)));
    fail(storage, 3, "never by itself", None);
    fail(storage, 5, "now", Some(at(150)));
    assert_eq!(ids(&find_due(storage, &due(0, 10, 149, None))), [4]);
    assert_eq!(ids(&find_due(storage, &due(0, 10, 150, None))), [4, 5], "at that very moment");
    assert_eq!(ids(&find_due(storage, &due(0, 10, 999, None))), [2, 4, 5]);
}

/// A person asked for these.
pub fn named_customers_are_due_whatever_their_next_try(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), creation(2), addition(3, 1, Rank::Other), creation(4)]);
    promote(storage, 4);
    fail(storage, 1, "never by itself", None);
    let only = |numbers: &[u32]| Some(numbers.iter().map(|n| customer_guid(*n)).collect());
    assert_eq!(ids(&find_due(storage, &due(0, 10, 20, only(&[4, 2, 1, 1])))), [1, 2, 3]);
    assert_eq!(ids(&find_due(storage, &due(0, 2, 20, only(&[1, 2])))), [1, 2]);
    assert_eq!(ids(&find_due(storage, &due(0, 10, 20, only(&[4, 9])))), [0; 0]);
    assert_eq!(ids(&find_due(storage, &due(0, 10, 20, only(&[])))), [0; 0]);
}

/// Thousands at a time, however many wait.
pub fn due_operations_page_by_position(storage: &dyn Storage) {
    let rows: Vec<_> = (1..=6).map(creation).collect();
    insert(storage, 10, &rows);
    fail(storage, 2, "again", Some(at(11)));
    fail(storage, 5, "again", Some(at(11)));
    let mut after = 0;
    let mut pages = Vec::new();
    loop {
        let page = find_due(storage, &due(after, 4, 20, None));
        let Some(last) = page.last() else { break };
        after = last.position.0;
        pages.push(ids(&page));
    }
    assert_eq!(pages, [vec![1, 2, 3, 4], vec![5, 6]]);
}

/// F19.
pub fn a_failure_keeps_its_last_error_and_counts_tries(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1)]);
    fail(storage, 1, "first", Some(at(60)));
    fail(storage, 1, "second", None);
    let failed = &history(storage, 1)[0];
    assert_eq!((failed.status, failed.tries), (OperationStatus::Failed, 2));
    assert_eq!((failed.error.as_deref(), failed.next_try_at), (Some("second"), None));
    promote(storage, 1);
    let done = &history(storage, 1)[0];
    assert_eq!((done.status, done.completed_at), (OperationStatus::Succeeded, Some(at(100))));
    assert_eq!((&done.error, done.next_try_at, done.tries), (&None, None, 2));
}

/// F18: completion is final.
pub fn an_applied_operation_never_becomes_a_failure(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1)]);
    promote(storage, 1);
    fail(storage, 1, "too late", Some(at(1)));
    let record = &history(storage, 1)[0];
    assert_eq!((record.status, record.tries), (OperationStatus::Succeeded, 0));
    assert_eq!(ids(&find_due(storage, &due(0, 10, 500, None))), [0; 0]);
}

/// The status page reads on where it stopped.
pub fn operations_are_listed_by_status_in_pages(storage: &dyn Storage) {
    let rows: Vec<_> = (1..=7).map(creation).collect();
    insert(storage, 10, &rows);
    for n in [2, 4, 6] {
        fail(storage, n, "no", None);
    }
    promote(storage, 5);
    promote(storage, 1);
    assert_eq!(ids(&listed(storage, OperationStatus::Pending)), [3, 7]);
    assert_eq!(ids(&listed(storage, OperationStatus::Succeeded)), [1, 5]);
    let page = |after| {
        storage.read(|tx| tx.operations_in(OperationStatus::Failed, after, 2)).expect("readable")
    };
    let first = page(InboxPosition(0));
    assert_eq!(ids(&first), [2, 4]);
    assert_eq!(ids(&page(first[1].position)), [6]);
    assert_eq!(page(InboxPosition(u64::MAX)).len(), 0);
}

/// Everything ever received for one customer.
pub fn the_history_of_a_customer_ends_with_its_quarantine(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), forged(1, "other"), creation(2)]);
    insert(storage, 20, &[addition(3, 1, Rank::Other)]);
    let history = history(storage, 1);
    assert_eq!(ids(&history), [1, 3, 1]);
    assert_eq!(history[2].status, OperationStatus::Quarantined);
}

/// For the fleet page and the doctor.
pub fn the_inbox_counts_by_status_and_knows_the_oldest(storage: &dyn Storage) {
    insert(storage, 10, &[creation(1), creation(2)]);
    insert(storage, 5, &[creation(3)]);
    insert(storage, 20, &[creation(4), creation(5), forged(5, "other"), creation(1)]);
    let counts = || storage.read(|tx| tx.inbox_counts()).expect("readable");
    promote(storage, 1);
    fail(storage, 3, "no", None);
    let found = counts();
    let by_status: Vec<_> = found.by_status.into_iter().collect();
    let expected = [("Failed", 1), ("Pending", 3), ("Quarantined", 1), ("Succeeded", 1)];
    assert_eq!(by_status, expected);
    assert_eq!(found.oldest_open_at, Some(at(5)), "by arrival time, failed ones included");
    for n in [2, 3, 4, 5] {
        promote(storage, n);
    }
    assert_eq!(counts().oldest_open_at, None);
    assert_eq!(counts().by_status.get("Succeeded"), Some(&5));
    assert_eq!(counts().by_status.get("Pending"), None, "absent, not zero");
}

/// Hostile counters are stored, not choked on.
pub fn numbers_that_a_sender_makes_up_survive(storage: &dyn Storage) {
    insert(storage, 10, &[OperationRow { counter: u64::MAX, ..creation(1) }]);
    assert_eq!(history(storage, 1)[0].row.counter, u64::MAX);
    let mark = |counter| Watermark { counter: Counter(counter), ..Watermark::start(epoch_id(1)) };
    let set = |counter| storage.write(|tx| tx.watermark_set(&database("S1"), &mark(counter)));
    set(u64::MAX).expect("the largest");
    assert!(set(1).is_err(), "still the largest");
}

/// For orders and sales that wait for their customer: what it is that they wait for.
pub fn what_is_staged_of_a_customer_is_told_until_it_has_an_account(storage: &dyn Storage) {
    let rows = [creation(1), creation(2), creation(3), addition(4, 5, Rank::Other), creation(6)];
    insert(storage, 10, &rows);
    insert(storage, 10, &[addition(7, 6, Rank::Other), addition(8, 3, Rank::Other)]);
    promote(storage, 1);
    fail(storage, 2, "no such country", Some(at(70)));
    fail(storage, 6, "first", None);
    fail(storage, 6, "last", None);
    fail(storage, 8, "only the address", None);
    let wanted: Vec<_> = [1, 2, 3, 5, 6, 9, 2].map(customer_guid).to_vec();
    let staged = storage.read(|tx| tx.customers_staged(&wanted)).expect("readable");
    let expected = [
        (2, StagedCustomer::Failed("no such country".into())),
        (3, StagedCustomer::Pending),
        (5, StagedCustomer::Pending),
        (6, StagedCustomer::Failed("last".into())),
    ];
    let expected = expected.into_iter().map(|(n, staged)| (customer_guid(n), staged)).collect();
    assert_eq!(staged, expected);
    let corrected = operation_of(20, 2);
    insert(storage, 80, &[corrected]);
    let staged = storage.read(|tx| tx.customers_staged(&[customer_guid(2)])).expect("readable");
    assert_eq!(staged[&customer_guid(2)], StagedCustomer::Pending, "it is tried once more");
}

/// Operation `n`, which creates another operation's customer again.
fn operation_of(n: u32, customer: u32) -> OperationRow {
    OperationRow { customer: customer_guid(customer), ..creation(n) }
}
