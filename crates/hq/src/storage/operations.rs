//! Operations as operators see them: found by what is known of them, repaired, with a log.
//!
//! A received row never changes. What a repair sets stands beside it and counts instead, and every
//! change is kept with who made it (F24, F52).

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::ids::{CustomerGuid, DatabaseId, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::download::CustomerRow;

use super::{OperationRecord, StorageError};

/// Which operations to list; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationSelection {
    /// In this status. Quarantined rows are found by it alone, and have positions of their own.
    pub status: Option<OperationStatus>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Uploaded by this channel.
    pub channel: Option<DatabaseId>,
    /// Of this customer.
    pub customer: Option<CustomerGuid>,
    /// Recorded at this time or later.
    pub since: Option<Timestamp>,
    /// Recorded before this time.
    pub until: Option<Timestamp>,
    /// Only those behind this position.
    pub after: InboxPosition,
    /// At most this many.
    pub limit: usize,
}

/// What headquarters, or somebody there, did about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationAct {
    /// It could not be applied, with this error.
    Failed(String),
    /// Somebody changed a field of it.
    Repaired {
        /// Which field.
        field: String,
        /// What it was; absent when it was not there.
        old: Option<String>,
        /// What it became; absent when it was removed.
        new: Option<String>,
    },
    /// Somebody asked that it be applied now.
    Synchronized,
}

/// One line of the log of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationEvent {
    /// Of which operation.
    pub operation: OperationId,
    /// When.
    pub at: Timestamp,
    /// Who did it; nobody when headquarters did it by itself.
    pub operator: Option<String>,
    /// What.
    pub act: OperationAct,
}

/// Reading operations.
pub trait OperationReads {
    /// The operation with this id; contradictions that were set aside are not looked at.
    fn operation_get(&mut self, id: &OperationId) -> Result<Option<OperationRecord>, StorageError>;

    /// Operations that match, in position order.
    fn operations_select(
        &mut self,
        selection: &OperationSelection,
    ) -> Result<Vec<OperationRecord>, StorageError>;

    /// Those of the given customers that have an account, by account.
    fn customers_named(&mut self, guids: &[CustomerGuid])
    -> Result<Vec<CustomerRow>, StorageError>;

    /// Every creation of the given customers that was received, in position order.
    fn creations_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<Vec<OperationRecord>, StorageError>;

    /// The log of the given operations, oldest line first.
    fn operation_events(
        &mut self,
        operations: &[OperationId],
    ) -> Result<Vec<OperationEvent>, StorageError>;
}

/// Repairing operations.
pub trait OperationWrites {
    /// Sets the content that counts from now on and writes the log. A failed operation is pending
    /// again: it is taken up by the next promotion. False, and nothing changes, when the operation
    /// is unknown or completed.
    fn operation_repair(
        &mut self,
        id: &OperationId,
        content: &RawValue,
        events: &[OperationEvent],
    ) -> Result<bool, StorageError>;

    /// Writes lines of the log. Refuses (Constraint) those of unknown operations.
    fn operation_events_add(&mut self, events: &[OperationEvent]) -> Result<(), StorageError>;
}
