//! What `doctor` looks at in one database of a store or register.

use std::error::Error;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tillsync_channel::configuration::SettingSource;
use tillsync_channel::inspect::{Inspection, inspect_database, visit_customers};
use tillsync_domain::ids::{AccountNumber, CustomerGuid};
use tillsync_hq::Headquarters;
use tillsync_hq::check::{Finding, Severity};
use tillsync_hq::configuration::ConfigurationError;
use tillsync_hq::storage::StorageError;

use super::{Watermarks, finding_json};
use crate::output;
use crate::stores::FoundDatabase;

/// A customer that waits longer than this for its account needs a look.
const PENDING_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Accounts compared with headquarters in one go.
const BATCH: usize = 1_000;

/// Contradictions shown for one database; one cause makes thousands.
const SHOWN_MAX: usize = 10;

/// One database and what was found in it.
pub(super) struct EdgeReport {
    /// Where it lies.
    pub(super) place: String,
    /// What it holds; nothing when it cannot be read.
    pub(super) inspection: Option<Inspection>,
    /// What was found.
    pub(super) findings: Vec<Finding>,
}

/// Examines one database; one that cannot be read is a finding like any other.
pub(super) fn examine(hq: &Headquarters, database: FoundDatabase) -> EdgeReport {
    let FoundDatabase { path, place } = database;
    let mut report = EdgeReport { place, inspection: None, findings: Vec::new() };
    match inspect_database(&path) {
        Ok(inspection) => {
            report.judge(&inspection, hq.now());
            report.compare_configuration(hq, &inspection);
            report.inspection = Some(inspection);
        }
        Err(error) => {
            report.add(Severity::Error, format!("cannot be read: {}", chain(&error)));
            return report;
        }
    }
    let mut comparison = Comparison { hq, waiting: Vec::new(), wrong: Vec::new(), failed: None };
    let visited = visit_customers(&path, &mut |guid, account| comparison.take(guid, account));
    comparison.compare();
    if let Err(error) = visited {
        report.add(Severity::Error, format!("its customers cannot be read: {}", chain(&error)));
    }
    if let Some(error) = comparison.failed {
        report.add(Severity::Error, format!("was not compared: {}", chain(&error)));
    }
    let count = comparison.wrong.len();
    for message in comparison.wrong.into_iter().take(SHOWN_MAX) {
        report.add(Severity::Error, message);
    }
    if count > SHOWN_MAX {
        report.add(Severity::Error, format!("{} more accounts disagree", count - SHOWN_MAX));
    }
    report
}

impl EdgeReport {
    fn add(&mut self, severity: Severity, message: String) {
        self.findings.push(Finding { severity, message });
    }

    fn judge(&mut self, inspection: &Inspection, now: Timestamp) {
        for damage in &inspection.damage {
            self.add(Severity::Error, format!("the file is damaged: {damage}"));
        }
        if inspection.identity.is_none() {
            let message = "is not enrolled; run `tillsync channel enrol` or `register enrol`";
            self.add(Severity::Warning, message.to_owned());
        }
        if inspection.quarantined > 0 {
            self.add(
                Severity::Warning,
                format!(
                    "{} operations or documents came with a known id or number and other content, \
                     and were set aside",
                    inspection.quarantined
                ),
            );
        }
        let age = inspection.oldest_pending_at.map(|oldest| now.duration_since(oldest));
        if let Some(age) = age.filter(|age| *age > PENDING_MAX) {
            let age = output::duration(age);
            self.add(
                Severity::Warning,
                format!(
                    "{} customers are pending, the oldest for {age}; see that it reaches its \
                     upstream and that synchronize-customers and 1010 run",
                    inspection.pending
                ),
            );
        }
    }

    /// Finds out whether the database works by something older than what is set for it (F46).
    fn compare_configuration(&mut self, hq: &Headquarters, inspection: &Inspection) {
        let Some(identity) = &inspection.identity else { return };
        let found = match hq.show_configuration(&identity.database) {
            Ok(found) => found,
            // Headquarters does not know it: there is nothing to compare with.
            Err(ConfigurationError::UnknownDatabase(_)) => return,
            Err(error) => {
                let message = format!("its configuration was not compared: {}", chain(&error));
                return self.add(Severity::Error, message);
            }
        };
        let own = found.into_iter().filter(|it| it.database == identity.database);
        for job in own.flat_map(|it| it.jobs) {
            let here = inspection.applied.get(job.job.as_str()).copied();
            if here.is_some_and(|version| version >= job.set.0) {
                continue;
            }
            let here = here.map_or_else(|| "nothing".to_owned(), |it| format!("version {it}"));
            let message = format!(
                "works by an older configuration: job {} brings version {}, and {here} is applied; \
                 see that the job runs, and `tillsync session list`",
                job.job, job.set.0
            );
            self.add(Severity::Warning, message);
        }
    }

