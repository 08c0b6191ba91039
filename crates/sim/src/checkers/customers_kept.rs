//! No acknowledged customer is lost, none is changed, and none is there twice: each last name is
//! drawn for one customer alone.

use std::collections::{BTreeMap, BTreeSet};

use tillsync_domain::ids::{CustomerGuid, DatabaseId};
use uuid::Uuid;

use super::scene::{Entry, rows, uuid};
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct CustomersKept {
    acknowledged: BTreeMap<CustomerGuid, (DatabaseId, String)>,
}

impl Checker for CustomersKept {
    fn name(&self) -> &'static str {
        "customers kept"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Created { at, guid, name, .. } => {
                self.acknowledged.insert(*guid, (at.clone(), name.clone()));
            }
            Observation::Restored { lost, .. } | Observation::Revoked { lost, .. } => {
                for guid in &lost.customers {
                    self.acknowledged.remove(guid);
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let names = names(scene);
        let staged: BTreeSet<Uuid> = created(scene.hq_log().values()).collect();
        let mut findings = Vec::new();
        let mut named: BTreeMap<&str, &Uuid> = BTreeMap::new();
        for (guid, name) in &names {
            let Some(name) = name else { continue };
            if let Some(other) = named.insert(name, guid) {
                findings.push(format!("headquarters has {name} twice, as {other} and as {guid}"));
            }
        }
        for (guid, (at, name)) in &self.acknowledged {
            match names.get(guid.as_uuid()) {
                Some(found) if found.as_ref() == Some(name) => {}
                Some(found) => findings.push(format!("{guid} was {name}, and is {found:?} now")),
                None if staged.contains(guid.as_uuid()) => {}
                None if created(scene.logs_on_the_way(at)).any(|id| id == *guid.as_uuid()) => {}
                None => findings.push(format!("{guid}, acknowledged at {at}, is lost")),
            }
        }
        findings
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = self.look(scene);
        let without = |guid: &&CustomerGuid| !scene.aliases().contains_key(guid.as_uuid());
        for guid in self.acknowledged.keys().filter(without) {
            findings.push(format!("{guid} has no account"));
        }
        findings
    }
}

/// The last names at headquarters.
fn names(scene: &Scene<'_>) -> BTreeMap<Uuid, Option<String>> {
    let sql = "SELECT customer.guid, party.last_name FROM customer
        JOIN party ON party.number = customer.party";
    let found = rows(&scene.hq(), sql, [], |row| (uuid(row, 0), row.get(1).expect("a name")));
    found.into_iter().collect()
}

fn created<'a>(log: impl Iterator<Item = &'a Entry>) -> impl Iterator<Item = Uuid> {
    log.filter(|entry| entry.kind == "create_customer").filter_map(|entry| entry.customer)
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    #[test]
    fn a_customer_that_is_nowhere_any_more_is_lost() {
        let mut small = Small::new();
        let guid = small.customer("S1");
        small.assert_sound::<CustomersKept>();
        small.harm_edge("S1", "DELETE FROM operation");
        small.assert_finds::<CustomersKept>(&format!("{guid}, acknowledged at S1, is lost"));
    }

    #[test]
    fn a_customer_that_is_there_twice_is_found() {
        let mut small = Small::new();
        small.customer("S1");
        small.customer("S1");
        small.settle();
        small.assert_rests::<CustomersKept>();
        small.harm_hq("UPDATE party SET last_name = 'N1' WHERE last_name IS NOT NULL");
        small.assert_finds::<CustomersKept>("headquarters has N1 twice");
    }

    #[test]
    fn a_customer_with_another_name_is_found() {
        let mut small = Small::new();
        let guid = small.customer("S1");
        small.settle();
        small.assert_rests::<CustomersKept>();
        small.harm_hq("UPDATE party SET last_name = 'Nobody'");
        small.assert_finds::<CustomersKept>(&format!("{guid} was N"));
    }
}
