//! What the commands for orders, transactions, statements, items and parameters print.

mod fleet;
mod items;
mod operations;
mod orders;
mod posting;
mod site;
mod transactions;
