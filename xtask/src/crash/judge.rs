//! What the databases say in the end, held against what the clients were told.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tillsync_fleet::{Edge, Program};

use crate::trial::print_counts;

/// What every database knows.
#[derive(Debug, Default)]
pub(crate) struct Dump {
    headquarters: Vec<Known>,
    edges: BTreeMap<String, HashMap<String, Option<String>>>,
}

#[derive(Debug)]
struct Known {
    guid: String,
    account: String,
    identification: String,
}

/// The end of every customer.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// Customers with an account.
    pub(crate) promoted: u64,
    /// Acknowledged customers without one.
    pub(crate) lost: Vec<String>,
    /// Customers with two accounts, or accounts with two customers.
    pub(crate) doubled: BTreeSet<String>,
    /// Accounts that an edge does not know or knows differently, by place.
    pub(crate) unknown: BTreeMap<String, u64>,
}

impl Judgement {
    /// Whether nothing is wrong.
    pub(crate) fn is_clean(&self) -> bool {
        let unknown: u64 = self.unknown.values().sum();
        self.lost.is_empty() && self.doubled.is_empty() && unknown == 0
    }

    /// Prints what became of the customers that were acknowledged, and further figures.
    pub(crate) fn print(&self, acknowledged: u64, further: &[(&str, u64)]) {
        let counts = [
            ("acknowledged", acknowledged),
            ("promoted", self.promoted),
            ("lost", self.lost.len() as u64),
            ("doubled", self.doubled.len() as u64),
        ];
        print_counts("customers", counts.iter().chain(further).copied());
    }

    /// What is wrong, one by one.
    pub(crate) fn details(&self) -> impl Iterator<Item = String> {
        let lost = self.lost.iter().map(|one| format!("lost: {one}"));
        lost.chain(self.doubled.iter().map(|one| format!("doubled: {one}")))
    }
}

impl Dump {
    /// Reads every database of a data directory.
    pub(crate) fn read(program: &Program, folder: &Path) -> Result<Dump> {
        let mut arguments: Vec<OsString> = vec!["inspect".into(), "--data-dir".into()];
        arguments.push(folder.into());
        let text = program.run(&arguments)?;
        let mut dump = Dump::default();
        for line in text.lines() {
            dump.add(line).with_context(|| format!("read the line {line:?}"))?;
        }
        Ok(dump)
    }

    /// Every account number of headquarters.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.headquarters.iter().map(|known| known.account.as_str())
    }

    /// The account number of every customer of headquarters, by GUID.
    pub(crate) fn account_of_guid(&self) -> BTreeMap<&str, &str> {
        let pairs = self.headquarters.iter();
        pairs.map(|known| (known.guid.as_str(), known.account.as_str())).collect()
    }

    fn add(&mut self, line: &str) -> Result<()> {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        let place = text("place").context("no place")?;
        let guid = text("guid").context("no guid")?;
        if place == "hq" {
            let account = text("account").context("no account")?;
            let identification = text("identification").unwrap_or_default();
            self.headquarters.push(Known { guid, account, identification });
        } else {
            self.edges.entry(place).or_default().insert(guid, text("account"));
        }
        Ok(())
    }

    /// Holds what clients were told, customers by identification number with their keys, against
    /// what there is, at each of `places`.
    ///
    /// An edge that the dump does not name at all knows no account.
    pub(crate) fn judge(&self, told: &[(String, String)], places: &[String]) -> Judgement {
        let mut judgement = Judgement::default();
        let mut by_identification: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        let (mut guids, mut accounts, mut keys) = (HashSet::new(), HashSet::new(), HashSet::new());
        for known in &self.headquarters {
            judgement.promoted += 1;
            by_identification.entry(&known.identification).or_default().insert(&known.account);
            keys.extend([known.guid.as_str(), known.account.as_str()]);
            let is_new_guid = guids.insert(known.guid.as_str());
            if !is_new_guid || !accounts.insert(known.account.as_str()) {
                judgement.doubled.insert(format!("{} {}", known.guid, known.account));
            }
        }
        for (identification, accounts) in &by_identification {
            if accounts.len() > 1 {
                judgement.doubled.insert(format!("{identification} has {accounts:?}"));
            }
        }
        for (identification, key) in told {
            if !by_identification.contains_key(identification.as_str()) {
                judgement.lost.push(identification.clone());
            } else if !keys.contains(key.as_str()) {
                judgement.lost.push(format!("{identification} under its key {key}"));
            }
        }
        let nothing = HashMap::new();
        for place in places.iter().chain(self.edges.keys()) {
            let customers = self.edges.get(place).unwrap_or(&nothing);
            let unknown = self.headquarters.iter().filter(|known| {
                let account = customers.get(&known.guid).and_then(Option::as_ref);
                account != Some(&known.account)
            });
            let strange = customers.keys().filter(|guid| !guids.contains(guid.as_str()));
            let count = unknown.count() + strange.count();
            judgement.unknown.insert(place.clone(), count as u64);
        }
        judgement
    }
}

