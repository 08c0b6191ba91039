//! Headquarters on PostgreSQL, as its operators see it.

mod nodes;
mod site;
mod transcript;
mod troubles;
