//! What must hold: one invariant a file. A new capability adds a file and a row here.
//!
//! Each keeps a record of its own of what was acknowledged and looks at the machines from outside.

mod customers_kept;

use crate::chain::Chain;
use crate::observe::Observation;

/// One invariant.
pub trait Checker {
    /// Its name in findings.
    fn name(&self) -> &'static str;

    /// Something was told to somebody.
    fn saw(&mut self, _observation: &Observation) {}

    /// What does not hold although it must hold at every moment, in sentences.
    fn look(&mut self, _chain: &Chain) -> Vec<String> {
        vec![]
    }

    /// What does not hold although faults have ended long ago, in sentences. Asked again and
    /// again until nobody finds anything or patience ends.
    fn look_at_rest(&mut self, chain: &Chain) -> Vec<String> {
        self.look(chain)
    }
}

/// Every checker, new.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![Box::<customers_kept::CustomersKept>::default()]
}
