//! The Real-time Service: taking a customer order while a till waits, in one transaction (F49).
//!
//! A call is an upload of one order, with what its customer still lacks here, that is promoted and
//! synchronized at once by the code that does so for every other. Its document stands among the
//! others, so a call and an upload of the same order give one sales order in whatever order they
//! come. What gets no sales order now leaves nothing.

use std::collections::{HashSet, VecDeque};

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{
    AccountNumber, CustomerGuid, CustomerKey, DatabaseId, DocumentNumber, EpochId, RunId,
    TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::ActKind;
use tillsync_domain::order::{OrderNeeds, OrderStatus};
use tillsync_domain::promotion::{InboxPosition, PromotionPlan};
use tillsync_exchange::realtime::{
    AcceptedOrder, CreateOrderCall, CreatedCustomer, OrderAnswer, OrderRefusal, ROWS_MAX,
};
use tillsync_exchange::retry::Jitter;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_exchange::rows::log::{LogRow, OversizedEntry};
use tillsync_exchange::rows::operation::OperationRow;
use uuid::Uuid;

use crate::create_now::{BY_CALL, foreign_origin};
use crate::header::arriving;
use crate::headquarters::Headquarters;
use crate::parties::{Effort, to_promote};
use crate::promote::{BATCH_OPERATIONS, BatchOutcome, PromoteError, promote_in, promotion_context};
use crate::recovery::is_held;
use crate::storage::{
    ArrivingContent, ArrivingDocument, CustomerRecord, DatabaseRecord, DueOperations,
    OperationSource, SequenceName, StorageError, TransactionHeader, WriteTx,
};
use crate::synchronize_orders::settle_one;

/// Why an order could not be judged. Nothing of the call is kept.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrderError {
    /// Not what a call for an order holds.
    #[error("the call holds no customer order that this version can read")]
    NotAnOrder,
    /// More operations than a call may have.
    #[error("a call for an order has at most {ROWS_MAX} operations, not {0}")]
    Rows(usize),
    /// An operation that does not belong to the order.
    #[error(
        "operation {row} of the call is not its part: each creates the order's customer or adds \
         an address to it, and has an identity of its own"
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
    /// An identity is known with other content.
    #[error("an operation of the call is known here with other content; nothing was taken")]
    Contradiction,
    /// The number or the identity of the order is known with other content.
    #[error("{0} is known here as another transaction; take the order again under a new number")]
    NumberUsed(TransactionNumber),
    /// Somebody repairs the order.
    #[error("order {0} is being edited at headquarters; ask again when that is done")]
    BeingEdited(TransactionNumber),
    /// No account number is left (F112).
    #[error("there is no account number left; extend the number sequence of customer accounts")]
    NoAccountNumber,
    /// No number of a sales order is left.
    #[error("there is no number for a sales order left; extend their number sequence")]
    NoSalesOrder,
    /// Headquarters recovers from a restore (F64): what it would judge by may be forgotten.
    #[error(
        "headquarters was restored from a backup and takes no new order before it has recovered"
    )]
    Held,
    /// The database refused the rows: the jobs of headquarters tell a person about it.
    #[error("the database of headquarters refuses the order")]
    Refused(#[source] StorageError),
    /// Promotion stopped.
    #[error("take a customer order")]
    Promote(#[from] PromoteError),
}

impl CreateOrderError {
    /// What sort of failure it is. Busy: the same call may be answered otherwise later.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CreateOrderError::NotAnOrder
            | CreateOrderError::Rows(_)
            | CreateOrderError::Shape { .. }
            | CreateOrderError::Oversized(_) => ErrorKind::Invalid,
            CreateOrderError::ForeignOrigin { .. } => ErrorKind::Forbidden,
            CreateOrderError::Contradiction | CreateOrderError::NumberUsed(_) => {
                ErrorKind::Conflict
            }
            CreateOrderError::BeingEdited(_)
            | CreateOrderError::NoAccountNumber
            | CreateOrderError::NoSalesOrder
            | CreateOrderError::Held
            | CreateOrderError::Refused(_)
            | CreateOrderError::Promote(PromoteError::NoSequence(_)) => ErrorKind::Busy,
            CreateOrderError::Promote(error) => error.kind(),
        }
    }
}

