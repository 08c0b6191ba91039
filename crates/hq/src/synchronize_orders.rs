//! Synchronizing orders: each uploaded customer order gets its sales order, once (F13, F14, F94;
//! `domain.md` 4.6).
//!
//! Several workers share one cursor and claim batches from it; each batch is decided on what its
//! own transaction reads, so no order is made twice however many runs there are. Waiting for a
//! customer or an address uses up no try.

mod batch;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

pub(crate) use batch::settle_one;
use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, RunId, TransactionNumber};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;

use crate::headquarters::Headquarters;
use crate::parties::Effort;
use crate::promote::PromoteError;
use crate::storage::{
    DocumentPosition, DueOrders, Parameters, SequenceName, StorageError, TransactionRecord,
};

/// Orders per transaction.
const BATCH_ORDERS: usize = 250;

/// Why synchronizing orders stopped. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum SynchronizeError {
    /// No such transaction.
    #[error(
        "headquarters knows no transaction {0}; if its till shows it, its store has not \
         uploaded it yet"
    )]
    Unknown(TransactionNumber),
    /// A sale needs no sales order.
    #[error("transaction {0} is no customer order")]
    NotAnOrder(TransactionNumber),
    /// Somebody repairs it.
    #[error("order {order} is being edited by {editor}; save the edit or give it up first")]
    BeingEdited {
        /// Which order.
        order: TransactionNumber,
        /// By whom.
        editor: String,
    },
    /// The sequence was never set up.
    #[error("there is no number sequence {}; set it up with `tillsync number-sequence set`",
        SequenceName::SalesOrder.as_str())]
    NoSequence,
    /// Another run holds the lease now.
    #[error("the run lost its lease, or its process ends; another one goes on with the work")]
    LeaseLost,
    /// The customers that orders need could not be promoted.
    #[error("promote the customers of orders")]
    Promote(#[source] PromoteError),
    /// The database failed.
    #[error("make sales orders")]
    Storage(#[from] StorageError),
}

impl SynchronizeError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SynchronizeError::Unknown(_) | SynchronizeError::NoSequence => ErrorKind::NotFound,
            SynchronizeError::NotAnOrder(_) => ErrorKind::Invalid,
            SynchronizeError::BeingEdited { .. } => ErrorKind::Conflict,
            SynchronizeError::LeaseLost => ErrorKind::Busy,
            SynchronizeError::Promote(error) => error.kind(),
            SynchronizeError::Storage(error) => error.kind(),
        }
    }
}

impl From<PromoteError> for SynchronizeError {
    fn from(error: PromoteError) -> Self {
        match error {
            PromoteError::LeaseLost => SynchronizeError::LeaseLost,
            error => SynchronizeError::Promote(error),
        }
    }
}

/// Which orders a run takes up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderScope {
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these, however often they failed; never one that is being edited.
    pub only: Option<Vec<TransactionNumber>>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct OrderSummary {
    /// Orders that got their sales order.
    pub created: u64,
    /// Of those, orders whose sales order is on hold (F95).
    pub held: u64,
    /// Orders that wait for a customer or an address.
    pub waiting: u64,
    /// Orders that failed in this run.
    pub failed: u64,
    /// Orders that found no number left; they stay as they are.
    pub without_number: u64,
    /// Orders whose state is another than before the run.
    pub changed: u64,
}

impl OrderSummary {
    fn add(&mut self, other: &OrderSummary) {
        self.created += other.created;
        self.held += other.held;
        self.waiting += other.waiting;
        self.failed += other.failed;
        self.without_number += other.without_number;
        self.changed += other.changed;
    }
}

/// One run: what its workers share.
struct Round<'a> {
    hq: &'a Headquarters,
    scope: &'a OrderScope,
    run: RunId,
    now: Timestamp,
    parameters: Parameters,
    keep_going: &'a (dyn Fn() -> bool + Sync),
    /// Behind which order the next batch begins.
    cursor: Mutex<DocumentPosition>,
    /// One worker failed: the others end after their batch.
    is_over: AtomicBool,
}

impl Headquarters {
    /// Synchronizes the orders that are due, each tried once in this run.
    ///
    /// `keep_going` is asked after each batch; false stops the run.
    ///
    /// # Errors
    /// NotFound: a number sequence is missing. Busy: the lease was lost, or the database is busy.
    pub fn synchronize_orders(
        &self,
        scope: &OrderScope,
        run: RunId,
        keep_going: &(dyn Fn() -> bool + Sync),
    ) -> Result<OrderSummary, SynchronizeError> {
        let round = Round {
            hq: self,
            scope,
            run,
            now: self.now(),
            parameters: self.storage.read(|tx| tx.parameters_get())?,
            keep_going,
            cursor: Mutex::default(),
            is_over: AtomicBool::new(false),
        };
        let first = round.claim()?;
        // A batch that is not full is the last one: threads would find nothing to do.
        let workers = if first.len() < BATCH_ORDERS { 1 } else { round.parameters.order_workers };
        let summary = round.work_side_by_side(first, workers)?;
        if summary.created > 0 {
            // Their deposits can be validated now.
            self.signals().documents_arrived();
        }
        Ok(summary)
    }

