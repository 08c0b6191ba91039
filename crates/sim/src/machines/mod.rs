//! The machines of a run: each with its own process, clock, entropy and disk.

pub mod edge;
pub mod hq;
pub mod storage;
