//! Log entries: what is taken keeps its identity and its words, wherever it is read again.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{Counter, CustomerGuid, OperationId};
use tillsync_domain::operation::ActKind;
use tillsync_exchange::package::{LINE_BYTES_MAX, Line};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::document::{DocumentRow, body_content, read_body};
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use crate::lossless::said;

/// A row of an upload.
pub(crate) fn row(input: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<&RawValue>(input) else { return };
    for table in Table::ALL {
        let Ok(row) = LogRow::read(&Line { table, row: raw }) else { continue };
        assert!(matches!(table, Table::Operation | Table::Document), "{table} is not uploaded");
        assert_travels(table, &row);
        let relayed = row.clone().relayed(Timestamp::UNIX_EPOCH);
        assert_eq!(relayed.content_hash(), row.content_hash(), "a relay changed the content");
        assert_travels(table, &relayed);
        match &row {
            LogRow::Operation(row) => assert_operation(row),
            LogRow::Document(row) => assert_document(row),
        }
    }
}

/// The content of a document, behind one byte that says of which kind.
pub(crate) fn document_content(input: &[u8]) {
    let Some((kind, content)) = input.split_first() else { return };
    let kind = DocumentKind::ALL[usize::from(*kind) % DocumentKind::ALL.len()].as_str();
    let Ok(content) = std::str::from_utf8(content) else { return };
    let Ok(body) = read_body(kind, content) else { return };
    assert_eq!(body.kind().as_str(), kind);
    let written = body_content(&body);
    assert_eq!(read_body(kind, written.get()).as_ref(), Ok(&body));
    let before: Value = serde_json::from_str(content).expect("it was read");
    let after: Value = serde_json::from_str(written.get()).expect("it was written");
    assert_eq!(said(&after), said(&before), "reading lost something");
}

/// The content of an operation, behind one byte that says of which kind.
pub(crate) fn operation_content(input: &[u8]) {
    let Some((kind, content)) = input.split_first() else { return };
    let kind = if kind % 2 == 0 { ActKind::CreateCustomer } else { ActKind::AddAddress };
    let Ok(content) = serde_json::from_slice::<Box<RawValue>>(content) else { return };
    assert_operation(&OperationRow {
        id: OperationId::from_uuid(Uuid::from_u128(1)),
        counter: 1,
        customer: CustomerGuid::from_uuid(Uuid::from_u128(2)),
        kind: kind.as_str().to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        origin: "S1".parse().expect("a database id"),
        staff: None,
        relayed_at: None,
        content,
    });
}

/// What this version reads as an operation, it writes as one that reads the same.
pub(crate) fn assert_operation(row: &OperationRow) {
    let Ok(operation) = row.operation() else { return };
    let written = OperationRow::record(&operation, Counter(row.counter));
    assert_eq!(written.operation().as_ref(), Ok(&operation));
    LogRow::Operation(written).check_size().expect("what this version writes fits");
}

fn assert_document(row: &DocumentRow) {
    let Ok(document) = row.document() else { return };
    let written = DocumentRow::record(&document, Counter(row.counter));
    assert_eq!(written.document().as_ref(), Ok(&document));
}

/// A row is written as a line that reads as the same entry, and fits where rows fit.
fn assert_travels(table: Table, row: &LogRow) {
    let text = match row {
        LogRow::Operation(row) => serde_json::to_string(row),
        LogRow::Document(row) => serde_json::to_string(row),
    };
    let text = text.expect("a row can be written");
    if row.check_size().is_ok() {
        assert!(text.len() + 64 <= LINE_BYTES_MAX, "a row that fits makes a line that does not");
    }
    let raw: &RawValue = serde_json::from_str(&text).expect("a row is JSON");
    let read = LogRow::read(&Line { table, row: raw }).expect("what was written can be read");
    assert_eq!((read.id(), read.counter()), (row.id(), row.counter()));
    assert_eq!(read.origin(), row.origin());
    assert_eq!(read.content_hash(), row.content_hash(), "the way changed the content");
}
