//! Repairing what was uploaded: an operator changes fields of a sale or an order, and every change
//! is kept with its old and its new value (`domain.md` 4.6, 4.7; F94, F95).
//!
//! The row that was received never changes. A repair sets content beside it; the number, the kind
//! and the origin stand outside the content, so no repair can touch them.

mod change_fields;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::document::Body;
use tillsync_domain::ids::{ShiftNumber, StatementId, TransactionNumber};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{Drawer, StatementState, Unpostable};
use tillsync_exchange::rows::document::{
    DOCUMENT_BYTES_MAX, UnreadableDocument, body_content, read_body,
};

pub use change_fields::{BadPointer, FieldChange};

use change_fields::change_fields;

use crate::header::header_of;
use crate::headquarters::Headquarters;
use crate::storage::{
    OrderState, StorageError, TransactionEdit, TransactionHeader, TransactionRecord, WriteTx,
};

/// The most changes in one repair.
const CHANGES_MAX: usize = 1_000;

/// Why a transaction was not repaired, locked or released. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// No such transaction.
    #[error(
        "headquarters knows no transaction {0}; if its till shows it, its store has not \
         uploaded it yet"
    )]
    Unknown(TransactionNumber),
    /// A sale has nothing to lock or to lift.
    #[error("transaction {0} is no customer order")]
    NotAnOrder(TransactionNumber),
    /// Somebody else repairs it.
    #[error("order {order} is being edited by {editor}; it can be given up for them")]
    BeingEdited {
        /// Which order.
        order: TransactionNumber,
        /// By whom.
        editor: String,
    },
    /// Nobody repairs it.
    #[error("order {0} is not being edited")]
    NotBeingEdited(TransactionNumber),
    /// It has its sales order.
    #[error(
        "order {order} has its sales order {sales_order} already and cannot be edited any more"
    )]
    HasSalesOrder {
        /// Which order.
        order: TransactionNumber,
        /// Its sales order.
        sales_order: String,
    },
    /// It is being posted or is posted.
    #[error("transaction {transaction} is in statement {statement} and cannot be edited any more")]
    InStatement {
        /// Which transaction.
        transaction: TransactionNumber,
        /// Which statement.
        statement: StatementId,
    },
    /// Its money is in a drawer whose difference is posted.
    #[error(
        "what transaction {transaction} took or gave is part of shift {shift}, whose drawer is \
         posted; its payments, currency and shift can no longer change, but everything else can"
    )]
    DrawerPosted {
        /// Which transaction.
        transaction: TransactionNumber,
        /// Which shift.
        shift: ShiftNumber,
    },
    /// Its sales order is not on hold.
    #[error("order {0} is not on hold")]
    NotOnHold(TransactionNumber),
    /// A field that is not there, or cannot be set.
    #[error("transaction {transaction}")]
    Pointer {
        /// Which transaction.
        transaction: TransactionNumber,
        /// What is wrong with the change.
        #[source]
        source: BadPointer,
    },
    /// What would come of it is no document of its kind.
    #[error("the changes would leave transaction {transaction} unreadable")]
    Unreadable {
        /// Which transaction.
        transaction: TransactionNumber,
        /// Why.
        #[source]
        source: UnreadableDocument,
    },
    /// More than a transaction may hold.
    #[error("{what}: {found}, but at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is accepted.
        limit: usize,
    },
    /// No change at all.
    #[error("the repair of transaction {0} changes nothing")]
    NoChange(TransactionNumber),
    /// The database failed.
    #[error("repair a transaction")]
    Storage(#[from] StorageError),
}

impl RepairError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RepairError::Unknown(_) => ErrorKind::NotFound,
            RepairError::NotAnOrder(_)
            | RepairError::Pointer { .. }
            | RepairError::Unreadable { .. }
            | RepairError::TooLarge { .. }
            | RepairError::NoChange(_) => ErrorKind::Invalid,
            RepairError::BeingEdited { .. }
            | RepairError::NotBeingEdited(_)
            | RepairError::HasSalesOrder { .. }
            | RepairError::InStatement { .. }
            | RepairError::DrawerPosted { .. }
            | RepairError::NotOnHold(_) => ErrorKind::Conflict,
            RepairError::Storage(error) => error.kind(),
        }
    }
}

/// What a repair leaves of a transaction.
struct Repaired {
    content: Box<RawValue>,
    header: TransactionHeader,
    edits: Vec<TransactionEdit>,
}

