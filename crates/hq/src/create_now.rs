//! The Real-time Service: creating a customer while a till waits, in one transaction.
//!
//! A call is an upload of one customer that is promoted at once, by the code that promotes every
//! other. Its rows stand in the inbox like any, so a call and an upload of the same rows give one
//! account in whatever order they come. What cannot be promoted now leaves nothing.

use std::collections::{HashSet, VecDeque};

use tillsync_domain::customer::Violations;
use tillsync_domain::ids::{
    AccountNumber, CustomerGuid, CustomerKey, DatabaseId, EpochId, OperationId, RunId,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::ActKind;
use tillsync_domain::promotion::{Defect, InboxPosition, PromotionPlan};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer, ROWS_MAX};
use tillsync_exchange::retry::Jitter;
use tillsync_exchange::rows::log::{LogRow, OversizedEntry};
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use crate::headquarters::Headquarters;
use crate::promote::{BATCH_OPERATIONS, BatchOutcome, PromoteError, promote_in, promotion_context};
use crate::storage::{
    CustomerRecord, DatabaseRecord, DueOperations, OperationSource, StorageError, WriteTx,
};

/// The counter of a row that came by a call: no log entry has it, so it moves no watermark.
pub(crate) const BY_CALL: u64 = 0;

/// Why a customer was not created. Nothing of the call is kept.
#[derive(Debug, thiserror::Error)]
pub enum CreateNowError {
    /// No rows, or more than a call may have.
    #[error("a call has 1 to {ROWS_MAX} operations, not {0}")]
    Rows(usize),
    /// A row that is not what belongs in its place.
    #[error(
        "operation {row} of the call is not its part: the first creates the customer, every other \
         adds an address to it, and each has an identity of its own"
    )]
    Shape {
        /// The row, counted from 1.
        row: usize,
    },
    /// A row that is larger than any edge records.
    #[error(transparent)]
    Oversized(#[from] OversizedEntry),
    /// A row that was recorded elsewhere.
    #[error("channel {channel} may call for itself and its registers, not for {origin}")]
    ForeignOrigin {
        /// Who called.
        channel: DatabaseId,
        /// For whom.
        origin: DatabaseId,
    },
    /// Fields break the rules of headquarters.
    #[error("the customer breaks rules: {0}")]
    Rules(Violations),
    /// An operation that headquarters cannot apply, for another reason.
    #[error("operation {operation} cannot be applied: {defect}")]
    Defect {
        /// Which.
        operation: OperationId,
        /// Why.
        defect: Defect,
    },
    /// An identity is known with other content.
    #[error(
        "an operation of the call is known here with other content; create the customer anew, \
         under new identities"
    )]
    Contradiction,
    /// No number is left (F112).
    #[error("there is no account number left; extend the number sequence of customer accounts")]
    NoNumber,
    /// Somebody has to decide first which number the customer has.
    #[error("the number of customer {0} is disputed since a restore; settle it first")]
    Disputed(CustomerGuid),
    /// Headquarters recovers from a restore (F64).
    #[error("headquarters was restored from a backup and promotes nobody before it has recovered")]
    Held,
    /// The database refused the rows: promotion by its job tells a person about it.
    #[error("the database of headquarters refuses the customer")]
    Refused(#[source] StorageError),
    /// Promotion stopped.
    #[error("create a customer")]
    Promote(#[from] PromoteError),
}

impl CreateNowError {
    /// What sort of failure it is. Busy: the caller may write the customer down by itself.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CreateNowError::Rows(_)
            | CreateNowError::Shape { .. }
            | CreateNowError::Oversized(_)
            | CreateNowError::Rules(_) => ErrorKind::Invalid,
            CreateNowError::ForeignOrigin { .. } => ErrorKind::Forbidden,
            CreateNowError::Defect { defect, .. } => match defect {
                Defect::Rules(_) | Defect::Unreadable(_) => ErrorKind::Invalid,
                Defect::SecondCreation(_) | Defect::ForeignAddress(_) => ErrorKind::Conflict,
                Defect::Storage(_) => ErrorKind::Busy,
            },
            CreateNowError::Contradiction => ErrorKind::Conflict,
            CreateNowError::NoNumber
            | CreateNowError::Disputed(_)
            | CreateNowError::Held
            | CreateNowError::Refused(_) => ErrorKind::Busy,
            CreateNowError::Promote(PromoteError::NoSequence(_)) => ErrorKind::Busy,
            CreateNowError::Promote(error) => error.kind(),
        }
    }

    /// The fields that were refused, by their paths in the caller's request.
    pub fn violations(&self) -> Option<&Violations> {
        match self {
            CreateNowError::Rules(violations) => Some(violations),
            _ => None,
        }
    }
}

