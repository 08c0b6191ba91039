//! Validating transactions, repairing them, and finding them again.

use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    DocumentPosition, DueTransactions, Storage, TransactionEdit, TransactionFilter, Verdict,
};

use super::documents::{get, insert, insert_from, numbers_of, upload_of};
use super::orders;
use super::statements::{begin, mark};
use crate::builders::documents::{
    DocumentBuilder, by_account, by_guid, receipt_number, statement_id, transaction_number,
};
use crate::builders::{account, at, customer_guid, database};

/// What validation made of transaction `n`; account `n`, when successful.
pub(crate) fn verdict(n: u32, status: ValidationStatus) -> Verdict {
    let account = (status == ValidationStatus::Successful).then(|| account(n));
    Verdict { number: transaction_number(n), status, findings: None, account }
}

/// Validates transactions successfully, for an account of each one's number.
pub(crate) fn succeed(storage: &dyn Storage, numbers: &[u32]) {
    let verdicts: Vec<_> =
        numbers.iter().map(|n| verdict(*n, ValidationStatus::Successful)).collect();
    judge(storage, 60, &verdicts);
}

fn judge(storage: &dyn Storage, seconds: i64, verdicts: &[Verdict]) {
    storage.write(|tx| tx.verdicts_put(verdicts, at(seconds))).expect("written down");
}

fn any() -> DueTransactions {
    DueTransactions { after: DocumentPosition::default(), limit: 10, store: None, only: None }
}

fn due(storage: &dyn Storage, due: &DueTransactions) -> Vec<u32> {
    numbers_of(&storage.read(|tx| tx.transactions_due(due)).expect("readable"))
}

fn sales(numbers: std::ops::RangeInclusive<u32>) -> Vec<DocumentBuilder> {
    numbers.map(DocumentBuilder::sale).collect()
}

/// By themselves the new and waiting ones; by name all that no statement has.
pub fn transactions_are_due_by_their_validation(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=6));
    insert(storage, 10, &[DocumentBuilder::voided(7)]);
    judge(
        storage,
        20,
        &[verdict(2, ValidationStatus::Waiting), verdict(3, ValidationStatus::Error)],
    );
    succeed(storage, &[5]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 1);
    succeed(storage, &[4]);
    assert_eq!(due(storage, &any()), [1, 2, 6]);
    let only = |numbers: &[u32]| {
        let only = Some(numbers.iter().map(|n| transaction_number(*n)).collect());
        due(storage, &DueTransactions { only, ..any() })
    };
    assert_eq!(only(&[5, 4, 3, 3, 2]), [2, 3, 4], "never one that a statement has taken up");
    assert_eq!(only(&[]), [0; 0]);
}

/// One store's, in pages.
pub fn due_transactions_are_those_of_a_store_in_pages(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=2));
    insert_from(storage, &upload_of("S2", 10), &sales(3..=6));
    let of = |store: &str| DueTransactions { store: Some(database(store)), ..any() };
    assert_eq!(due(storage, &of("S1")), [1, 2]);
    let page = DueTransactions { limit: 3, ..of("S2") };
    assert_eq!(due(storage, &page), [3, 4, 5]);
    assert_eq!(due(storage, &DueTransactions { after: get(storage, 5).position, ..page }), [6]);
    let page = DueTransactions { limit: 4, ..any() };
    assert_eq!(due(storage, &page), [1, 2, 3, 4]);
    let only = Some(vec![transaction_number(1), transaction_number(4)]);
    assert_eq!(due(storage, &DueTransactions { only, ..of("S2") }), [4]);
}

/// F120: the key it was written with stays beside the account.
pub fn a_verdict_is_written_down_and_keeps_a_known_account(storage: &dyn Storage) {
    insert(storage, 10, &[DocumentBuilder::sale(1).to(by_guid(1)), DocumentBuilder::sale(2)]);
    succeed(storage, &[1]);
    let found = get(storage, 1);
    assert_eq!(
        (found.validation, found.validated_at),
        (ValidationStatus::Successful, Some(at(60)))
    );
    assert_eq!((found.account, found.header.customer), (Some(account(1)), Some(by_guid(1))));
    let findings = r#"[{"rule":"tax","line":1,"message":"it's \"odd\""}]"#.to_owned();
    let worse = Verdict {
        findings: Some(findings.clone()),
        account: None,
        ..verdict(1, ValidationStatus::Error)
    };
    judge(storage, 70, &[worse, verdict(9, ValidationStatus::Error)]);
    let found = get(storage, 1);
    assert_eq!((found.validation, found.findings), (ValidationStatus::Error, Some(findings)));
    assert_eq!((found.account, found.validated_at), (Some(account(1)), Some(at(70))));
    assert_eq!(get(storage, 2).validation, ValidationStatus::New, "others are not concerned");
    judge(
        storage,
        80,
        &[Verdict { account: Some(account(8)), ..verdict(1, ValidationStatus::Waiting) }],
    );
    let found = get(storage, 1);
    assert_eq!((found.findings, found.account), (None, Some(account(8))));
}

