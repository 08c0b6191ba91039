//! What an operator's doctor would say: no database contradicts itself.

use tillsync_channel::inspect::inspect_database;
use tillsync_hq::check::{CheckDepth, Severity};
use tillsync_hq::storage::Storage;

use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct Doctor {
    /// Whether objects of the package store are gone, so that the doctor must say so.
    is_package_lost: bool,
}

/// What the doctor says of packages without bytes.
const LOST: &str = "have lost their bytes";

impl Checker for Doctor {
    fn name(&self) -> &'static str {
        "doctor"
    }

    fn saw(&mut self, observation: &Observation) {
        self.is_package_lost |= matches!(observation, Observation::PackageLost { .. });
    }

    /// Past every node, which may be dead, and without packages, which a fault may have taken.
    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let storage = scene.chain.hq.storage();
        let storage: &dyn Storage = storage.as_ref();
        let found = storage.read(|tx| {
            let mut found = tx.customers_check()?;
            found.extend(tx.postings_check()?);
            Ok(found)
        });
        found.expect("the database answers")
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let Some(node) = scene.chain.hq.running().into_iter().next() else {
            return vec!["no node runs".to_owned()];
        };
        let report = match node.hq.check(CheckDepth::EveryRow) {
            Ok(report) => report,
            Err(error) => return vec![format!("the doctor cannot look: {error}")],
        };
        let is_known = |message: &str| self.is_package_lost && message.contains(LOST);
        let errors = report
            .findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error && !is_known(&finding.message));
        let mut findings: Vec<String> = errors.map(|finding| finding.message).collect();
        for site in scene.sites() {
            let inspection = inspect_database(&site.file()).expect("an edge's database");
            findings.extend(inspection.damage.iter().map(|line| format!("{}: {line}", site.id)));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn what_the_doctor_says_is_a_finding() {
        let mut small = Small::new();
        small.customer("S1");
        small.settle();
        small.assert_rests::<Doctor>();
        small.harm_hq("UPDATE customer SET account = 'C-77777777'");
        small.assert_finds::<Doctor>("");
        small.assert_unrest::<Doctor>("");
    }
}
