//! `/exchange/v1`: what a channel says to headquarters, one endpoint a file.
//!
//! The messages are those of `tillsync_exchange::messages`; `docs/protocol.md` describes them.

pub(crate) mod downloads;
pub(crate) mod enrol;
pub(crate) mod hello;
pub(crate) mod packages;
pub(crate) mod poll;
pub(crate) mod uploads;
