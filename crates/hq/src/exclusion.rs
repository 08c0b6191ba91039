//! What is kept from offline databases (`domain.md` 6.2): three levers, all off until somebody
//! moves one. They concern registers only; a channel always gets everything.
//!
//! It must never decide by what a register says of itself.

mod change;
mod levers;
mod warnings;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use tillsync_domain::job::JobName;
use tillsync_exchange::rows::{Table, UnknownTable};

pub use change::{ExclusionError, ExclusionOverview, LeverChange, Moved};
pub use levers::Levers;
pub(crate) use warnings::exclusion_warnings;

/// The channel schema: how tables of headquarters become tables of a channel (F60).
pub const CHANNEL_SCHEMA: &str = "AX7";

/// A part of a download job: one table of the reference system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subjob {
    /// The global address book: the names of customers and of staff.
    Party,
    /// Customers.
    Customer,
    /// Postal addresses of customers.
    Address,
    /// Staff.
    Staff,
    /// Functionality profiles.
    Profile,
    /// Items.
    Item,
    /// Prices of items.
    Price,
    /// Registers.
    Register,
    /// Feature switches.
    Feature,
}

/// Which tables each job sends, and of which subjobs a row of each consists: it carries their
/// fields, or is nothing without them. When one of them is kept back, so is the row.
const BUNDLES: [(JobName, Table, &[Subjob]); 8] = [
    (JobName::Customers1010, Table::Customer, &[Subjob::Party, Subjob::Customer]),
    (JobName::Customers1010, Table::Address, &[Subjob::Party, Subjob::Customer, Subjob::Address]),
    (JobName::Staff1060, Table::Staff, &[Subjob::Party, Subjob::Staff]),
    (JobName::ChannelConfiguration1070, Table::Profile, &[Subjob::Profile]),
    (JobName::Products1040, Table::Item, &[Subjob::Item]),
    (JobName::Products1040, Table::Price, &[Subjob::Price]),
    (JobName::GlobalConfiguration1110, Table::Feature, &[Subjob::Feature]),
    (JobName::Registers1090, Table::Register, &[Subjob::Register]),
];

/// Tables that hold customers, whose rows the filter of the channel schema keeps back (F57).
const OF_CUSTOMERS: [Table; 2] = [Table::Customer, Table::Address];

impl Subjob {
    /// Every subjob.
    pub const ALL: [Subjob; 9] = [
        Subjob::Party,
        Subjob::Customer,
        Subjob::Address,
        Subjob::Staff,
        Subjob::Profile,
        Subjob::Item,
        Subjob::Price,
        Subjob::Register,
        Subjob::Feature,
    ];

    /// The name in commands, bodies and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Subjob::Party => "party",
            Subjob::Customer => "customer",
            Subjob::Address => "address",
            Subjob::Staff => "staff",
            Subjob::Profile => "profile",
            Subjob::Item => "item",
            Subjob::Price => "price",
            Subjob::Register => "register",
            Subjob::Feature => "feature",
        }
    }

    /// The jobs that have it.
    pub fn jobs(self) -> Vec<JobName> {
        let has_it = |job: &JobName| subjobs_of(*job).contains(&self);
        JobName::DOWNLOADS.into_iter().filter(has_it).collect()
    }
}

/// A text that names no subjob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no subjob {0:?}; the subjobs are party, customer, address, staff, profile, item, \
     price, register and feature"
)]
pub struct UnknownSubjob(pub String);

impl FromStr for Subjob {
    type Err = UnknownSubjob;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Subjob::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| UnknownSubjob(text.to_owned()))
    }
}

impl fmt::Display for Subjob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The subjobs of a job, in order; none for a job that sends nothing down.
pub fn subjobs_of(job: JobName) -> Vec<Subjob> {
    let of_job = BUNDLES.iter().filter(|(of, ..)| *of == job);
    let found: BTreeSet<Subjob> =
        of_job.flat_map(|(.., subjobs)| subjobs.iter().copied()).collect();
    found.into_iter().collect()
}

/// The tables that a job sends.
fn tables_of(job: JobName) -> impl Iterator<Item = (Table, &'static [Subjob])> {
    let of_job = BUNDLES.into_iter().filter(move |(of, ..)| *of == job);
    of_job.map(|(_, table, subjobs)| (table, subjobs))
}