    /// Synchronizes one order now, however often it failed, and returns it. An order that has its
    /// sales order stays as it is.
    ///
    /// # Errors
    /// NotFound: no such order. Invalid: a sale. Conflict: it is being edited. Busy: as above.
    pub fn synchronize_order(
        &self,
        number: &TransactionNumber,
    ) -> Result<TransactionRecord, SynchronizeError> {
        let unknown = || SynchronizeError::Unknown(number.clone());
        let record = self.storage.read(|tx| tx.transaction_get(number))?.ok_or_else(unknown)?;
        let Some(state) = &record.order else {
            return Err(SynchronizeError::NotAnOrder(number.clone()));
        };
        match state.status {
            OrderStatus::Succeeded => return Ok(record),
            OrderStatus::Editing => {
                let editor = state.editor.clone().unwrap_or_default();
                return Err(SynchronizeError::BeingEdited { order: number.clone(), editor });
            }
            OrderStatus::New | OrderStatus::Waiting | OrderStatus::Failed => {}
        }
        let scope = OrderScope { store: None, only: Some(vec![number.clone()]) };
        let run = RunId::from_uuid(self.mint(self.now()));
        self.synchronize_orders(&scope, run, &|| true)?;
        self.storage.read(|tx| tx.transaction_get(number))?.ok_or_else(unknown)
    }
}

impl Round<'_> {
    /// Works through `first` and what follows it, in this thread and in others.
    fn work_side_by_side(
        &self,
        first: Vec<TransactionRecord>,
        workers: u32,
    ) -> Result<OrderSummary, SynchronizeError> {
        thread::scope(|threads| {
            let others: Vec<_> =
                (1..workers).map(|_| threads.spawn(|| self.work(self.claim()?))).collect();
            let mut summary = self.work(first);
            for other in others {
                // A panic goes on where the run was started, which knows what to do with it.
                let found = other.join().unwrap_or_else(|panic| resume_unwind(panic));
                summary = match (summary, found) {
                    (Ok(mut sum), Ok(found)) => {
                        sum.add(&found);
                        Ok(sum)
                    }
                    (Err(error), _) | (Ok(_), Err(error)) => Err(error),
                };
            }
            summary
        })
    }

    fn work(&self, mut batch: Vec<TransactionRecord>) -> Result<OrderSummary, SynchronizeError> {
        let mut summary = OrderSummary::default();
        while !batch.is_empty() && !self.is_over.load(Ordering::Relaxed) {
            let next = self.settle(&batch, &mut summary).and_then(|()| {
                if (self.keep_going)() { self.claim() } else { Err(SynchronizeError::LeaseLost) }
            });
            batch = next.inspect_err(|_| self.is_over.store(true, Ordering::Relaxed))?;
        }
        Ok(summary)
    }

    /// Takes the next batch off the cursor; empty when there is no more.
    fn claim(&self) -> Result<Vec<TransactionRecord>, SynchronizeError> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let due = DueOrders {
            after: *cursor,
            limit: BATCH_ORDERS,
            now: self.now,
            store: self.scope.store.clone(),
            only: self.scope.only.clone(),
        };
        let batch = self.hq.storage.read(|tx| tx.orders_due(&due))?;
        if let Some(last) = batch.last() {
            *cursor = last.position;
        }
        Ok(batch)
    }

    /// Promotes whom a batch needs, then makes its sales orders.
    fn settle(
        &self,
        batch: &[TransactionRecord],
        summary: &mut OrderSummary,
    ) -> Result<(), SynchronizeError> {
        let needs: Vec<_> = batch.iter().filter_map(|order| batch::needs_of(order).ok()).collect();
        let effort = if self.scope.only.is_some() { Effort::Failed } else { Effort::Pending };
        let mut keep_going = || (self.keep_going)();
        self.hq.promote_needed(&needs, effort, self.run, &mut keep_going)?;
        if self.all_still_wait(batch)? {
            summary.waiting += batch.len() as u64;
            return Ok(());
        }
        let numbers: Vec<_> = batch.iter().map(|order| order.row.number.clone()).collect();
        self.settle_narrowing(&numbers, summary)
    }
}