/// It was read before the statement marked it.
pub fn a_verdict_comes_too_late_once_a_statement_has_the_transaction(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=2));
    succeed(storage, &[1]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 10);
    judge(storage, 90, &[verdict(1, ValidationStatus::Error), verdict(2, ValidationStatus::Error)]);
    let found = get(storage, 1);
    assert_eq!(
        (found.validation, found.validated_at),
        (ValidationStatus::Successful, Some(at(60)))
    );
    assert_eq!(get(storage, 2).validation, ValidationStatus::Error);
}

fn edit(n: u32, field: &str, old: Option<&str>, new: Option<&str>) -> TransactionEdit {
    TransactionEdit {
        number: transaction_number(n),
        at: at(70),
        operator: "anna".into(),
        field: field.into(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
    }
}

fn repair(
    storage: &dyn Storage,
    n: u32,
    as_if: &DocumentBuilder,
    edits: &[TransactionEdit],
) -> bool {
    let content = as_if.row().content;
    let header = as_if.header();
    let number = transaction_number(n);
    let repaired = storage.write(|tx| tx.transaction_repair(&number, &content, &header, edits));
    repaired.expect("an answer")
}

/// What was sent stays as it was; what counts is the repaired content.
pub fn a_repair_replaces_what_counts_and_validation_begins_anew(storage: &dyn Storage) {
    let sent = DocumentBuilder::order(1).to(by_account(1)).receipt(5);
    insert(storage, 10, &[sent.clone(), DocumentBuilder::sale(2)]);
    let findings = Some("[]".to_owned());
    judge(storage, 20, &[Verdict { findings, ..verdict(1, ValidationStatus::Successful) }]);
    let better = DocumentBuilder::order(1).to(by_guid(2)).price(11_00).in_shift(2).currency("SEK");
    let edits = [
        edit(1, "/trade/customer", Some("\"C-000001\""), Some("\"…\"")),
        edit(1, "/x", None, None),
    ];
    assert!(repair(storage, 1, &better, &edits));
    let found = get(storage, 1);
    assert_eq!(found.row.content.get(), sent.row().content.get(), "word for word");
    assert_eq!(found.repaired.as_deref().map(RawValue::get), Some(better.row().content.get()));
    assert_eq!((found.content(), &found.header), (better.row().content.get(), &better.header()));
    assert_eq!(found.validation, ValidationStatus::New);
    assert_eq!((found.account, found.findings, found.validated_at), (None, None, None));
    let stored = storage.read(|tx| tx.transaction_edits(&transaction_number(1))).expect("readable");
    assert_eq!(stored, edits, "oldest first");
    assert!(repair(storage, 1, &sent, &[edit(1, "/again", Some("1"), None)]));
    let stored = storage.read(|tx| tx.transaction_edits(&transaction_number(1))).expect("readable");
    assert_eq!(stored.len(), 3);
    let known = storage.read(|tx| tx.receipts_known(&[receipt_number(5)])).expect("readable");
    assert_eq!(known[&receipt_number(5)], [transaction_number(1)], "look-ups follow the content");
    assert_eq!(due(storage, &any()), [1, 2]);
}

/// Nothing that is being posted changes under the statement.
pub fn a_transaction_of_a_statement_is_not_repaired(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=1));
    succeed(storage, &[1]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 10);
    let better = DocumentBuilder::sale(1).price(1);
    assert!(!repair(storage, 1, &better, &[edit(1, "/x", None, None)]));
    assert!(!repair(storage, 9, &better, &[]), "nor one that is not there");
    assert!(get(storage, 1).repaired.is_none());
    let edits = storage.read(|tx| tx.transaction_edits(&transaction_number(1))).expect("readable");
    assert_eq!(edits, [], "what did not happen is not recorded");
}

