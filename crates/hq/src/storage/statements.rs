//! Statements, their aggregates, and the ledger they post to.
//!
//! Amounts are whole numbers of a currency's smallest unit, so that sums are exact on every
//! backend.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tillsync_domain::ids::{
    AccountNumber, DatabaseId, DocumentNumber, ItemNumber, RunId, StatementId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementKind, StatementState};

use super::{ShiftRecord, StorageError, TransactionRecord};

/// A statement of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRecord {
    /// Its identity.
    pub id: StatementId,
    /// Its number, as people know it.
    pub number: DocumentNumber,
    /// The store.
    pub store: DatabaseId,
    /// What it takes up.
    pub kind: StatementKind,
    /// The last state it reached.
    pub state: StatementState,
    /// What went wrong on the way to the next state; absent when nothing did.
    pub error: Option<String>,
    /// Failures in a row on the way to the next state.
    pub failures: u32,
    /// Transactions marked.
    pub transactions: u64,
    /// Shifts marked.
    pub shifts: u64,
    /// Sales of its transactions by currency, tax included, in smallest units.
    pub amounts: BTreeMap<Currency, i64>,
    /// The account that its unnamed sales were summed under, once they are: its store may get
    /// another default customer since. Absent when it has none, and for those that were posted
    /// before this was kept.
    pub default_account: Option<AccountNumber>,
    /// The run that began it.
    pub run: RunId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// Which statements a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementFilter {
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only of this kind.
    pub kind: Option<StatementKind>,
    /// Only those not posted yet.
    pub is_open: bool,
    /// Only those with an error.
    pub has_failed: bool,
    /// Only those before this one in the list, newest first: the next page.
    pub before: Option<StatementId>,
    /// At most this many.
    pub limit: usize,
}

/// How much has come to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostedCounts {
    /// Sales that are posted; orders are none.
    pub sales: u64,
    /// Statements that are posted.
    pub statements: u64,
}

/// The sales of one account in one currency within a statement (F102).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateRecord {
    /// The statement.
    pub statement: StatementId,
    /// The resolved account: a customer's, or the store's default customer's.
    pub account: AccountNumber,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// Transactions in it.
    pub transactions: u64,
    /// Sales less discounts, without tax.
    pub net: i64,
    /// Discounts given; they are not in `net` any more.
    pub discount: i64,
    /// Sales tax.
    pub tax: i64,
    /// What was paid, by tender name: for sales and as deposits on orders.
    pub payments: BTreeMap<String, i64>,
    /// The same by item.
    pub lines: Vec<AggregateLine>,
    /// Its sales order, once created; none when only deposits stand in it.
    pub sales_order: Option<DocumentNumber>,
    /// Its invoice, once there is one.
    pub invoice: Option<DocumentNumber>,
    /// The voucher of the invoice.
    pub voucher: Option<DocumentNumber>,
}

/// The part of an aggregate that one item makes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateLine {
    /// The item.
    pub item: ItemNumber,
    /// How many, as a decimal.
    pub quantity: String,
    /// See [`AggregateRecord::net`].
    pub net: i64,
    /// See [`AggregateRecord::discount`].
    pub discount: i64,
    /// See [`AggregateRecord::tax`].
    pub tax: i64,
}

/// A voucher: entries that come to zero in its one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// Its number.
    pub number: DocumentNumber,
    /// The statement that posts it.
    pub statement: StatementId,
    /// The state in which it was posted.
    pub state: StatementState,
    /// The store.
    pub store: DatabaseId,
    /// The currency.
    pub currency: Currency,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// What it is, for people.
    pub text: String,
    /// At least two.
    pub entries: Vec<LedgerEntry>,
}

/// One line of a voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The account of the ledger.
    pub account: LedgerAccount,
    /// The customer's account, for [`LedgerAccount::Customers`] and for nothing else.
    pub customer: Option<AccountNumber>,
    /// Debits are positive, credits negative; never zero.
    pub amount: i64,
}

/// The ledger of one store and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// The store.
    pub store: DatabaseId,
    /// The currency.
    pub currency: Currency,
    /// The balance of each account that has entries.
    pub accounts: BTreeMap<LedgerAccount, i64>,
    /// Vouchers.
    pub vouchers: u64,
}

/// Reading statements and the ledger.
pub trait StatementReads {
    /// A statement.
    fn statement_get(&mut self, id: &StatementId) -> Result<Option<StatementRecord>, StorageError>;