/// A call whose rows are what they should be.
struct Call {
    source: OperationSource,
    document: ArrivingDocument,
    header: TransactionHeader,
    operations: Vec<OperationRow>,
    run: RunId,
}

/// An order that has its sales order, and what was promoted for it.
struct Taken {
    sales_order: DocumentNumber,
    customer: Option<CustomerRecord>,
    plan: PromotionPlan,
}

/// Why a transaction is undone.
enum Undone {
    NeedsNumbers(usize),
    Refused(OrderRefusal, String),
    Stopped(CreateOrderError),
}

impl From<CreateOrderError> for Undone {
    fn from(error: CreateOrderError) -> Self {
        Undone::Stopped(error)
    }
}

/// What ends the attempts: a refusal is an answer, but as little is kept of it as of an error.
enum Ended {
    Refused(OrderRefusal, String),
    Stopped(CreateOrderError),
}

impl From<PromoteError> for Ended {
    fn from(error: PromoteError) -> Self {
        Ended::Stopped(error.into())
    }
}

impl Headquarters {
    /// Takes a customer order of a channel and makes its sales order, promoting its customer and
    /// its address where they are still staged: all or nothing. A repeat has the same answer.
    ///
    /// # Errors
    /// Invalid, Conflict: the call is no order, or contradicts what headquarters knows. Forbidden:
    /// recorded elsewhere. Busy: headquarters cannot do it now.
    pub fn create_order_now(
        &self,
        channel: &DatabaseRecord,
        call: &CreateOrderCall,
    ) -> Result<OrderAnswer, CreateOrderError> {
        let now = self.now();
        let (document, header) = read_document(&call.document)?;
        let operations = read_operations(&call.operations, header.customer.as_ref())?;
        let source = OperationSource {
            source: channel.database.id.clone(),
            epoch: EpochId::from_uuid(Uuid::nil()),
            received_at: now,
        };
        let run = RunId::from_uuid(self.mint(now));
        let call = Call { source, document, header, operations, run };
        let jitter = self.jitter();
        let mut taken = None;
        let given = self.give_numbers(&mut |spare| {
            let attempt = self.storage.write_or_undo(|tx| take_in(tx, &call, (spare, jitter)));
            match attempt.map_err(unwritten)? {
                Ok(Taken { sales_order, customer, plan }) => {
                    taken = Some((sales_order, customer));
                    Ok(BatchOutcome::Applied(plan, None))
                }
                Err(Undone::NeedsNumbers(count)) => Ok(BatchOutcome::NeedsNumbers(count)),
                Err(Undone::Refused(reason, message)) => Err(Ended::Refused(reason, message)),
                Err(Undone::Stopped(error)) => Err(Ended::Stopped(error)),
            }
        });
        let given = match given {
            Ok(given) => given,
            Err(Ended::Refused(reason, message)) => {
                return Ok(OrderAnswer::Refused { reason, message });
            }
            Err(Ended::Stopped(error)) => return Err(error),
        };
        if given.is_some_and(|(plan, _)| !plan.completed.is_empty()) {
            self.signals().customers_changed();
        }
        self.signals().documents_arrived();
        let (sales_order, customer) = taken.expect("an attempt that was applied has an order");
        let customer = customer.map(|CustomerRecord { customer, addresses, .. }| CreatedCustomer {
            customer,
            addresses,
            now,
        });
        Ok(OrderAnswer::Accepted(Box::new(AcceptedOrder { sales_order, customer })))
    }
}

