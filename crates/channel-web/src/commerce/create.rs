//! `POST /Commerce/Customers` and `POST /Commerce/Customers/CreateEntity`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tillsync_channel::clients::ClientName;
use tillsync_channel::create::{self, CreateCustomer};

use super::input::{Fields, read_customer};
use super::output::CustomerJson;
use super::{Arrived, body_of, for_client, read_json, request_key};
use crate::app::App;
use crate::odata::ODataError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    entity: Fields,
}

/// The customer is the body.
pub(crate) async fn create_customer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<CustomerJson>), ODataError> {
    let body = body_of(body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| create(app, &client, &request, read_json(&body)?))
        .await
}

/// The customer is the body's `entity`.
pub(crate) async fn create_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<CustomerJson>), ODataError> {
    let body = body_of(body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| {
        let Wrapped { entity } = read_json(&body)?;
        create(app, &client, &request, entity)
    })
    .await
}

fn create(
    app: &App,
    client: &ClientName,
    headers: &HeaderMap,
    fields: Fields,
) -> Result<(StatusCode, Json<CustomerJson>), ODataError> {
    let request = request_key(headers, client)?;
    let (customer, addresses) = read_customer(fields)?;
    let create = CreateCustomer { customer, addresses, staff: None, request };
    let view = create::create_customer(&app.edge, create, app.now())?;
    app.count_created();
    Ok((StatusCode::CREATED, Json(view.into())))
}
