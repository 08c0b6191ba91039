//! Operations at headquarters as operators work with them: found, understood, repaired, applied,
//! with one log of who did what (`domain.md` AUD and FAQ; F20 to F24, F52).
//!
//! The row that was received never changes. A repair sets content beside it; identity, kind and
//! origin stand outside the content, so no repair can touch them.

mod audit;
mod contents;
mod find;
mod log;

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerKey, OperationId, RunId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::Defect;
use tillsync_exchange::rows::operation::CONTENT_BYTES_MAX;

pub use audit::{AuditEntry, CustomerAudit};
pub use contents::{BadField, FieldSetting, PropertyChange, describe, grid};
pub use find::{ListedOperation, OperationFilter, OperationList};

pub(crate) use log::{last_errors, new_failures};

use contents::set_fields;

use crate::headquarters::Headquarters;
use crate::promote::{PromoteError, Whom};
use crate::storage::{
    OperationAct, OperationEvent, OperationRecord, ReadTx, StorageError, WriteTx,
};

/// The most settings in one repair.
const SETTINGS_MAX: usize = 100;

/// Why an operation was not shown, repaired or applied. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// No such operation.
    #[error(
        "headquarters knows no operation {0}; `tillsync customer status` lists those that arrived"
    )]
    Unknown(OperationId),
    /// Nothing of the customer has arrived.
    #[error(
        "headquarters knows no customer {0}; if a till shows it as \"Pending sync\", its store has \
         not uploaded it yet"
    )]
    UnknownCustomer(CustomerKey),
    /// It is done (F18).
    #[error(
        "operation {0} is completed and cannot be repaired any more; change the customer itself"
    )]
    Completed(OperationId),
    /// A field that is not there, or cannot be set.
    #[error("operation {operation}")]
    Field {
        /// Which operation.
        operation: OperationId,
        /// What is wrong with the setting.
        #[source]
        source: BadField,
    },
    /// What would come of it breaks a rule.
    #[error("operation {operation} would still be refused: {defect}")]
    Refused {
        /// Which operation.
        operation: OperationId,
        /// Why; it names the fields. Its words are in this error, once.
        defect: Defect,
    },
    /// More than an operation may hold.
    #[error("{what}: {found}, but at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is accepted.
        limit: usize,
    },
    /// Nobody is promoted while headquarters recovers from a restore (F64).
    #[error(
        "headquarters was restored and recovers: nothing is applied until it has heard its \
         stores; `tillsync hq recovery` says for whom it waits"
    )]
    Held,
    /// It could not be applied for another reason than itself.
    #[error("apply the operations of a customer")]
    Promote(#[from] PromoteError),
    /// The database failed.
    #[error("work with an operation")]
    Storage(#[from] StorageError),
}

impl OperationError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            OperationError::Unknown(_) | OperationError::UnknownCustomer(_) => ErrorKind::NotFound,
            OperationError::Field { .. }
            | OperationError::Refused { .. }
            | OperationError::TooLarge { .. } => ErrorKind::Invalid,
            OperationError::Completed(_) | OperationError::Held => ErrorKind::Conflict,
            OperationError::Promote(error) => error.kind(),
            OperationError::Storage(error) => error.kind(),
        }
    }
}

/// One operation with everything that is known of it.
#[derive(Debug, Clone)]
pub struct OperationDetail {
    /// The operation.
    pub record: OperationRecord,
    /// The account of its customer, once it has one.
    pub account: Option<AccountNumber>,
    /// What it changes, property by property (F23).
    pub grid: Vec<PropertyChange>,
    /// What was done about it besides receiving and completing it, oldest first.
    pub events: Vec<OperationEvent>,
}

impl Headquarters {
    /// One operation with what it changes and what was done about it.
    ///
    /// # Errors
    /// NotFound: no such operation.
    pub fn show_operation(&self, id: &OperationId) -> Result<OperationDetail, OperationError> {
        let detail = self.storage.read(|tx| detail_of(tx, id))?;
        detail.ok_or(OperationError::Unknown(*id))
    }

