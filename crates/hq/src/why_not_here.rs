//! Why a store does not see a customer: every cause that stands in the way, the first one first,
//! each with what to do about it.
//!
//! It must never change anything, nor guess: what headquarters cannot know is said as such.

mod cause;

use tillsync_domain::ids::{AddressBook, CustomerGuid, CustomerKey, DatabaseId};
use tillsync_domain::job::JobName;
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::package::{Scope, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::session::DownloadStatus;

pub use cause::{Cause, SessionTrouble, Unsent};

use crate::access::AccessError;
use crate::distribution::{BACKLOG_MAX, Share};
use crate::exclusion::Levers;
use crate::headquarters::Headquarters;
use crate::history::keys_of;
use crate::storage::{
    AliasRecord, DatabaseRecord, DownloadSessionRecord, OperationRecord, Position, ReadTx,
    SessionFilter, StorageError,
};

/// Sessions of a database that are looked through for one that held the customer.
const SESSIONS_MAX: usize = 500;

/// Why one database does not see one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyNotHere {
    /// The database.
    pub database: DatabaseId,
    /// Whether it has the customer with its account, as far as headquarters knows.
    pub is_here: bool,
    /// What stands in the way, in the order in which it must be put right.
    pub causes: Vec<Cause>,
}

impl Headquarters {
    /// Says why a database does not see the customer behind either key.
    ///
    /// # Errors
    /// NotFound: there is no such database. Busy, Broken: the database failed.
    pub fn why_not_here(
        &self,
        key: &CustomerKey,
        database: &DatabaseId,
    ) -> Result<WhyNotHere, AccessError> {
        let found = self.storage.read(|tx| {
            let Some(record) = tx.database_get(database)? else { return Ok(None) };
            Look { tx, key, record: &record, causes: vec![] }.all().map(Some)
        })?;
        found.ok_or_else(|| AccessError::UnknownDatabase(database.clone()))
    }
}

/// One look, stage by stage.
struct Look<'a> {
    tx: &'a mut dyn ReadTx,
    key: &'a CustomerKey,
    record: &'a DatabaseRecord,
    causes: Vec<Cause>,
}