/// A call whose rows are what they should be.
struct Call {
    source: OperationSource,
    customer: CustomerGuid,
    rows: Vec<OperationRow>,
    run: RunId,
}

/// Why a transaction is undone.
enum Undone {
    NeedsNumbers(usize),
    Stopped(CreateNowError),
}

impl Headquarters {
    /// Creates a customer with its addresses for a channel and gives it its account, all or
    /// nothing. A repeat has the same answer.
    ///
    /// # Errors
    /// Invalid, Conflict: the customer breaks rules, or contradicts what headquarters knows.
    /// Forbidden: recorded elsewhere. Busy: headquarters cannot promote it now.
    pub fn create_now(
        &self,
        channel: &DatabaseRecord,
        call: &CreateCustomerCall,
    ) -> Result<CreatedCustomer, CreateNowError> {
        let now = self.now();
        let rows = read_rows(call)?;
        let source = OperationSource {
            source: channel.database.id.clone(),
            epoch: EpochId::from_uuid(Uuid::nil()),
            received_at: now,
        };
        let (customer, run) = (rows[0].customer, RunId::from_uuid(self.mint(now)));
        let call = Call { source, customer, rows, run };
        let jitter = self.jitter();
        let mut created = None;
        let given = self.give_numbers(&mut |spare| {
            let attempt = self.storage.write_or_undo(|tx| create_in(tx, &call, (spare, jitter)));
            match attempt.map_err(unwritten)? {
                Ok((record, plan)) => {
                    created = Some(record);
                    Ok(BatchOutcome::Applied(plan, None))
                }
                Err(Undone::NeedsNumbers(count)) => Ok(BatchOutcome::NeedsNumbers(count)),
                Err(Undone::Stopped(error)) => Err(error),
            }
        })?;
        if given.is_some_and(|(plan, _)| !plan.completed.is_empty()) {
            self.signals().customers_changed();
        }
        let CustomerRecord { customer, addresses, .. } =
            created.expect("an attempt that was applied has a customer");
        Ok(CreatedCustomer { customer, addresses, now })
    }
}

/// The rows of a call, as they are kept.
fn read_rows(call: &CreateCustomerCall) -> Result<Vec<OperationRow>, CreateNowError> {
    let count = call.operations.len();
    let Some(first) = call.operations.first().filter(|_| count <= ROWS_MAX) else {
        return Err(CreateNowError::Rows(count));
    };
    let mut seen = HashSet::new();
    let mut violations = Vec::new();
    let mut rows = Vec::with_capacity(count);
    for (at, row) in call.operations.iter().enumerate() {
        let row = OperationRow { counter: BY_CALL, ..row.clone() };
        let kind = if at == 0 { ActKind::CreateCustomer } else { ActKind::AddAddress };
        let is_in_place = row.kind == kind.as_str() && row.customer == first.customer;
        if !is_in_place || !seen.insert(row.id) {
            return Err(CreateNowError::Shape { row: at + 1 });
        }
        LogRow::Operation(row.clone()).check_size()?;
        match row.operation() {
            Ok(_) => {}
            Err(Defect::Rules(broken)) if at == 0 => violations.extend(broken.0),
            Err(Defect::Rules(broken)) => violations.extend(broken.of_address(at - 1).0),
            Err(defect) => return Err(CreateNowError::Defect { operation: row.id, defect }),
        }
        rows.push(row);
    }
    if violations.is_empty() {
        Ok(rows)
    } else {
        Err(CreateNowError::Rules(Violations(violations)))
    }
}

