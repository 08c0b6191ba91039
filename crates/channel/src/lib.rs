//! An edge: the node of a store (channel) or of one till (register).
//!
//! It records what is done where it is done, in an append-only operation log, and exchanges it
//! with its upstream over the protocol of `tillsync-exchange`. It must never wait for its upstream
//! to accept a customer, edit or forget a recorded operation, open a socket, or read a clock or
//! draw a random number that was not handed to it.

pub mod apply;
pub mod clients;
pub mod create;
pub mod db;
pub mod download;
pub mod edge;
pub mod exchange_loop;
pub mod find;
pub mod health;
pub mod identity;
pub mod inspect;
mod link;
mod log;
mod project;
pub mod receive;
pub mod search;
mod signals;
pub mod upload;
pub mod upstream;
mod words;

pub use db::{Db, DbError};
pub use edge::{Edge, EdgeOptions};

#[cfg(test)]
mod tests;