/// The order of a call, as it is kept.
fn read_document(
    row: &DocumentRow,
) -> Result<(ArrivingDocument, TransactionHeader), CreateOrderError> {
    let row = DocumentRow { counter: BY_CALL, ..row.clone() };
    LogRow::Document(row.clone()).check_size()?;
    let is_readable = row.document().is_ok();
    let document = arriving(row);
    match &document.content {
        ArrivingContent::Transaction(header)
            if is_readable && header.kind == DocumentKind::Order =>
        {
            let header = header.clone();
            Ok((document, header))
        }
        _ => Err(CreateOrderError::NotAnOrder),
    }
}

/// The operations of a call, as they are kept.
fn read_operations(
    rows: &[OperationRow],
    customer: Option<&CustomerKey>,
) -> Result<Vec<OperationRow>, CreateOrderError> {
    if rows.len() > ROWS_MAX {
        return Err(CreateOrderError::Rows(rows.len()));
    }
    let of = match customer {
        Some(CustomerKey::Temporary(guid)) => Some(*guid),
        Some(CustomerKey::Numbered(_)) | None => rows.first().map(|row| row.customer),
    };
    let kinds = [ActKind::CreateCustomer.as_str(), ActKind::AddAddress.as_str()];
    let mut seen = HashSet::new();
    let mut read = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let is_part = kinds.contains(&row.kind.as_str()) && Some(row.customer) == of;
        if !is_part || !seen.insert(row.id) {
            return Err(CreateOrderError::Shape { row: at + 1 });
        }
        let row = OperationRow { counter: BY_CALL, ..row.clone() };
        LogRow::Operation(row.clone()).check_size()?;
        read.push(row);
    }
    Ok(read)
}

type Attempt = Result<Taken, Undone>;

/// The body of the transaction: the rows come in, are promoted, and get a sales order.
fn take_in(
    tx: &mut dyn WriteTx,
    call: &Call,
    numbers: (&VecDeque<AccountNumber>, Jitter),
) -> Result<Attempt, StorageError> {
    // A refusal is final at the till, and one by what a restore has forgotten would be wrong.
    if !has_succeeded(tx, &call.document.row.number)? && is_held(tx, call.source.received_at)? {
        return Ok(Err(CreateOrderError::Held.into()));
    }
    if let Err(undone) = insert(tx, call)? {
        return Ok(Err(undone));
    }
    let needs = OrderNeeds { customer: call.header.customer.clone(), ship_to: call.header.ship_to };
    let customers = to_promote(tx, std::slice::from_ref(&needs), Effort::Failed)?;
    let plan = match promote(tx, call, customers, numbers)? {
        Ok(plan) => plan,
        Err(undone) => return Ok(Err(undone)),
    };
    let (number, now) = (&call.document.row.number, call.source.received_at);
    if !settle_one(tx, number, (now, numbers.1))? {
        let missing = PromoteError::NoSequence(SequenceName::SalesOrder.as_str());
        return Ok(Err(CreateOrderError::Promote(missing).into()));
    }
    let sales_order = match sales_order_of(tx, number)? {
        Ok(sales_order) => sales_order,
        Err(undone) => return Ok(Err(undone)),
    };
    let customer = match &needs.customer {
        Some(key) => tx.customer_get(key)?,
        None => None,
    };
    Ok(Ok(Taken { sales_order, customer, plan }))
}

fn has_succeeded(tx: &mut dyn WriteTx, number: &TransactionNumber) -> Result<bool, StorageError> {
    let state = tx.transaction_get(number)?.and_then(|record| record.order);
    Ok(state.is_some_and(|state| state.status == OrderStatus::Succeeded))
}

