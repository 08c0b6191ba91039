//! Finding operations by what is known of them or of their customers (F20, F21).

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, DatabaseId, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::operation::CustomerContent;

use crate::headquarters::Headquarters;
use crate::storage::{InboxCounts, OperationRecord, OperationSelection, ReadTx, StorageError};

use super::OperationError;

/// Operations read at once.
const CHUNK: usize = 500;

/// The most operations that are looked through for one page; the next page goes on behind them.
const LOOKED_THROUGH_MAX: usize = 20_000;

/// Which operations to find; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// In this status.
    pub status: Option<OperationStatus>,
    /// Of this kind, such as `create_customer`.
    pub kind: Option<String>,
    /// Uploaded by this channel.
    pub channel: Option<DatabaseId>,
    /// Only this one.
    pub operation: Option<OperationId>,
    /// Of the customer behind this key, account or GUID.
    pub customer: Option<CustomerKey>,
    /// The customer's name contains this, in any case.
    pub name: Option<String>,
    /// One of the customer's e-mail addresses contains this, in any case.
    pub email: Option<String>,
    /// One of the customer's phone numbers contains this; blanks and signs do not count.
    pub phone: Option<String>,
    /// Recorded at this time or later.
    pub since: Option<Timestamp>,
    /// Recorded before this time.
    pub until: Option<Timestamp>,
    /// Only those behind this position.
    pub after: InboxPosition,
    /// At most this many.
    pub limit: usize,
}

/// One operation of a list.
#[derive(Debug, Clone)]
pub struct ListedOperation {
    /// The operation.
    pub record: OperationRecord,
    /// The account of its customer, once it has one.
    pub account: Option<AccountNumber>,
}

/// A page of operations.
#[derive(Debug, Clone)]
pub struct OperationList {
    /// Those that match, in order of arrival.
    pub operations: Vec<ListedOperation>,
    /// Where the next page starts; absent when there is nothing more. A page may be short, even
    /// empty, and not be the last: a search through many operations goes on page by page.
    pub next: Option<InboxPosition>,
    /// The counts of the whole inbox.
    pub counts: InboxCounts,
}

/// What is known of a customer, whether it has an account or not.
#[derive(Debug, Default)]
struct Face {
    account: Option<AccountNumber>,
    contents: Vec<CustomerContent>,
}

impl Headquarters {
    /// Finds operations, in order of arrival.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn find_operations(
        &self,
        filter: &OperationFilter,
    ) -> Result<OperationList, OperationError> {
        Ok(self.storage.read(|tx| {
            let counts = tx.inbox_counts()?;
            let (operations, next) = find(tx, filter)?;
            Ok(OperationList { operations, next, counts })
        })?)
    }
}

type Found = (Vec<ListedOperation>, Option<InboxPosition>);

fn find(tx: &mut dyn ReadTx, filter: &OperationFilter) -> Result<Found, StorageError> {
    let customer = match &filter.customer {
        Some(CustomerKey::Temporary(guid)) => Some(*guid),
        Some(key) => match tx.alias_get(key)? {
            Some(alias) => Some(alias.guid),
            None => return Ok((Vec::new(), None)),
        },
        None => None,
    };
    let mut selection = OperationSelection {
        status: filter.status,
        kind: filter.kind.clone(),
        channel: filter.channel.clone(),
        customer,
        since: filter.since,
        until: filter.until,
        after: filter.after,
        limit: CHUNK,
    };
    if let Some(id) = &filter.operation {
        let record = tx.operation_get(id)?.filter(|it| matches(it, &selection));
        return Ok((matching(tx, filter, record.into_iter().collect())?, None));
    }
    let (mut found, mut looked_through) = (Vec::new(), 0);
    loop {
        let chunk = tx.operations_select(&selection)?;
        let is_last = chunk.len() < CHUNK;
        looked_through += chunk.len();
        if let Some(last) = chunk.last() {
            selection.after = last.position;
        }
        found.extend(matching(tx, filter, chunk)?);
        if found.len() > filter.limit {
            found.truncate(filter.limit);
            let next = found.last().map_or(filter.after, |last| last.record.position);
            return Ok((found, Some(next)));
        }
        if is_last {
            return Ok((found, None));
        }
        if looked_through >= LOOKED_THROUGH_MAX {
            return Ok((found, Some(selection.after)));
        }
    }
}

