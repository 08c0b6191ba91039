//! Shifts: who answers for a drawer, as far as its steps have arrived.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, ShiftNumber};
use tillsync_domain::shift::ShiftStatus;
use tillsync_hq::storage::ShiftRecord;
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::transactions::stored_json;
use crate::app::App;
use crate::input::{PageSize, Params, parse_named, parse_option};
use crate::refusal::HttpError;

/// A shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    /// Its number.
    pub number: String,
    /// The store it counts for.
    pub store: String,
    /// The database it was opened at.
    pub origin: String,
    /// `Open`, `BlindClosed` or `Closed`: the furthest step received.
    pub status: String,
    /// When it was opened; absent while that has not arrived.
    pub opened_at: Option<Timestamp>,
    /// When it was blind closed.
    pub blind_closed_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// What lay in the drawer: tender, currency and amount each.
    #[schema(value_type = Vec<Object>)]
    pub float: serde_json::Value,
    /// What was counted; absent until it is closed.
    #[schema(value_type = Option<Vec<Object>>)]
    pub counted: Option<serde_json::Value>,
    /// The statement that took it up.
    pub statement: Option<String>,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShiftParams {
    /// Only of this store.
    store: Option<String>,
    /// `Open`, `BlindClosed` or `Closed`; all when absent.
    status: Option<String>,
    /// Only those behind this number: the `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists shifts, by number.
#[utoipa::path(get, path = "/api/v1/shifts", tag = "transactions", params(ShiftParams),
    responses((status = 200, body = Page<Shift>)))]
pub(crate) async fn list_shifts(
    State(app): State<Arc<App>>,
    Params(params): Params<ShiftParams>,
) -> Result<Json<Page<Shift>>, HttpError> {
    let size = params.limit.items()?;
    let store: Option<DatabaseId> = parse_option(params.store.as_ref())?;
    let after: Option<ShiftNumber> = parse_option(params.after.as_ref())?;
    let status = parse_named(params.status.as_ref(), &ShiftStatus::ALL, ShiftStatus::as_str)?;
    let records = app
        .run(move |hq| {
            let list = (store.as_ref(), status, after.as_ref());
            hq.storage().read(|tx| tx.shifts_list(list.0, list.1, list.2, size + 1))
        })
        .await?;
    let shifts = records.into_iter().map(Shift::from).collect();
    Ok(Json(Page::cut(shifts, size, |shift: &Shift| shift.number.clone())))
}

impl From<ShiftRecord> for Shift {
    fn from(record: ShiftRecord) -> Self {
        let [opened_at, blind_closed_at, closed_at] = record.times;
        Shift {
            number: record.number.to_string(),
            store: record.store.to_string(),
            origin: record.origin.to_string(),
            status: record.status.as_str().to_owned(),
            opened_at,
            blind_closed_at,
            closed_at,
            float: stored_json(&record.float),
            counted: record.counted.as_deref().map(stored_json),
            statement: record.statement.map(|statement| statement.to_string()),
        }
    }
}
