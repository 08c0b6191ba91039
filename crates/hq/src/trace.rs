//! Where a customer is, through which stages it went and when, which stores know its account, and
//! what became of its sales and orders.

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, DatabaseId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::messages::DatabaseKind;

use crate::headquarters::Headquarters;
use crate::history::keys_of;
use crate::storage::{
    AliasRecord, CustomerRecord, DatabaseRecord, DownloadSessionRecord, InboxCounts,
    OperationRecord, ReadTx, StorageError, TransactionEdit, TransactionRecord,
};

/// The most transactions in a trace, newest first; the order history has all of them.
const TRANSACTIONS_MAX: usize = 100;

const HEADQUARTERS: &str = "headquarters";

/// Why a customer was not found.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Nothing about it has arrived here.
    #[error(
        "headquarters knows no customer {0}; if a till shows it as \"Pending sync\", \
         its store has not uploaded it yet"
    )]
    Unknown(CustomerKey),
    /// The database failed.
    #[error("look up a customer")]
    Storage(#[from] StorageError),
}

impl TraceError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            TraceError::Unknown(_) => ErrorKind::NotFound,
            TraceError::Storage(error) => error.kind(),
        }
    }
}

/// How far a customer has come (`domain.md` 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Named by a sale or an order that has arrived before the customer itself.
    Awaited,
    /// C1: received, waiting for promotion.
    Staged,
    /// C2e: promotion failed; the last error stands on its operation.
    Failed,
    /// C2: has its account; no store knows it yet.
    Promoted,
    /// C3 in some of the stores that get it.
    PartlyDistributed,
    /// C3 in every store that gets it.
    Distributed,
}

impl Stage {
    /// The stage as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Awaited => "named by a transaction, not uploaded itself",
            Stage::Staged => "staged at headquarters",
            Stage::Failed => "failed at headquarters",
            Stage::Promoted => "promoted, not yet distributed",
            Stage::PartlyDistributed => "promoted, distributed to some stores",
            Stage::Distributed => "distributed to every store that gets it",
        }
    }
}

/// One thing that happened to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// When, by the clock of the place where it happened.
    pub at: Timestamp,
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

/// Whether one database knows the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knowledge {
    /// Which database.
    pub database: DatabaseId,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// Since when; absent while it does not.
    pub since: Option<Timestamp>,
}

/// The whole way of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerTrace {
    /// The GUID it was created under.
    pub guid: CustomerGuid,
    /// Its account, once it has one.
    pub account: Option<AccountNumber>,
    /// How far it has come.
    pub stage: Stage,
    /// What happened to it, and to its sales and orders, oldest first.
    pub events: Vec<TraceEvent>,
    /// Its sales and orders that stand in the events.
    pub transactions: usize,
    /// Whether it has older sales and orders, which were left out.
    pub has_more_transactions: bool,
    /// The databases that get it by their address books, by name.
    pub databases: Vec<Knowledge>,
    /// The last known error of its operations.
    pub error: Option<String>,
}

impl Headquarters {
    /// Traces a customer by either key.
    ///
    /// # Errors
    /// NotFound: nothing about it has arrived here.
    pub fn trace_customer(&self, key: &CustomerKey) -> Result<CustomerTrace, TraceError> {
        let trace = self.storage.read(|tx| trace_in(tx, key))?;
        trace.ok_or_else(|| TraceError::Unknown(key.clone()))
    }

    /// The customer behind either key.
    ///
    /// # Errors
    /// NotFound: it has no account here.
    pub fn show_customer(&self, key: &CustomerKey) -> Result<CustomerRecord, TraceError> {
        let found = self.storage.read(|tx| tx.customer_get(key))?;
        found.ok_or_else(|| TraceError::Unknown(key.clone()))
    }

    /// Customers whose name, e-mail, phone or account contains the text, by account.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn find_customers(
        &self,
        text: &str,
        after: Option<&AccountNumber>,
        limit: usize,
    ) -> Result<Vec<tillsync_exchange::rows::download::CustomerRow>, TraceError> {
        Ok(self.storage.read(|tx| tx.customers_find(text, after, limit))?)
    }

    /// Operations in a status, in order of arrival, with the counts of all.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_operations(
        &self,
        status: OperationStatus,
        after: InboxPosition,
        limit: usize,
    ) -> Result<(Vec<OperationRecord>, InboxCounts), TraceError> {
        Ok(self
            .storage
            .read(|tx| Ok((tx.operations_in(status, after, limit)?, tx.inbox_counts()?)))?)
    }
}

fn trace_in(tx: &mut dyn ReadTx, key: &CustomerKey) -> Result<Option<CustomerTrace>, StorageError> {
    let alias = tx.alias_get(key)?;
    let (keys, has_arrived) = keys_of(tx, key)?;
    // An account that headquarters did not give is no customer.
    let Some(guid) = keys.guid else { return Ok(None) };
    let mut transactions =
        tx.transactions_of(Some(&guid), keys.account.as_ref(), None, TRANSACTIONS_MAX + 1)?;
    if !has_arrived && transactions.is_empty() {
        return Ok(None);
    }
    let has_more_transactions = transactions.len() > TRANSACTIONS_MAX;
    transactions.truncate(TRANSACTIONS_MAX);
    let operations = tx.operations_of(&guid)?;
    let mut events = operations.iter().flat_map(operation_events).collect::<Vec<_>>();
    events.extend(transactions.iter().flat_map(transaction_events));
    for repaired in transactions.iter().filter(|record| record.repaired.is_some()) {
        let edits = tx.transaction_edits(&repaired.row.number)?;
        events.extend(edits.iter().map(|edit| repair_event(repaired, edit)));
    }
    let mut databases = Vec::new();
    if let Some(alias) = &alias {
        let what = format!("got account {} (run {})", alias.account, alias.run);
        events.push(TraceEvent { at: alias.promoted_at, place: HEADQUARTERS.into(), what });
        databases = knowledge(tx, alias)?;
    }
    for known in databases.iter() {
        if let Some(at) = known.since {
            let what = "knows the account".to_owned();
            events.push(TraceEvent { at, place: known.database.to_string(), what });
        }
    }
    events.sort_by_key(|event| event.at);
    let failed = operations.iter().rev().find(|o| o.status == OperationStatus::Failed);
    let stage = match has_arrived {
        true => stage_of(alias.as_ref(), failed.is_some(), &databases),
        false => Stage::Awaited,
    };
    Ok(Some(CustomerTrace {
        guid,
        stage,
        account: alias.map(|alias| alias.account),
        events,
        transactions: transactions.len(),
        has_more_transactions,
        error: failed.and_then(|operation| operation.error.clone()),
        databases,
    }))
}