fn insert(tx: &mut dyn WriteTx, call: &Call) -> Result<Result<(), Undone>, StorageError> {
    let stopped = |error: CreateOrderError| Ok(Err(error.into()));
    let (channel, row) = (&call.source.source, &call.document.row);
    let operations = &call.operations;
    let origins = operations.iter().map(|row| &row.origin).chain([&row.origin]);
    if let Some(origin) = foreign_origin(&tx.databases_all()?, channel, origins) {
        return stopped(CreateOrderError::ForeignOrigin { channel: channel.clone(), origin });
    }
    if let (Some(key @ CustomerKey::Numbered(_)), Some(first)) =
        (&call.header.customer, operations.first())
        && tx.alias_get(key)?.map(|alias| alias.guid) != Some(first.customer)
    {
        return stopped(CreateOrderError::Shape { row: 1 });
    }
    if tx.operations_insert_once(&call.source, operations)?.quarantined > 0 {
        return stopped(CreateOrderError::Contradiction);
    }
    let documents = std::slice::from_ref(&call.document);
    if tx.documents_insert_once(&call.source, documents)?.quarantined > 0 {
        return stopped(CreateOrderError::NumberUsed(row.number.clone()));
    }
    Ok(Ok(()))
}

fn promote(
    tx: &mut dyn WriteTx,
    call: &Call,
    customers: Vec<CustomerGuid>,
    numbers: (&VecDeque<AccountNumber>, Jitter),
) -> Result<Result<PromotionPlan, Undone>, StorageError> {
    if customers.is_empty() {
        return Ok(Ok(PromotionPlan::default()));
    }
    let stopped = |error: CreateOrderError| Ok(Err(error.into()));
    let now = call.source.received_at;
    let due = DueOperations {
        after: InboxPosition(0),
        limit: BATCH_OPERATIONS,
        now,
        only: Some(customers),
    };
    let context = promotion_context(tx.databases_all()?, (now, call.run));
    match promote_in(tx, &due, &context, numbers)? {
        BatchOutcome::Applied(plan, _) if plan.without_number > 0 => {
            stopped(CreateOrderError::NoAccountNumber)
        }
        BatchOutcome::Applied(plan, _) => Ok(Ok(plan)),
        BatchOutcome::NeedsNumbers(count) => Ok(Err(Undone::NeedsNumbers(count))),
        BatchOutcome::Held => stopped(CreateOrderError::Held),
        BatchOutcome::NoSequence(name) => stopped(PromoteError::NoSequence(name.as_str()).into()),
    }
}

/// The sales order that an order has now, or why it has none.
fn sales_order_of(
    tx: &mut dyn WriteTx,
    number: &TransactionNumber,
) -> Result<Result<DocumentNumber, Undone>, StorageError> {
    let state = tx.transaction_get(number)?.and_then(|record| record.order);
    let Some(state) = state else {
        let (doing, value) = ("read an order that was just taken in", number.to_string());
        return Err(StorageError::Corrupt { doing, value });
    };
    let why = state.error.unwrap_or_default();
    Ok(match (state.status, state.sales_order) {
        (OrderStatus::Succeeded, Some(sales_order)) => Ok(sales_order),
        (OrderStatus::Waiting, _) => {
            let message = format!(
                "order {number} {why}; wait until the store is synchronized and take the order \
                 again, or let its functionality profile take orders asynchronously"
            );
            Err(Undone::Refused(OrderRefusal::CustomerNotAtHeadquarters, message))
        }
        (OrderStatus::Failed, _) => {
            let message = format!("no sales order can be made of order {number}: {why}");
            Err(Undone::Refused(OrderRefusal::OrderNotUsable, message))
        }
        (OrderStatus::Editing, _) => Err(CreateOrderError::BeingEdited(number.clone()).into()),
        (OrderStatus::New | OrderStatus::Succeeded, _) => {
            Err(CreateOrderError::NoSalesOrder.into())
        }
    })
}

/// The database may refuse what no rule of headquarters does: the till takes the order later, and
/// the jobs of headquarters find out what is wrong with it.
fn unwritten(error: StorageError) -> Ended {
    Ended::Stopped(match error {
        StorageError::Constraint { .. } => CreateOrderError::Refused(error),
        error => CreateOrderError::Promote(error.into()),
    })
}
