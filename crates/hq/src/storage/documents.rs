//! Documents: the immutable rows that were received, and what headquarters made of each.
//!
//! A document row never changes. Its state does: the transaction's content after repairs, its
//! validation, its resolved account, the statement that took it up, and for an order how far its
//! synchronization has come.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{
    AccountNumber, AddressGuid, CustomerGuid, CustomerKey, DatabaseId, DocumentNumber,
    ReceiptNumber, ShiftNumber, StatementId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::{ShiftEvent, ShiftStatus};
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::{DocumentRow, read_body};

use super::{InsertCounts, OperationSource, StorageError};

/// Arrival order of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentPosition(pub u64);

/// What is looked up and counted about a transaction without reading its content. Follows the
/// content, repairs included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionHeader {
    /// Sale or order.
    pub kind: DocumentKind,
    /// The customer by the key it was written with.
    pub customer: Option<CustomerKey>,
    /// The address an order is sent to.
    pub ship_to: Option<AddressGuid>,
    /// The shift it was made in; absent when the content is not readable.
    pub shift: Option<ShiftNumber>,
    /// The receipt's number; absent when the content is not readable.
    pub receipt: Option<ReceiptNumber>,
    /// The currency and the total in its smallest units; absent when the content is not readable,
    /// or the total is finer than that.
    pub total: Option<(Currency, i64)>,
    /// Whether it was voided before it was finished.
    pub is_voided: bool,
}

/// A document to take in.
#[derive(Debug, Clone)]
pub struct ArrivingDocument {
    /// What was sent, word for word.
    pub row: DocumentRow,
    /// What it is to headquarters.
    pub content: ArrivingContent,
}

/// What an arriving document is to headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArrivingContent {
    /// A sale or an order, readable or not.
    Transaction(TransactionHeader),
    /// A step of a shift.
    Shift(ShiftEvent),
    /// Of a kind that this version does not know, or a step of a shift that cannot be read: kept.
    Unknown,
}

/// A sale or an order at headquarters.
#[derive(Debug, Clone)]
pub struct TransactionRecord {
    /// Arrival order.
    pub position: DocumentPosition,
    /// What was sent, word for word.
    pub row: DocumentRow,
    /// Who sent it first; `source` is the store it counts for.
    pub source: OperationSource,
    /// What is looked up about it.
    pub header: TransactionHeader,
    /// Its content after repairs; absent while nobody repaired it.
    pub repaired: Option<Box<RawValue>>,
    /// Where validation stands.
    pub validation: ValidationStatus,
    /// What it breaks or waits for, as JSON that [`crate::validate`] writes and reads.
    pub findings: Option<String>,
    /// When it was validated last.
    pub validated_at: Option<Timestamp>,
    /// The account behind its customer key, beside the key and never instead of it (F120); absent
    /// while there is none, and when no customer is named.
    pub account: Option<AccountNumber>,
    /// The statement that took it up.
    pub statement: Option<StatementId>,
    /// When it was posted.
    pub posted_at: Option<Timestamp>,
    /// The invoice voucher that holds it.
    pub voucher: Option<DocumentNumber>,
    /// Where the synchronization of an order stands; absent for a sale.
    pub order: Option<OrderState>,
}

impl TransactionRecord {
    /// The content that counts: repaired, or as it was sent.
    pub fn content(&self) -> &str {
        self.repaired.as_deref().map_or(self.row.content.get(), RawValue::get)
    }

    /// The customer key that the document was written with at the till, whatever was repaired
    /// since (F120).
    pub fn customer_as_sent(&self) -> Option<CustomerKey> {
        if self.repaired.is_none() {
            return self.header.customer.clone();
        }
        let body = read_body(&self.row.kind, self.row.content.get()).ok()?;
        body.trade()?.customer.clone()
    }
}

