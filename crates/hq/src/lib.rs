//! Headquarters: the only authority for account numbers.
//!
//! Use cases, one verb a file, over a storage contract that any backend can keep. This crate must
//! never name a database backend, open a socket, read a clock or draw a random number: time and
//! entropy are given to it.
//!
//! The way of the data: [`receive`] → [`promote`] → [`distribution`].

pub mod access;
pub mod check;
pub mod configuration;
pub mod copy;
pub mod create_now;
pub mod create_order_now;
pub mod default_customers;
pub mod distribution;
pub mod exclusion;
pub mod features;
mod header;
mod headquarters;
pub mod history;
pub mod items;
pub mod jobs;
pub mod nodes;
pub mod offline_profiles;
pub mod operations;
mod package_store;
pub mod parameters;
mod parties;
pub mod profiles;
pub mod promote;
pub mod receive;
pub mod recovery;
pub mod remote_search;
pub mod repair_transactions;
pub mod sequences;
mod signals;
pub mod staff;
pub mod statements;
pub mod storage;
pub mod synchronize_orders;
pub mod trace;
pub mod validate;
pub mod why_not_here;
pub mod workers;

pub use headquarters::{Headquarters, Ports};
pub use package_store::{
    BadPackageUrl, PackageLink, PackageStore, PackageStoreError, PackageUrl, StoredObject, Trouble,
};
pub use signals::{Announcer, News, Signals};
