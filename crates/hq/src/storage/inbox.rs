//! The inbox: every operation received, its status, and how far each source has been received.
//!
//! The same rows are the staging area, the audit trail and the synchronization status page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::ids::{CustomerGuid, DatabaseId, EpochId, OperationId};
use tillsync_domain::operation::{Operation, OperationStatus, Watermark};
use tillsync_domain::promotion::{Defect, InboxPosition};
use tillsync_exchange::rows::operation::OperationRow;

use super::StorageError;

/// Who sent operations, and when they arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationSource {
    /// The database that uploaded them.
    pub source: DatabaseId,
    /// Its incarnation.
    pub epoch: EpochId,
    /// When they arrived.
    pub received_at: Timestamp,
}

/// One operation in the inbox.
#[derive(Debug, Clone)]
pub struct OperationRecord {
    /// Arrival order.
    pub position: InboxPosition,
    /// What was sent, word for word.
    pub row: OperationRow,
    /// Who sent it first.
    pub source: OperationSource,
    /// What became of it.
    pub status: OperationStatus,
    /// The last known error (F19).
    pub error: Option<String>,
    /// Failed attempts.
    pub tries: u32,
    /// Not before this time is it tried again by itself.
    pub next_try_at: Option<Timestamp>,
    /// When it was applied.
    pub completed_at: Option<Timestamp>,
    /// What counts instead of what was sent, where somebody repaired it (F24).
    pub repaired: Option<Box<RawValue>>,
}

impl OperationRecord {
    /// The content that counts: repaired, or as it was sent.
    pub fn content(&self) -> &RawValue {
        self.repaired.as_ref().unwrap_or(&self.row.content)
    }

    /// Reads what counts as an operation, with headquarters' rules applied.
    ///
    /// # Errors
    /// Invalid: the kind or content is not known to this version, or fields break rules.
    pub fn operation(&self) -> Result<Operation, Defect> {
        match &self.repaired {
            Some(content) => {
                OperationRow { content: content.clone(), ..self.row.clone() }.operation()
            }
            None => self.row.operation(),
        }
    }
}

/// What became of the rows of one upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InsertCounts {
    /// New ones.
    pub inserted: u64,
    /// Known ones with the same content.
    pub repeated: u64,
    /// Known ids with other content: kept in quarantine (F115).
    pub quarantined: u64,
}

/// Which operations a promotion takes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOperations {
    /// Only those behind this position.
    pub after: InboxPosition,
    /// At most this many.
    pub limit: usize,
    /// Failed ones are due when their next try is not after this time.
    pub now: Timestamp,
    /// Only these customers, pending and failed alike whatever their next try; all when absent.
    pub only: Option<Vec<CustomerGuid>>,
}

/// How many operations are in each status, and since when the oldest waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// Operations by status name, quarantined ones included; statuses without any are absent.
    pub by_status: BTreeMap<&'static str, u64>,
    /// When the oldest operation that is pending or failed arrived.
    pub oldest_open_at: Option<Timestamp>,
}

/// Reading the inbox.
pub trait InboxReads {
    /// How far this epoch of this source has been received; nothing if never.
    fn watermark_get(
        &mut self,
        source: &DatabaseId,
        epoch: &EpochId,
    ) -> Result<Option<Watermark>, StorageError>;

    /// Every watermark with its source, by source and epoch.
    fn watermarks_all(&mut self) -> Result<Vec<(DatabaseId, Watermark)>, StorageError>;

    /// Operations that are due, in position order: pending ones, and failed ones whose next try
    /// has come.
    fn operations_due(&mut self, due: &DueOperations)
    -> Result<Vec<OperationRecord>, StorageError>;

    /// Everything ever received for one customer, in position order, quarantined rows last.
    fn operations_of(
        &mut self,
        customer: &CustomerGuid,
    ) -> Result<Vec<OperationRecord>, StorageError>;

    /// Operations in one status behind a position, in position order. Quarantined rows have
    /// positions of their own.
    fn operations_in(
        &mut self,
        status: OperationStatus,
        after: InboxPosition,
        limit: usize,
    ) -> Result<Vec<OperationRecord>, StorageError>;

    /// Counts by status.
    fn inbox_counts(&mut self) -> Result<InboxCounts, StorageError>;
}

/// Filling the inbox.
pub trait InboxWrites {
    /// Takes rows in. A row whose id is known with the same content hash changes nothing; one
    /// whose id is known with another hash goes to quarantine once (a repeat of the same
    /// contradiction is one row). Rows are never updated (F62).
    fn operations_insert_once(
        &mut self,
        source: &OperationSource,
        rows: &[OperationRow],
    ) -> Result<InsertCounts, StorageError>;

    /// Sets how far an epoch has been received; refuses (Constraint) to move it back.
    fn watermark_set(
        &mut self,
        source: &DatabaseId,
        watermark: &Watermark,
    ) -> Result<(), StorageError>;

    /// Marks operations as failed with their last known errors, one more try each, not to be
    /// tried by themselves before the given time (never, when absent).
    fn operations_fail(
        &mut self,
        failures: &[(OperationId, String, Option<Timestamp>)],
    ) -> Result<(), StorageError>;
}
