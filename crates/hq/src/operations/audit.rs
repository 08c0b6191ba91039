//! The log of a customer: who did what with it, when, with old and new values (F52).

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, OperationId};
use tillsync_domain::operation::OperationStatus;

use crate::headquarters::Headquarters;
use crate::history::keys_of;
use crate::storage::{OperationAct, OperationEvent, OperationRecord, ReadTx, StorageError};

use super::OperationError;
use super::contents::grid;

const HEADQUARTERS: &str = "headquarters";

/// One line of the log of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, by the clock of the place.
    pub at: Timestamp,
    /// The operation it is about.
    pub operation: OperationId,
    /// Its kind.
    pub kind: String,
    /// Where it happened.
    pub place: String,
    /// Who did it; absent when nobody was signed in, or headquarters did it by itself.
    pub who: Option<String>,
    /// `recorded`, `received`, `set_aside`, `failed`, `repaired`, `synchronized` or `applied`.
    pub what: &'static str,
    /// The field, of what was recorded or repaired.
    pub field: Option<String>,
    /// What the field held before.
    pub old: Option<String>,
    /// What it holds since.
    pub new: Option<String>,
    /// The error, of a failure.
    pub error: Option<String>,
}

/// Everything that was done with a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAudit {
    /// The GUID it was created under.
    pub guid: CustomerGuid,
    /// Its account, once it has one.
    pub account: Option<AccountNumber>,
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
}

impl Headquarters {
    /// The log of a customer by either key: what was recorded and received, what failed and why,
    /// who repaired which field, and what was applied.
    ///
    /// # Errors
    /// NotFound: nothing of the customer has arrived here.
    pub fn audit_customer(&self, key: &CustomerKey) -> Result<CustomerAudit, OperationError> {
        let audit = self.storage.read(|tx| audit_in(tx, key))?;
        audit.ok_or_else(|| OperationError::UnknownCustomer(key.clone()))
    }
}

fn audit_in(tx: &mut dyn ReadTx, key: &CustomerKey) -> Result<Option<CustomerAudit>, StorageError> {
    let (keys, _) = keys_of(tx, key)?;
    let Some(guid) = keys.guid else { return Ok(None) };
    let operations = tx.operations_of(&guid)?;
    if operations.is_empty() {
        return Ok(None);
    }
    let ids: Vec<_> = operations.iter().map(|it| it.row.id).collect();
    let mut entries: Vec<_> = operations.iter().flat_map(received).collect();
    for event in tx.operation_events(&ids)? {
        let of = |it: &&OperationRecord| {
            it.row.id == event.operation && it.status != OperationStatus::Quarantined
        };
        entries.extend(operations.iter().find(of).map(|record| done(record, event.clone())));
    }
    entries.extend(operations.iter().filter_map(applied));
    // What stands at one moment stays in the order in which it happened.
    entries.sort_by_key(|entry| entry.at);
    Ok(Some(CustomerAudit { guid, account: keys.account, entries }))
}

fn entry(record: &OperationRecord, at: Timestamp, what: &'static str) -> AuditEntry {
    AuditEntry {
        at,
        operation: record.row.id,
        kind: record.row.kind.clone(),
        place: HEADQUARTERS.to_owned(),
        who: None,
        what,
        field: None,
        old: None,
        new: None,
        error: None,
    }
}

/// What was recorded, field by field as it was sent, and that it arrived.
fn received(record: &OperationRecord) -> Vec<AuditEntry> {
    let row = &record.row;
    let recorded = AuditEntry {
        place: row.origin.to_string(),
        who: row.staff.as_ref().map(ToString::to_string),
        ..entry(record, row.created_at, "recorded")
    };
    let as_sent = OperationRecord { repaired: None, ..record.clone() };
    let fields = grid(&as_sent).into_iter().map(|change| AuditEntry {
        field: Some(change.property),
        old: change.old,
        new: change.new,
        ..recorded.clone()
    });
    let mut entries = vec![recorded.clone()];
    entries.extend(fields);
    let what = match record.status {
        OperationStatus::Quarantined => "set_aside",
        _ => "received",
    };
    entries.push(entry(record, record.source.received_at, what));
    entries
}

fn done(record: &OperationRecord, event: OperationEvent) -> AuditEntry {
    let entry = |what| AuditEntry { who: event.operator.clone(), ..entry(record, event.at, what) };
    match event.act {
        OperationAct::Failed(error) => AuditEntry { error: Some(error), ..entry("failed") },
        OperationAct::Repaired { field, old, new } => {
            AuditEntry { field: Some(field), old, new, ..entry("repaired") }
        }
        OperationAct::Synchronized => entry("synchronized"),
    }
}

fn applied(record: &OperationRecord) -> Option<AuditEntry> {
    record.completed_at.map(|at| entry(record, at, "applied"))
}
