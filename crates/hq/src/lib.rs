//! Headquarters: the only authority for account numbers.
//!
//! Use cases, one verb a file, over a storage contract that any backend can keep. This crate must
//! never name a backend, open a socket, read a clock or draw a random number: time and entropy
//! are arguments.

pub mod storage;