/// What `tillsync inspect` calls an edge: by where its database lies.
pub(crate) fn place_of(edge: &Edge) -> String {
    let is_store = edge.id == edge.store;
    place_at(edge.store.as_str(), (!is_store).then_some(edge.database.as_path()))
}

fn place_at(store: &str, register: Option<&Path>) -> String {
    let folder = register.and_then(Path::parent).and_then(Path::file_name);
    match folder {
        None => store.to_owned(),
        Some(number) => format!("{store}, register {}", number.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_called_by_its_store_and_the_folder_of_a_register() {
        assert_eq!(place_at("S2", None), "S2");
        let database = Path::new("data/stores/S2/registers/10/offline.db");
        assert_eq!(place_at("S2", Some(database)), "S2, register 10");
    }

    fn judge(lines: &[&str], told: &[(&str, &str)]) -> Judgement {
        let mut dump = Dump::default();
        for line in lines {
            dump.add(line).unwrap();
        }
        let told: Vec<_> = told.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        dump.judge(&told, &["S1".to_owned()])
    }

    const HQ: &str = r#"{"place":"hq","guid":"g1","account":"C-1","identification":"a"}"#;
    const EDGE: &str = r#"{"place":"S1","guid":"g1","account":"C-1"}"#;

    #[test]
    fn one_customer_with_one_account_known_everywhere_is_clean() {
        assert!(judge(&[HQ, EDGE], &[("a", "g1")]).is_clean());
        assert!(judge(&[HQ, EDGE], &[("a", "C-1")]).is_clean());
    }

    #[test]
    fn an_acknowledged_customer_without_account_or_under_another_key_is_lost() {
        assert_eq!(judge(&[HQ, EDGE], &[("a", "g1"), ("b", "g2")]).lost, ["b"]);
        assert_eq!(judge(&[HQ, EDGE], &[("a", "g2")]).lost.len(), 1);
    }

    #[test]
    fn two_accounts_of_one_customer_are_doubled() {
        let twice = r#"{"place":"hq","guid":"g2","account":"C-2","identification":"a"}"#;
        assert_eq!(judge(&[HQ, twice], &[]).doubled.len(), 1);
        let shared = r#"{"place":"hq","guid":"g2","account":"C-1","identification":"b"}"#;
        assert_eq!(judge(&[HQ, shared], &[]).doubled.len(), 1);
        let again = r#"{"place":"hq","guid":"g1","account":"C-2","identification":"b"}"#;
        assert_eq!(judge(&[HQ, again], &[]).doubled.len(), 1);
    }

    #[test]
    fn an_edge_that_the_dump_does_not_name_knows_nothing() {
        let judgement = judge(&[HQ], &[("a", "g1")]);
        assert_eq!(judgement.unknown["S1"], 1);
        assert!(!judgement.is_clean());
    }

    #[test]
    fn an_edge_that_nobody_expected_is_judged_as_well() {
        let other = r#"{"place":"S2","guid":"g1","account":"C-2"}"#;
        assert_eq!(judge(&[HQ, EDGE, other], &[]).unknown["S2"], 1);
    }

    #[test]
    fn an_edge_that_misses_or_invents_an_account_is_named() {
        let pending = r#"{"place":"S1","guid":"g1","account":null}"#;
        assert_eq!(judge(&[HQ, pending], &[]).unknown["S1"], 1);
        let strange = r#"{"place":"S1","guid":"g9","account":"C-9"}"#;
        assert_eq!(judge(&[HQ, EDGE, strange], &[]).unknown["S1"], 1);
    }
}