impl Look<'_> {
    fn all(mut self) -> Result<WhyNotHere, StorageError> {
        let (keys, _) = keys_of(self.tx, self.key)?;
        let alias = self.tx.alias_get(self.key)?;
        let operations = match &keys.guid {
            Some(guid) => self.tx.operations_of(guid)?,
            None => vec![],
        };
        if let Some(alias) = &alias
            && let Some(session) = self.brought(alias)?
        {
            let since = session.applied_at;
            self.causes.push(Cause::Here { since });
            return Ok(self.done(true));
        }
        match &alias {
            Some(_) => {}
            None if operations.is_empty() => self.not_uploaded(keys.guid.as_ref())?,
            None => self.not_promoted(&operations),
        }
        self.not_connected();
        self.no_shared_book(alias.as_ref(), &operations)?;
        let is_here = match &alias {
            Some(alias) => self.not_brought(alias)?,
            None => false,
        };
        Ok(self.done(is_here))
    }

    fn done(self, is_here: bool) -> WhyNotHere {
        WhyNotHere { database: self.record.database.id.clone(), is_here, causes: self.causes }
    }

    /// The session by which the database got the account.
    fn brought(
        &mut self,
        alias: &AliasRecord,
    ) -> Result<Option<DownloadSessionRecord>, StorageError> {
        let brought = self.tx.sessions_that_brought(alias.version)?;
        let ours = |session: &DownloadSessionRecord| {
            session.database == self.record.database.id && session.job == JobName::Customers1010
        };
        let found = brought.into_iter().find(ours);
        let shares = !self.shared_books(alias)?.1.is_empty();
        // What was kept from a register later is gone from it again.
        let id = &self.record.database.id;
        let audience = self.tx.audience_get(id, JobName::Customers1010)?;
        let has_customers = !audience.lacks(Table::Customer);
        Ok(found.filter(|_| shares && has_customers))
    }

    fn not_uploaded(&mut self, guid: Option<&CustomerGuid>) -> Result<(), StorageError> {
        let Some(guid) = guid else {
            self.causes.push(Cause::NoSuchAccount);
            return Ok(());
        };
        let named = self.tx.transactions_of(Some(guid), None, None, 1)?;
        let unsent = |record: DatabaseRecord| {
            let health = record.health.filter(|health| health.unsent > 0)?;
            let last_seen_at = record.last_seen_at?;
            Some(Unsent { database: record.database.id, entries: health.unsent, last_seen_at })
        };
        let unsent = self.tx.databases_all()?.into_iter().filter_map(unsent).collect();
        self.causes.push(Cause::NotUploaded {
            named_at: named.first().map(|record| record.row.origin.clone()),
            unsent,
        });
        Ok(())
    }

    fn not_promoted(&mut self, operations: &[OperationRecord]) {
        let id = &self.record.database.id;
        if operations.iter().any(|o| o.row.origin == *id || o.source.source == *id) {
            self.causes.push(Cause::PendingHere);
        }
        let failed = operations.iter().rev().find(|o| o.status == OperationStatus::Failed);
        let first = &operations[0];
        self.causes.push(match failed {
            Some(failed) => Cause::Failed {
                operation: failed.row.id,
                error: failed.error.clone().unwrap_or_default(),
                next_try_at: failed.next_try_at,
            },
            None => Cause::NotPromoted {
                source: first.source.source.clone(),
                received_at: first.source.received_at,
            },
        });
    }

    fn not_connected(&mut self) {
        let record = self.record;
        let cause = match (record.enrolled_at, record.revoked_at) {
            (_, Some(at)) => Some(Cause::Revoked { at }),
            (None, None) => Some(Cause::NotEnrolled),
            (Some(_), None) => None,
        };
        self.causes.extend(cause);
    }

    /// The customer's books, and those of them that the database's group gets. Before promotion
    /// they are those that it will be in.
    fn no_shared_book(
        &mut self,
        alias: Option<&AliasRecord>,
        operations: &[OperationRecord],
    ) -> Result<(), StorageError> {
        let group = self.tx.group_get(&self.record.database.group)?;
        let of_group = group.map(|group| group.address_books).unwrap_or_default();
        let of_customer = match (alias, operations.first()) {
            (Some(alias), _) => self.shared_books(alias)?.0,
            (None, Some(first)) => {
                let source = self.tx.database_get(&first.source.source)?;
                source.map(|record| record.database.address_book).into_iter().collect()
            }
            (None, None) => return Ok(()),
        };
        if !of_customer.iter().any(|book| of_group.contains(book)) {
            let group = self.record.database.group.clone();
            self.causes.push(Cause::NoSharedBook { group, of_customer, of_group });
        }
        Ok(())
    }

    fn shared_books(
        &mut self,
        alias: &AliasRecord,
    ) -> Result<(Vec<AddressBook>, Vec<AddressBook>), StorageError> {
        let customer = self.tx.customer_get(&CustomerKey::Temporary(alias.guid))?;
        let books = customer.map(|customer| customer.address_books).unwrap_or_default();
        let group = self.tx.group_get(&self.record.database.group)?;
        let of_group = group.map(|group| group.address_books).unwrap_or_default();
        let shared = books.iter().filter(|book| of_group.contains(book)).cloned().collect();
        Ok((books, shared))
    }

    /// What stands between the package and the database; says whether nothing does.
    fn not_brought(&mut self, alias: &AliasRecord) -> Result<bool, StorageError> {
        if self.causes.iter().any(|cause| matches!(cause, Cause::NoSharedBook { .. })) {
            return Ok(false);
        }
        let id = &self.record.database.id;
        let job = JobName::Customers1010;
        let share = Share::of(self.tx, self.record, job)?;
        // A session may be forgotten by now: then the position tells.
        let position = self.tx.position_get(id, job)?;
        let has_customers = !self.tx.audience_get(id, job)?.lacks(Table::Customer);
        let is_up_to_date = match position {
            Some(position) => {
                position.version >= alias.version && !self.begins_again(&share, position)?
            }
            None => false,
        };
        let is_here = has_customers && is_up_to_date;
        if let Some(is_here) = self.kept_back(&share, is_here)? {
            return Ok(is_here);
        }
        let (group, id) = (self.record.database.group.clone(), &self.record.database.id);
        let made = self.tx.row_version_get(&share.stream(&group, job))?.version;
        let is_made = made >= alias.version;
        if !is_made {
            self.causes.push(Cause::NotPacked { group, version: alias.version, made });
        }
        let open = self.tx.sessions_open(id)?;
        let open = open.into_iter().find(|session| session.job == JobName::Customers1010);
        if let Some(session) = open {
            let is_it = self.holds(&session, alias)?;
            self.causes.push(Cause::Held { session: SessionTrouble::of(&session), is_it });
            return Ok(false);
        }
        if !is_made {
            return Ok(false);
        }
        if let Some(session) = self.canceled(alias)? {
            let group = self.record.database.group.clone();
            self.causes.push(Cause::Canceled { session: SessionTrouble::of(&session), group });
            return Ok(false);
        }
        if is_here {
            self.causes.push(Cause::Here { since: None });
            return Ok(true);
        }
        if !self.causes.iter().any(Cause::is_of_connection) {
            let last_seen_at = self.record.last_seen_at;
            self.causes.push(Cause::NotFetched { last_seen_at });
        }
        Ok(false)
    }

    /// Whether a database near the newest package waits for a snapshot: address books of its group
    /// have changed, and it has what was in them before.
    fn begins_again(&mut self, share: &Share, position: Position) -> Result<bool, StorageError> {
        let stream = share.stream(&self.record.database.group, JobName::Customers1010);
        let newest = self.tx.row_version_get(&stream)?.sequence;
        let next = position.sequence + 1;
        let is_near = (next..next + BACKLOG_MAX).contains(&newest);
        Ok(is_near && self.tx.delta_get(&stream, next)?.is_none())
    }

    /// Whether a register that gets no customers now has this one from before; nothing for one that
    /// gets them.
    fn kept_back(&mut self, share: &Share, is_here: bool) -> Result<Option<bool>, StorageError> {
        let job = JobName::Customers1010;
        let lacks_customers = share.audience.lacks(Table::Customer);
        if !lacks_customers && share.held.is_none() {
            return Ok(None);
        }
        let cause = if is_here {
            Cause::Here { since: None }
        } else if lacks_customers {
            let levers = Levers::read(self.tx)?;
            Cause::Excluded { levers: levers.that_lack(job, Table::Customer) }
        } else {
            Cause::Paused
        };
        self.causes.push(cause);
        Ok(Some(is_here))
    }

    fn canceled(
        &mut self,
        alias: &AliasRecord,
    ) -> Result<Option<DownloadSessionRecord>, StorageError> {
        let filter = SessionFilter {
            database: Some(self.record.database.id.clone()),
            status: Some(DownloadStatus::Canceled),
            before: None,
            limit: SESSIONS_MAX,
        };
        for session in self.tx.sessions_list(&filter)? {
            if session.job == JobName::Customers1010 && self.holds(&session, alias)? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// Whether the package of a session brings the account.
    fn holds(
        &mut self,
        session: &DownloadSessionRecord,
        alias: &AliasRecord,
    ) -> Result<bool, StorageError> {
        let Some(package) = self.tx.package_get(&session.package)? else { return Ok(false) };
        let Some(Span::Download { from, to, .. }) = package.manifest.map(|found| found.span) else {
            return Ok(false);
        };
        let begins_before = package.scope == Scope::Snapshot || from < alias.version.0;
        Ok(begins_before && to >= alias.version.0)
    }
}
