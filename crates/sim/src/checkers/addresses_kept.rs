//! No acknowledged address is lost, changed, or another customer's.

use std::collections::BTreeMap;

use serde_json::Value;
use tillsync_domain::ids::{AddressGuid, CustomerKey, DatabaseId};
use uuid::Uuid;

use super::scene::{Entry, rows, uuid};
use super::{Checker, Scene};
use crate::observe::Observation;

/// The fields of an address: their names in packages, which are those of the columns.
const FIELDS: [&str; 10] = [
    "name",
    "street",
    "street_number",
    "city",
    "county",
    "state",
    "zip_code",
    "country",
    "phone",
    "email",
];

#[derive(Default)]
pub(super) struct AddressesKept {
    acknowledged: BTreeMap<AddressGuid, (DatabaseId, CustomerKey)>,
}

impl Checker for AddressesKept {
    fn name(&self) -> &'static str {
        "addresses kept"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Created { at, guid, addresses, .. } => {
                for address in addresses {
                    let owner = (at.clone(), CustomerKey::Temporary(*guid));
                    self.acknowledged.insert(*address, owner);
                }
            }
            Observation::AddressAdded { at, customer, address } => {
                self.acknowledged.insert(*address, (at.clone(), customer.clone()));
            }
            Observation::Restored { lost, .. } | Observation::Revoked { lost, .. } => {
                for address in &lost.addresses {
                    self.acknowledged.remove(address);
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        self.find(scene, false)
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        self.find(scene, true)
    }
}

impl AddressesKept {
    fn find(&self, scene: &Scene<'_>, is_at_rest: bool) -> Vec<String> {
        let mut findings = Vec::new();
        let there = addresses(scene);
        let staged = added(scene.hq_log().values());
        for (address, (at, customer)) in &self.acknowledged {
            let id = *address.as_uuid();
            if let Some((owner, fields)) = there.get(&id) {
                if !is_owner(scene, customer, owner) {
                    findings.push(format!("address {address} of {customer} is {owner}'s"));
                }
                if let Some(sent) = staged.get(&id) {
                    findings.extend(changes(address, sent, fields));
                }
            } else if is_at_rest {
                findings.push(format!("address {address} of {customer} is not at headquarters"));
            } else if !staged.contains_key(&id)
                && !added(scene.logs_on_the_way(at)).contains_key(&id)
            {
                findings.push(format!("address {address}, acknowledged at {at}, is lost"));
            }
        }
        findings
    }
}

fn is_owner(scene: &Scene<'_>, customer: &CustomerKey, owner: &Uuid) -> bool {
    match customer {
        CustomerKey::Temporary(guid) => guid.as_uuid() == owner,
        CustomerKey::Numbered(account) => {
            scene.aliases().get(owner).is_some_and(|own| own == account.as_str())
        }
    }
}

/// What was sent stands there; what was left blank may be filled in.
fn changes(address: &AddressGuid, sent: &Value, fields: &[Option<String>]) -> Option<String> {
    let differs = |(name, found): (&&str, &Option<String>)| {
        sent.get(*name).is_some_and(|sent| sent.as_str() != found.as_deref())
    };
    let is_changed = FIELDS.iter().zip(fields).any(differs);
    is_changed.then(|| format!("address {address} was {sent}, and is {fields:?} now"))
}

type AtHeadquarters = BTreeMap<Uuid, (Uuid, Vec<Option<String>>)>;

fn addresses(scene: &Scene<'_>) -> AtHeadquarters {
    let sql = format!("SELECT guid, customer, {} FROM address", FIELDS.join(", "));
    let read = |row: &rusqlite::Row<'_>| {
        let fields = (0..FIELDS.len()).map(|column| row.get(2 + column).expect("a text"));
        (uuid(row, 0), (uuid(row, 1), fields.collect()))
    };
    rows(&scene.hq(), &sql, [], read).into_iter().collect()
}

fn added<'a>(log: impl Iterator<Item = &'a Entry>) -> BTreeMap<Uuid, Value> {
    let added = log.filter(|entry| entry.kind == "add_address");
    let contents = added.filter_map(|entry| serde_json::from_str::<Value>(&entry.content).ok());
    let by_guid = |content: Value| {
        let guid = content.get("guid")?.as_str()?.parse().ok()?;
        Some((guid, content))
    };
    contents.filter_map(by_guid).collect()
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn with_address() -> Small {
        let mut small = Small::new();
        let guid = small.customer("S1");
        small.address("S1", guid);
        small
    }

    #[test]
    fn an_address_that_is_nowhere_any_more_is_lost() {
        let small = with_address();
        small.assert_sound::<AddressesKept>();
        small.harm_edge("S1", "DELETE FROM operation WHERE kind = 'add_address'");
        small.assert_finds::<AddressesKept>("acknowledged at S1, is lost");
    }

    #[test]
    fn an_address_that_promotion_forgot_is_found_at_rest() {
        let small = with_address();
        small.settle();
        small.assert_rests::<AddressesKept>();
        small.harm_hq("DELETE FROM address");
        small.assert_unrest::<AddressesKept>("is not at headquarters");
    }

    #[test]
    fn an_address_of_another_street_or_customer_is_found() {
        let small = with_address();
        small.settle();
        small.harm_hq("UPDATE address SET street = 'Elsewhere'");
        small.assert_finds::<AddressesKept>("Elsewhere");
        small.harm_hq("UPDATE address SET customer = randomblob(16)");
        small.assert_finds::<AddressesKept>("'s");
    }
}
