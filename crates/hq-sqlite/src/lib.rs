//! Headquarters on SQLite: one file, one writer, many readers.
//!
//! This crate owns the schema and every statement of it. It must never decide anything that the
//! use cases of `tillsync-hq` decide, read a clock or draw a random number.

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
mod transactions;
mod whole;

pub use storage::SqliteStorage;
pub use whole::SqliteWhole;

use rusqlite::Connection;

/// One open transaction or snapshot; every aggregate's module implements its contract for it.
struct SqliteTx<'c> {
    connection: &'c Connection,
}
