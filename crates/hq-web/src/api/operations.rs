//! The inbox: what channels sent and what became of it, and its repair (F19 to F24).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{CustomerKey, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::operations::{
    FieldSetting, ListedOperation, OperationDetail, OperationFilter, OperationList, PropertyChange,
    describe,
};
use tillsync_hq::storage::{InboxCounts, OperationAct, OperationEvent};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, PageSize, Params, Segment, parse_named, parse_option};
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
    /// The account of that customer; absent while it is pending.
    #[serde(default)]
    pub account: Option<String>,
    /// What it changes, with its error when it failed.
    #[serde(default)]
    pub change_description: String,
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
    /// Whether other content counts, since somebody repaired it.
    #[serde(default)]
    pub is_repaired: bool,
}

/// One line of the list "Customer synchronization status" (F20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SynchronizationStatus {
    /// The identity of the operation.
    pub id: String,
    /// What was done, for example `create_customer`.
    pub kind: String,
    /// The channel that uploaded it.
    pub channel_name: String,
    /// The account of the customer; absent while it is pending.
    pub customer_account: Option<String>,
    /// The GUID of the customer.
    pub async_account: String,
    /// When it was done.
    pub operation_timestamp: Timestamp,
    /// `Pending`, `Succeeded`, `Failed` or `Quarantined`.
    pub synchronization_status: String,
    /// What it changes, with its error when it failed (F22).
    pub change_description: String,
}

/// A page of the list "Customer synchronization status".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SynchronizationPage {
    /// The operations, in order of arrival.
    pub items: Vec<SynchronizationStatus>,
    /// The `after` of the next page; absent on the last. A search through many operations may
    /// bring a short page, even an empty one, before the last.
    pub next: Option<String>,
    /// The counts of the whole inbox.
    pub counts: OperationCounts,
}

/// One property that an operation changes (F23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GridLine {
    /// Which property.
    pub property: String,
    /// What the editor saw; absent for what is new.
    pub old_value: Option<String>,
    /// What it is to be.
    pub new_value: Option<String>,
    /// Whether a repair changed the new value.
    pub is_repaired: bool,
    /// The new value as it was sent, when a repair changed it.
    pub sent_value: Option<String>,
}

/// One line of the log of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `failed`, `repaired` or `synchronized`.
    pub what: String,
    /// Who did it; absent when headquarters did it by itself.
    pub operator: Option<String>,
    /// Which field was repaired.
    pub field: Option<String>,
    /// What the field was.
    pub old: Option<String>,
    /// What it became.
    pub new: Option<String>,
    /// The error of a failure.
    pub error: Option<String>,
}

/// An operation with what it changes and what was done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationShown {
    /// The operation.
    pub operation: Operation,
    /// What counts: its content after repairs.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
    /// What it changes, property by property.
    pub grid: Vec<GridLine>,
    /// What was done about it, oldest first.
    pub log: Vec<LogLine>,
}

/// What to set in an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationRepair {
    /// The fields, set in this order.
    pub set: Vec<Setting>,
}

/// One field to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Which field, such as `email`.
    pub field: String,
    /// What it becomes; absent, null or an empty text to remove it.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub value: Option<serde_json::Value>,
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

/// The parameters of the lists.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OperationParams {
    /// `Pending`, `Succeeded`, `Failed` or `Quarantined`. When absent, `Failed` in the list of
    /// operations, and any in that of the synchronization status.
    status: Option<String>,
    /// Only of this kind, such as `create_customer`.
    kind: Option<String>,
    /// Only those that this channel uploaded.
    channel: Option<String>,
    /// Only the one with this id.
    operation: Option<String>,
    /// Only of the customer with this account.
    account: Option<String>,
    /// Only of the customer with this GUID.
    guid: Option<String>,
    /// Only of customers whose name contains this, in any case.
    name: Option<String>,
    /// Only of customers with an e-mail address that contains this, in any case.
    email: Option<String>,
    /// Only of customers with a phone number that contains these digits.
    phone: Option<String>,
    /// Only those recorded at this time or later.
    since: Option<String>,
    /// Only those recorded before this time.
    until: Option<String>,
    /// Only those behind this position: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

impl OperationParams {
    fn filter(&self) -> Result<OperationFilter, HttpError> {
        let status = self.status.as_ref();
        let account = parse_option(self.account.as_ref())?;
        let guid = parse_option(self.guid.as_ref())?.map(CustomerKey::Temporary);
        if account.is_some() && guid.is_some() {
            return Err(HttpError::invalid("give either account or guid: each finds the customer"));
        }
        let text = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Ok(OperationFilter {
            status: parse_named(status, &OperationStatus::ALL, OperationStatus::as_str)?,
            kind: text(&self.kind),
            channel: parse_option(self.channel.as_ref())?,
            operation: parse_option(self.operation.as_ref())?,
            customer: account.or(guid),
            name: text(&self.name),
            email: text(&self.email),
            phone: text(&self.phone),
            since: parse_option(self.since.as_ref())?,
            until: parse_option(self.until.as_ref())?,
            after: InboxPosition(self.after),
            limit: self.limit.items()?,
        })
    }
}

/// Lists operations with everything that was sent.
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations", params(OperationParams),
    responses((status = 200, body = OperationPage)))]
pub(crate) async fn list_operations(
    State(app): State<Arc<App>>,
    Params(params): Params<OperationParams>,
) -> Result<Json<OperationPage>, HttpError> {
    let filter = params.filter()?;
    let status = filter.status.or(Some(OperationStatus::Failed));
    let filter = OperationFilter { status, ..filter };
    let OperationList { operations, next, counts } =
        app.run(move |hq| hq.find_operations(&filter)).await?;
    let items = operations.into_iter().map(Operation::from).collect();
    let next = next.map(|position| position.0.to_string());
    Ok(Json(OperationPage { items, next, counts: counts.into() }))
}