    /// What came here from headquarters, in a line; nothing where the program works as it does by
    /// itself.
    pub(super) fn configuration(&self) -> Option<String> {
        let settings = &self.inspection.as_ref()?.configuration;
        let mut sources: Vec<String> = Vec::new();
        for setting in settings {
            let from = setting.from();
            if setting.source != SettingSource::UntilDistributed && !sources.contains(&from) {
                sources.push(from);
            }
        }
        (!sources.is_empty()).then(|| format!("{} works by {}", self.name(), sources.join("; ")))
    }

    /// Finds out whether the database was restored from an older copy (F64).
    pub(super) fn compare_watermarks(&mut self, received: &Watermarks) {
        let Some(inspection) = &self.inspection else { return };
        let (Some(identity), Some(epoch)) = (&inspection.identity, &inspection.epoch) else {
            return;
        };
        let key = (identity.database.to_string(), epoch.to_string());
        let counter = inspection.counter;
        if let Some(ahead) = received.get(&key).filter(|received| **received > counter) {
            let message = format!(
                "its upstream has received up to counter {ahead}, but it holds {counter}: it was \
                 restored from an older copy; start it, and it offers its log again"
            );
            self.add(Severity::Warning, message);
        }
    }

    /// The database as a line of the table.
    pub(super) fn cells(&self, now: Timestamp) -> [String; 8] {
        let Some(inspection) = &self.inspection else {
            return [self.place.as_str(), "unreadable", "", "", "", "", "", ""].map(str::to_owned);
        };
        let age = inspection.oldest_pending_at.map(|oldest| now.duration_since(oldest));
        [
            self.place.clone(),
            self.name(),
            inspection.customers.to_string(),
            inspection.pending.to_string(),
            age.map_or_else(|| "-".to_owned(), output::duration),
            inspection.documents.to_string(),
            format!("{} ({})", inspection.unsent, inspection.unsent_documents),
            inspection.quarantined.to_string(),
        ]
    }

    /// The database for programs.
    pub(super) fn json(&self) -> Value {
        let inspection = self.inspection.as_ref();
        json!({
            "place": self.place,
            "database": self.name(),
            "epoch": inspection.and_then(|i| i.epoch).map(|epoch| epoch.to_string()),
            "counter": inspection.map(|i| i.counter),
            "unsent": inspection.map(|i| i.unsent),
            "documents": inspection.map(|i| i.documents),
            "unsent_documents": inspection.map(|i| i.unsent_documents),
            "customers": inspection.map(|i| i.customers),
            "pending": inspection.map(|i| i.pending),
            "oldest_pending_at": output::json_time(inspection.and_then(|i| i.oldest_pending_at)),
            "quarantined": inspection.map(|i| i.quarantined),
            "applied": inspection.map(|i| &i.applied),
            "configuration": self.configuration(),
            "disconnected_at": output::json_time(inspection.and_then(|i| i.disconnected_at)),
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
        })
    }

    fn name(&self) -> String {
        let identity = self.inspection.as_ref().and_then(|inspection| inspection.identity.as_ref());
        identity.map_or_else(|| "not enrolled".to_owned(), |identity| identity.database.to_string())
    }
}

/// Compares the accounts that a database knows with those that headquarters gave.
struct Comparison<'a> {
    hq: &'a Headquarters,
    waiting: Vec<(CustomerGuid, AccountNumber)>,
    wrong: Vec<String>,
    failed: Option<StorageError>,
}

impl Comparison<'_> {
    fn take(&mut self, guid: CustomerGuid, account: Option<AccountNumber>) {
        self.waiting.extend(account.map(|account| (guid, account)));
        if self.waiting.len() >= BATCH {
            self.compare();
        }
    }

    fn compare(&mut self) {
        let guids: Vec<_> = self.waiting.iter().map(|(guid, _)| *guid).collect();
        let known = match self.hq.storage().read(|tx| tx.customers_known(&guids)) {
            Ok(known) => known,
            Err(error) => {
                self.failed = Some(error);
                self.waiting.clear();
                return;
            }
        };
        for (guid, account) in self.waiting.drain(..) {
            let given = known.get(&guid).map(|known| &known.account);
            match given {
                Some(given) if *given == account => {}
                Some(given) => self.wrong.push(format!(
                    "knows account {account} where headquarters gave {given} (created as {guid})"
                )),
                None => self.wrong.push(format!(
                    "knows account {account}, which headquarters never gave (created as {guid}): \
                     headquarters was restored from an older copy"
                )),
            }
        }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