/// By whichever key it was written with, newest first.
pub fn the_history_of_a_customer_is_found_by_either_key(storage: &dyn Storage) {
    let documents = [
        DocumentBuilder::sale(1).to(by_guid(1)),
        DocumentBuilder::sale(2).to(by_account(1)),
        DocumentBuilder::sale(3).to(by_guid(2)),
        DocumentBuilder::order(4).to(by_guid(1)),
        DocumentBuilder::sale(5),
        DocumentBuilder::sale(6).to(by_guid(3)),
    ];
    insert(storage, 10, &documents);
    let resolved =
        Verdict { account: Some(account(1)), ..verdict(6, ValidationStatus::Successful) };
    judge(storage, 20, &[resolved]);
    let of = |guid: Option<u32>, of: Option<u32>, before, limit| {
        let (guid, account) = (guid.map(customer_guid), of.map(account));
        let (guid, account) = (guid.as_ref(), account.as_ref());
        let found = storage.read(|tx| tx.transactions_of(guid, account, before, limit));
        numbers_of(&found.expect("readable"))
    };
    assert_eq!(of(Some(1), None, None, 10), [4, 1]);
    assert_eq!(of(None, Some(1), None, 10), [6, 2], "an account resolved elsewhere counts, too");
    assert_eq!(of(Some(1), Some(1), None, 10), [6, 4, 2, 1]);
    assert_eq!(of(Some(1), Some(1), None, 2), [6, 4]);
    assert_eq!(of(Some(1), Some(1), Some(get(storage, 4).position), 10), [2, 1]);
    assert_eq!(of(None, None, None, 10), [0; 0], "sales to nobody are nobody's");
}

/// The lists of finance, in pages.
pub fn transactions_are_listed_by_what_is_asked_for(storage: &dyn Storage) {
    insert(storage, 10, &sales(1..=3));
    let others = [DocumentBuilder::order(4), DocumentBuilder::voided(5), DocumentBuilder::sale(6)];
    insert_from(storage, &upload_of("S2", 10), &others);
    judge(storage, 20, &[verdict(2, ValidationStatus::Error), verdict(6, ValidationStatus::Error)]);
    succeed(storage, &[1, 3]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 1);
    let list = |filter: TransactionFilter| {
        let filter = TransactionFilter { limit: filter.limit.max(3), ..filter };
        numbers_of(&storage.read(|tx| tx.transactions_list(&filter)).expect("readable"))
    };
    let all = TransactionFilter::default;
    assert_eq!(list(all()), [1, 2, 3], "three at a time");
    assert_eq!(list(TransactionFilter { after: get(storage, 3).position, ..all() }), [4, 5, 6]);
    assert_eq!(list(TransactionFilter { kind: Some(DocumentKind::Order), ..all() }), [4]);
    let in_status = |status| TransactionFilter { validation: Some(status), ..all() };
    assert_eq!(list(in_status(ValidationStatus::Error)), [2, 6]);
    assert_eq!(list(in_status(ValidationStatus::Successful)), [1, 3]);
    assert_eq!(list(in_status(ValidationStatus::None)), [5]);
    let store = Some(database("S2"));
    assert_eq!(list(TransactionFilter { store, ..in_status(ValidationStatus::Error) }), [6]);
    let statement = Some(statement_id(1));
    assert_eq!(list(TransactionFilter { statement, ..all() }), [1]);
}

/// For the fleet page and the doctor: each once, however it waits.
pub fn transactions_are_counted_by_status(storage: &dyn Storage) {
    insert(storage, 30, &sales(1..=5));
    insert(storage, 20, &[DocumentBuilder::order(6), DocumentBuilder::voided(7)]);
    insert(storage, 40, &[DocumentBuilder::order(8), DocumentBuilder::sale(1).price(1)]);
    judge(
        storage,
        60,
        &[verdict(1, ValidationStatus::Waiting), verdict(2, ValidationStatus::Error)],
    );
    let wait = |n| {
        let waiting = orders::state(OrderStatus::Waiting);
        let number = transaction_number(n);
        storage.write(|tx| tx.order_put(&number, &waiting, None)).expect("stored");
        judge(storage, 60, &[verdict(n, ValidationStatus::Waiting)]);
    };
    wait(6);
    succeed(storage, &[3, 4]);
    begin(storage, 1, "S1");
    mark(storage, 1, "S1", 1);
    let counts = || storage.read(|tx| tx.transaction_counts()).expect("readable");
    let found = counts();
    let by_validation: Vec<_> = found.by_validation.into_iter().collect();
    let expected = [("Error", 1), ("New", 2), ("None", 1), ("Successful", 2), ("Waiting", 2)];
    assert_eq!(by_validation, expected);
    assert_eq!((found.ready, found.posted, found.quarantined), (1, 0, 1));
    assert_eq!(found.blocked_by_customer, 2, "the sale and the order");
    assert_eq!(found.oldest_blocked_at, Some(at(20)), "by arrival time");
    let id = statement_id(1);
    storage.write(|tx| tx.transactions_post(&id, at(70))).expect("posted");
    storage.write(|tx| tx.transactions_post(&id, at(80))).expect("a repeat changes nothing");
    assert_eq!(counts().posted, 1);
    assert_eq!(get(storage, 3).posted_at, Some(at(70)));
    assert_eq!(counts().by_validation["Successful"], 2);
    orders::succeed(storage, 6);
    succeed(storage, &[1, 6]);
    assert_eq!((counts().blocked_by_customer, counts().oldest_blocked_at), (0, None));
}
