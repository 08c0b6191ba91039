//! Promotion: the only code that turns staged operations into headquarters customers.
//!
//! Callers differ, the function does not: the batch job, and whatever else needs a customer now.
//! Work goes in batches of one transaction each. When the database refuses a batch, it is
//! narrowed down to the offending customer, whose operations fail alone.

mod numbers;
mod spare;

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, OperationId, RunId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Act;
use tillsync_domain::promotion::{Defect, InboxPosition, Known, PromotionPlan, Staged, triage};
use tillsync_exchange::retry::{Jitter, RetryPolicy};

use self::numbers::{Taken, take_block, take_numbers};
pub(crate) use self::spare::SpareAccounts;
use crate::access::HEADQUARTERS;
use crate::headquarters::Headquarters;
use crate::operations::{last_errors, new_failures};
use crate::recovery::is_held;
use crate::storage::{
    DatabaseRecord, DueOperations, OperationRecord, PromotionContext, SequenceName, StorageError,
    WriteTx,
};

/// Operations per transaction: enough that the commit costs nothing per customer.
pub(crate) const BATCH_OPERATIONS: usize = 4_000;

/// Why promotion stopped. What was promoted before stays promoted.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// A sequence was never set up.
    #[error("there is no number sequence {0}; set it up with `tillsync number-sequence set`")]
    NoSequence(&'static str),
    /// Another run holds the lease now.
    #[error("the run lost its lease, or its process ends; another one goes on with the work")]
    LeaseLost,
    /// The database failed.
    #[error("promote staged customers")]
    Storage(#[from] StorageError),
}

impl PromoteError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            PromoteError::NoSequence(_) => ErrorKind::NotFound,
            PromoteError::LeaseLost => ErrorKind::Busy,
            PromoteError::Storage(error) => error.kind(),
        }
    }
}

/// What a promotion did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PromotionSummary {
    /// Customers that got an account.
    pub promoted: u64,
    /// Addresses added to new and existing customers.
    pub addresses: u64,
    /// Operations completed.
    pub completed: u64,
    /// Operations that failed in this run.
    pub failed: u64,
    /// Operations that wait for their customer, or for a number.
    pub waiting: u64,
    /// Customers that found no number left (F112).
    pub without_number: u64,
    /// Whether nobody may be promoted, since headquarters recovers from a restore (F64).
    #[serde(rename = "held", skip_serializing_if = "std::ops::Not::not")]
    pub is_held: bool,
}

impl PromotionSummary {
    fn add(&mut self, plan: &PromotionPlan) {
        self.promoted += plan.promoted.len() as u64;
        self.addresses += plan.addresses.len() as u64;
        self.completed += plan.completed.len() as u64;
        self.failed += plan.failed.len() as u64;
        self.waiting += plan.waiting.len() as u64;
        self.without_number += plan.without_number as u64;
    }
}

/// Which customers a promotion takes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Everybody with operations that are due.
    Due,
    /// These customers, failed operations included.
    Only(Vec<CustomerGuid>),
}

/// One run of promotion: what every batch of it has in common.
struct Round<'a> {
    run: RunId,
    keep_going: &'a mut dyn FnMut(&PromotionSummary) -> bool,
}

/// What one transaction came to.
pub(crate) enum BatchOutcome {
    /// The plan was applied; the last position read, if any.
    Applied(PromotionPlan, Option<InboxPosition>),
    /// Nothing was written: this many more account numbers are needed first.
    NeedsNumbers(usize),
    /// A sequence is missing.
    NoSequence(SequenceName),
    /// Nothing was written: headquarters recovers.
    Held,
}

impl Headquarters {
    /// Promotes staged operations until none is due.
    ///
    /// `keep_going` is asked after each batch with what was done so far; false stops the run.
    ///
    /// # Errors
    /// NotFound: a sequence is missing. Busy: the lease was lost, or the database is busy.
    pub fn promote_customers(
        &self,
        whom: &Whom,
        run: RunId,
        keep_going: &mut dyn FnMut(&PromotionSummary) -> bool,
    ) -> Result<PromotionSummary, PromoteError> {
        let mut round = Round { run, keep_going };
        let only = match whom {
            Whom::Due => None,
            Whom::Only(customers) => Some(customers.clone()),
        };
        let mut summary = PromotionSummary::default();
        let mut after = InboxPosition(0);
        loop {
            let due = DueOperations {
                after,
                limit: BATCH_OPERATIONS,
                now: self.now(),
                only: only.clone(),
            };
            let Some(last) = self.promote_narrowing(&due, &mut round, &mut summary)? else {
                break;
            };
            if summary.is_held {
                break;
            }
            after = last;
            if !(round.keep_going)(&summary) {
                return Err(PromoteError::LeaseLost);
            }
        }
        if summary.promoted + summary.addresses > 0 {
            self.signals().customers_changed();
        }
        Ok(summary)
    }

