//! What must hold in every world at every moment, whatever the story.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::{inspect_database, visit_customers};
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey};
use tillsync_hq::check::{CheckDepth, Severity};
use tillsync_hq::trace::Stage;

use super::{World, excluded_rows};
use crate::books::check_books;

impl World {
    /// Runs every check; each finding is a sentence.
    pub fn check(&self) -> Vec<String> {
        let mut findings = self.check_headquarters();
        findings.extend(self.check_acknowledged());
        findings.extend(self.check_documents());
        findings.extend(check_books(self.hq().storage()));
        for at in self.edges() {
            let node = &self.nodes[&at];
            let file = node.folder.join(database_file(node.kind));
            findings.extend(self.check_edge(&at, &file));
            let id = at.parse().expect("a database id");
            findings.extend(excluded_rows(self.hq(), &id, &file));
        }
        findings
    }

    fn check_headquarters(&self) -> Vec<String> {
        let report = self.hq().check(CheckDepth::EveryRow).expect("hq answers");
        let mut findings: Vec<_> = report
            .findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("hq: {}", finding.message))
            .collect();
        if report.customers != report.aliases {
            findings
                .push(format!("hq: {} customers, {} aliases", report.customers, report.aliases));
        }
        findings
    }

    /// No acknowledged customer is lost: it is where it was created, or at headquarters.
    fn check_acknowledged(&self) -> Vec<String> {
        let mut accounts: HashMap<AccountNumber, CustomerGuid> = HashMap::new();
        let mut findings = Vec::new();
        for (guid, at) in &self.acknowledged {
            let key = CustomerKey::Temporary(*guid);
            match self.account_of(*guid) {
                Some(account) => {
                    if let Some(other) = accounts.insert(account.clone(), *guid)
                        && other != *guid
                    {
                        findings.push(format!("{account} belongs to two GUIDs"));
                    }
                }
                None if self.waits_at_headquarters(&key) => {}
                None if self.nodes[at].edge.is_some() && self.find(at, &key).is_some() => {}
                None => findings.push(format!("{guid}, acknowledged at {at}, is lost")),
            }
        }
        findings
    }

    fn waits_at_headquarters(&self, key: &CustomerKey) -> bool {
        // A sale that names it does not bring the customer itself.
        self.hq().trace_customer(key).is_ok_and(|trace| trace.stage != Stage::Awaited)
    }

    /// An edge knows no account that headquarters did not give, and no customer twice.
    fn check_edge(&self, at: &str, file: &Path) -> Vec<String> {
        let inspection = inspect_database(file).expect("the database can be read");
        let mut findings: Vec<_> =
            inspection.damage.into_iter().map(|damage| format!("{at}: {damage}")).collect();
        let mut seen = HashSet::new();
        visit_customers(file, &mut |guid, account| {
            if !seen.insert(guid) {
                findings.push(format!("{at} lists {guid} twice"));
            }
            if account.is_some() && account != self.account_of(guid) {
                findings.push(format!("{at} knows {guid} as {account:?}"));
            }
        })
        .expect("the database can be read");
        findings
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let findings = self.check();
        assert!(findings.is_empty(), "the world is not sound:\n{}", findings.join("\n"));
    }
}
