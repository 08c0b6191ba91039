//! `/realtime/v1`: what a channel asks while a till waits, one call a file.
//!
//! Nothing here falls back to anything: a till whose call is not answered knows what to do itself.

pub(crate) mod customers;
pub(crate) mod orders;
pub(crate) mod search;
