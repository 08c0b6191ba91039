//! The standard jobs and the names under which people know them.

use std::fmt;
use std::str::FromStr;

/// A job that headquarters runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobName {
    /// The P-job: channels send their operations to headquarters.
    P0001,
    /// Gives account numbers to what was uploaded.
    SynchronizeCustomers,
    /// Customers: sends accounts and customer data to the channels.
    Customers1010,
    /// Products: sends items and prices to the channels.
    Products1040,
    /// Channel configuration: sends functionality profiles to the channels (F46).
    ChannelConfiguration1070,
    /// Registers: sends offline profiles, and what is kept from offline databases.
    Registers1090,
    /// Staff: sends who may sign in at tills.
    Staff1060,
    /// Global configuration: sends feature switches to the channels (F46).
    GlobalConfiguration1110,
    /// Makes sales orders of uploaded customer orders, promoting whom they need (F13, F14).
    SynchronizeOrders,
    /// Decides which uploaded transactions may be posted (F96).
    ValidateTransactions,
    /// Trickle feed: calculates and posts what was sold, as often as wanted (F103).
    TransactionalStatements,
    /// Trickle feed: calculates and posts the counts of closed shifts (F103).
    FinancialStatements,
    /// Classic posting: both in one statement at the end of the day.
    ClassicStatements,
}

/// A text that names no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no job {0:?}; the jobs are P-0001, synchronize-customers, 1010, 1040, 1060, 1070, \
     1090, 1110, synchronize-orders, validate-transactions, transactional-statements, \
     financial-statements and classic-statements"
)]
pub struct UnknownJob(pub String);

/// Both published names of the promotion job, which the reference documentation uses side by side
/// (F12).
pub const SYNCHRONIZE_CUSTOMERS_ALIASES: [&str; 2] = [
    "Synchronize customers and business partners from async mode",
    "Synchronize customers and channel requests",
];

impl JobName {
    /// Every job, in the order in which a day runs them.
    pub const ALL: [JobName; 13] = [
        JobName::ChannelConfiguration1070,
        JobName::Registers1090,
        JobName::GlobalConfiguration1110,
        JobName::Staff1060,
        JobName::Products1040,
        JobName::P0001,
        JobName::SynchronizeCustomers,
        JobName::Customers1010,
        JobName::SynchronizeOrders,
        JobName::ValidateTransactions,
        JobName::TransactionalStatements,
        JobName::FinancialStatements,
        JobName::ClassicStatements,
    ];

    /// The jobs that send something down, and so make packages.
    pub const DOWNLOADS: [JobName; 6] = [
        JobName::ChannelConfiguration1070,
        JobName::Registers1090,
        JobName::GlobalConfiguration1110,
        JobName::Staff1060,
        JobName::Products1040,
        JobName::Customers1010,
    ];

    /// The short name, used in commands, URLs and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            JobName::P0001 => "P-0001",
            JobName::SynchronizeCustomers => "synchronize-customers",
            JobName::Customers1010 => "1010",
            JobName::Products1040 => "1040",
            JobName::ChannelConfiguration1070 => "1070",
            JobName::Registers1090 => "1090",
            JobName::Staff1060 => "1060",
            JobName::GlobalConfiguration1110 => "1110",
            JobName::SynchronizeOrders => "synchronize-orders",
            JobName::ValidateTransactions => "validate-transactions",
            JobName::TransactionalStatements => "transactional-statements",
            JobName::FinancialStatements => "financial-statements",
            JobName::ClassicStatements => "classic-statements",
        }
    }

    /// What the job does, in the words of the reference system.
    pub fn title(self) -> &'static str {
        match self {
            JobName::P0001 => "Upload channel transactions and asynchronous customers",
            JobName::SynchronizeCustomers => SYNCHRONIZE_CUSTOMERS_ALIASES[0],
            JobName::Customers1010 => "Customers",
            JobName::Products1040 => "Products",
            JobName::ChannelConfiguration1070 => "Channel configuration",
            JobName::Registers1090 => "Registers",
            JobName::Staff1060 => "Staff",
            JobName::GlobalConfiguration1110 => "Global configuration",
            JobName::SynchronizeOrders => "Synchronize orders",
            JobName::ValidateTransactions => "Validate store transactions",
            JobName::TransactionalStatements => "Post transactional statements",
            JobName::FinancialStatements => "Post financial statements",
            JobName::ClassicStatements => "Post statements",
        }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobName {
    type Err = UnknownJob;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let named = |name: &&str| name.eq_ignore_ascii_case(text);
        if SYNCHRONIZE_CUSTOMERS_ALIASES.iter().any(named) {
            return Ok(JobName::SynchronizeCustomers);
        }
        JobName::ALL
            .into_iter()
            .find(|job| named(&job.as_str()))
            .ok_or_else(|| UnknownJob(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_published_names_start_the_same_job() {
        for name in [
            "synchronize-customers",
            "Synchronize customers and business partners from async mode",
            "synchronize customers and channel requests",
        ] {
            assert_eq!(name.parse(), Ok(JobName::SynchronizeCustomers));
        }
        assert_eq!("p-0001".parse(), Ok(JobName::P0001));
        assert_eq!("1020".parse::<JobName>(), Err(UnknownJob("1020".into())));
    }

    #[test]
    fn every_short_name_parses_back() {
        for job in JobName::ALL {
            assert_eq!(job.as_str().parse(), Ok(job));
        }
    }
}
