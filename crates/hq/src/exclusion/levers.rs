//! How the levers stand, and what that means for the packages of each job.

use std::collections::BTreeSet;

use tillsync_domain::ids::Version;
use tillsync_domain::job::JobName;
use tillsync_exchange::rows::Table;

use super::{Audience, Lever, OF_CUSTOMERS, Subjob, tables_of};
use crate::storage::{LeverRecord, ReadTx, StorageError};

/// How the levers stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levers {
    /// The jobs that are kept from offline databases.
    pub jobs: BTreeSet<JobName>,
    /// The tables that are kept from them, in every job.
    pub subjobs: BTreeSet<Subjob>,
    /// Whether customer rows in shared tables are kept from them.
    pub is_filtered: bool,
    /// The version of the change log of the last change; zero when nobody ever touched one.
    pub version: Version,
}

impl Levers {
    /// Reads how they stand.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn read(tx: &mut dyn ReadTx) -> Result<Self, StorageError> {
        Ok(Levers::of(&tx.levers_all()?))
    }

    /// What these changes, the last of each lever, come to.
    pub fn of(changes: &[LeverRecord]) -> Self {
        let mut levers = Levers::default();
        for change in changes {
            levers.version = levers.version.max(change.version);
            if !change.is_on {
                continue;
            }
            match change.lever {
                Lever::Job(job) => drop(levers.jobs.insert(job)),
                Lever::Subjob(subjob) => drop(levers.subjobs.insert(subjob)),
                Lever::Filter => levers.is_filtered = true,
            }
        }
        levers
    }

    /// The levers by which a table of a job is kept back.
    pub fn that_lack(&self, job: JobName, table: Table) -> Vec<Lever> {
        let subjobs =
            tables_of(job).filter(|(it, _)| *it == table).flat_map(|(_, subjobs)| subjobs);
        let subjobs = subjobs.filter(|subjob| self.subjobs.contains(subjob));
        let mut levers: Vec<_> = subjobs.copied().map(Lever::Subjob).collect();
        if self.jobs.contains(&job) {
            levers.insert(0, Lever::Job(job));
        }
        if self.is_filtered && OF_CUSTOMERS.contains(&table) {
            levers.push(Lever::Filter);
        }
        levers
    }

    /// Whose packages of a job registers get. Those of a job that is kept back whole get none
    /// but the empty snapshot that a full synchronization offers (F55).
    pub fn audience(&self, job: JobName) -> Audience {
        let is_kept_back = self.jobs.contains(&job);
        let lacks = tables_of(job).filter(|(table, subjobs)| {
            is_kept_back
                || subjobs.iter().any(|subjob| self.subjobs.contains(subjob))
                || self.is_filtered && OF_CUSTOMERS.contains(table)
        });
        Audience::without(lacks.map(|(table, _)| table))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn levers(on: &[Lever]) -> Levers {
        let changed = |(index, lever): (usize, &Lever)| LeverRecord {
            lever: *lever,
            is_on: true,
            version: Version(index as u64 + 1),
            changed_at: Timestamp::UNIX_EPOCH,
            changed_by: "test".into(),
        };
        Levers::of(&on.iter().enumerate().map(changed).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_kept_back_of_customers_follows_from_the_levers() {
        let customers = Audience::without([Table::Customer, Table::Address]);
        let addresses = Audience::without([Table::Address]);
        for (lever, expected) in [
            (Lever::Job(JobName::Customers1010), customers.clone()),
            (Lever::Subjob(Subjob::Party), customers.clone()),
            (Lever::Subjob(Subjob::Customer), customers.clone()),
            (Lever::Subjob(Subjob::Address), addresses),
            (Lever::Filter, customers),
            (Lever::Job(JobName::Products1040), Audience::EVERYONE),
            (Lever::Subjob(Subjob::Item), Audience::EVERYONE),
        ] {
            assert_eq!(levers(&[lever]).audience(JobName::Customers1010), expected, "{lever}");
        }
    }

    #[test]
    fn prices_can_be_kept_back_without_items() {
        let levers = levers(&[Lever::Subjob(Subjob::Price)]);
        let audience = levers.audience(JobName::Products1040);
        assert_eq!(audience, Audience::without([Table::Price]));
        assert!(!audience.lacks_all_of(JobName::Products1040));
        assert_eq!(levers.audience(JobName::Customers1010), Audience::EVERYONE);
    }

    #[test]
    fn a_lever_that_was_moved_back_keeps_nothing_back_but_has_a_version() {
        let back = LeverRecord {
            lever: Lever::Filter,
            is_on: false,
            version: Version(7),
            changed_at: Timestamp::UNIX_EPOCH,
            changed_by: "test".into(),
        };
        let levers = Levers::of(&[back]);
        assert_eq!(levers, Levers { version: Version(7), ..Levers::default() });
    }
}