    /// Changes fields of an operation that is not completed, checks the result by headquarters'
    /// rules and lets it be applied anew. What was sent stays as it was. Setting what is there
    /// already changes nothing, so a repeat is harmless.
    ///
    /// # Errors
    /// NotFound: no such operation. Invalid: a field is not there, or what comes of it breaks a
    /// rule, by name. Conflict: it is completed.
    pub fn repair_operation(
        &self,
        id: &OperationId,
        operator: &str,
        settings: &[FieldSetting],
    ) -> Result<OperationDetail, OperationError> {
        let (found, limit) = (settings.len(), SETTINGS_MAX);
        if found > limit {
            return Err(OperationError::TooLarge { what: "fields to set", found, limit });
        }
        let now = self.now();
        let detail = self.storage.write(|tx| {
            let repaired = repair(tx, id, settings, (operator, now))?;
            let Err(error) = repaired else {
                let detail = detail_of(tx, id)?;
                return Ok(detail.ok_or(OperationError::Unknown(*id)));
            };
            Ok(Err(error))
        })??;
        self.signals().operations_arrived();
        Ok(detail)
    }

    /// Applies what is open of the operation's customer now, whatever its next try, and says what
    /// became of the operation. One that is completed stays so.
    ///
    /// # Errors
    /// NotFound: no such operation, or a number sequence is missing. Conflict: headquarters
    /// recovers. Busy: the database is busy.
    pub fn synchronize_operation(
        &self,
        id: &OperationId,
        operator: &str,
    ) -> Result<OperationDetail, OperationError> {
        let now = self.now();
        let record = self.storage.write(|tx| {
            let record = tx.operation_get(id)?;
            if record.as_ref().is_some_and(is_open) {
                let (operation, operator) = (*id, Some(operator.to_owned()));
                let act = OperationAct::Synchronized;
                tx.operation_events_add(&[OperationEvent { operation, at: now, operator, act }])?;
            }
            Ok(record)
        })?;
        let record = record.ok_or(OperationError::Unknown(*id))?;
        if is_open(&record) {
            let whom = Whom::Only(vec![record.row.customer]);
            let run = RunId::from_uuid(self.mint(now));
            if self.promote_customers(&whom, run, &mut |_| true)?.is_held {
                return Err(OperationError::Held);
            }
        }
        self.show_operation(id)
    }
}

/// Whether promotion would still take it up.
fn is_open(record: &OperationRecord) -> bool {
    matches!(record.status, OperationStatus::Pending | OperationStatus::Failed)
}

fn detail_of<T: ReadTx + ?Sized>(
    tx: &mut T,
    id: &OperationId,
) -> Result<Option<OperationDetail>, StorageError> {
    let Some(record) = tx.operation_get(id)? else { return Ok(None) };
    let alias = tx.alias_get(&CustomerKey::Temporary(record.row.customer))?;
    let events = tx.operation_events(&[*id])?;
    let account = alias.map(|alias| alias.account);
    Ok(Some(OperationDetail { grid: grid(&record), record, account, events }))
}

fn repair(
    tx: &mut dyn WriteTx,
    id: &OperationId,
    settings: &[FieldSetting],
    (operator, at): (&str, Timestamp),
) -> Result<Result<(), OperationError>, StorageError> {
    let Some(record) = tx.operation_get(id)? else {
        return Ok(Err(OperationError::Unknown(*id)));
    };
    if !is_open(&record) {
        return Ok(Err(OperationError::Completed(*id)));
    }
    let (content, done) = match set_fields(&record, settings) {
        Ok(set) => set,
        Err(source) => return Ok(Err(OperationError::Field { operation: *id, source })),
    };
    let (found, limit) = (content.get().len(), CONTENT_BYTES_MAX);
    if found > limit {
        return Ok(Err(OperationError::TooLarge { what: "bytes of content", found, limit }));
    }
    let repaired = OperationRecord { repaired: Some(content), ..record };
    if let Err(defect) = repaired.operation() {
        return Ok(Err(OperationError::Refused { operation: *id, defect }));
    }
    let event = |act| {
        let operator = Some(operator.to_owned());
        OperationEvent { operation: *id, at, operator, act }
    };
    let events: Vec<_> = done.into_iter().map(event).collect();
    if events.is_empty() {
        return Ok(Ok(()));
    }
    let is_repaired = tx.operation_repair(id, repaired.content(), &events)?;
    Ok(is_repaired.then_some(()).ok_or(OperationError::Completed(*id)))
}
