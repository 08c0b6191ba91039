//! One batch of orders in one transaction: read, decide, write.

use jiff::Timestamp;
use tillsync_domain::document::Body;
use tillsync_domain::ids::{DocumentNumber, TransactionNumber};
use tillsync_domain::order::{
    DueOrder, OrderDecision, OrderDefect, OrderNeeds, OrderStatus, plan_orders,
};
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_exchange::rows::document::read_body;

use super::{OrderSummary, Round, SynchronizeError};
use crate::header::header_of;
use crate::parties::known_parties;
use crate::storage::{
    DocumentPosition, DueOrders, OrderState, SequenceName, StorageError, TransactionRecord, WriteTx,
};

/// What one transaction came to.
enum BatchOutcome {
    Done(OrderSummary),
    NoSequence,
}

/// What every order of a batch has in common.
struct Context<'a> {
    now: Timestamp,
    policy: RetryPolicy,
    jitter: Jitter,
    hold_code: Option<&'a str>,
}

impl Round<'_> {
    /// Whether each order of a batch waits for what it waited for before. That is looked at often,
    /// and needs no turn at writing.
    pub(super) fn all_still_wait(
        &self,
        batch: &[TransactionRecord],
    ) -> Result<bool, SynchronizeError> {
        let waits = |order: &OrderState| order.status == OrderStatus::Waiting;
        if !batch.iter().all(|order| order.order.as_ref().is_some_and(waits)) {
            return Ok(false);
        }
        let needs: Vec<_> = batch.iter().filter_map(|order| needs_of(order).ok()).collect();
        let known = self.hq.storage.read(|tx| known_parties(tx, &needs))?;
        let decisions = plan_orders(batch.iter().map(due_order).collect(), &known);
        Ok(batch.iter().zip(decisions).all(|(order, (_, decision))| match decision {
            OrderDecision::Wait(wait) => {
                order.order.as_ref().and_then(|state| state.error.as_ref())
                    == Some(&wait.to_string())
            }
            OrderDecision::Create(_) | OrderDecision::Fail(_) => false,
        }))
    }

    /// Settles orders in one transaction; when the database refuses their rows, in halves, down to
    /// the one that is refused and fails alone.
    pub(super) fn settle_narrowing(
        &self,
        numbers: &[TransactionNumber],
        summary: &mut OrderSummary,
    ) -> Result<(), SynchronizeError> {
        let refusal = match self.settle_batch(numbers, None) {
            Ok(done) => {
                summary.add(&done);
                return Ok(());
            }
            Err(SynchronizeError::Storage(refusal @ StorageError::Constraint { .. })) => refusal,
            Err(error) => return Err(error),
        };
        if let [_] | [] = numbers {
            let detail = std::error::Error::source(&refusal)
                .map_or_else(|| refusal.to_string(), |source| format!("{refusal}: {source}"));
            summary.add(&self.settle_batch(numbers, Some(&detail))?);
            return Ok(());
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        self.settle_narrowing(left, summary)?;
        self.settle_narrowing(right, summary)
    }

    fn settle_batch(
        &self,
        numbers: &[TransactionNumber],
        refusal: Option<&str>,
    ) -> Result<OrderSummary, SynchronizeError> {
        let tries_max = Some(self.parameters.order_tries_max);
        let context = Context {
            now: self.hq.now(),
            policy: RetryPolicy { tries_max, ..RetryPolicy::OPERATION },
            jitter: self.hq.jitter(),
            hold_code: self.parameters.order_hold_code.as_deref(),
        };
        let outcome = self.hq.storage.write(|tx| settle_in(tx, numbers, refusal, &context))?;
        match outcome {
            BatchOutcome::Done(summary) => Ok(summary),
            BatchOutcome::NoSequence => Err(SynchronizeError::NoSequence),
        }
    }
}

fn due_order(order: &TransactionRecord) -> DueOrder {
    DueOrder { number: order.row.number.clone(), needs: needs_of(order) }
}

/// Whom and where an order is for, or why it cannot be read.
pub(super) fn needs_of(order: &TransactionRecord) -> Result<OrderNeeds, String> {
    let body = read_body(&order.row.kind, order.content()).map_err(|error| error.0)?;
    match (&body, header_of(&body)) {
        (Body::Order(_), Some(header)) => {
            Ok(OrderNeeds { customer: header.customer, ship_to: header.ship_to })
        }
        _ => Err("it is no customer order".to_owned()),
    }
}

/// Settles one order in the caller's transaction; false when there is no number sequence.
pub(crate) fn settle_one(
    tx: &mut dyn WriteTx,
    number: &TransactionNumber,
    (now, jitter): (Timestamp, Jitter),
) -> Result<bool, StorageError> {
    let parameters = tx.parameters_get()?;
    let tries_max = Some(parameters.order_tries_max);
    let context = Context {
        now,
        policy: RetryPolicy { tries_max, ..RetryPolicy::OPERATION },
        jitter,
        hold_code: parameters.order_hold_code.as_deref(),
    };
    let outcome = settle_in(tx, std::slice::from_ref(number), None, &context)?;
    Ok(matches!(outcome, BatchOutcome::Done(_)))
}

