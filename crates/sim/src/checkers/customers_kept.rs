//! No acknowledged customer is lost, and each gets one account that no other has.

use std::collections::BTreeMap;

use tillsync_channel::find::find_customer;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, DatabaseId};
use tillsync_hq::storage::Storage;

use super::Checker;
use crate::chain::Chain;
use crate::observe::Observation;

#[derive(Default)]
pub(super) struct CustomersKept {
    acknowledged: BTreeMap<CustomerGuid, DatabaseId>,
    accounts: BTreeMap<CustomerGuid, AccountNumber>,
}

impl Checker for CustomersKept {
    fn name(&self) -> &'static str {
        "customers kept"
    }

    fn saw(&mut self, observation: &Observation) {
        match observation {
            Observation::Created { at, guid, .. } => {
                self.acknowledged.insert(*guid, at.clone());
            }
            Observation::Restored { lost, .. } => {
                for guid in &lost.customers {
                    self.acknowledged.remove(guid);
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, chain: &Chain) -> Vec<String> {
        let storage = chain.hq.storage();
        let storage: &dyn Storage = storage.as_ref();
        let mut findings = Vec::new();
        let mut owners: BTreeMap<AccountNumber, CustomerGuid> = BTreeMap::new();
        for (guid, at) in &self.acknowledged {
            let key = CustomerKey::Temporary(*guid);
            let alias = storage.read(|tx| tx.alias_get(&key)).expect("the database answers");
            let Some(alias) = alias else {
                // While it is not promoted, it is where it was made. A machine that is down holds
                // it on its disk.
                let site = chain.edge(at.as_str()).expect("a known edge");
                if let Some(edge) = site.running()
                    && find_customer(&edge, &key).expect("the database answers").is_none()
                {
                    findings.push(format!("{guid}, acknowledged at {at}, is lost"));
                }
                continue;
            };
            let before = self.accounts.insert(*guid, alias.account.clone());
            if before.as_ref().is_some_and(|before| *before != alias.account) {
                let before = before.expect("it was asked just now");
                findings
                    .push(format!("{guid} had account {before}, and has {} now", alias.account));
            }
            if let Some(other) = owners.insert(alias.account.clone(), *guid) {
                findings.push(format!("{} is the account of {guid} and of {other}", alias.account));
            }
        }
        findings
    }

    fn look_at_rest(&mut self, chain: &Chain) -> Vec<String> {
        let mut findings = self.look(chain);
        for guid in self.acknowledged.keys().filter(|guid| !self.accounts.contains_key(guid)) {
            findings.push(format!("{guid} has no account"));
        }
        findings
    }
}
