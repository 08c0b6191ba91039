//! Headquarters at a glance.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_hq::check::{CheckDepth, CheckReport, Severity};
use utoipa::ToSchema;

use super::operations::OperationCounts;
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
    /// How far each database has been received.
    pub watermarks: Vec<Watermark>,
    /// Download sessions by status; statuses without any are absent.
    pub sessions: Vec<SessionCount>,
    /// Edge databases.
    pub databases: u64,
    /// What needs a look.
    pub findings: Vec<Finding>,
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
        Status {
            customers: report.customers,
            aliases: report.aliases,
            operations: report.inbox.into(),
            watermarks: report.watermarks.into_iter().map(watermark).collect(),
            sessions: sessions
                .map(|(status, count)| SessionCount { status: status.to_string(), count: *count })
                .collect(),
            databases: report.databases.len() as u64,
            findings: report.findings.into_iter().map(finding).collect(),
        }
    }
}
