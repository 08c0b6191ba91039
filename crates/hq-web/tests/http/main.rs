//! Headquarters as a stranger sees it: real sockets, real packages, real refusals.

mod api;
mod authorization;
mod exchange;
mod polls;
mod server;
mod site;