/// The databases that get the customer, and since when each knows its account.
fn knowledge(tx: &mut dyn ReadTx, alias: &AliasRecord) -> Result<Vec<Knowledge>, StorageError> {
    let key = CustomerKey::Temporary(alias.guid);
    let books = tx.customer_get(&key)?.map(|c| c.address_books).unwrap_or_default();
    let groups = tx.groups_all()?;
    let gets_it = |record: &DatabaseRecord| {
        let group = groups.iter().find(|group| group.id == record.database.group);
        group.is_some_and(|group| group.address_books.iter().any(|book| books.contains(book)))
    };
    let brought = tx.sessions_that_brought(alias.version)?;
    let since = |database: &DatabaseId| {
        brought
            .iter()
            .filter(|session: &&DownloadSessionRecord| session.database == *database)
            .filter_map(|session| session.applied_at)
            .min()
    };
    let databases = tx.databases_all()?;
    Ok(databases
        .into_iter()
        .filter(|record| record.enrolled_at.is_some() && record.revoked_at.is_none())
        .filter(gets_it)
        .map(|record| Knowledge {
            since: since(&record.database.id),
            kind: record.database.kind,
            database: record.database.id,
        })
        .collect())
}

fn stage_of(alias: Option<&AliasRecord>, has_failed: bool, databases: &[Knowledge]) -> Stage {
    let knowing = databases.iter().filter(|known| known.since.is_some()).count();
    match alias {
        None if has_failed => Stage::Failed,
        None => Stage::Staged,
        Some(_) if knowing == 0 => Stage::Promoted,
        Some(_) if knowing < databases.len() => Stage::PartlyDistributed,
        Some(_) => Stage::Distributed,
    }
}

fn event(at: Timestamp, place: &str, what: String) -> TraceEvent {
    TraceEvent { at, place: place.to_owned(), what }
}

fn operation_events(operation: &OperationRecord) -> Vec<TraceEvent> {
    let row = &operation.row;
    let kind = row.kind.replace('_', " ");
    let mut events = vec![event(row.created_at, row.origin.as_str(), format!("{kind}: recorded"))];
    if let Some(at) = row.relayed_at {
        let what = format!("{kind}: taken over from {}", row.origin);
        events.push(event(at, operation.source.source.as_str(), what));
    }
    let what = format!("{kind}: received from {}", operation.source.source);
    events.push(event(operation.source.received_at, HEADQUARTERS, what));
    if let Some(at) = operation.completed_at {
        events.push(event(at, HEADQUARTERS, format!("{kind}: applied")));
    }
    events
}

fn repair_event(record: &TransactionRecord, edit: &TransactionEdit) -> TraceEvent {
    let name = name_of(record);
    let what = format!("{name}: {} repaired by {}", edit.field, edit.operator);
    event(edit.at, HEADQUARTERS, what)
}

fn name_of(record: &TransactionRecord) -> String {
    format!("{} {}", record.row.kind.replace('_', " "), record.row.number)
}

fn transaction_events(record: &TransactionRecord) -> Vec<TraceEvent> {
    let row = &record.row;
    let name = name_of(record);
    let written = record.customer_as_sent().map(|key| format!(" under {key}"));
    let what = format!("{name}: recorded{}", written.unwrap_or_default());
    let mut events = vec![event(row.created_at, row.origin.as_str(), what)];
    if let Some(at) = row.relayed_at {
        let what = format!("{name}: taken over from {}", row.origin);
        events.push(event(at, record.source.source.as_str(), what));
    }
    let what = format!("{name}: received from {}", record.source.source);
    events.push(event(record.source.received_at, HEADQUARTERS, what));
    if let Some(order) = &record.order {
        let what = match (&order.sales_order, &order.error) {
            (Some(number), _) => format!("{name}: sales order {number} created"),
            (None, Some(error)) => format!("{name}: {} ({error})", order.status.as_str()),
            (None, None) => format!("{name}: {}", order.status.as_str()),
        };
        if order.sales_order.is_some() || order.error.is_some() || order.editor.is_some() {
            events.push(event(order.modified_at, HEADQUARTERS, what));
        }
    }
    if let Some(at) = record.validated_at {
        let what = format!("{name}: validated, {}", record.validation.as_str());
        events.push(event(at, HEADQUARTERS, what));
    }
    if let Some(at) = record.posted_at {
        let account = record.account.as_ref().map(|account| format!(" on account {account}"));
        let voucher = record.voucher.as_ref().map(|voucher| format!(" (voucher {voucher})"));
        let (account, voucher) = (account.unwrap_or_default(), voucher.unwrap_or_default());
        events.push(event(at, HEADQUARTERS, format!("{name}: posted{account}{voucher}")));
    }
    events
}