/// Whether one operation, which was read by its id, is among those selected.
fn matches(record: &OperationRecord, selection: &OperationSelection) -> bool {
    let row = &record.row;
    record.position > selection.after
        && selection.status.is_none_or(|status| record.status == status)
        && selection.kind.as_ref().is_none_or(|kind| row.kind == *kind)
        && selection.channel.as_ref().is_none_or(|channel| record.source.source == *channel)
        && selection.customer.is_none_or(|customer| row.customer == customer)
        && selection.since.is_none_or(|since| row.created_at >= since)
        && selection.until.is_none_or(|until| row.created_at < until)
}

/// Those of the operations whose customers match, each with its account.
fn matching(
    tx: &mut dyn ReadTx,
    filter: &OperationFilter,
    records: Vec<OperationRecord>,
) -> Result<Vec<ListedOperation>, StorageError> {
    let mut seen = HashSet::new();
    let guids: Vec<_> =
        records.iter().map(|it| it.row.customer).filter(|guid| seen.insert(*guid)).collect();
    let asks_who = filter.name.is_some() || filter.email.is_some() || filter.phone.is_some();
    let faces = faces(tx, &guids, asks_who)?;
    let listed = |record: OperationRecord| {
        let face = faces.get(&record.row.customer);
        let is_meant = !asks_who || face.is_some_and(|face| face.matches(filter));
        let account = face.and_then(|face| face.account.clone());
        is_meant.then_some(ListedOperation { record, account })
    };
    Ok(records.into_iter().filter_map(listed).collect())
}

/// What is known of the customers: of those with an account what they are now, of the others, and
/// of what changed since, what their creation says.
fn faces(
    tx: &mut dyn ReadTx,
    guids: &[CustomerGuid],
    asks_who: bool,
) -> Result<HashMap<CustomerGuid, Face>, StorageError> {
    let mut faces: HashMap<CustomerGuid, Face> = HashMap::new();
    for customer in tx.customers_named(guids)? {
        let face = faces.entry(customer.guid).or_default();
        face.account = AccountNumber::parse(&customer.account).ok();
        face.contents.push(customer.content);
    }
    if asks_who {
        for creation in tx.creations_of(guids)? {
            if let Ok(content) = serde_json::from_str(creation.content().get()) {
                faces.entry(creation.row.customer).or_default().contents.push(content);
            }
        }
    }
    Ok(faces)
}

impl Face {
    fn matches(&self, filter: &OperationFilter) -> bool {
        let holds = |wanted: &Option<String>, values: fn(&CustomerContent) -> Vec<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let wanted = wanted.trim().to_lowercase();
                let has = |value: &String| value.to_lowercase().contains(&wanted);
                self.contents.iter().any(|content| values(content).iter().any(has))
            })
        };
        let phone = filter.phone.as_deref().map(digits);
        holds(&filter.name, names) && holds(&filter.email, emails) && holds(&phone, phones)
    }
}

fn names(content: &CustomerContent) -> Vec<String> {
    let parts = [&content.name, &content.first_name, &content.middle_name, &content.last_name];
    let parts: Vec<_> = parts.into_iter().filter_map(Option::as_deref).collect();
    vec![parts.join(" ")]
}

fn emails(content: &CustomerContent) -> Vec<String> {
    [&content.email, &content.receipt_email].into_iter().flatten().cloned().collect()
}

fn phones(content: &CustomerContent) -> Vec<String> {
    let numbers = [&content.phone, &content.cellphone];
    numbers.into_iter().flatten().map(|number| digits(number)).collect()
}

fn digits(number: &str) -> String {
    number.chars().filter(|letter| letter.is_alphanumeric()).collect()
}
