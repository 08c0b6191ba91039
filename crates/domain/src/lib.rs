//! The rules of asynchronous customers and of what they buy: identities, widths, operations,
//! number sequences, promotion, trades, shifts, orders, statements.
//!
//! This crate must never read a clock, draw a random number, touch a disk or a socket, or know
//! how its values are written down. Everything here is a function of its arguments.

pub mod clock;
pub mod customer;
pub mod document;
pub mod entropy;
pub mod feature;
pub mod ids;
pub mod item;
pub mod job;
pub mod kind;
pub mod money;
pub mod number_sequence;
pub mod offline;
pub mod offline_profile;
pub mod operation;
pub mod order;
pub mod profile;
pub mod promotion;
pub mod shift;
pub mod staff;
pub mod statement;
pub mod trade;
pub mod validation;