    /// Promotes one batch; when the database refuses its rows, promotes its customers in halves,
    /// down to the one that is refused. Returns the last position read.
    fn promote_narrowing(
        &self,
        due: &DueOperations,
        round: &mut Round<'_>,
        summary: &mut PromotionSummary,
    ) -> Result<Option<InboxPosition>, PromoteError> {
        let refusal = match self.promote_batch(due, round) {
            Ok(Some((plan, last))) => {
                summary.add(&plan);
                return Ok(last);
            }
            Ok(None) => {
                summary.is_held = true;
                return Ok(None);
            }
            Err(PromoteError::Storage(refusal @ StorageError::Constraint { .. })) => refusal,
            Err(error) => return Err(error),
        };
        let records = self.storage.read(|tx| tx.operations_due(due))?;
        let last = records.last().map(|record| record.position);
        let mut seen = HashSet::new();
        let customers: Vec<_> =
            records.iter().map(|r| r.row.customer).filter(|guid| seen.insert(*guid)).collect();
        if let [_] | [] = customers.as_slice() {
            summary.failed += self.fail_operations(&records, &refusal)?;
            return Ok(last);
        }
        let (left, right) = customers.split_at(customers.len() / 2);
        for half in [left, right] {
            let due = DueOperations { only: Some(half.to_vec()), ..due.clone() };
            self.promote_narrowing(&due, round, summary)?;
        }
        Ok(last)
    }

    /// Promotes one batch in one transaction, fetching blocks of numbers first where needed;
    /// nothing while promotion is held.
    fn promote_batch(
        &self,
        due: &DueOperations,
        round: &Round<'_>,
    ) -> Result<Option<(PromotionPlan, Option<InboxPosition>)>, PromoteError> {
        // Read for each batch: a store that was added a moment ago counts already.
        let databases = self.storage.read(|tx| tx.databases_all())?;
        let context = promotion_context(databases, (due.now, round.run));
        let jitter = self.jitter();
        self.give_numbers(&mut |spare| {
            Ok(self.storage.write(|tx| promote_in(tx, due, &context, (spare, jitter)))?)
        })
    }

    /// Makes attempts at a promotion until one has the account numbers that it needs, fetching
    /// blocks of them in between; nothing while promotion is held. An attempt that needs numbers
    /// must leave no trace.
    ///
    /// # Errors
    /// Those of the attempts. NotFound: a sequence is missing. Busy, Broken: the database failed.
    pub(crate) fn give_numbers<E: From<PromoteError>>(
        &self,
        attempt: &mut dyn FnMut(&VecDeque<AccountNumber>) -> Result<BatchOutcome, E>,
    ) -> Result<Option<(PromotionPlan, Option<InboxPosition>)>, E> {
        let mut spare = self.spare_accounts.lend();
        loop {
            match attempt(&spare)? {
                BatchOutcome::Applied(plan, last) => {
                    spare.give(&plan.promoted.iter().map(|p| &p.account).collect());
                    return Ok(Some((plan, last)));
                }
                BatchOutcome::NeedsNumbers(count) => {
                    let block = self.storage.write(|tx| take_block(tx, count));
                    spare.add(block.map_err(PromoteError::from)?);
                }
                BatchOutcome::Held => return Ok(None),
                BatchOutcome::NoSequence(name) => {
                    return Err(PromoteError::NoSequence(name.as_str()).into());
                }
            }
        }
    }

    fn fail_operations(
        &self,
        records: &[OperationRecord],
        refusal: &StorageError,
    ) -> Result<u64, PromoteError> {
        let detail = std::error::Error::source(refusal)
            .map_or_else(|| refusal.to_string(), |source| format!("{refusal}: {source}"));
        let defect = Defect::Storage(detail);
        let (now, jitter) = (self.now(), self.jitter());
        let failures: Vec<_> = records
            .iter()
            .map(|r| (r.row.id, defect.to_string(), next_try(&defect, r.tries, (now, jitter))))
            .collect();
        let events = new_failures(&failures, &last_errors(records), now);
        self.storage.write(|tx| {
            tx.operations_fail(&failures)?;
            tx.operation_events_add(&events)
        })?;
        Ok(failures.len() as u64)
    }
}

