//! The log of a customer (F52).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::CustomerKey;
use tillsync_hq::operations::{AuditEntry, CustomerAudit};
use utoipa::ToSchema;

use crate::app::App;
use crate::input::Segment;
use crate::refusal::HttpError;

/// Everything that was done with a customer (F52).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The GUID it was created under.
    pub guid: String,
    /// Its account; absent while it is pending.
    pub account: Option<String>,
    /// What was done, oldest first.
    pub entries: Vec<AuditLine>,
}

/// One thing that was done with a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// When, by the clock of the place.
    pub at: Timestamp,
    /// `recorded`, `received`, `set_aside`, `failed`, `repaired`, `synchronized` or `applied`.
    pub what: String,
    /// Who did it; absent when nobody was signed in, or headquarters did it by itself.
    pub who: Option<String>,
    /// Where.
    pub place: String,
    /// The operation it is about.
    pub operation: String,
    /// Its kind.
    pub kind: String,
    /// The field that was recorded or repaired.
    pub field: Option<String>,
    /// What the field held before.
    pub old: Option<String>,
    /// What it holds since.
    pub new: Option<String>,
    /// The error of a failure.
    pub error: Option<String>,
}

/// Shows the log of a customer, by account number or GUID: who did what, when, old and new values.
#[utoipa::path(get, path = "/api/v1/customers/{key}/audit", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID")),
    responses((status = 200, body = Audit)))]
pub(crate) async fn audit_customer(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
) -> Result<Json<Audit>, HttpError> {
    let audit = app.run(move |hq| hq.audit_customer(&key)).await?;
    Ok(Json(audit.into()))
}

impl From<CustomerAudit> for Audit {
    fn from(audit: CustomerAudit) -> Self {
        Audit {
            guid: audit.guid.to_string(),
            account: audit.account.map(|account| account.to_string()),
            entries: audit.entries.into_iter().map(AuditLine::from).collect(),
        }
    }
}

impl From<AuditEntry> for AuditLine {
    fn from(entry: AuditEntry) -> Self {
        AuditLine {
            at: entry.at,
            what: entry.what.to_owned(),
            who: entry.who,
            place: entry.place,
            operation: entry.operation.to_string(),
            kind: entry.kind,
            field: entry.field,
            old: entry.old,
            new: entry.new,
            error: entry.error,
        }
    }
}
