//! The rules of asynchronous customers: identities, widths, operations, number sequences,
//! promotion.
//!
//! This crate must never read a clock, draw a random number, touch a disk or a socket, or know
//! how its values are written down. Everything here is a function of its arguments.

pub mod clock;
pub mod customer;
pub mod entropy;
pub mod ids;
pub mod job;
pub mod kind;
pub mod number_sequence;
pub mod operation;
pub mod promotion;
