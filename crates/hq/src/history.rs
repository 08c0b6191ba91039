//! What a customer bought and owes, and what is in the books: reading only.
//!
//! Every look-up of a customer takes either key, and finds what was written with the other one
//! too (F120).

use std::collections::BTreeMap;

use tillsync_domain::ids::{
    AccountNumber, CustomerGuid, CustomerKey, DatabaseId, DocumentNumber, StatementId,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::statement::{Contribution, LedgerAccount};
use tillsync_exchange::rows::document::read_body;

use crate::headquarters::Headquarters;
use crate::storage::{
    AggregateRecord, DocumentPosition, ReadTx, StatementFilter, StatementRecord, StorageError,
    TransactionRecord, TrialBalance, Voucher,
};

/// Rows read at once where everything is read.
const PAGE: usize = 1_000;

/// Why something was not found.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Neither the customer nor anything it bought has arrived here.
    #[error(
        "headquarters knows no customer {0} and nothing that it bought; if a till shows it as \
         \"Pending sync\", its store has not uploaded it yet"
    )]
    UnknownCustomer(CustomerKey),
    /// No such statement.
    #[error("there is no statement {0}")]
    UnknownStatement(DocumentNumber),
    /// The database failed.
    #[error("read the books")]
    Storage(#[from] StorageError),
}

impl HistoryError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            HistoryError::UnknownCustomer(_) | HistoryError::UnknownStatement(_) => {
                ErrorKind::NotFound
            }
            HistoryError::Storage(error) => error.kind(),
        }
    }
}

/// Both keys of a customer, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerKeys {
    /// The GUID it was created under.
    pub guid: Option<CustomerGuid>,
    /// Its account, once it has one.
    pub account: Option<AccountNumber>,
}

/// What a customer owes; negative where it paid ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerBalance {
    /// Whose.
    pub keys: CustomerKeys,
    /// By the ledger, in smallest units of each currency.
    pub posted: BTreeMap<Currency, i64>,
    /// What the transactions that are not posted yet will add, in smallest units.
    pub unposted: BTreeMap<Currency, i64>,
    /// How many those are; one that cannot be posted as it is counts too, and adds nothing.
    pub unposted_transactions: u64,
}

/// What a customer bought and ordered.
#[derive(Debug, Clone)]
pub struct OrderHistory {
    /// Whose. The account stands beside every transaction, whatever key that was written with.
    pub keys: CustomerKeys,
    /// Newest arrival first.
    pub transactions: Vec<TransactionRecord>,
}

/// A statement with what it posts per account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementDetail {
    /// The statement.
    pub statement: StatementRecord,
    /// Its sums by account and currency, a page of them.
    pub aggregates: Vec<AggregateRecord>,
}

/// The end of the day in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostingReport {
    /// Orders that have their sales order.
    pub orders_created: u64,
    /// Sales that are posted.
    pub sales_posted: u64,
    /// Statements that are posted.
    pub statements_posted: u64,
    /// What the ledger says was sold, tax included, in smallest units of each currency.
    pub amounts_posted: BTreeMap<Currency, i64>,
    /// Customer keys in postings that are no account that headquarters gave.
    pub temporary_ids_in_postings: u64,
}

impl Headquarters {
    /// What a customer owes, by either key.
    ///
    /// # Errors
    /// NotFound: nothing of it has arrived here.
    pub fn customer_balance(&self, key: &CustomerKey) -> Result<CustomerBalance, HistoryError> {
        let balance = self.storage.read(|tx| {
            let (keys, has_arrived) = keys_of(tx, key)?;
            let posted = match &keys.account {
                Some(account) => tx.customer_balance(account)?,
                None => BTreeMap::new(),
            };
            let none = BTreeMap::new();
            let mut balance =
                CustomerBalance { keys, posted, unposted: none, unposted_transactions: 0 };
            let has_bought = add_unposted(tx, &mut balance)?;
            Ok((has_arrived || has_bought).then_some(balance))
        })?;
        balance.ok_or_else(|| HistoryError::UnknownCustomer(key.clone()))
    }

    /// What a customer bought and ordered, by either key, newest arrival first, before a position.
    ///
    /// # Errors
    /// NotFound: nothing of it has arrived here.
    pub fn order_history(
        &self,
        key: &CustomerKey,
        before: Option<DocumentPosition>,
        limit: usize,
    ) -> Result<OrderHistory, HistoryError> {
        let history = self.storage.read(|tx| {
            let (keys, has_arrived) = keys_of(tx, key)?;
            let (guid, account) = (keys.guid.as_ref(), keys.account.as_ref());
            let transactions = tx.transactions_of(guid, account, before, limit)?;
            let is_known = has_arrived || before.is_some() || !transactions.is_empty();
            Ok(is_known.then_some(OrderHistory { keys, transactions }))
        })?;
        history.ok_or_else(|| HistoryError::UnknownCustomer(key.clone()))
    }

