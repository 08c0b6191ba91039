//! `/Commerce/Shifts`: opening, blind closing and closing the drawer of this node.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use tillsync_channel::shifts::{
    self, CloseShift, CountDraft, OpenShift, ShiftView, blind_close_shift, close_shift,
    current_shift, find_shift,
};
use tillsync_domain::ids::{ShiftNumber, StaffId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::shift::{Count, ShiftStatus};
use utoipa::ToSchema;

use super::amount::{Amount, RawFields};
use super::input::{Reader, is_empty};
use super::keyed::KeyedCall;
use super::sales_orders::{parsed, tender_text};
use super::{Arrived, body_of, for_client, read_json, requests};
use crate::app::App;
use crate::odata::{Detail, ODataError};

/// The key by which the open shift of this node can be asked for.
const CURRENT: &str = "Current";

/// A shift, with the names of the interface.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Shift)]
pub(crate) struct ShiftJson {
    shift_id: String,
    terminal_id: String,
    status_value: u32,
    status: &'static str,
    start_date_time: Option<String>,
    blind_close_date_time: Option<String>,
    close_date_time: Option<String>,
    starting_amounts: Vec<CountJson>,
    tender_lines: Vec<CountJson>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Count)]
struct CountJson {
    tender_type_id: &'static str,
    currency_code: &'static str,
    amount: Amount,
}

/// `POST /Commerce/Shifts`: `StartingAmounts` lie in the drawer.
#[utoipa::path(post, path = "/Commerce/Shifts", tag = "shifts",
    request_body = Option<requests::ShiftOpening>,
    responses((status = 201, body = ShiftJson)))]
pub(crate) async fn open_shift(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<ShiftJson>), ODataError> {
    let body = body_of(body)?;
    for_client(&app, &headers, move |app, client| {
        let (float, staff) = read_step(&body, Some("StartingAmounts"))?;
        let staff = client.acting(staff)?;
        let view = shifts::open_shift(&app.edge, OpenShift { float, staff }, app.now())?;
        Ok((StatusCode::CREATED, Json(view.into())))
    })
    .await
}

/// `GET /Commerce/Shifts('ID')`, or `Shifts('Current')` for the open one.
#[utoipa::path(get, path = "/Commerce/Shifts('{key}')", tag = "shifts",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "its `ShiftId`, or `Current` for the open one")),
    responses((status = 200, body = ShiftJson)))]
pub(crate) fn show_shift(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let view = if call.key == CURRENT {
        current_shift(&app.edge)?.ok_or_else(none_open)?
    } else {
        match call.key.parse() {
            Ok(number) => find_shift(&app.edge, &number)?.ok_or_else(no_shift)?,
            // A text that can be no number is the number of nothing.
            Err(_) => return Err(no_shift()),
        }
    };
    Ok(answer(view))
}

/// `POST /Commerce/Shifts('ID')/BlindClose`.
#[utoipa::path(post, path = "/Commerce/Shifts('{key}')/BlindClose", tag = "shifts",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "its `ShiftId`, or `Current` for the open one")),
    request_body = Option<requests::ShiftBlindClosing>,
    responses((status = 200, body = ShiftJson)))]
pub(crate) fn blind_close(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let (_, staff) = read_step(&call.body, None)?;
    let staff = call.client.acting(staff)?;
    Ok(answer(blind_close_shift(&app.edge, number(app, &call.key)?, staff, app.now())?))
}

/// `POST /Commerce/Shifts('ID')/Close`: `TenderLines` were counted.
#[utoipa::path(post, path = "/Commerce/Shifts('{key}')/Close", tag = "shifts",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "its `ShiftId`, or `Current` for the open one")),
    request_body = Option<requests::ShiftClosing>,
    responses((status = 200, body = ShiftJson)))]
pub(crate) fn close(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let (counted, staff) = read_step(&call.body, Some("TenderLines"))?;
    let staff = call.client.acting(staff)?;
    let shift = number(app, &call.key)?;
    Ok(answer(close_shift(&app.edge, CloseShift { shift, counted, staff }, app.now())?))
}

fn answer(view: ShiftView) -> Response {
    Json(ShiftJson::from(view)).into_response()
}

fn no_shift() -> ODataError {
    ODataError::new(ErrorKind::NotFound, "this node knows no shift with that id")
}

fn none_open() -> ODataError {
    let message = "no shift is open at this node; one that was blind closed is closed by its id";
    ODataError::new(ErrorKind::NotFound, message)
}

fn number(app: &App, key: &str) -> Result<ShiftNumber, ODataError> {
    if key == CURRENT {
        let current = current_shift(&app.edge)?;
        return current.map(|view| view.number).ok_or_else(none_open);
    }
    key.parse().map_err(|_| no_shift())
}

/// Reads the counts, where the step has some, and who takes it. An empty body says nothing.
fn read_step(
    body: &[u8],
    counts: Option<&str>,
) -> Result<(Vec<CountDraft>, Option<StaffId>), ODataError> {
    if matches!(body.trim_ascii(), b"" | b"null") {
        return Ok((Vec::new(), None));
    }
    let body: Box<RawValue> = read_json(body)?;
    let Some(mut fields) = RawFields::of(&body) else {
        return Err(ODataError::fields(vec![Detail::invalid("shift", "must be an object")]));
    };
    let mut reader = Reader::default();
    let staff = fields.take("StaffId").filter(|value| !is_empty(value));
    let staff = parsed(&mut reader, "StaffId", staff);
    let rows = counts.map(|name| fields.objects(&mut reader, name)).unwrap_or_default();
    let mut drafts = Vec::new();
    for (prefix, row) in rows {
        drafts.extend(row.and_then(|row| read_count(&mut reader, &prefix, row)));
    }
    fields.finish(&mut reader, "");
    reader.finish((drafts, staff))
}

fn read_count(reader: &mut Reader, prefix: &str, mut fields: RawFields) -> Option<CountDraft> {
    let path = |name: &str| format!("{prefix}{name}");
    let tender = reader.text(&path("TenderTypeId"), tender_text(fields.take("TenderTypeId")));
    let currency = fields.take("CurrencyCode").filter(|value| !is_empty(value));
    let currency = parsed(reader, &path("CurrencyCode"), currency);
    let amount = fields.amount_required(reader, prefix, "Amount");
    fields.finish(reader, prefix);
    Some(CountDraft { tender, currency, amount: amount? })
}

impl From<ShiftView> for ShiftJson {
    fn from(view: ShiftView) -> Self {
        let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
        let status = view.status();
        ShiftJson {
            status_value: match status {
                ShiftStatus::Open => 1,
                ShiftStatus::Closed => 2,
                ShiftStatus::BlindClosed => 3,
            },
            status: status.as_str(),
            shift_id: view.number.to_string(),
            terminal_id: view.origin.to_string(),
            start_date_time: time(view.opened_at),
            blind_close_date_time: time(view.blind_closed_at),
            close_date_time: time(view.closed_at),
            starting_amounts: view.float.iter().map(CountJson::from).collect(),
            tender_lines: view.counted.iter().map(CountJson::from).collect(),
        }
    }
}

impl From<&Count> for CountJson {
    fn from(count: &Count) -> Self {
        let (tender_type_id, currency_code) = (count.tender.type_id(), count.currency.code());
        CountJson { tender_type_id, currency_code, amount: Amount(count.amount) }
    }
}
