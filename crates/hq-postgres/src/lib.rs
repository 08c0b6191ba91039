//! Headquarters on PostgreSQL: any number of processes over one database.
//!
//! This crate owns the schema and every statement of it. It must never decide anything that the
//! use cases of `tillsync-hq` decide, read a clock or draw a random number.
//!
//! Three rules keep many writers as safe as one:
//!
//! - Every write is a serializable transaction. One that lost against another is run again alone
//!   ([`storage`] is the only place that tries anything twice).
//! - The version of the change log is raised in one row, which stays locked until the commit: a
//!   version is never visible while a lower one is not ([`promotion::change_version`]).
//! - Positions of arrival may become visible out of order, so whoever goes through them "behind" a
//!   position begins anew from the start with each run.

mod address;
mod aggregates;
mod columns;
mod customers;
mod customers_check;
mod databases;
mod distribution;
mod distribution_writes;
mod documents;
mod documents_writes;
mod error;
mod exclusion;
mod features;
mod inbox;
mod items;
mod jobs;
mod ledger;
mod migrations;
mod news;
mod nodes;
mod operations;
mod parameters;
mod pool;
mod postings_check;
mod profiles;
mod promotion;
mod recovery;
mod search;
mod sequences;
mod shifts;
mod staff;
mod statements;
mod storage;
mod tls;
mod transactions;
mod trouble;
mod tx;
mod whole;

pub use migrations::pending_migrations;
pub use news::{NewsUrls, PostgresNews};
pub use storage::PostgresStorage;
pub use trouble::{Trouble, trouble_of};
pub use whole::PostgresWhole;