/// Where the synchronization of an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// Its pending order status.
    pub status: OrderStatus,
    /// The error details, or what it waits for.
    pub error: Option<String>,
    /// Failed attempts; waiting is none.
    pub tries: u32,
    /// Not before this time is it tried again by itself; never, when absent and failed.
    pub next_try_at: Option<Timestamp>,
    /// When the status changed last.
    pub modified_at: Timestamp,
    /// Who repairs it, while it is being edited.
    pub editor: Option<String>,
    /// The status to return to when an edit is given up.
    pub status_before: Option<OrderStatus>,
    /// Whether it was ever repaired: its sales order is then put on hold (F95).
    pub is_repaired: bool,
    /// Its sales order, once it has one.
    pub sales_order: Option<DocumentNumber>,
    /// The hold code, until the hold is lifted.
    pub hold: Option<String>,
}

/// Which orders a run takes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrders {
    /// Only those behind this position.
    pub after: DocumentPosition,
    /// At most this many.
    pub limit: usize,
    /// Failed ones are due when their next try is not after this time.
    pub now: Timestamp,
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these, failed ones whatever their next try; never one that is being edited.
    pub only: Option<Vec<TransactionNumber>>,
}

/// Which transactions a run validates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTransactions {
    /// Only those behind this position.
    pub after: DocumentPosition,
    /// At most this many.
    pub limit: usize,
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these, those in error included; never one that a statement has taken up. Without it,
    /// those that are new or waiting.
    pub only: Option<Vec<TransactionNumber>>,
}

/// What validation made of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which one.
    pub number: TransactionNumber,
    /// What it came to.
    pub status: ValidationStatus,
    /// What it breaks or waits for, as JSON.
    pub findings: Option<String>,
    /// The account behind its customer key, once known.
    pub account: Option<AccountNumber>,
}

/// What a transaction list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Only sales or orders.
    pub kind: Option<DocumentKind>,
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only in this validation status.
    pub validation: Option<ValidationStatus>,
    /// Only orders in this status.
    pub order_status: Option<OrderStatus>,
    /// Only orders on hold.
    pub is_on_hold: bool,
    /// Only those of a statement.
    pub statement: Option<StatementId>,
    /// Only those behind this position.
    pub after: DocumentPosition,
    /// At most this many.
    pub limit: usize,
}

/// One change that somebody made to a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionEdit {
    /// Which transaction.
    pub number: TransactionNumber,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub operator: String,
    /// Which field, as a JSON pointer into the content.
    pub field: String,
    /// What it was, as JSON; absent when the field was not there.
    pub old: Option<String>,
    /// What it became, as JSON; absent when the field was removed.
    pub new: Option<String>,
}

/// A shift at headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftRecord {
    /// Its number.
    pub number: ShiftNumber,
    /// The store it counts for.
    pub store: DatabaseId,
    /// The database it was opened at.
    pub origin: DatabaseId,
    /// The furthest step received.
    pub status: ShiftStatus,
    /// When it was opened, blind closed and closed, as far as received.
    pub times: [Option<Timestamp>; 3],
    /// The float, as content of the opening document; `[]` when not received.
    pub float: String,
    /// What was counted, as content of the closing document; absent until it is closed.
    pub counted: Option<String>,
    /// The statement that took it up.
    pub statement: Option<StatementId>,
}

/// How many transactions stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionCounts {
    /// Sales and orders by validation status name; statuses without any are absent.
    pub by_validation: BTreeMap<&'static str, u64>,
    /// Orders by order status name.
    pub by_order_status: BTreeMap<&'static str, u64>,
    /// Orders on hold.
    pub on_hold: u64,
    /// Transactions and orders that wait for a customer or an address, each counted once.
    pub blocked_by_customer: u64,
    /// When the oldest of those arrived.
    pub oldest_blocked_at: Option<Timestamp>,
    /// Transactions posted.
    pub posted: u64,
    /// Validated successfully, but not taken up by a statement.
    pub ready: u64,
    /// Documents set aside because their number or id was known with other content (F115).
    pub quarantined: u64,
    /// Documents of kinds that this version does not know.
    pub unknown: u64,
}

/// What is staged of a customer that has no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StagedCustomer {
    /// Operations wait for promotion.
    Pending,
    /// Its creation failed, with this last error.
    Failed(String),
}

/// Reading documents.
pub trait DocumentReads {
    /// A transaction.
    fn transaction_get(
        &mut self,
        number: &TransactionNumber,
    ) -> Result<Option<TransactionRecord>, StorageError>;

