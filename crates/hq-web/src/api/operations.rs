//! The inbox: what channels sent and what became of it (F19).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::storage::{InboxCounts, OperationRecord};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::app::App;
use crate::input::{PageSize, Params};
use crate::refusal::HttpError;

/// An operation in the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its place in the order of arrival.
    pub position: u64,
    /// Its identity for ever.
    pub id: String,
    /// The GUID of the customer it concerns.
    pub customer: String,
    /// What was done, for example `create_customer`.
    pub kind: String,
    /// `Pending`, `Succeeded`, `Failed` or `Quarantined`.
    pub status: String,
    /// The last known error.
    pub error: Option<String>,
    /// Failed attempts.
    pub tries: u32,
    /// Not before then is it tried again by itself.
    pub next_try_at: Option<Timestamp>,
    /// When it was done.
    pub created_at: Timestamp,
    /// Where it was first recorded.
    pub origin: String,
    /// Who did it.
    pub staff: Option<String>,
    /// The channel that uploaded it.
    pub source: String,
    /// The epoch of that channel's database.
    pub epoch: String,
    /// The channel's counter of it.
    pub counter: u64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it was applied.
    pub completed_at: Option<Timestamp>,
    /// What was sent, word for word.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
}

/// How many operations there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationCounts {
    /// By status; every status is named.
    pub by_status: BTreeMap<String, u64>,
    /// When the oldest operation that is pending or failed arrived.
    pub oldest_open_at: Option<Timestamp>,
}

/// A page of the inbox with the counts of all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationPage {
    /// The operations, in order of arrival.
    pub items: Vec<Operation>,
    /// The `after` of the next page; absent on the last.
    pub next: Option<String>,
    /// The counts of the whole inbox.
    pub counts: OperationCounts,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OperationParams {
    /// `Pending`, `Succeeded`, `Failed` or `Quarantined`; `Failed` when absent.
    status: Option<String>,
    /// Only those behind this position: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists operations in a status.
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations", params(OperationParams),
    responses((status = 200, body = OperationPage)))]
pub(crate) async fn list_operations(
    State(app): State<Arc<App>>,
    Params(params): Params<OperationParams>,
) -> Result<Json<OperationPage>, HttpError> {
    let size = params.limit.items()?;
    let status = match &params.status {
        Some(text) => parse_status(text)?,
        None => OperationStatus::Failed,
    };
    let after = InboxPosition(params.after);
    let (records, counts) = app.run(move |hq| hq.list_operations(status, after, size + 1)).await?;
    let operations = records.into_iter().map(Operation::from).collect();
    let page = Page::cut(operations, size, |operation: &Operation| operation.position.to_string());
    let Page { items, next } = page;
    Ok(Json(OperationPage { items, next, counts: counts.into() }))
}

fn parse_status(text: &str) -> Result<OperationStatus, HttpError> {
    let named = |status: &OperationStatus| status.as_str().eq_ignore_ascii_case(text);
    OperationStatus::ALL.into_iter().find(named).ok_or_else(|| {
        HttpError::invalid("an operation is Pending, Succeeded, Failed or Quarantined")
    })
}

impl From<OperationRecord> for Operation {
    fn from(record: OperationRecord) -> Self {
        let OperationRecord { row, source, .. } = record;
        let content = serde_json::from_str(row.content.get());
        Operation {
            position: record.position.0,
            id: row.id.to_string(),
            customer: row.customer.to_string(),
            kind: row.kind,
            status: record.status.as_str().to_owned(),
            error: record.error,
            tries: record.tries,
            next_try_at: record.next_try_at,
            created_at: row.created_at,
            origin: row.origin.to_string(),
            staff: row.staff.map(|staff| staff.to_string()),
            source: source.source.to_string(),
            epoch: source.epoch.to_string(),
            counter: row.counter,
            received_at: source.received_at,
            completed_at: record.completed_at,
            content: content.expect("raw JSON was checked when it was read"),
        }
    }
}

impl From<InboxCounts> for OperationCounts {
    fn from(counts: InboxCounts) -> Self {
        let count = |status: OperationStatus| {
            let name = status.as_str();
            (name.to_owned(), counts.by_status.get(name).copied().unwrap_or(0))
        };
        OperationCounts {
            by_status: OperationStatus::ALL.into_iter().map(count).collect(),
            oldest_open_at: counts.oldest_open_at,
        }
    }
}
