//! Validating transactions: which of them may be posted (F96 to F99; `domain.md` 4.7).
//!
//! Promotion comes first: a customer that is staged gets its account now, one that has not arrived
//! is waited for. What a transaction breaks or waits for is kept as JSON, which is written and
//! read here only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tillsync_domain::document::Body;
use tillsync_domain::ids::{
    DatabaseId, ItemNumber, ReceiptNumber, RunId, ShiftNumber, StatementId, TransactionNumber,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_domain::order::{OrderNeeds, OrderStatus};
use tillsync_domain::trade::Trade;
use tillsync_domain::validation::{
    Finding, Judgement, Rule, Subject, Surroundings, ValidationStatus, judge,
};
use tillsync_exchange::rows::document::read_body;

use crate::headquarters::Headquarters;
use crate::parties::{Effort, known_parties};
use crate::promote::PromoteError;
use crate::storage::{
    DocumentPosition, DueTransactions, ReadTx, StorageError, TransactionFilter, TransactionRecord,
    Verdict,
};

/// Transactions per database transaction.
const BATCH_TRANSACTIONS: usize = 250;

/// Why validation stopped. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// No such transaction.
    #[error(
        "headquarters knows no transaction {0}; if its till shows it, its store has not \
         uploaded it yet"
    )]
    Unknown(TransactionNumber),
    /// It is being posted or is posted.
    #[error("transaction {transaction} is in statement {statement} already")]
    InStatement {
        /// Which transaction.
        transaction: TransactionNumber,
        /// Which statement.
        statement: StatementId,
    },
    /// Another run holds the lease now.
    #[error("the run lost its lease, or its process ends; another one goes on with the work")]
    LeaseLost,
    /// The customers that transactions name could not be promoted.
    #[error("promote the customers of transactions")]
    Promote(#[source] PromoteError),
    /// The database failed.
    #[error("validate transactions")]
    Storage(#[from] StorageError),
}

impl ValidateError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ValidateError::Unknown(_) => ErrorKind::NotFound,
            ValidateError::InStatement { .. } => ErrorKind::Conflict,
            ValidateError::LeaseLost => ErrorKind::Busy,
            ValidateError::Promote(error) => error.kind(),
            ValidateError::Storage(error) => error.kind(),
        }
    }
}

impl From<PromoteError> for ValidateError {
    fn from(error: PromoteError) -> Self {
        match error {
            PromoteError::LeaseLost => ValidateError::LeaseLost,
            error => ValidateError::Promote(error),
        }
    }
}

/// Which transactions a run takes up. Never one that a statement has taken up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationScope {
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these, whatever was found before. Without it, those that are new or waiting.
    pub only: Option<Vec<TransactionNumber>>,
    /// Those in error as well: what they broke may have been put right.
    pub errors_too: bool,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ValidationSummary {
    /// Transactions that can be posted now.
    pub successful: u64,
    /// Transactions that break a rule.
    pub errors: u64,
    /// Transactions that wait for a customer or a sales order.
    pub waiting: u64,
    /// Voided sales: there is nothing to post.
    pub none: u64,
    /// Transactions of which something else was found than before.
    pub changed: u64,
}

/// A finding as it is kept beside its transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// The rule by its name; absent for what no rule can switch off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The line, when it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What it is, and what to do.
    pub message: String,
}

/// Reads the findings of a transaction, breaches first. What another version wrote otherwise comes
/// out as one finding, word for word.
pub fn read_findings(record: &TransactionRecord) -> Vec<KeptFinding> {
    let Some(json) = &record.findings else { return vec![] };
    serde_json::from_str(json)
        .unwrap_or_else(|_| vec![KeptFinding { rule: None, line: None, message: json.clone() }])
}