impl Headquarters {
    /// Locks an order while somebody repairs it: no run touches it until the repair is saved or
    /// given up. A repeat by the same operator changes nothing.
    ///
    /// # Errors
    /// NotFound: no such order. Invalid: a sale. Conflict: another operator edits it, or it has its
    /// sales order.
    pub fn lock_order(
        &self,
        number: &TransactionNumber,
        operator: &str,
    ) -> Result<TransactionRecord, RepairError> {
        let now = self.now();
        self.storage.write(|tx| {
            let (record, state) = match order_of(tx, number)? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = may_edit(&record, operator) {
                return Ok(Err(error));
            }
            if state.status != OrderStatus::Editing {
                let locked = OrderState {
                    status: OrderStatus::Editing,
                    editor: Some(operator.to_owned()),
                    status_before: Some(state.status),
                    modified_at: now,
                    ..state
                };
                tx.order_put(number, &locked, None)?;
            }
            reread(tx, number)
        })?
    }

    /// Gives the lock of an order back without a repair; its status is again what it was. Any
    /// operator may do it: nothing of an edit is kept before it is saved.
    ///
    /// # Errors
    /// NotFound: no such order. Invalid: a sale. Conflict: nobody edits it.
    pub fn give_up_edit(
        &self,
        number: &TransactionNumber,
    ) -> Result<TransactionRecord, RepairError> {
        let now = self.now();
        let record = self.storage.write(|tx| {
            let state = match order_of(tx, number)? {
                Ok((_, state)) => state,
                Err(error) => return Ok(Err(error)),
            };
            if state.status != OrderStatus::Editing {
                return Ok(Err(RepairError::NotBeingEdited(number.clone())));
            }
            let released = OrderState {
                status: state.status_before.unwrap_or(OrderStatus::New),
                editor: None,
                status_before: None,
                modified_at: now,
                ..state
            };
            tx.order_put(number, &released, None)?;
            reread(tx, number)
        })??;
        self.signals().documents_arrived();
        Ok(record)
    }

    /// Changes fields of a sale or an order and lets it be synchronized and validated anew. An
    /// order is unlocked by it, and its sales order will be on hold.
    ///
    /// A sale needs no lock: it is changed in one go, and one that was Successful is validated
    /// again.
    ///
    /// # Errors
    /// NotFound: no such transaction. Invalid: a field is not there, nothing changes, or what comes
    /// of it cannot be read. Conflict: it has its sales order or a statement, or is being edited
    /// by somebody else.
    pub fn repair_transaction(
        &self,
        number: &TransactionNumber,
        operator: &str,
        changes: &[FieldChange],
    ) -> Result<TransactionRecord, RepairError> {
        let (found, limit) = (changes.len(), CHANGES_MAX);
        if found > limit {
            return Err(RepairError::TooLarge { what: "changes", found, limit });
        }
        let now = self.now();
        let record = self.storage.write(|tx| {
            let Some(record) = tx.transaction_get(number)? else {
                return Ok(Err(RepairError::Unknown(number.clone())));
            };
            let repaired = may_edit(&record, operator)
                .and_then(|()| repair(&record, changes, (operator, now)));
            let Repaired { content, header, edits } = match repaired {
                Ok(repaired) => repaired,
                Err(error) => return Ok(Err(error)),
            };
            if let Some(shift) = moved_in_posted_drawer(tx, &record, content.get())? {
                let transaction = number.clone();
                return Ok(Err(RepairError::DrawerPosted { transaction, shift }));
            }
            if !tx.transaction_repair(number, &content, &header, &edits)? {
                // It cannot be: the statement was looked for in this transaction.
                let doing = "repair a transaction";
                return Err(StorageError::Corrupt { doing, value: number.to_string() });
            }
            if let Some(state) = record.order {
                tx.order_put(number, &repaired_state(state, now), None)?;
            }
            reread(tx, number)
        })??;
        self.signals().documents_arrived();
        Ok(record)
    }

    /// Lifts the hold of a repaired order's sales order (F95).
    ///
    /// # Errors
    /// NotFound: no such order. Invalid: a sale. Conflict: it is not on hold.
    pub fn lift_hold(&self, number: &TransactionNumber) -> Result<TransactionRecord, RepairError> {
        self.storage.write(|tx| {
            let state = match order_of(tx, number)? {
                Ok((_, state)) => state,
                Err(error) => return Ok(Err(error)),
            };
            if state.hold.is_none() {
                return Ok(Err(RepairError::NotOnHold(number.clone())));
            }
            // The status stays as it is, and so does the time of its last change.
            tx.order_put(number, &OrderState { hold: None, ..state }, None)?;
            reread(tx, number)
        })?
    }

    /// Every change made to a transaction, oldest first.
    ///
    /// # Errors
    /// NotFound: no such transaction.
    pub fn list_edits(
        &self,
        number: &TransactionNumber,
    ) -> Result<Vec<TransactionEdit>, RepairError> {
        let edits = self.storage.read(|tx| {
            if tx.transaction_get(number)?.is_none() {
                return Ok(None);
            }
            tx.transaction_edits(number).map(Some)
        })?;
        edits.ok_or_else(|| RepairError::Unknown(number.clone()))
    }
}

