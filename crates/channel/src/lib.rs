//! An edge: the node of a store (channel) or of one till (register).
//!
//! It records what is done where it is done, in an append-only log of customer operations and of
//! sales, orders and shifts, and exchanges it with its upstream over the protocol of
//! `tillsync-exchange`. It must never wait for its upstream to accept a sale, nor a customer unless
//! its functionality profile says so, and then not for long. It must never edit or forget anything
//! recorded, open a socket, or read a clock or draw a random number that was not
//! handed to it.

pub mod apply;
pub mod clients;
pub mod configuration;
pub mod create;
pub mod creation;
pub mod db;
pub mod download;
pub mod edge;
pub mod exchange_loop;
pub mod feature;
pub mod find;
pub mod health;
pub mod history;
pub mod holdings;
pub mod identity;
pub mod inspect;
mod intention;
pub mod items;
mod link;
mod log;
pub mod offline;
pub mod offline_profile;
pub mod profile;
mod project;
pub mod realtime;
pub mod receipts;
pub mod receive;
pub mod remote_search;
pub mod search;
pub mod sell;
mod sequences;
pub mod shifts;
pub mod sign_in;
mod signals;
pub mod staff;
mod testimony;
pub mod transactions;
pub mod upload;
pub mod upstream;
pub mod violations;

pub use db::{Db, DbError, Disk, DiskRefusal, RealDisk};
pub use edge::{Edge, EdgeOptions};

#[cfg(test)]
mod tests;
