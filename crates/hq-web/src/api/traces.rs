//! The way of one customer, from the place where it was met to every store that knows its account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::CustomerKey;
use tillsync_hq::trace::{CustomerTrace, Stage};
use utoipa::ToSchema;

use super::databases::DatabaseKind;
use crate::app::App;
use crate::input::Segment;
use crate::refusal::HttpError;

/// Where a customer is, and how it came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// The GUID it was created under.
    pub guid: String,
    /// Its account; absent while it is pending.
    pub account: Option<String>,
    /// `awaited`, `staged`, `failed`, `promoted`, `partly_distributed` or `distributed`.
    pub stage: String,
    /// The stage in words.
    pub stage_text: String,
    /// The last known error of its operations.
    pub error: Option<String>,
    /// What happened to it and to its sales and orders, oldest first.
    pub events: Vec<TraceEvent>,
    /// Its sales and orders that stand in the events.
    pub transactions: u64,
    /// Whether it has older sales and orders, which were left out;
    /// `GET /api/v1/customers/{key}/orders` lists all.
    pub has_more_transactions: bool,
    /// The databases that get it, by name.
    pub databases: Vec<Knowledge>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceEvent {
    /// When, by the clock of the place.
    pub at: Timestamp,
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

/// Whether one database knows the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Knowledge {
    /// Which database.
    pub database: String,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// Since when; absent while it does not.
    pub since: Option<Timestamp>,
}

/// Traces a customer by account number or GUID.
#[utoipa::path(get, path = "/api/v1/customers/{key}/trace", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID")),
    responses((status = 200, body = Trace)))]
pub(crate) async fn trace_customer(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
) -> Result<Json<Trace>, HttpError> {
    let trace = app.run(move |hq| hq.trace_customer(&key)).await?;
    Ok(Json(Trace::from(trace)))
}

impl From<CustomerTrace> for Trace {
    fn from(trace: CustomerTrace) -> Self {
        let event = |event: tillsync_hq::trace::TraceEvent| TraceEvent {
            at: event.at,
            place: event.place,
            what: event.what,
        };
        let knowledge = |known: tillsync_hq::trace::Knowledge| Knowledge {
            database: known.database.to_string(),
            kind: known.kind.into(),
            since: known.since,
        };
        Trace {
            guid: trace.guid.to_string(),
            account: trace.account.map(|account| account.to_string()),
            stage: stage_code(trace.stage).to_owned(),
            stage_text: trace.stage.as_str().to_owned(),
            error: trace.error,
            events: trace.events.into_iter().map(event).collect(),
            transactions: trace.transactions as u64,
            has_more_transactions: trace.has_more_transactions,
            databases: trace.databases.into_iter().map(knowledge).collect(),
        }
    }
}

fn stage_code(stage: Stage) -> &'static str {
    match stage {
        Stage::Awaited => "awaited",
        Stage::Staged => "staged",
        Stage::Failed => "failed",
        Stage::Promoted => "promoted",
        Stage::PartlyDistributed => "partly_distributed",
        Stage::Distributed => "distributed",
    }
}