/// The body of the transaction: the rows come in, and are promoted as any others.
fn create_in(
    tx: &mut dyn WriteTx,
    call: &Call,
    numbers: (&VecDeque<AccountNumber>, Jitter),
) -> Result<Result<(CustomerRecord, PromotionPlan), Undone>, StorageError> {
    let stopped = |error| Ok(Err(Undone::Stopped(error)));
    let databases = tx.databases_all()?;
    let channel = &call.source.source;
    let origins = call.rows.iter().map(|row| &row.origin);
    if let Some(origin) = foreign_origin(&databases, channel, origins) {
        let channel = channel.clone();
        return stopped(CreateNowError::ForeignOrigin { channel, origin });
    }
    if tx.operations_insert_once(&call.source, &call.rows)?.quarantined > 0 {
        return stopped(CreateNowError::Contradiction);
    }
    let now = call.source.received_at;
    let due = DueOperations {
        after: InboxPosition(0),
        limit: BATCH_OPERATIONS,
        now,
        only: Some(vec![call.customer]),
    };
    let context = promotion_context(databases, (now, call.run));
    let plan = match promote_in(tx, &due, &context, numbers)? {
        BatchOutcome::Applied(plan, _) => plan,
        BatchOutcome::NeedsNumbers(count) => return Ok(Err(Undone::NeedsNumbers(count))),
        BatchOutcome::Held => return stopped(CreateNowError::Held),
        BatchOutcome::NoSequence(name) => {
            return stopped(PromoteError::NoSequence(name.as_str()).into());
        }
    };
    if let Some(error) = left_undone(&plan, call) {
        return stopped(error);
    }
    let record = tx.customer_get(&CustomerKey::Temporary(call.customer))?;
    let record = record.ok_or_else(|| StorageError::Corrupt {
        doing: "read a customer whose creation is applied",
        value: call.customer.to_string(),
    })?;
    Ok(Ok((record, plan)))
}

/// An origin that is neither the channel nor one of its registers.
pub(crate) fn foreign_origin<'r>(
    databases: &[DatabaseRecord],
    channel: &DatabaseId,
    origins: impl IntoIterator<Item = &'r DatabaseId>,
) -> Option<DatabaseId> {
    let is_own = |origin: &DatabaseId| {
        origin == channel
            || databases.iter().any(|record| {
                record.database.id == *origin && record.database.parent.as_ref() == Some(channel)
            })
    };
    origins.into_iter().find(|origin| !is_own(origin)).cloned()
}

/// Why an operation of the call was not applied, if one was not. Others of the customer, which
/// an upload brought, have a fate of their own.
fn left_undone(plan: &PromotionPlan, call: &Call) -> Option<CreateNowError> {
    let place = |id: &OperationId| call.rows.iter().position(|row| row.id == *id);
    let failed = plan.failed.iter().find_map(|(id, defect)| Some((place(id)?, id, defect)));
    if let Some((at, id, defect)) = failed {
        return Some(match defect.clone() {
            Defect::Rules(broken) if at == 0 => CreateNowError::Rules(broken),
            Defect::Rules(broken) => CreateNowError::Rules(broken.of_address(at - 1)),
            defect => CreateNowError::Defect { operation: *id, defect },
        });
    }
    let is_waiting = plan.waiting.iter().any(|id| place(id).is_some());
    match plan.without_number {
        0 if is_waiting => Some(CreateNowError::Disputed(call.customer)),
        0 => None,
        _ => Some(CreateNowError::NoNumber),
    }
}

/// The database may refuse what no rule of headquarters does. The till is not kept waiting for
/// whoever finds out: it writes the customer down, and the job records what is wrong with it.
fn unwritten(error: StorageError) -> CreateNowError {
    match error {
        StorageError::Constraint { .. } => CreateNowError::Refused(error),
        error => CreateNowError::Promote(error.into()),
    }
}
