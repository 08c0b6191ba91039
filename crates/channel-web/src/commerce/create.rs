//! `POST /Commerce/Customers` and `POST /Commerce/Customers/CreateEntity`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tillsync_channel::create::{CreateCustomer, CreateError};
use tillsync_channel::creation::{create_by_mode, creation_mode};
use tillsync_channel::find::CustomerView;
use tillsync_domain::profile::Creation;

use super::input::{Fields, read_customer};
use super::output::{CustomerJson, customer_answer};
use super::{Arrived, body_of, for_client, read_json, request_key, requests};
use crate::app::App;
use crate::odata::ODataError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    entity: Fields,
}

/// The customer is the body.
#[utoipa::path(post, path = "/Commerce/Customers", tag = "customers",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::NewCustomer,
    responses((status = 201, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer")))))]
pub(crate) async fn create_customer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    create(&app, headers, move || read_json(&body)).await
}

/// The customer is the body's `entity`.
#[utoipa::path(post, path = "/Commerce/Customers/CreateEntity", tag = "customers",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::CreateCustomerEntity,
    responses((status = 201, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer")))))]
pub(crate) async fn create_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    let read = move || read_json(&body).map(|Wrapped { entity }| entity);
    create(&app, headers, read).await
}

/// What is left to do once the request was read.
enum Step {
    Done(CustomerView),
    Ask(CreateCustomer),
}

/// Waits for headquarters only where the profile says so, and then beside the threads that others
/// need.
async fn create(
    app: &Arc<App>,
    headers: HeaderMap,
    read: impl FnOnce() -> Result<Fields, ODataError> + Send + 'static,
) -> Result<Response, ODataError> {
    let request = headers.clone();
    let step = for_client(app, &headers, move |app, client| {
        let request = request_key(&request, &client)?;
        let (customer, addresses) = read_customer(read()?)?;
        let create = CreateCustomer { customer, addresses, staff: client.acting(None)?, request };
        Ok(match creation_mode(&app.edge)? {
            Creation::Synchronous => Step::Ask(create),
            Creation::Asynchronous | Creation::Refused(_) => Step::Done(run(app, create)?),
        })
    });
    let view = match step.await? {
        Step::Done(view) => view,
        Step::Ask(create) => app.run_upstream(move |app| run(app, create)).await??,
    };
    app.count_created();
    Ok(customer_answer(StatusCode::CREATED, view))
}

fn run(app: &App, create: CreateCustomer) -> Result<CustomerView, CreateError> {
    create_by_mode(&app.edge, &*app.upstream, create, app.now())
}
