//! What is kept from registers is in none of them, as soon as they are known to have applied that.

use std::collections::BTreeSet;

use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::storage::Storage;
use tillsync_testkit::world::excluded_rows;

use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct KeptBack {
    /// Databases that exist, or existed, twice: headquarters does not know which it hears.
    copied: BTreeSet<DatabaseId>,
}

impl Checker for KeptBack {
    fn name(&self) -> &'static str {
        "kept back"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::Restored { at, .. } | Observation::Cloned { at } = observation {
            self.copied.insert(at.clone());
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let storage = scene.chain.hq.storage();
        let storage: &dyn Storage = storage.as_ref();
        let changes = storage.read(|tx| tx.lever_changes(1));
        if changes.expect("the database answers").is_empty() {
            return vec![];
        }
        let running = scene.chain.hq.running();
        let Some(node) = running.first() else { return vec![] };
        let registers = scene
            .sites()
            .iter()
            .filter(|site| site.kind == DatabaseKind::Register && !self.copied.contains(&site.id));
        registers.flat_map(|site| excluded_rows(&node.hq, &site.id, &site.file())).collect()
    }
}
