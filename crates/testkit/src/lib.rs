//! What tests of several crates share: builders of rows and plans, and the suite that every
//! storage backend must pass.
//!
//! Only tests may depend on this crate. It must never name a backend, read a clock or draw a
//! random number that no seed replays.

pub mod builders;
pub mod conformance;
