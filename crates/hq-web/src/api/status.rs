//! Headquarters at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::check::{CheckDepth, CheckReport, Severity};
use tillsync_hq::storage::TransactionCounts;
use utoipa::ToSchema;

use super::operations::OperationCounts;
use super::statements::Statement;
use crate::app::App;
use crate::refusal::HttpError;

/// Headquarters in numbers, with what needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Customers with an account.
    pub customers: u64,
    /// Aliases; the same number unless something is wrong.
    pub aliases: u64,
    /// Operations received.
    pub operations: OperationCounts,
    /// Sales and orders received.
    pub transactions: Transactions,
    /// Statements that stopped, newest first, at most ten; `GET /api/v1/statements?failed=true`
    /// lists all.
    pub failed_statements: Vec<Statement>,
    /// How far each database has been received.
    pub watermarks: Vec<Watermark>,
    /// Download sessions by status; statuses without any are absent.
    pub sessions: Vec<SessionCount>,
    /// Edge databases.
    pub databases: u64,
    /// Whether nobody is promoted because headquarters was restored; `GET /api/v1/recovery`.
    pub recovering: bool,
    /// What needs a look.
    pub findings: Vec<Finding>,
}

/// How many sales and orders stand where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transactions {
    /// Sales and orders by validation status; every status is named.
    pub by_validation: BTreeMap<String, u64>,
    /// Orders by order status; every status is named.
    pub by_order_status: BTreeMap<String, u64>,
    /// Orders on hold.
    pub on_hold: u64,
    /// Sales and orders that wait for a customer or an address.
    pub blocked_by_customer: u64,
    /// When the oldest of those arrived.
    pub oldest_blocked_at: Option<Timestamp>,
    /// Validated, but not taken up by a statement.
    pub ready: u64,
    /// Posted.
    pub posted: u64,
    /// Documents set aside because their number or id was known with other content.
    pub quarantined: u64,
    /// Documents of kinds that this version does not know.
    pub unknown: u64,
}

/// How far one epoch of one database has been received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Watermark {
    /// The database.
    pub database: String,
    /// Its epoch.
    pub epoch: String,
    /// The highest counter received without a gap.
    pub counter: u64,
}

/// How many download sessions are in a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionCount {
    /// The status.
    pub status: String,
    /// How many.
    pub count: u64,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// `warning` or `error`.
    pub severity: String,
    /// What it is and what to do.
    pub message: String,
}

/// Shows headquarters in numbers, counted now.
#[utoipa::path(get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = Status)))]
pub(crate) async fn show_status(State(app): State<Arc<App>>) -> Result<Json<Status>, HttpError> {
    let report = app.run(|hq| hq.check(CheckDepth::Counts)).await?;
    Ok(Json(Status::from(report)))
}

impl From<CheckReport> for Status {
    fn from(report: CheckReport) -> Self {
        let watermark = |(database, epoch, counter)| Watermark { database, epoch, counter };
        let finding = |finding: tillsync_hq::check::Finding| Finding {
            severity: match finding.severity {
                Severity::Warning => "warning".to_owned(),
                Severity::Error => "error".to_owned(),
            },
            message: finding.message,
        };
        let sessions = report.sessions.iter();
        let failed = report.failed_statements.into_iter();
        Status {
            customers: report.customers,
            aliases: report.aliases,
            operations: report.inbox.into(),
            transactions: report.transactions.into(),
            failed_statements: failed.map(Statement::from).collect(),
            watermarks: report.watermarks.into_iter().map(watermark).collect(),
            sessions: sessions
                .map(|(status, count)| SessionCount { status: status.to_string(), count: *count })
                .collect(),
            databases: report.databases.len() as u64,
            recovering: report.recovery.is_recovering(),
            findings: report.findings.into_iter().map(finding).collect(),
        }
    }
}

impl From<TransactionCounts> for Transactions {
    fn from(counts: TransactionCounts) -> Self {
        let by_validation = ValidationStatus::ALL.map(ValidationStatus::as_str);
        let by_order_status = OrderStatus::ALL.map(OrderStatus::as_str);
        Transactions {
            by_validation: every(&by_validation, &counts.by_validation),
            by_order_status: every(&by_order_status, &counts.by_order_status),
            on_hold: counts.on_hold,
            blocked_by_customer: counts.blocked_by_customer,
            oldest_blocked_at: counts.oldest_blocked_at,
            ready: counts.ready,
            posted: counts.posted,
            quarantined: counts.quarantined,
            unknown: counts.unknown,
        }
    }
}

/// Every status with its count, none left out.
fn every(statuses: &[&str], counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    let count = |status: &&str| counts.get(*status).copied().unwrap_or(0);
    statuses.iter().map(|status| ((*status).to_owned(), count(status))).collect()
}