impl Headquarters {
    /// Validates transactions, each once in this run.
    ///
    /// `keep_going` is asked after each batch; false stops the run.
    ///
    /// # Errors
    /// NotFound: a number sequence is missing. Busy: the lease was lost, or the database is busy.
    pub fn validate_transactions(
        &self,
        scope: &ValidationScope,
        run: RunId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<ValidationSummary, ValidateError> {
        let rules_off = self.storage.read(|tx| tx.parameters_get())?.rules_off;
        let mut summary = ValidationSummary::default();
        // Read before anything is judged: what breaks a rule in this run is not judged twice.
        let in_error = if scope.errors_too { self.numbers_in_error(scope)? } else { vec![] };
        let mut after = DocumentPosition(0);
        loop {
            let due = DueTransactions {
                after,
                limit: BATCH_TRANSACTIONS,
                store: scope.store.clone(),
                only: scope.only.clone(),
            };
            let batch = self.storage.read(|tx| tx.transactions_due(&due))?;
            let Some(last) = batch.last() else { break };
            after = last.position;
            let effort = if scope.only.is_some() { Effort::Failed } else { Effort::Pending };
            self.promote_needed(&needs_of(&batch), effort, run, keep_going)?;
            let numbers: Vec<_> = batch.iter().map(|record| record.row.number.clone()).collect();
            let waits = |record: &TransactionRecord| record.validation == ValidationStatus::Waiting;
            if batch.iter().all(waits) {
                self.look_again(&numbers, &rules_off, &mut summary)?;
            } else {
                self.judge_batch(&numbers, &rules_off, &mut summary)?;
            }
            if !keep_going() {
                return Err(ValidateError::LeaseLost);
            }
        }
        for numbers in in_error.chunks(BATCH_TRANSACTIONS) {
            self.judge_batch(numbers, &rules_off, &mut summary)?;
            if !keep_going() {
                return Err(ValidateError::LeaseLost);
            }
        }
        Ok(summary)
    }

    /// Validates one transaction now, whatever was found before, and returns it.
    ///
    /// # Errors
    /// NotFound: no such transaction. Conflict: a statement has taken it up. Busy: as above.
    pub fn validate_transaction(
        &self,
        number: &TransactionNumber,
    ) -> Result<TransactionRecord, ValidateError> {
        let unknown = || ValidateError::Unknown(number.clone());
        let record = self.storage.read(|tx| tx.transaction_get(number))?.ok_or_else(unknown)?;
        if let Some(statement) = record.statement {
            return Err(ValidateError::InStatement { transaction: number.clone(), statement });
        }
        let only = Some(vec![number.clone()]);
        let scope = ValidationScope { only, ..ValidationScope::default() };
        let run = RunId::from_uuid(self.mint(self.now()));
        self.validate_transactions(&scope, run, &mut || true)?;
        self.storage.read(|tx| tx.transaction_get(number))?.ok_or_else(unknown)
    }

    fn numbers_in_error(
        &self,
        scope: &ValidationScope,
    ) -> Result<Vec<TransactionNumber>, ValidateError> {
        let mut filter = TransactionFilter {
            store: scope.store.clone(),
            validation: Some(ValidationStatus::Error),
            limit: BATCH_TRANSACTIONS,
            ..TransactionFilter::default()
        };
        let mut numbers = Vec::new();
        loop {
            let page = self.storage.read(|tx| tx.transactions_list(&filter))?;
            let Some(last) = page.last() else { return Ok(numbers) };
            filter.after = last.position;
            numbers.extend(page.into_iter().map(|record| record.row.number));
        }
    }

    /// Most of what waits still waits, and is looked at often: only news take a turn at writing.
    fn look_again(
        &self,
        numbers: &[TransactionNumber],
        rules_off: &BTreeSet<Rule>,
        summary: &mut ValidationSummary,
    ) -> Result<(), ValidateError> {
        let (news, counts) = self.storage.read(|tx| judge_in(tx, numbers, rules_off))?;
        if !news.is_empty() {
            return self.judge_batch(numbers, rules_off, summary);
        }
        summary.add(&counts);
        Ok(())
    }

    fn judge_batch(
        &self,
        numbers: &[TransactionNumber],
        rules_off: &BTreeSet<Rule>,
        summary: &mut ValidationSummary,
    ) -> Result<(), ValidateError> {
        let now = self.now();
        let batch = self.storage.write(|tx| {
            let (verdicts, counts) = judge_in(tx, numbers, rules_off)?;
            if !verdicts.is_empty() {
                tx.verdicts_put(&verdicts, now)?;
            }
            Ok(counts)
        })?;
        summary.add(&batch);
        Ok(())
    }
}

/// The body of the transaction: reads the batch again, since somebody may have repaired some of it
/// meanwhile, and returns the verdicts that are news.
fn judge_in(
    tx: &mut dyn ReadTx,
    numbers: &[TransactionNumber],
    rules_off: &BTreeSet<Rule>,
) -> Result<(Vec<Verdict>, ValidationSummary), StorageError> {
    let due = DueTransactions {
        after: DocumentPosition(0),
        limit: numbers.len(),
        store: None,
        only: Some(numbers.to_vec()),
    };
    let records = tx.transactions_due(&due)?;
    let subjects: Vec<Subject> = records.iter().map(subject_of).collect();
    let known = surroundings_of(tx, &subjects)?;
    let (mut verdicts, mut counts) = (Vec::new(), ValidationSummary::default());
    for (record, subject) in records.iter().zip(&subjects) {
        let Judgement { status, findings, account } = judge(subject, &known, rules_off);
        let findings = write_findings(findings);
        counts.count(status);
        let is_same = record.validation == status && record.findings == findings;
        let is_account_known = account.is_none() || record.account == account;
        if is_same && is_account_known && record.validated_at.is_some() {
            continue;
        }
        counts.changed += 1;
        verdicts.push(Verdict { number: subject.number.clone(), status, findings, account });
    }
    Ok((verdicts, counts))
}

fn subject_of(record: &TransactionRecord) -> Subject {
    let body = read_body(&record.row.kind, record.content()).map_err(|error| error.0);
    let pending = record.order.as_ref().filter(|order| order.status != OrderStatus::Succeeded);
    // Why it has none yet stands on the order, where it is always the latest.
    let order_pending = pending.map(|_| "waits for its sales order".to_owned());
    Subject { number: record.row.number.clone(), body, order_pending }
}

/// The customers that transactions name. An order's address is its synchronization's matter.
fn needs_of(records: &[TransactionRecord]) -> Vec<OrderNeeds> {
    let customer = |record: &TransactionRecord| OrderNeeds {
        customer: record.header.customer.clone(),
        ship_to: None,
    };
    records.iter().map(customer).collect()
}

fn surroundings_of(
    tx: &mut dyn ReadTx,
    subjects: &[Subject],
) -> Result<Surroundings, StorageError> {
    let trades: Vec<&Trade> = subjects
        .iter()
        .filter_map(|subject| subject.body.as_ref().ok().and_then(Body::trade))
        .collect();
    let needs: Vec<_> = trades
        .iter()
        .map(|trade| OrderNeeds { customer: trade.customer.clone(), ship_to: None })
        .collect();
    let items: BTreeSet<&ItemNumber> =
        trades.iter().flat_map(|trade| trade.lines.iter().map(|line| &line.item)).collect();
    let receipts: BTreeSet<&ReceiptNumber> = trades.iter().map(|trade| &trade.receipt).collect();
    let shifts: BTreeSet<&ShiftNumber> = trades.iter().map(|trade| &trade.shift).collect();
    let currencies: BTreeSet<Currency> = trades.iter().map(|trade| trade.currency).collect();
    Ok(Surroundings {
        parties: known_parties(tx, &needs)?,
        items: tx.items_known(&items.into_iter().cloned().collect::<Vec<_>>())?,
        currencies: find_currencies(tx, &currencies)?,
        receipts: tx.receipts_known(&receipts.into_iter().cloned().collect::<Vec<_>>())?,
        shifts: tx.shifts_known(&shifts.into_iter().cloned().collect::<Vec<_>>())?,
    })
}

/// Which of the currencies an active item has a price in; nothing where there are no items.
fn find_currencies(
    tx: &mut dyn ReadTx,
    wanted: &BTreeSet<Currency>,
) -> Result<Option<BTreeSet<Currency>>, StorageError> {
    if tx.items_find("", None, 1)?.is_empty() {
        return Ok(None);
    }
    tx.currencies_sold(wanted).map(Some)
}

fn write_findings(findings: Vec<Finding>) -> Option<String> {
    let kept: Vec<_> = findings
        .into_iter()
        .map(|Finding { rule, line, message }| KeptFinding {
            rule: rule.map(|rule| rule.as_str().to_owned()),
            line,
            message,
        })
        .collect();
    (!kept.is_empty())
        .then(|| serde_json::to_string(&kept).expect("findings are plain structs of texts"))
}

impl ValidationSummary {
    fn count(&mut self, status: ValidationStatus) {
        match status {
            ValidationStatus::Successful => self.successful += 1,
            ValidationStatus::Error => self.errors += 1,
            ValidationStatus::Waiting => self.waiting += 1,
            ValidationStatus::None => self.none += 1,
            ValidationStatus::New => {}
        }
    }

    fn add(&mut self, other: &ValidationSummary) {
        self.successful += other.successful;
        self.errors += other.errors;
        self.waiting += other.waiting;
        self.none += other.none;
        self.changed += other.changed;
    }
}