/// The body of the transaction. Statuses are read again here: what another worker or an operator
/// has taken meanwhile is left alone. With `refusal`, the orders fail with it.
fn settle_in(
    tx: &mut dyn WriteTx,
    numbers: &[TransactionNumber],
    refusal: Option<&str>,
    context: &Context<'_>,
) -> Result<BatchOutcome, StorageError> {
    let due = DueOrders {
        after: DocumentPosition(0),
        limit: numbers.len(),
        now: context.now,
        store: None,
        only: Some(numbers.to_vec()),
    };
    let orders = tx.orders_due(&due)?;
    let due: Vec<_> = orders.iter().map(due_order).collect();
    let needs: Vec<_> = due.iter().filter_map(|order| order.needs.clone().ok()).collect();
    let known = known_parties(tx, &needs)?;
    let mut decisions = plan_orders(due, &known);
    if let Some(refusal) = refusal {
        for (_, decision) in &mut decisions {
            *decision = OrderDecision::Fail(OrderDefect::Storage(refusal.to_owned()));
        }
    }
    let is_created = |decision: &OrderDecision| matches!(decision, OrderDecision::Create(_));
    let wanted = decisions.iter().filter(|(_, decision)| is_created(decision)).count();
    let Some(sales_orders) = take_sales_orders(tx, wanted)? else {
        return Ok(BatchOutcome::NoSequence);
    };
    let mut sales_orders = sales_orders.into_iter();
    let mut summary = OrderSummary::default();
    for (order, (number, decision)) in orders.iter().zip(decisions) {
        let Some(state) = &order.order else { continue };
        let (state, account) = match decision {
            OrderDecision::Create(account) => match sales_orders.next() {
                Some(sales_order) => (created(state, sales_order, context), Some(account)),
                None => {
                    summary.without_number += 1;
                    continue;
                }
            },
            OrderDecision::Wait(wait) => (waiting(state, wait.to_string(), context), None),
            OrderDecision::Fail(defect) => (failed(state, &defect, context), None),
        };
        summary.count(&state);
        if order.order.as_ref() != Some(&state) {
            summary.changed += 1;
            tx.order_put(&number, &state, account.as_ref())?;
        }
    }
    Ok(BatchOutcome::Done(summary))
}

/// Takes numbers inside the transaction that uses them, so that a rollback gives them back; fewer
/// than wanted when the sequence runs out (F112).
fn take_sales_orders(
    tx: &mut dyn WriteTx,
    wanted: usize,
) -> Result<Option<Vec<DocumentNumber>>, StorageError> {
    if wanted == 0 {
        return Ok(Some(vec![]));
    }
    let Some(mut sequence) = tx.sequence_get(SequenceName::SalesOrder)? else { return Ok(None) };
    let numbers = sequence.take(wanted);
    tx.sequence_put(SequenceName::SalesOrder, &sequence)?;
    Ok(Some(numbers.into_iter().map(DocumentNumber::from_sequence).collect()))
}

fn created(state: &OrderState, sales_order: DocumentNumber, context: &Context<'_>) -> OrderState {
    OrderState {
        status: OrderStatus::Succeeded,
        error: None,
        next_try_at: None,
        modified_at: context.now,
        sales_order: Some(sales_order),
        hold: context.hold_code.filter(|_| state.is_repaired).map(str::to_owned),
        ..state.clone()
    }
}

/// The same wait as before is no change: it keeps the time since when it lasts.
fn waiting(state: &OrderState, reason: String, context: &Context<'_>) -> OrderState {
    if state.status == OrderStatus::Waiting && state.error.as_ref() == Some(&reason) {
        return state.clone();
    }
    OrderState {
        status: OrderStatus::Waiting,
        error: Some(reason),
        next_try_at: None,
        modified_at: context.now,
        ..state.clone()
    }
}

/// What breaks a rule needs a person after a few tries. What this version cannot read, or the
/// database refused, may heal by an upgrade: it is tried for ever, ever more seldom.
fn failed(state: &OrderState, defect: &OrderDefect, context: &Context<'_>) -> OrderState {
    let tries = state.tries.saturating_add(1);
    let delay = context.policy.delay_after(tries, context.jitter);
    let may_heal = matches!(defect, OrderDefect::Unreadable(_) | OrderDefect::Storage(_));
    let is_over = !may_heal && context.policy.is_used_up(tries);
    let next_try_at = context.now.checked_add(delay).ok();
    OrderState {
        status: OrderStatus::Failed,
        error: Some(defect.to_string()),
        tries,
        next_try_at: next_try_at.filter(|_| !is_over),
        modified_at: context.now,
        ..state.clone()
    }
}

impl OrderSummary {
    fn count(&mut self, state: &OrderState) {
        match state.status {
            OrderStatus::Succeeded => {
                self.created += 1;
                self.held += u64::from(state.hold.is_some());
            }
            OrderStatus::Waiting => self.waiting += 1,
            OrderStatus::Failed => self.failed += 1,
            OrderStatus::New | OrderStatus::Editing => {}
        }
    }
}
