//! Calculation: what a statement takes up, what it comes to, and the last look before posting.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use tillsync_domain::document::{Body, DocumentKind};
use tillsync_domain::ids::{AccountNumber, TransactionNumber};
use tillsync_domain::money::Currency;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{Contribution, TRANSACTIONS_MAX};
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::read_body;

use super::StatementProblem;
use super::shifts::differences;
use crate::storage::{
    OrderState, StatementRecord, StorageError, TransactionRecord, Verdict, WriteTx,
};
use crate::validate::KeptFinding;

/// What a step came to; when it stopped, it has written nothing.
pub(super) type Step = Result<Result<(), StatementProblem>, StorageError>;

/// Marked: the transactions and shifts are the statement's own, and nobody edits them any more.
pub(super) fn step_to_marked(tx: &mut dyn WriteTx, statement: &mut StatementRecord) -> Step {
    let StatementRecord { id, store, kind, .. } = &*statement;
    let transactions = if kind.takes_transactions() {
        tx.transactions_mark(id, store, TRANSACTIONS_MAX)?
    } else {
        0
    };
    let shifts = if kind.takes_shifts() { tx.shifts_mark(id, store)? } else { 0 };
    (statement.transactions, statement.shifts) = (transactions, shifts);
    Ok(Ok(()))
}

/// Calculated: the totals are known.
pub(super) fn step_to_calculated(tx: &mut dyn WriteTx, statement: &mut StatementRecord) -> Step {
    statement.amounts = survey(tx, statement)?.amounts;
    Ok(Ok(()))
}

/// Checked: everything marked still keeps the rules of posting. What does not is taken out, and
/// its validation says why, so that no statement takes it up again before somebody looked at it.
pub(super) fn step_to_checked(
    tx: &mut dyn WriteTx,
    statement: &mut StatementRecord,
    now: Timestamp,
) -> Step {
    let survey = survey(tx, statement)?;
    if let Err(problem) = differences(tx, statement)? {
        return Ok(Err(problem));
    }
    if !survey.refused.is_empty() {
        let numbers: Vec<_> = survey.refused.iter().map(|verdict| verdict.number.clone()).collect();
        tx.transactions_unmark(&statement.id, &numbers)?;
        tx.verdicts_put(&survey.refused, now)?;
    }
    statement.transactions = survey.transactions;
    statement.amounts = survey.amounts;
    Ok(Ok(()))
}

/// What a statement's transactions come to.
#[derive(Default)]
struct Survey {
    /// Those that can be posted.
    transactions: u64,
    /// Their sales by currency, tax included.
    amounts: BTreeMap<Currency, i64>,
    /// Those that cannot.
    refused: Vec<Verdict>,
}

/// Why a transaction is not posted after all.
struct Refusal {
    status: ValidationStatus,
    message: String,
}

fn survey(tx: &mut dyn WriteTx, statement: &StatementRecord) -> Result<Survey, StorageError> {
    let unknown = unknown_accounts(tx, statement)?;
    let mut survey = Survey::default();
    tx.statement_transactions(&statement.id, &mut |record| {
        match contribution_of(&record).and_then(|c| survey.hold(&record, &c, &unknown)) {
            Ok(()) => survey.transactions += 1,
            Err(refusal) => survey.refused.push(refusal.verdict(record.row.number)),
        }
        Ok(())
    })?;
    Ok(survey)
}

impl Survey {
    fn hold(
        &mut self,
        record: &TransactionRecord,
        contribution: &Contribution,
        unknown: &HashSet<AccountNumber>,
    ) -> Result<(), Refusal> {
        check_account(record, unknown)?;
        if record.header.kind == DocumentKind::Sale {
            let sum = self.amounts.entry(contribution.currency).or_default();
            *sum += contribution.sold();
        }
        Ok(())
    }
}

impl Refusal {
    fn verdict(self, number: TransactionNumber) -> Verdict {
        let finding = KeptFinding { rule: None, line: None, message: self.message };
        let findings =
            Some(serde_json::to_string(&[finding]).expect("findings are plain structs of texts"));
        Verdict { number, status: self.status, findings, account: None }
    }
}

/// What a transaction adds to its statement, or why nothing of it is posted.
fn contribution_of(record: &TransactionRecord) -> Result<Contribution, Refusal> {
    let error = |message| Refusal { status: ValidationStatus::Error, message };
    if record.validation != ValidationStatus::Successful {
        let message = "it was taken up before it was validated".to_owned();
        return Err(Refusal { status: record.validation, message });
    }
    let body = read_body(&record.row.kind, record.content()).map_err(|e| error(e.to_string()))?;
    let is_ordered = |order: &OrderState| order.status == OrderStatus::Succeeded;
    if matches!(body, Body::Order(_)) && !record.order.as_ref().is_some_and(is_ordered) {
        let message = "its order has no sales order yet".to_owned();
        return Err(Refusal { status: ValidationStatus::New, message });
    }
    Contribution::of(&body).map_err(|unpostable| error(unpostable.to_string()))
}

/// Nothing is ever posted on a temporary id: the account must be one that headquarters gave.
fn check_account(
    record: &TransactionRecord,
    unknown: &HashSet<AccountNumber>,
) -> Result<(), Refusal> {
    match (&record.account, &record.header.customer) {
        (None, None) => Ok(()),
        (None, Some(key)) => Err(Refusal {
            status: ValidationStatus::New,
            message: format!("customer {key} has no account yet"),
        }),
        (Some(account), _) if unknown.contains(account) => Err(Refusal {
            status: ValidationStatus::Error,
            message: format!("account {account} is none that headquarters gave"),
        }),
        (Some(_), _) => Ok(()),
    }
}

/// Those accounts of a statement's transactions that belong to no customer of headquarters.
fn unknown_accounts(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
) -> Result<HashSet<AccountNumber>, StorageError> {
    let mut accounts = HashSet::new();
    tx.statement_transactions(&statement.id, &mut |record| {
        accounts.extend(record.account);
        Ok(())
    })?;
    let asked: Vec<_> = accounts.iter().cloned().collect();
    for account in tx.accounts_taken(&asked)? {
        accounts.remove(&account);
    }
    Ok(accounts)
}
