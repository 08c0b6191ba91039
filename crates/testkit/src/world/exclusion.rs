//! What is kept from offline databases: moving the levers, and checking that registers hold none
//! of it.

use std::path::Path;

use tillsync_channel::holdings::rows_from_headquarters;
use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::visit_customers;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::job::JobName;
use tillsync_domain::offline_profile::{DEFAULT_OFFLINE_PROFILE, OfflineProfile};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::Table;
use tillsync_hq::Headquarters;
use tillsync_hq::exclusion::{Lever, LeverChange, Levers, Moved};
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{StorageError, Trigger};

use super::{GROUP, World};

impl World {
    /// Moves a lever, whatever headquarters asks before.
    pub fn pull_lever(&self, lever: Lever, is_on: bool) -> Moved {
        let change = LeverChange { lever, is_on, is_confirmed: true };
        self.hq().move_lever(change, "a story").expect("hq answers")
    }

    /// Changes the offline profile that all registers have.
    pub fn set_offline_profile(&self, change: impl Fn(&mut OfflineProfile)) {
        let profile = DEFAULT_OFFLINE_PROFILE.parse().expect("a name");
        self.hq().set_offline_profile(&profile, &change).expect("hq answers");
    }

    /// Runs a full synchronization of a job for the usual group.
    pub fn full_sync(&self, job: JobName) {
        let full_sync_of = Some(GROUP.parse().expect("a group"));
        let options = JobOptions { full_sync_of, ..JobOptions::default() };
        self.hq().run_job(job, Trigger::Manual, options).expect("the job is free");
    }

    /// Lets every edge apply what there is for it of these jobs.
    pub fn distribute(&mut self, jobs: &[JobName]) {
        // Who finds that only a snapshot can help says so first.
        for _ in 0..2 {
            for job in jobs {
                self.run(*job);
            }
            for at in self.edges() {
                self.download(&at).expect("the lines are whole");
            }
        }
    }

    /// How many customers an edge knows by their accounts.
    pub fn accounts_at(&self, at: &str) -> usize {
        let node = &self.nodes[at];
        let file = node.folder.join(database_file(node.kind));
        let mut accounts = 0;
        visit_customers(&file, &mut |_, account| accounts += usize::from(account.is_some()))
            .expect("the database can be read");
        accounts
    }

    /// How many rows of a table an edge has from headquarters.
    pub fn rows_at(&self, at: &str, table: Table) -> u64 {
        let node = &self.nodes[at];
        let file = node.folder.join(database_file(node.kind));
        rows_from_headquarters(&file, table).expect("the database can be read")
    }
}

/// What a register holds of tables that are kept from it; each finding is a sentence.
///
/// Only what the register is known to have applied counts: until its next poll it may hold what a
/// lever has just taken from it, and until a full synchronization what a job had brought that is
/// kept back whole.
pub fn excluded_rows(hq: &Headquarters, database: &DatabaseId, file: &Path) -> Vec<String> {
    let kept_back = hq.storage().read(|tx| {
        let levers = Levers::read(tx)?;
        let record = tx.database_get(database)?;
        let is_register = record.is_some_and(|it| it.database.kind == DatabaseKind::Register);
        let mut kept_back = Vec::new();
        for job in JobName::DOWNLOADS.into_iter().filter(|_| is_register) {
            let audience = levers.audience(job);
            let has_applied = tx.position_get(database, job)?.is_some();
            if has_applied && tx.audience_get(database, job)? == audience {
                kept_back.extend(audience.tables().collect::<Vec<_>>());
            }
        }
        Ok::<_, StorageError>(kept_back)
    });
    let mut findings = Vec::new();
    for table in kept_back.expect("hq answers") {
        let rows = rows_from_headquarters(file, table).expect("the database can be read");
        if rows > 0 {
            findings.push(format!("excluded rows found in register {database}: {rows} of {table}"));
        }
    }
    findings
}
