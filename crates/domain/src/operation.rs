//! The acts that edges record. Nothing at the edge edits a customer in place.

use jiff::Timestamp;

use crate::customer::{NewAddress, NewCustomer};
use crate::ids::{Counter, CustomerGuid, DatabaseId, EntryId, EpochId, OperationId, StaffId};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The customer came into being.
    CreateCustomer(Box<NewCustomer>),
    /// The customer, pending or permanent, got one more address (F25, F26).
    AddAddress(Box<NewAddress>),
}

impl Act {
    /// The stable name of the kind, as logs, packages and status pages show it.
    pub fn kind(&self) -> ActKind {
        match self {
            Act::CreateCustomer(_) => ActKind::CreateCustomer,
            Act::AddAddress(_) => ActKind::AddAddress,
        }
    }
}

/// The kind of an act, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActKind {
    /// See [`Act::CreateCustomer`].
    CreateCustomer,
    /// See [`Act::AddAddress`].
    AddAddress,
}

impl ActKind {
    /// The name in packages and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            ActKind::CreateCustomer => "create_customer",
            ActKind::AddAddress => "add_address",
        }
    }
}

/// What became of an operation at headquarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationStatus {
    /// Received, waiting to be applied.
    Pending,
    /// Applied: completion flag 1 (F18).
    Succeeded,
    /// Could not be applied; keeps its last known error (F19).
    Failed,
    /// Came with the id of another operation and other content: kept, never applied (F115).
    Quarantined,
}

impl OperationStatus {
    /// Every status.
    pub const ALL: [OperationStatus; 4] = [
        OperationStatus::Pending,
        OperationStatus::Succeeded,
        OperationStatus::Failed,
        OperationStatus::Quarantined,
    ];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationStatus::Pending => "Pending",
            OperationStatus::Succeeded => "Succeeded",
            OperationStatus::Failed => "Failed",
            OperationStatus::Quarantined => "Quarantined",
        }
    }
}

/// One act of one edge, immutable once recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Identity for ever; a repeat carries the same one.
    pub id: OperationId,
    /// Whom it concerns.
    pub customer: CustomerGuid,
    /// What was done.
    pub act: Act,
    /// When, by the clock of the database where it was done (F28).
    pub created_at: Timestamp,
    /// Where it was first recorded: the channel, or the register's offline database.
    pub origin: DatabaseId,
    /// Who did it, if somebody was signed in.
    pub staff: Option<StaffId>,
}

/// How far one epoch of one database has been received: the highest counter and the entry that
/// carries it.
///
/// The entry's id is what unmasks a database restored from an older copy: its log holds another
/// entry at that counter, or none (F64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// The epoch it counts.
    pub epoch: EpochId,
    /// The highest counter received without a gap.
    pub counter: Counter,
    /// The entry at that counter; absent while nothing was received.
    pub entry: Option<EntryId>,
}

impl Watermark {
    /// The watermark of an epoch from which nothing has been received.
    pub fn start(epoch: EpochId) -> Self {
        Watermark { epoch, counter: Counter::ZERO, entry: None }
    }
}
