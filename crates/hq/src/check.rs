//! Looking after headquarters: contradictions, and what needs a person.

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::messages::ExchangeMode;
use tillsync_exchange::session::DownloadStatus;

use crate::distribution::{DistributionError, PackageFindings};
use crate::exclusion::exclusion_warnings;
use crate::headquarters::Headquarters;
use crate::jobs::{InUse, schedule_warnings};
use crate::recovery::RecoveryStatus;
use crate::storage::{
    DatabaseRecord, GroupRecord, InboxCounts, ReadTx, SequenceName, StatementFilter,
    StatementRecord, StorageError, TransactionCounts,
};

/// An operation that waits longer than this in live mode needs a look.
const LIVE_LAG_MAX: SignedDuration = SignedDuration::from_mins(15);

/// A database that was silent for longer than this needs a look.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A clock that is off by more than this confuses people who read times.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A transaction that waits for its customer longer than this needs a look: longer than any store
/// takes to upload what it recorded together.
const BLOCKED_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Failed statements that are named one by one.
const FAILED_STATEMENTS_SHOWN: usize = 10;

/// Fewer numbers than this left is a warning.
const NUMBERS_LEFT_MIN: u64 = 1_000;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody should look.
    Warning,
    /// The data contradicts itself.
    Error,
}

/// One thing found, in a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// The state of headquarters in numbers, with what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Customers with an account.
    pub customers: u64,
    /// Aliases; the same number unless something is wrong.
    pub aliases: u64,
    /// The inbox by status.
    pub inbox: InboxCounts,
    /// Sales and orders by status, and how many wait for a customer since when.
    pub transactions: TransactionCounts,
    /// Statements that stopped, newest first, at most ten.
    pub failed_statements: Vec<StatementRecord>,
    /// How many statements stopped.
    pub statements_failed: u64,
    /// How far each epoch of each source has been received.
    pub watermarks: Vec<(String, String, u64)>,
    /// Download sessions by status.
    pub sessions: Vec<(DownloadStatus, u64)>,
    /// Every edge database.
    pub databases: Vec<DatabaseRecord>,
    /// The latest restore of headquarters, and what is left of it.
    pub recovery: RecoveryStatus,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Headquarters {
    /// Counts and warnings, quick enough for every scrape; `deep` also checks every row.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn check(&self, depth: CheckDepth) -> Result<CheckReport, StorageError> {
        let now = self.now();
        let mut report = self.storage.read(|tx| count(tx, now))?;
        if depth == CheckDepth::EveryRow {
            let mut contradictions = self.storage.check_integrity()?;
            contradictions.extend(self.storage.read(|tx| tx.customers_check())?);
            contradictions.extend(self.storage.read(postings_contradictions)?);
            let errors = contradictions
                .into_iter()
                .map(|message| Finding { severity: Severity::Error, message });
            report.findings.extend(errors);
            report.findings.extend(self.package_findings()?);
        }
        Ok(report)
    }
}

