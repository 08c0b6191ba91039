//! The simulator: one seed decides topology, workload and faults; headquarters, stores and
//! registers run their production code on a virtual clock, over a simulated network, on disks that
//! fail and machines that die.
//!
//! A run has two phases. While faults strike, what must always hold is looked at again and again.
//! Then all faults end, and everything must come to rest within a bound. The same seed gives the
//! same run, byte for byte.

pub mod chain;
pub mod checkers;
pub mod clock;
pub mod coverage;
pub mod dice;
mod digest;
pub mod faults;
mod loops;
pub mod machines;
pub mod net;
pub mod observe;
pub mod operations;
pub mod plan;
pub mod planted;
pub mod run;
pub mod shrink;
pub mod turns;