    /// The statement of a number.
    fn statement_by_number(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<StatementRecord>, StorageError>;

    /// Statements that match, newest first.
    fn statements_list(
        &mut self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementRecord>, StorageError>;

    /// How many statements stand with an error.
    fn statements_failed_count(&mut self) -> Result<u64, StorageError>;

    /// The channels, by name, that have something for a statement of this kind to take up: what
    /// [`StatementWrites::transactions_mark`] or [`StatementWrites::shifts_mark`] would mark.
    fn stores_ready(&mut self, kind: StatementKind) -> Result<Vec<DatabaseId>, StorageError>;

    /// How much is posted.
    fn posted_counts(&mut self) -> Result<PostedCounts, StorageError>;

    /// Hands over the transactions of a statement by resolved account (none first), currency and
    /// arrival, without holding them in memory.
    fn statement_transactions(
        &mut self,
        id: &StatementId,
        sink: &mut dyn FnMut(TransactionRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;

    /// The shifts of a statement, by number.
    fn statement_shifts(&mut self, id: &StatementId) -> Result<Vec<ShiftRecord>, StorageError>;

    /// Hands over every transaction of the shifts of a statement, voided sales left out, by shift
    /// and arrival, without holding them in memory.
    fn statement_shift_transactions(
        &mut self,
        id: &StatementId,
        sink: &mut dyn FnMut(TransactionRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;

    /// The aggregates of a statement by account and currency, behind one.
    fn aggregates_list(
        &mut self,
        id: &StatementId,
        after: Option<(&AccountNumber, Currency)>,
        limit: usize,
    ) -> Result<Vec<AggregateRecord>, StorageError>;

    /// Vouchers by number, of a statement or of all, behind one.
    fn vouchers_list(
        &mut self,
        statement: Option<&StatementId>,
        after: Option<&DocumentNumber>,
        limit: usize,
    ) -> Result<Vec<Voucher>, StorageError>;

    /// What the customer owes, by currency; negative where it paid ahead.
    fn customer_balance(
        &mut self,
        account: &AccountNumber,
    ) -> Result<BTreeMap<Currency, i64>, StorageError>;

    /// The ledger by store and currency; of one store, or of all.
    fn trial_balances(
        &mut self,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<TrialBalance>, StorageError>;

    /// How many customer keys in ledger entries, aggregates, synchronized orders and posted
    /// transactions' resolved accounts are no account that headquarters gave.
    fn temporary_ids_in_postings(&mut self) -> Result<u64, StorageError>;

    /// Contradictions between documents, statements and the ledger, each a sentence with ids:
    /// vouchers that do not come to zero, posted statements whose invoices are not their
    /// transactions' amounts, transactions posted without a statement. At most 100.
    fn postings_check(&mut self) -> Result<Vec<String>, StorageError>;
}

/// Calculating and posting.
pub trait StatementWrites {
    /// Inserts or replaces a statement.
    fn statement_put(&mut self, statement: &StatementRecord) -> Result<(), StorageError>;

    /// Removes a statement that was given up before it posted anything, with its aggregates; what
    /// it marked is free again.
    fn statement_remove(&mut self, id: &StatementId) -> Result<(), StorageError>;

    /// Marks the store's transactions that are ready as the statement's own, at most `limit`, in
    /// order of arrival: validated successfully, in no statement. Says how many.
    fn transactions_mark(
        &mut self,
        id: &StatementId,
        store: &DatabaseId,
        limit: usize,
    ) -> Result<u64, StorageError>;

    /// Marks the store's closed shifts that are in no statement. Says how many. One whose opening
    /// has not arrived is left out: nobody knows what was in its drawer.
    fn shifts_mark(&mut self, id: &StatementId, store: &DatabaseId) -> Result<u64, StorageError>;

    /// Takes transactions out of a statement again: they did not keep the rules of posting.
    fn transactions_unmark(
        &mut self,
        id: &StatementId,
        numbers: &[TransactionNumber],
    ) -> Result<(), StorageError>;

    /// Replaces the aggregates of a statement.
    fn aggregates_put(
        &mut self,
        id: &StatementId,
        aggregates: &[AggregateRecord],
    ) -> Result<(), StorageError>;

    /// Inserts vouchers; refuses (Constraint) a number that is there, or one that does not come to
    /// zero.
    fn vouchers_insert(&mut self, vouchers: &[Voucher]) -> Result<(), StorageError>;

    /// Gives each sale of a statement the voucher of its aggregate's invoice; an invoice holds
    /// nothing of an order.
    /// `default_account` stands for those without an account.
    fn vouchers_link(
        &mut self,
        id: &StatementId,
        default_account: Option<&AccountNumber>,
    ) -> Result<(), StorageError>;

    /// Notes that the transactions of a statement are posted.
    fn transactions_post(&mut self, id: &StatementId, now: Timestamp) -> Result<(), StorageError>;
}
