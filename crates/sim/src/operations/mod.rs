//! What people do: one operation a file. A new capability adds a file and a row here.

mod add_address;
mod create_customer;
mod order;
mod sell;
mod till;

use std::sync::Arc;

use crate::chain::Chain;
use crate::dice::Dice;

/// Something that somebody does.
pub trait Operation: Sync {
    /// Its name in stories and tables.
    fn kind(&self) -> &'static str;

    /// How often it happens among all operations.
    fn share(&self) -> u32;

    /// Does it, wherever the dice say, and tells the chain what was acknowledged or refused.
    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed;
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Performed {
    /// It was done.
    Done,
    /// It was refused, as the rules have it or as a broken machine must.
    Refused(String),
    /// There was nobody or nothing to do it with.
    NotNow,
}

/// Every operation.
pub const ALL: &[&dyn Operation] =
    &[&create_customer::CreateCustomer, &add_address::AddAddress, &sell::Sell, &order::Order];