/// Lists what became of the operations on customers: the page "Customer synchronization status".
#[utoipa::path(get, path = "/api/v1/synchronization-status", tag = "operations",
    params(OperationParams), responses((status = 200, body = SynchronizationPage)))]
pub(crate) async fn list_synchronization_status(
    State(app): State<Arc<App>>,
    Params(params): Params<OperationParams>,
) -> Result<Json<SynchronizationPage>, HttpError> {
    let filter = params.filter()?;
    let OperationList { operations, next, counts } =
        app.run(move |hq| hq.find_operations(&filter)).await?;
    let items = operations.iter().map(SynchronizationStatus::from).collect();
    let next = next.map(|position| position.0.to_string());
    Ok(Json(SynchronizationPage { items, next, counts: counts.into() }))
}

/// Shows an operation: old and new values, its error, and what was done about it.
#[utoipa::path(get, path = "/api/v1/operations/{id}", tag = "operations",
    params(("id" = String, Path, description = "the id of the operation")),
    responses((status = 200, body = OperationShown)))]
pub(crate) async fn show_operation(
    State(app): State<Arc<App>>,
    Segment(id): Segment<OperationId>,
) -> Result<Json<OperationShown>, HttpError> {
    let detail = app.run(move |hq| hq.show_operation(&id)).await?;
    Ok(Json(detail.into()))
}

/// Sets fields of an operation that is not completed. The result must keep headquarters' rules;
/// what was sent stays as it was. A repeat changes nothing.
#[utoipa::path(post, path = "/api/v1/operations/{id}/repair", tag = "operations",
    params(("id" = String, Path, description = "the id of the operation")),
    request_body = OperationRepair,
    responses((status = 200, body = OperationShown)))]
pub(crate) async fn repair_operation(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(id): Segment<OperationId>,
    Body(repair): Body<OperationRepair>,
) -> Result<Json<OperationShown>, HttpError> {
    let setting = |Setting { field, value }| FieldSetting { field, value };
    let settings: Vec<_> = repair.set.into_iter().map(setting).collect();
    if settings.is_empty() {
        return Err(HttpError::invalid("say in `set` which fields to set"));
    }
    let detail = app.run(move |hq| hq.repair_operation(&id, &operator, &settings)).await?;
    Ok(Json(detail.into()))
}

/// Applies what is open of the operation's customer now. The answer says how it went.
#[utoipa::path(post, path = "/api/v1/operations/{id}/synchronize", tag = "operations",
    params(("id" = String, Path, description = "the id of the operation")),
    responses((status = 200, body = OperationShown)))]
pub(crate) async fn synchronize_operation(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(id): Segment<OperationId>,
) -> Result<Json<OperationShown>, HttpError> {
    let detail = app.run(move |hq| hq.synchronize_operation(&id, &operator)).await?;
    Ok(Json(detail.into()))
}

impl From<ListedOperation> for Operation {
    fn from(listed: ListedOperation) -> Self {
        let ListedOperation { record, account } = listed;
        let change_description = describe(&record);
        let is_repaired = record.repaired.is_some();
        let (row, source) = (record.row, record.source);
        let content = serde_json::from_str(row.content.get());
        Operation {
            position: record.position.0,
            id: row.id.to_string(),
            customer: row.customer.to_string(),
            account: account.map(|account| account.to_string()),
            change_description,
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
            is_repaired,
        }
    }
}

impl From<&ListedOperation> for SynchronizationStatus {
    fn from(listed: &ListedOperation) -> Self {
        let ListedOperation { record, account } = listed;
        SynchronizationStatus {
            id: record.row.id.to_string(),
            kind: record.row.kind.clone(),
            channel_name: record.source.source.to_string(),
            customer_account: account.as_ref().map(ToString::to_string),
            async_account: record.row.customer.to_string(),
            operation_timestamp: record.row.created_at,
            synchronization_status: record.status.as_str().to_owned(),
            change_description: describe(record),
        }
    }
}

impl From<OperationDetail> for OperationShown {
    fn from(detail: OperationDetail) -> Self {
        let OperationDetail { record, account, grid, events } = detail;
        let content = serde_json::from_str(record.content().get());
        OperationShown {
            content: content.expect("raw JSON was checked when it was read"),
            grid: grid.into_iter().map(GridLine::from).collect(),
            log: events.into_iter().map(LogLine::from).collect(),
            operation: ListedOperation { record, account }.into(),
        }
    }
}

impl From<PropertyChange> for GridLine {
    fn from(change: PropertyChange) -> Self {
        GridLine {
            property: change.property,
            old_value: change.old,
            new_value: change.new,
            is_repaired: change.sent.is_some(),
            sent_value: change.sent.flatten(),
        }
    }
}

impl From<OperationEvent> for LogLine {
    fn from(event: OperationEvent) -> Self {
        let line = |what: &str| LogLine {
            at: event.at,
            what: what.to_owned(),
            operator: event.operator.clone(),
            field: None,
            old: None,
            new: None,
            error: None,
        };
        match event.act {
            OperationAct::Failed(error) => LogLine { error: Some(error), ..line("failed") },
            OperationAct::Repaired { field, old, new } => {
                LogLine { field: Some(field), old, new, ..line("repaired") }
            }
            OperationAct::Synchronized => line("synchronized"),
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
