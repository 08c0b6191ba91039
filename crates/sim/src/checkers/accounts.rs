//! GUID to account is a function, injective, and the same everywhere, for ever.

use std::collections::BTreeMap;
use std::path::PathBuf;

use uuid::Uuid;

use super::scene::{rows, text, uuid};
use super::{Checker, Scene};
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct Accounts {
    /// Which headquarters gave what; another copy of it may give anew.
    file: PathBuf,
    given: BTreeMap<Uuid, String>,
    owners: BTreeMap<String, Uuid>,
    /// What tills were answered since the last look.
    told: Vec<(Uuid, String)>,
}

impl Checker for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn saw(&mut self, observation: &Observation) {
        if let Observation::Created { guid, account: Some(account), .. } = observation {
            self.told.push((*guid.as_uuid(), account.to_string()));
        }
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let file = scene.chain.hq.file();
        let told = std::mem::take(&mut self.told);
        if self.file != file {
            *self = Accounts { file, ..Accounts::default() };
        }
        for (guid, account) in told {
            self.given.entry(guid).or_insert(account);
        }
        let mut findings = Vec::new();
        for (guid, account) in scene.aliases() {
            let before = self.given.entry(*guid).or_insert_with(|| account.clone());
            if before != account {
                findings.push(format!("{guid} had account {before}, and has {account} now"));
            }
            let owner = self.owners.entry(account.clone()).or_insert(*guid);
            if owner != guid {
                findings.push(format!("{account} is the account of {owner} and of {guid}"));
            }
        }
        for guid in self.given.keys().filter(|guid| !scene.aliases().contains_key(guid)) {
            findings.push(format!("{guid} had account {}, and has none now", self.given[guid]));
        }
        findings.extend(customers(scene));
        for site in scene.sites() {
            findings.extend(at_edge(scene, site));
        }
        findings
    }
}

/// Each account has its customer, and each customer has its account.
fn customers(scene: &Scene<'_>) -> Vec<String> {
    let sql = "SELECT guid, account FROM customer";
    let found = rows(&scene.hq(), sql, [], |row| (uuid(row, 0), text(row, 1)));
    let customers: BTreeMap<Uuid, String> = found.into_iter().collect();
    if customers == *scene.aliases() {
        return vec![];
    }
    let keys = customers.keys().chain(scene.aliases().keys());
    let differs = |guid: &&Uuid| customers.get(guid) != scene.aliases().get(guid);
    let mut findings: Vec<String> = keys
        .filter(differs)
        .map(|guid| {
            let (customer, alias) = (customers.get(guid), scene.aliases().get(guid));
            format!("{guid} is customer {customer:?}, but its alias is {alias:?}")
        })
        .collect();
    findings.sort();
    findings.dedup();
    findings
}

/// An edge knows no account but those that headquarters gave, and each of them once.
fn at_edge(scene: &Scene<'_>, site: &crate::machines::edge::EdgeSite) -> Vec<String> {
    let sql = "SELECT guid, account FROM customer WHERE account IS NOT NULL";
    let found = rows(&scene.edge(site), sql, [], |row| (uuid(row, 0), text(row, 1)));
    let (mut owners, mut findings) = (BTreeMap::new(), Vec::new());
    for (guid, account) in found {
        if scene.aliases().get(&guid) != Some(&account) {
            let own = scene.aliases().get(&guid);
            findings.push(format!("{} knows {guid} as {account}, not {own:?}", site.id));
        }
        if let Some(other) = owners.insert(account.clone(), guid) {
            findings.push(format!("{} has {other} and {guid} under {account}", site.id));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use tillsync_domain::ids::AccountNumber;

    use super::super::small::Small;
    use super::*;

    fn with_two() -> Small {
        let mut small = Small::new();
        small.customer("S1");
        small.customer("S1");
        small.settle();
        small.assert_rests::<Accounts>();
        small
    }

    #[test]
    fn an_account_that_changes_is_found() {
        let small = with_two();
        let mut checker = Accounts::default();
        assert_eq!(small.look(&mut checker), [""; 0]);
        small.harm_hq("UPDATE alias SET account = 'C-99999999' WHERE account = 'C-00000002'");
        let findings = small.look(&mut checker).join("\n");
        assert!(findings.contains("had account C-00000002, and has C-99999999"), "{findings}");
        assert!(findings.contains("but its alias is Some(\"C-99999999\")"), "{findings}");
    }

    #[test]
    fn an_account_that_a_till_was_answered_and_nobody_gave_is_found() {
        let mut small = with_two();
        let at = "S1".parse().expect("a database");
        let guid = small.customer("S1");
        let account = AccountNumber::parse("C-77777777").ok();
        let name = "Answered".into();
        small.saw(Observation::Created { at, guid, name, addresses: vec![], account });
        small.assert_finds::<Accounts>(&format!("{guid} had account C-77777777, and has none"));
    }

    #[test]
    fn an_account_that_an_edge_knows_otherwise_is_found() {
        let small = with_two();
        small.harm_edge("S1", "UPDATE customer SET account = 'X' WHERE account = 'C-00000003'");
        small.assert_finds::<Accounts>("as X, not Some(\"C-00000003\")");
    }
}
