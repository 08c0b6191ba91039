//! `/Commerce/SET('KEY')` and what hangs below it: which set, then who does the work.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::paging::page_of_query;
use super::{Arrived, body_of, find, for_client, sales_orders, shifts, update};
use crate::app::App;
use crate::odata::ODataError;

/// `GET /Commerce/SET('KEY')`.
pub(crate) async fn show_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(segment): Path<String>,
) -> Result<Response, ODataError> {
    for_client(&app, &headers, move |app, _| match set_of(&segment) {
        "SalesOrders" => Ok(sales_orders::show_order(app, &segment)?.into_response()),
        "Shifts" => Ok(shifts::show_shift(app, &segment)?.into_response()),
        _ => Ok(find::show_customer(app, &segment)?.into_response()),
    })
    .await
}

/// `PATCH /Commerce/Customers('KEY')`: what was sold is never changed.
pub(crate) async fn update_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(segment): Path<String>,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| {
        let updated = update::update_customer(app, (&client, &request), &segment, &body)?;
        Ok(updated.into_response())
    })
    .await
}

/// `GET /Commerce/SET('KEY')/WHAT`.
pub(crate) async fn read_of_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((segment, what)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ODataError> {
    for_client(&app, &headers, move |app, _| match (set_of(&segment), what.as_str()) {
        ("SalesOrders", "Receipt") => Ok(sales_orders::show_receipt(app, &segment)?),
        ("Customers", "GetOrderHistory") => {
            let page = page_of_query(query.as_deref())?;
            Ok(sales_orders::order_history(app, &segment, page)?.into_response())
        }
        _ => Err(ODataError::no_action()),
    })
    .await
}

/// `POST /Commerce/SET('KEY')/ACTION`.
pub(crate) async fn run_action(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((segment, action)): Path<(String, String)>,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| match (set_of(&segment), action.as_str()) {
        ("Customers", "UpdateEntity") => {
            let updated = update::update_entity(app, (&client, &request), &segment, &body)?;
            Ok(updated.into_response())
        }
        ("Customers", "GetOrderHistory") => {
            let page = sales_orders::page_of_body(&body)?;
            Ok(sales_orders::order_history(app, &segment, page)?.into_response())
        }
        ("Shifts", "BlindClose") => Ok(shifts::blind_close(app, &segment, &body)?.into_response()),
        ("Shifts", "Close") => Ok(shifts::close(app, &segment, &body)?.into_response()),
        _ => Err(ODataError::no_action()),
    })
    .await
}

fn set_of(segment: &str) -> &str {
    segment.split_once('(').map_or(segment, |(set, _)| set)
}
