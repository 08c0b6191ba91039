//! Headquarters as a stranger sees it: real sockets, real packages, real refusals.

mod api;
mod authorization;
mod bucket;
mod exchange;
mod exclusion;
mod features;
mod limits;
mod links;
mod nodes;
mod operations;
mod orders;
mod polls;
mod posting;
mod profiles;
mod realtime;
mod recovery;
mod server;
mod site;
mod staff;