/// The jobs whose packages hold customers.
pub fn jobs_with_customers() -> Vec<JobName> {
    let holds = |job: &JobName| tables_of(*job).any(|(table, _)| OF_CUSTOMERS.contains(&table));
    JobName::DOWNLOADS.into_iter().filter(holds).collect()
}

/// One of the three ways to keep something from offline databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lever {
    /// A whole job (F54).
    Job(JobName),
    /// A table, in every job that has it (F56).
    Subjob(Subjob),
    /// Customer rows in shared tables (F57).
    Filter,
}

/// A text that names no lever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing called {0:?} that can be kept from offline databases")]
pub struct UnknownLever(pub String);

impl fmt::Display for Lever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lever::Job(job) => write!(f, "job:{job}"),
            Lever::Subjob(subjob) => write!(f, "subjob:{subjob}"),
            Lever::Filter => write!(f, "filter:{CHANNEL_SCHEMA}"),
        }
    }
}

impl FromStr for Lever {
    type Err = UnknownLever;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownLever(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        let found = match kind {
            "job" => {
                JobName::DOWNLOADS.into_iter().find(|job| job.as_str() == name).map(Lever::Job)
            }
            "subjob" => name.parse().ok().map(Lever::Subjob),
            "filter" => (name == CHANNEL_SCHEMA).then_some(Lever::Filter),
            _ => None,
        };
        found.ok_or_else(unknown)
    }
}

/// Whom a package is for, by the tables that it does not hold. Databases of one group share the
/// packages of their audience.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(BTreeSet<Table>);

impl Audience {
    /// Nothing is kept back: channels, and registers while no lever concerns the job.
    pub const EVERYONE: Audience = Audience(BTreeSet::new());

    /// Those who get all but these tables.
    pub fn without(tables: impl IntoIterator<Item = Table>) -> Self {
        Audience(tables.into_iter().collect())
    }

    /// Whether nothing is kept back.
    pub fn is_everyone(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether rows of a table are kept back.
    pub fn lacks(&self, table: Table) -> bool {
        self.0.contains(&table)
    }

    /// Whether everything that a job sends is kept back.
    pub fn lacks_all_of(&self, job: JobName) -> bool {
        tables_of(job).all(|(table, _)| self.lacks(table))
    }

    /// What is kept back, by name.
    pub fn tables(&self) -> impl Iterator<Item = Table> {
        self.0.iter().copied()
    }
}

/// The tables that it lacks, joined by `+`; empty for everyone.
impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, table) in self.0.iter().enumerate() {
            let joint = if index == 0 { "" } else { "+" };
            write!(f, "{joint}{table}")?;
        }
        Ok(())
    }
}

impl FromStr for Audience {
    type Err = UnknownTable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split('+').filter(|name| !name.is_empty());
        names.map(str::parse).collect::<Result<_, _>>().map(Audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lever_and_audience_reads_as_it_was_written() {
        let jobs = JobName::DOWNLOADS.map(Lever::Job);
        let subjobs = Subjob::ALL.map(Lever::Subjob);
        for lever in jobs.into_iter().chain(subjobs).chain([Lever::Filter]) {
            assert_eq!(lever.to_string().parse(), Ok(lever));
        }
        assert!("job:P-0001".parse::<Lever>().is_err(), "it sends nothing down");
        assert!("filter:AX8".parse::<Lever>().is_err());
        let audience = Audience::without([Table::Address, Table::Customer]);
        for audience in [audience, Audience::EVERYONE] {
            assert_eq!(audience.to_string().parse(), Ok(audience));
        }
    }

    #[test]
    fn every_table_that_goes_down_is_of_one_job_and_some_subjobs() {
        for job in JobName::DOWNLOADS {
            assert!(!subjobs_of(job).is_empty(), "{job} sends nothing that can be kept back");
        }
        let mut tables: Vec<_> = BUNDLES.iter().map(|(_, table, _)| table).collect();
        tables.sort_unstable();
        tables.dedup();
        assert_eq!(tables.len(), BUNDLES.len());
        assert_eq!(jobs_with_customers(), [JobName::Customers1010]);
    }
}
