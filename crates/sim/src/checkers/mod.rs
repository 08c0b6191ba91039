//! What must hold: one invariant a file. A new capability adds a file and a row here.
//!
//! Each keeps a record of its own of what was acknowledged and looks at the machines from outside.

mod accounts;
mod addresses_kept;
mod arrows;
mod books;
mod customers_kept;
mod doctor;
mod kept_back;
mod leases;
mod logs;
mod numbers;
mod placement;
mod products;
mod refused;
mod rest;
mod scene;
mod shifts_kept;
#[cfg(test)]
mod small;
mod trades_kept;
mod watermarks;
pub(crate) mod witness;

pub use scene::{Eyes, Scene};

use crate::observe::Observation;

/// One invariant.
pub trait Checker {
    /// Its name in findings.
    fn name(&self) -> &'static str;

    /// Something was told to somebody.
    fn saw(&mut self, _observation: &Observation) {}

    /// What does not hold although it must hold at every moment, in sentences.
    fn look(&mut self, _scene: &Scene<'_>) -> Vec<String> {
        vec![]
    }

    /// What does not hold although faults have ended long ago, in sentences. Asked again and
    /// again until nobody finds anything or patience ends.
    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        self.look(scene)
    }
}

/// Every checker, new.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<customers_kept::CustomersKept>::default(),
        Box::<addresses_kept::AddressesKept>::default(),
        Box::<trades_kept::TradesKept>::default(),
        Box::<shifts_kept::ShiftsKept>::default(),
        Box::<accounts::Accounts>::default(),
        Box::<numbers::Numbers>::default(),
        Box::<logs::Logs>::default(),
        Box::<watermarks::Watermarks>::default(),
        Box::<arrows::Arrows>::default(),
        Box::<leases::Leases>::default(),
        Box::<placement::Placement>::default(),
        Box::<kept_back::KeptBack>::default(),
        Box::<products::Products>::default(),
        Box::<books::Books>::default(),
        Box::<refused::Refused>::default(),
        Box::<doctor::Doctor>::default(),
        Box::<rest::Rest>::default(),
    ]
}
