//! A log has no gap, nothing in it ever changes, and headquarters has each entry as it was
//! written, once.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tillsync_domain::ids::DatabaseId;
use uuid::Uuid;

use super::scene::Entry;
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct Logs {
    /// What each database was seen to hold. A copy of it begins anew.
    seen: BTreeMap<PathBuf, BTreeMap<Uuid, Entry>>,
    /// Databases that exist, or existed, twice: one copy does not know what the other wrote.
    copied: BTreeSet<DatabaseId>,
}

impl Checker for Logs {
    fn name(&self) -> &'static str {
        "logs"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::Restored { at, .. } | Observation::Cloned { at } = observation {
            self.copied.insert(at.clone());
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = Vec::new();
        let hq = scene.hq_log();
        findings.extend(self.strangers(scene));
        findings.extend(self.changes("headquarters", scene.chain.hq.file(), hq.values()));
        findings.extend(doubles("headquarters", hq.values()));
        for site in scene.sites() {
            let log = scene.log(&site.id);
            findings.extend(self.changes(site.id.as_str(), site.file(), log.iter()));
            findings.extend(doubles(site.id.as_str(), log.iter()));
            for (entry, expected) in log.iter().zip(1..) {
                if entry.counter != expected {
                    let Entry { counter, .. } = entry;
                    findings.push(format!("{} has {counter} where {expected} belongs", site.id));
                    break;
                }
            }
            for entry in log {
                if let Some(arrived) = hq.get(&entry.id)
                    && !is_same(entry, arrived)
                {
                    let (wrote, has) = (words(entry), words(arrived));
                    findings.push(format!("{} wrote {wrote}, headquarters has {has}", site.id));
                }
            }
        }
        findings
    }
}

impl Logs {
    /// What headquarters has, and nobody ever wrote. What it was asked for while a till waited
    /// stands in no log yet, but was written down before.
    fn strangers(&self, scene: &Scene<'_>) -> Vec<String> {
        let whole = scene.sites().iter().filter(|site| !self.copied.contains(&site.id));
        let written: BTreeMap<&str, BTreeSet<Uuid>> = whole
            .map(|site| {
                let log = scene.log(&site.id).iter().map(|it| it.id);
                (site.id.as_str(), log.chain(scene.intended(site)).collect())
            })
            .collect();
        let is_strange = |entry: &&Entry| {
            written.get(entry.origin.as_str()).is_some_and(|log| !log.contains(&entry.id))
        };
        let strange = scene.hq_log().values().filter(is_strange);
        strange
            .map(|entry| {
                format!("headquarters has {}, which {} never wrote", words(entry), entry.origin)
            })
            .collect()
    }

    fn changes<'e>(
        &mut self,
        place: &str,
        file: PathBuf,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Vec<String> {
        let seen = self.seen.entry(file).or_default();
        let (mut findings, mut there) = (Vec::new(), 0);
        for entry in entries {
            match seen.entry(entry.id) {
                Slot::Vacant(slot) => drop(slot.insert(entry.clone())),
                Slot::Occupied(slot) if slot.get() == entry => {}
                Slot::Occupied(slot) => {
                    let (was, is) = (words(slot.get()), words(entry));
                    findings.push(format!("{place} had {was}, and has {is} now"));
                }
            }
            there += 1;
        }
        if there < seen.len() {
            let gone = seen.len() - there;
            findings.push(format!("{place} has lost {gone} entries of its log"));
        }
        findings
    }
}

fn is_same(here: &Entry, there: &Entry) -> bool {
    let what = |entry: &Entry| (entry.number.clone(), entry.kind.clone(), entry.customer);
    here.content == there.content && here.origin == there.origin && what(here) == what(there)
}

/// Two entries that say the same of one customer are one act that was done twice.
fn doubles<'e>(place: &str, entries: impl Iterator<Item = &'e Entry>) -> Vec<String> {
    let mut acts = BTreeMap::new();
    let mut findings = Vec::new();
    for entry in entries.filter(|entry| entry.customer.is_some()) {
        // An address has an identity of its own; a customer is created once, whatever it says.
        let words = if entry.kind == "create_customer" { "" } else { entry.content.as_str() };
        if let Some(other) = acts.insert((entry.customer, &entry.kind, words), entry.id) {
            let (what, again) = (self::words(entry), entry.id);
            findings.push(format!("{place} has {what} twice, as {other} and as {again}"));
        }
    }
    findings
}

fn words(entry: &Entry) -> String {
    let Entry { counter, kind, content, .. } = entry;
    format!("{kind} {counter}: {content}")
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn uploaded() -> Small {
        let mut small = Small::new();
        small.customer("S1");
        small.sale("S1");
        small.settle();
        small.assert_rests::<Logs>();
        small
    }

    #[test]
    fn a_gap_in_a_log_is_found() {
        let small = uploaded();
        small.harm_edge("S1", "UPDATE document SET counter = counter + 10");
        small.assert_finds::<Logs>("where 2 belongs");
    }

    #[test]
    fn an_entry_that_changes_or_goes_is_found() {
        let small = uploaded();
        let mut checker = Logs::default();
        assert_eq!(small.look(&mut checker), [""; 0]);
        small.harm_hq("UPDATE operation SET content = '{}' WHERE origin = 'S1'");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("headquarters had create_customer"), "{findings}");
        assert!(findings.contains("S1 wrote create_customer 1"), "{findings}");
        small.harm_hq("DELETE FROM document");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("headquarters has lost 2 entries"), "{findings}");
    }

    #[test]
    fn an_operation_that_is_done_twice_is_found() {
        let small = uploaded();
        small.harm_hq(
            "INSERT INTO operation (id, counter, customer, kind, created_at, origin, content,
                    hash, source, epoch, received_at)
                SELECT randomblob(16), counter, customer, kind, created_at, origin, content, hash,
                    source, epoch, received_at FROM operation WHERE origin = 'S1'",
        );
        small.assert_finds::<Logs>("twice, as");
    }
}