impl Headquarters {
    /// Whether packages and their bytes agree.
    fn package_findings(&self) -> Result<Vec<Finding>, StorageError> {
        let PackageFindings { missing, lost, orphans } = match self.examine_packages() {
            Ok(findings) => findings,
            Err(DistributionError::Storage(error)) => return Err(error),
            // Nothing contradicts itself as long as nobody can look.
            Err(error) => {
                let message = format!("packages could not be checked: {error}");
                return Ok(vec![Finding { severity: Severity::Warning, message }]);
            }
        };
        let mut findings = Vec::new();
        if let Some(first) = missing.first() {
            let message = format!(
                "{} packages have lost their bytes in the package store, such as {first}; a \
                 database that needs one is given a snapshot instead; look at what was deleted \
                 there",
                missing.len()
            );
            findings.push(Finding { severity: Severity::Error, message });
        }
        if let Some(newest) = lost.first() {
            let message = format!(
                "{} packages were lost, the newest is {} of group {} ({}); databases that needed \
                 them are given snapshots, and nothing else is to be done for them",
                lost.len(),
                newest.id,
                newest.group,
                newest.error.as_deref().unwrap_or("no reason was noted")
            );
            findings.push(Finding { severity: Severity::Warning, message });
        }
        if let Some(first) = orphans.first() {
            let message = format!(
                "{} objects in the package store belong to no package, such as {first}; \
                 headquarters deletes them within the hour while it serves, unless the store is \
                 another headquarters' too",
                orphans.len()
            );
            findings.push(Finding { severity: Severity::Warning, message });
        }
        Ok(findings)
    }
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckDepth {
    /// Counts and ages only.
    Counts,
    /// The database's own check and every relation between rows.
    EveryRow,
}

/// Contradictions in the books, first of all a posting on a temporary id.
fn postings_contradictions(tx: &mut dyn ReadTx) -> Result<Vec<String>, StorageError> {
    let mut contradictions = tx.postings_check()?;
    let temporary = tx.temporary_ids_in_postings()?;
    if temporary > 0 {
        contradictions.push(format!(
            "{temporary} customer keys in postings are no account that headquarters gave"
        ));
    }
    Ok(contradictions)
}

fn count(tx: &mut dyn ReadTx, now: Timestamp) -> Result<CheckReport, StorageError> {
    let groups = tx.groups_all()?;
    let schedules = tx.schedules_all()?;
    let inbox = tx.inbox_counts()?;
    let databases = tx.databases_all()?;
    let sessions = tx.session_counts()?;
    let mut messages = schedule_warnings(&groups, &schedules, &InUse::read(tx)?);
    messages.extend(inbox_warnings(&inbox, &groups, now));
    messages.extend(session_warnings(&sessions));
    let recovery = RecoveryStatus::read(tx)?;
    messages.extend(recovery.warnings());
    let transactions = tx.transaction_counts()?;
    messages.extend(transaction_warnings(&transactions, now));
    let failed_statements = tx.statements_list(&StatementFilter {
        has_failed: true,
        limit: FAILED_STATEMENTS_SHOWN,
        ..StatementFilter::default()
    })?;
    let statements_failed = tx.statements_failed_count()?;
    messages.extend(failed_statements.iter().map(statement_warning));
    let unnamed = statements_failed.saturating_sub(failed_statements.len() as u64);
    if unnamed > 0 {
        messages.push(format!(
            "{unnamed} more statements have stopped; `tillsync statement list --failed` shows all"
        ));
    }
    messages.extend(exclusion_warnings(tx, &databases)?);
    messages.extend(databases.iter().flat_map(|record| database_warnings(record, now)));
    for name in SequenceName::ALL {
        let left = tx.sequence_get(name)?.map(|sequence| sequence.remaining());
        if let Some(left) = left.filter(|left| *left < NUMBERS_LEFT_MIN) {
            messages.push(format!(
                "the number sequence {} has {left} numbers left; extend it with \
                 `tillsync number-sequence set`",
                name.as_str()
            ));
        }
    }
    let findings = messages
        .into_iter()
        .map(|message| Finding { severity: Severity::Warning, message })
        .collect();
    let watermarks = tx
        .watermarks_all()?
        .into_iter()
        .map(|(source, w)| (source.to_string(), w.epoch.to_string(), w.counter.0))
        .collect();
    Ok(CheckReport {
        customers: tx.customers_count()?,
        aliases: tx.aliases_count()?,
        inbox,
        transactions,
        failed_statements,
        statements_failed,
        watermarks,
        sessions,
        databases,
        recovery,
        findings,
    })
}

fn inbox_warnings(inbox: &InboxCounts, groups: &[GroupRecord], now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for (status, what) in [
        ("Failed", "need repair; `tillsync customer status --failed` lists them"),
        ("Quarantined", "came with a known id and other content and were set aside"),
    ] {
        if let Some(count) = inbox.by_status.get(status).filter(|count| **count > 0) {
            warnings.push(format!("{count} operations {what}"));
        }
    }
    let is_live = groups.iter().any(|group| group.mode == ExchangeMode::Live);
    if let Some(oldest) = inbox.oldest_open_at
        && is_live
        && now.duration_since(oldest) > LIVE_LAG_MAX
    {
        let hours = now.duration_since(oldest).as_hours();
        warnings.push(format!(
            "the oldest operation waits since {oldest} ({hours} h); run \
             `tillsync job run synchronize-customers` and look at its errors"
        ));
    }
    warnings
}

fn transaction_warnings(counts: &TransactionCounts, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    let in_order = |status: OrderStatus| counts.by_order_status.get(status.as_str()).copied();
    let errors = counts.by_validation.get(ValidationStatus::Error.as_str()).copied();
    for (count, what) in [
        (
            in_order(OrderStatus::Failed),
            "orders could not be made sales orders; `tillsync order list --status failed`",
        ),
        (
            in_order(OrderStatus::Editing),
            "orders are being edited and wait; `tillsync order list --status editing`",
        ),
        (
            errors,
            "transactions break a rule and stay out of statements; \
             `tillsync transaction list --validation error`",
        ),
        (Some(counts.on_hold), "sales orders are on hold; `tillsync order list --on-hold`"),
        (
            Some(counts.quarantined),
            "documents came with a known number and other content and were set aside; \
             `tillsync transaction list --quarantined`",
        ),
        (
            Some(counts.unknown),
            "documents are of kinds that this version does not know, or steps of shifts that \
             cannot be counted or are another store's; they are kept, and nothing follows from \
             them",
        ),
    ] {
        if let Some(count) = count.filter(|count| *count > 0) {
            warnings.push(format!("{count} {what}"));
        }
    }
    if let Some(oldest) = counts.oldest_blocked_at
        && now.duration_since(oldest) > BLOCKED_MAX
    {
        let (count, hours) = (counts.blocked_by_customer, now.duration_since(oldest).as_hours());
        warnings.push(format!(
            "{count} transactions wait for their customer, the oldest since {oldest} ({hours} h); \
             `tillsync customer status --failed` lists customers that need repair"
        ));
    }
    warnings
}

fn statement_warning(statement: &StatementRecord) -> String {
    let StatementRecord { number, store, state, failures, .. } = statement;
    let error = statement.error.as_deref().unwrap_or("no reason was noted");
    format!(
        "statement {number} of {store} stands at \"{}\" after {failures} failures: {error}",
        state.as_str()
    )
}

fn session_warnings(sessions: &[(DownloadStatus, u64)]) -> Vec<String> {
    let warn = |(status, count): &(DownloadStatus, u64)| match status {
        DownloadStatus::Suspended => Some(format!(
            "{count} download sessions are suspended and hold up their databases; \
             `tillsync session list --status suspended`, then retry or cancel"
        )),
        DownloadStatus::Canceled => Some(format!(
            "{count} download sessions were cancelled: where an operator did it, their databases \
             may miss customers until the next full sync"
        )),
        _ => None,
    };
    sessions.iter().filter_map(warn).collect()
}

fn database_warnings(record: &DatabaseRecord, now: Timestamp) -> Vec<String> {
    let id = &record.database.id;
    let mut warnings = Vec::new();
    if record.enrolled_at.is_none() || record.revoked_at.is_some() {
        return warnings;
    }
    let seen = record.last_seen_at.or(record.enrolled_at);
    if let Some(seen) = seen.filter(|seen| now.duration_since(*seen) > SILENCE_MAX) {
        warnings.push(format!("{id} was last seen at {seen}"));
    }
    if let (Some(seen), Some(health)) = (record.last_seen_at, &record.health) {
        let skew = health.now.duration_since(seen);
        if skew.abs() > SKEW_MAX {
            warnings.push(format!("the clock of {id} is off by {} s", skew.as_secs()));
        }
    }
    warnings
}