    /// Transactions that match, in order of arrival.
    fn transactions_list(
        &mut self,
        filter: &TransactionFilter,
    ) -> Result<Vec<TransactionRecord>, StorageError>;

    /// Transactions of a customer by either of its keys, newest arrival first, before a position.
    fn transactions_of(
        &mut self,
        guid: Option<&CustomerGuid>,
        account: Option<&AccountNumber>,
        before: Option<DocumentPosition>,
        limit: usize,
    ) -> Result<Vec<TransactionRecord>, StorageError>;

    /// Orders that are due, in order of arrival.
    fn orders_due(&mut self, due: &DueOrders) -> Result<Vec<TransactionRecord>, StorageError>;

    /// Transactions to validate, in order of arrival.
    fn transactions_due(
        &mut self,
        due: &DueTransactions,
    ) -> Result<Vec<TransactionRecord>, StorageError>;

    /// Every change made to a transaction, oldest first.
    fn transaction_edits(
        &mut self,
        number: &TransactionNumber,
    ) -> Result<Vec<TransactionEdit>, StorageError>;

    /// Which transactions carry these receipt numbers, in order of arrival, voided sales not
    /// counted.
    fn receipts_known(
        &mut self,
        receipts: &[ReceiptNumber],
    ) -> Result<HashMap<ReceiptNumber, Vec<TransactionNumber>>, StorageError>;

    /// Those of the given shifts that were opened.
    fn shifts_known(
        &mut self,
        shifts: &[ShiftNumber],
    ) -> Result<HashSet<ShiftNumber>, StorageError>;

    /// A shift.
    fn shift_get(&mut self, shift: &ShiftNumber) -> Result<Option<ShiftRecord>, StorageError>;

    /// Shifts of a store (of all, when absent) in a status (in any), by number behind one.
    fn shifts_list(
        &mut self,
        store: Option<&DatabaseId>,
        status: Option<ShiftStatus>,
        after: Option<&ShiftNumber>,
        limit: usize,
    ) -> Result<Vec<ShiftRecord>, StorageError>;

    /// What is staged of those of the given customers that have no alias; customers of which
    /// nothing was received are absent.
    fn customers_staged(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, StagedCustomer>, StorageError>;

    /// Documents that were set aside, in order of arrival behind a position.
    fn documents_quarantined(
        &mut self,
        after: DocumentPosition,
        limit: usize,
    ) -> Result<Vec<(DocumentPosition, DocumentRow, OperationSource)>, StorageError>;

    /// Counts by status.
    fn transaction_counts(&mut self) -> Result<TransactionCounts, StorageError>;
}

/// Filling and working through documents.
pub trait DocumentWrites {
    /// Takes documents in. One whose number is known with the same content hash changes nothing;
    /// one whose number or id is known otherwise goes to quarantine once. A new transaction gets
    /// its state, an order's synchronization begins at New, a voided sale's validation at None; a
    /// step of a shift moves the shift on, never back. Rows are never updated (F62).
    fn documents_insert_once(
        &mut self,
        source: &OperationSource,
        documents: &[ArrivingDocument],
    ) -> Result<InsertCounts, StorageError>;

    /// Replaces where the synchronization of an order stands, and its resolved account when it is
    /// known now.
    fn order_put(
        &mut self,
        number: &TransactionNumber,
        state: &OrderState,
        account: Option<&AccountNumber>,
    ) -> Result<(), StorageError>;

    /// Writes down what validation found, unless a statement took the transaction up meanwhile. A
    /// known account is never replaced by none.
    fn verdicts_put(&mut self, verdicts: &[Verdict], now: Timestamp) -> Result<(), StorageError>;

    /// Replaces the content of a transaction that no statement has taken up, with its header and
    /// the changes; validation begins anew, and the resolved account is forgotten. Says whether it
    /// did.
    fn transaction_repair(
        &mut self,
        number: &TransactionNumber,
        content: &RawValue,
        header: &TransactionHeader,
        edits: &[TransactionEdit],
    ) -> Result<bool, StorageError>;
}
