//! What breaks: one fault a file. A new capability adds a file and a row here.

mod cut;

use std::sync::Arc;

use crate::chain::Chain;
use crate::dice::Dice;

/// Something that breaks.
pub trait Fault: Sync {
    /// Its name in stories and tables.
    fn kind(&self) -> &'static str;

    /// How often it happens among all faults.
    fn share(&self) -> u32;

    /// Lets it happen, wherever the dice say, and tells the chain. One that passes plans its own
    /// end. Returns whether anything broke.
    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool;

    /// Undoes what is left of it, when all faults end.
    fn heal(&self, _chain: &Arc<Chain>) {}
}

/// Every fault.
pub const ALL: &[&dyn Fault] = &[&cut::CutLine];