type OrderFound = Result<(TransactionRecord, OrderState), RepairError>;

fn order_of(tx: &mut dyn WriteTx, number: &TransactionNumber) -> Result<OrderFound, StorageError> {
    let Some(record) = tx.transaction_get(number)? else {
        return Ok(Err(RepairError::Unknown(number.clone())));
    };
    Ok(match record.order.clone() {
        Some(state) => Ok((record, state)),
        None => Err(RepairError::NotAnOrder(number.clone())),
    })
}

fn reread(
    tx: &mut dyn WriteTx,
    number: &TransactionNumber,
) -> Result<Result<TransactionRecord, RepairError>, StorageError> {
    let record = tx.transaction_get(number)?;
    Ok(record.ok_or_else(|| RepairError::Unknown(number.clone())))
}

fn may_edit(record: &TransactionRecord, operator: &str) -> Result<(), RepairError> {
    let number = &record.row.number;
    if let Some(statement) = record.statement {
        return Err(RepairError::InStatement { transaction: number.clone(), statement });
    }
    let Some(state) = &record.order else { return Ok(()) };
    if let Some(sales_order) = &state.sales_order {
        let sales_order = sales_order.to_string();
        return Err(RepairError::HasSalesOrder { order: number.clone(), sales_order });
    }
    let other = state.editor.as_ref().filter(|editor| *editor != operator);
    match other.filter(|_| state.status == OrderStatus::Editing) {
        Some(editor) => {
            Err(RepairError::BeingEdited { order: number.clone(), editor: editor.clone() })
        }
        None => Ok(()),
    }
}

fn repair(
    record: &TransactionRecord,
    changes: &[FieldChange],
    (operator, now): (&str, Timestamp),
) -> Result<Repaired, RepairError> {
    let number = &record.row.number;
    let (changed, done) = change_fields(record.content(), changes)
        .map_err(|source| RepairError::Pointer { transaction: number.clone(), source })?;
    if done.is_empty() {
        return Err(RepairError::NoChange(number.clone()));
    }
    let body = read_body(&record.row.kind, &changed)
        .map_err(|source| RepairError::Unreadable { transaction: number.clone(), source })?;
    let header = header_of(&body).expect("a transaction's kind is one of a sale or an order");
    // Written anew from what was read, so that repaired content looks like any other.
    let content = body_content(&body);
    let (found, limit) = (content.get().len(), DOCUMENT_BYTES_MAX);
    if found > limit {
        return Err(RepairError::TooLarge { what: "bytes of content", found, limit });
    }
    let edits = done
        .into_iter()
        .map(|change| TransactionEdit {
            number: number.clone(),
            at: now,
            operator: operator.to_owned(),
            field: change.pointer,
            old: change.old,
            new: change.new,
        })
        .collect();
    Ok(Repaired { content, header, edits })
}

/// The shift whose drawer is posted with other money in it than the new content says. Content that
/// nobody could read before was in no drawer, and has no other way into the books than its repair.
fn moved_in_posted_drawer(
    tx: &mut dyn WriteTx,
    record: &TransactionRecord,
    content: &str,
) -> Result<Option<ShiftNumber>, StorageError> {
    let Some(before) = put_in_drawer(record, record.content()) else { return Ok(None) };
    let after = put_in_drawer(record, content);
    if Some(&before) == after.as_ref() {
        return Ok(None);
    }
    for (shift, _) in [Some(before), after].into_iter().flatten() {
        let found = tx.shift_get(&shift)?.filter(|found| found.store == record.source.source);
        let Some(statement) = found.and_then(|found| found.statement) else { continue };
        let state = tx.statement_get(&statement)?.map(|statement| statement.state);
        if state >= Some(StatementState::IncomeExpensePosted) {
            return Ok(Some(shift));
        }
    }
    Ok(None)
}

/// Which drawer the money of content is in, and how much of it; a voided sale has none.
fn put_in_drawer(
    record: &TransactionRecord,
    content: &str,
) -> Option<(ShiftNumber, Result<Drawer, Unpostable>)> {
    let body = read_body(&record.row.kind, content).ok()?;
    let trade = body.trade()?;
    let mut drawer = Drawer::default();
    let is_voided = matches!(&body, Body::Sale(sale) if sale.is_voided);
    let put = if is_voided { Ok(()) } else { drawer.put_payments(trade) };
    Some((trade.shift.clone(), put.map(|()| drawer)))
}

/// The order begins anew, with all its tries.
fn repaired_state(state: OrderState, now: Timestamp) -> OrderState {
    OrderState {
        status: OrderStatus::New,
        error: None,
        tries: 0,
        next_try_at: None,
        modified_at: now,
        editor: None,
        status_before: None,
        is_repaired: true,
        ..state
    }
}