/// What a promotion needs besides its plan: the address book of each source.
pub(crate) fn promotion_context(
    databases: Vec<DatabaseRecord>,
    (now, run): (Timestamp, RunId),
) -> PromotionContext {
    let own_customers = (
        HEADQUARTERS.parse().expect("a valid database id"),
        HEADQUARTERS.parse().expect("a valid address book"),
    );
    let address_books = databases
        .into_iter()
        .map(|record| (record.database.id, record.database.address_book))
        .chain([own_customers])
        .collect();
    PromotionContext { now, run, address_books }
}

/// The body of one promotion transaction: read, decide, write.
pub(crate) fn promote_in(
    tx: &mut dyn WriteTx,
    due: &DueOperations,
    context: &PromotionContext,
    (spare, jitter): (&VecDeque<AccountNumber>, Jitter),
) -> Result<BatchOutcome, StorageError> {
    if is_held(tx, context.now)? {
        return Ok(BatchOutcome::Held);
    }
    let records = tx.operations_due(due)?;
    let last = records.last().map(|record| record.position);
    let errors = last_errors(&records);
    let tries: HashMap<OperationId, u32> = records.iter().map(|r| (r.row.id, r.tries)).collect();
    let staged: Vec<Staged> = records.into_iter().map(staged).collect();
    let known = known_of(tx, &staged)?;
    let triage = triage(staged, &known);
    let newcomers = triage.newcomers();
    let numbers = if newcomers.is_empty() {
        HashMap::new()
    } else {
        match take_numbers(tx, &newcomers, spare)? {
            Taken::Numbers(numbers) => numbers,
            Taken::Missing(count) => return Ok(BatchOutcome::NeedsNumbers(count)),
            Taken::NoSequence(name) => return Ok(BatchOutcome::NoSequence(name)),
        }
    };
    let plan = triage.number(numbers);
    if !plan.completed.is_empty() {
        tx.promotion_apply(&plan, context)?;
    }
    if !plan.failed.is_empty() {
        let failures: Vec<_> = plan
            .failed
            .iter()
            .map(|(id, defect)| {
                let failures = tries.get(id).copied().unwrap_or(0);
                (*id, defect.to_string(), next_try(defect, failures, (context.now, jitter)))
            })
            .collect();
        tx.operations_fail(&failures)?;
        tx.operation_events_add(&new_failures(&failures, &errors, context.now))?;
    }
    Ok(BatchOutcome::Applied(plan, last))
}

fn staged(record: OperationRecord) -> Staged {
    Staged {
        position: record.position,
        id: record.row.id,
        customer: record.row.customer,
        content: record.operation(),
        source: record.source.source,
    }
}

fn known_of(tx: &mut dyn WriteTx, staged: &[Staged]) -> Result<Known, StorageError> {
    let mut customers: Vec<_> = staged.iter().map(|operation| operation.customer).collect();
    customers.sort_unstable();
    customers.dedup();
    let addresses: Vec<_> = staged
        .iter()
        .filter_map(|operation| match &operation.content.as_ref().ok()?.act {
            Act::AddAddress(address) => Some(address.guid),
            Act::CreateCustomer(_) => None,
        })
        .collect();
    Ok(Known {
        customers: tx.customers_known(&customers)?,
        addresses: tx.address_owners(&addresses)?,
        disputed: tx.customers_disputed(&customers)?,
    })
}

/// When a failed operation is tried again by itself, after `failures` earlier failures.
///
/// What breaks a rule needs a person after a few tries. What this version cannot read, or the
/// database refused, may heal by an upgrade or a repair: it is tried for ever, ever more seldom.
fn next_try(
    defect: &Defect,
    failures: u32,
    (now, jitter): (Timestamp, Jitter),
) -> Option<Timestamp> {
    let tries_max = match defect {
        Defect::Unreadable(_) | Defect::Storage(_) => None,
        Defect::Rules(_) | Defect::SecondCreation(_) | Defect::ForeignAddress(_) => {
            RetryPolicy::OPERATION.tries_max
        }
    };
    let policy = RetryPolicy { tries_max, ..RetryPolicy::OPERATION };
    let failures = failures.saturating_add(1);
    if policy.is_used_up(failures) {
        return None;
    }
    now.checked_add(policy.delay_after(failures, jitter)).ok()
}