    /// The ledger by store and currency; of one store, or of all.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn trial_balances(
        &self,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<TrialBalance>, HistoryError> {
        Ok(self.storage.read(|tx| tx.trial_balances(store))?)
    }

    /// Vouchers by number, of a statement or of all, behind one.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_vouchers(
        &self,
        statement: Option<&StatementId>,
        after: Option<&DocumentNumber>,
        limit: usize,
    ) -> Result<Vec<Voucher>, HistoryError> {
        Ok(self.storage.read(|tx| tx.vouchers_list(statement, after, limit))?)
    }

    /// Statements that match, newest first.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_statements(
        &self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementRecord>, HistoryError> {
        Ok(self.storage.read(|tx| tx.statements_list(filter))?)
    }

    /// A statement with its sums by account and currency, behind one.
    ///
    /// # Errors
    /// NotFound: there is no such statement.
    pub fn show_statement(
        &self,
        number: &DocumentNumber,
        after: Option<(&AccountNumber, Currency)>,
        limit: usize,
    ) -> Result<StatementDetail, HistoryError> {
        let detail = self.storage.read(|tx| {
            let Some(statement) = tx.statement_by_number(number)? else { return Ok(None) };
            let aggregates = tx.aggregates_list(&statement.id, after, limit)?;
            Ok(Some(StatementDetail { statement, aggregates }))
        })?;
        detail.ok_or_else(|| HistoryError::UnknownStatement(number.clone()))
    }

    /// The end of the day in numbers. Sums up the whole ledger: for the end of a day or of a
    /// demonstration, not for every scrape.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn posting_report(&self) -> Result<PostingReport, HistoryError> {
        let report = self.storage.read(|tx| {
            let orders = tx.transaction_counts()?.by_order_status;
            let posted = tx.posted_counts()?;
            Ok(PostingReport {
                orders_created: orders.get(OrderStatus::Succeeded.as_str()).copied().unwrap_or(0),
                sales_posted: posted.sales,
                statements_posted: posted.statements,
                amounts_posted: amounts_posted(&tx.trial_balances(None)?),
                temporary_ids_in_postings: tx.temporary_ids_in_postings()?,
            })
        })?;
        Ok(report)
    }
}

/// Both keys of a customer, and whether the customer itself has arrived.
pub(crate) fn keys_of(
    tx: &mut dyn ReadTx,
    key: &CustomerKey,
) -> Result<(CustomerKeys, bool), StorageError> {
    Ok(match (tx.alias_get(key)?, key) {
        (Some(alias), _) => {
            (CustomerKeys { guid: Some(alias.guid), account: Some(alias.account) }, true)
        }
        (None, CustomerKey::Temporary(guid)) => {
            let has_arrived = !tx.operations_of(guid)?.is_empty();
            (CustomerKeys { guid: Some(*guid), account: None }, has_arrived)
        }
        // An account that headquarters did not give: only what was written with it is found.
        (None, CustomerKey::Numbered(account)) => {
            (CustomerKeys { guid: None, account: Some(account.clone()) }, false)
        }
    })
}

/// Adds what is not posted yet; says whether anything of the customer's is there.
fn add_unposted(tx: &mut dyn ReadTx, balance: &mut CustomerBalance) -> Result<bool, StorageError> {
    let mut before = None;
    loop {
        let (guid, account) = (balance.keys.guid.as_ref(), balance.keys.account.as_ref());
        let page = tx.transactions_of(guid, account, before, PAGE)?;
        for record in page.iter().filter(|r| r.posted_at.is_none() && !r.header.is_voided) {
            balance.unposted_transactions += 1;
            let contribution = read_body(&record.row.kind, record.content())
                .ok()
                .and_then(|body| Contribution::of(&body).ok());
            if let Some(contribution) = contribution {
                let sum = balance.unposted.entry(contribution.currency).or_default();
                *sum = sum.saturating_add(contribution.owed());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => before = Some(last.position),
            last => return Ok(before.is_some() || last.is_some()),
        }
    }
}

/// Sales, discounts and tax together are what was sold, tax included.
fn amounts_posted(balances: &[TrialBalance]) -> BTreeMap<Currency, i64> {
    let mut amounts = BTreeMap::new();
    for balance in balances {
        let of = |account| balance.accounts.get(&account).copied().unwrap_or(0);
        let books = [LedgerAccount::Sales, LedgerAccount::Discounts, LedgerAccount::SalesTax];
        *amounts.entry(balance.currency).or_default() -= books.map(of).iter().sum::<i64>();
    }
    amounts
}
