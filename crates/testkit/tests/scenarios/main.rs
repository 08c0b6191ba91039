//! Stories of a chain, each in one thread with real code at both ends of every line. Every world
//! checks itself when its story is over.
#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod any_mix;
mod convert;
mod creation_modes;
mod distribute;
mod exclusion;
mod features;
mod hq_restore;
mod hq_restore_killed;
mod identity;
mod items;
mod jobs;
mod kill;
mod lost_packages;
mod nodes;
mod not_emptied;
mod numbers;
mod order_mode;
mod orders;
mod packages;
mod planted;
mod races;
mod register_offline;
mod remote_search;
mod restore;
mod sales;
mod staff;
mod statements;
mod upload;
mod validation;
mod why_not_here;
