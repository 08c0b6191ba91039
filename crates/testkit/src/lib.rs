//! What tests of several crates share: builders of rows and plans, the suite that every storage
//! backend must pass, and whole chains in one thread.
//!
//! Only tests may depend on this crate. Only the worlds name a
//! backend. It must never read a clock or draw a
//! random number that no seed replays.

pub mod books;
pub mod builders;
pub mod cluster;
pub mod conformance;
pub mod far_end;
pub mod headquarters;
pub mod world;
