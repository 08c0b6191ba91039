//! What the databases themselves say at the end, read from their files.
//!
//! It must never ask a server: what counts is what is on disk.

use std::collections::{HashMap, HashSet};

use tillsync_channel::inspect::visit_customers;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, Version};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_fleet::Edge;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::{ChangeSelection, DownloadRow};

use super::input::RowNumber;
use super::load::Accepted;
use crate::failure::Failure;

/// Operations read in one go.
const PAGE: usize = 1_000;

/// What headquarters' database holds.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Every customer that its group's address books allow to the edges, with its account.
    pub(super) accounts: HashMap<CustomerGuid, AccountNumber>,
    by_account: HashMap<AccountNumber, CustomerGuid>,
    /// Aliases of customers that come from the edges: those that unnamed sales are posted to are
    /// made at headquarters and not counted.
    pub(super) aliases: u64,
    /// Customers whose operations failed, with the last error.
    failures: HashMap<CustomerGuid, String>,
}

/// A customer that headquarters could not accept.
#[derive(Debug)]
pub(super) struct Failed {
    /// The row it came from.
    pub(super) row: RowNumber,
    /// The last error.
    pub(super) error: String,
}

/// What became of the accepted customers.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Those with an account.
    pub(super) promoted: u64,
    /// The different accounts among them.
    pub(super) accounts_distinct: u64,
    /// The different GUIDs among the accepted.
    pub(super) guids_distinct: u64,
    /// Recorded failures.
    pub(super) failed: Vec<Failed>,
    /// Rows that ended with neither.
    pub(super) lost: Vec<RowNumber>,
}

/// What one edge's database holds.
#[derive(Debug, Default, Clone)]
pub(super) struct EdgeBooks {
    /// Customers.
    pub(super) customers: u64,
    /// Those without an account, recorded failures aside.
    pub(super) pending: u64,
    /// Accounts known as headquarters gave them.
    pub(super) accounts: u64,
    /// Accounts that it should know and does not.
    pub(super) missing: u64,
    /// Accounts that headquarters gave otherwise or not at all.
    pub(super) wrong: u64,
}

/// Reads headquarters' database.
pub(super) fn read_headquarters(hq: &Headquarters) -> Result<Books, Failure> {
    let mut books = Books::default();
    hq.storage().read(|tx| {
        let groups = tx.groups_all()?;
        let mut address_books: Vec<_> =
            groups.into_iter().flat_map(|group| group.address_books).collect();
        address_books.sort_unstable();
        address_books.dedup();
        let selection = ChangeSelection { address_books, after: Version::default(), up_to: None };
        tx.rows_stream(&selection, &mut |row| {
            // A row without a valid account is missing below, which is what it deserves.
            if let DownloadRow::Customer(row) = row
                && let Ok(account) = row.account_number()
            {
                books.by_account.insert(account.clone(), row.guid);
                books.accounts.insert(row.guid, account);
            }
            Ok(())
        })?;
        let databases = tx.databases_all()?.into_iter();
        let hidden: HashSet<_> = databases.filter_map(|record| record.default_customer).collect();
        books.aliases = tx.aliases_count()?.saturating_sub(hidden.len() as u64);
        let mut after = InboxPosition(0);
        loop {
            let page = tx.operations_in(OperationStatus::Failed, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            books
                .failures
                .extend(page.into_iter().map(|operation| {
                    (operation.row.customer, operation.error.unwrap_or_default())
                }));
        }
    })?;
    Ok(books)
}

impl Books {
    /// Finds the end of every accepted customer.
    pub(super) fn settle(&self, accepted: &[Accepted]) -> Ends {
        let mut ends = Ends::default();
        let (mut guids, mut accounts) = (HashSet::new(), HashSet::new());
        for Accepted { row, key, .. } in accepted {
            // An edge that was asked again after promotion answers with the account.
            let guid = match key {
                CustomerKey::Temporary(guid) => Some(guid),
                CustomerKey::Numbered(account) => self.by_account.get(account),
            };
            let Some(guid) = guid else {
                ends.lost.push(*row);
                continue;
            };
            guids.insert(guid);
            match (self.accounts.get(guid), self.failures.get(guid)) {
                (Some(account), _) => {
                    ends.promoted += 1;
                    accounts.insert(account);
                }
                (None, Some(error)) => {
                    ends.failed.push(Failed { row: *row, error: error.clone() });
                }
                (None, None) => ends.lost.push(*row),
            }
        }
        ends.accounts_distinct = accounts.len() as u64;
        ends.guids_distinct = guids.len() as u64;
        ends
    }

    /// Compares the whole of an edge's customers with headquarters'.
    pub(super) fn compare(&self, edge: &Edge) -> Result<EdgeBooks, Failure> {
        let mut found = EdgeBooks::default();
        visit_customers(&edge.database, &mut |guid, account| {
            found.customers += 1;
            match (account, self.accounts.get(&guid)) {
                (Some(account), Some(given)) if account == *given => found.accounts += 1,
                (Some(_), _) => found.wrong += 1,
                (None, None) if self.failures.contains_key(&guid) => {}
                (None, _) => found.pending += 1,
            }
        })?;
        found.missing = (self.accounts.len() as u64).saturating_sub(found.accounts);
        Ok(found)
    }
}
