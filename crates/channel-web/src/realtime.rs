//! `/realtime/v1` for the registers of a channel: passed on to headquarters, which alone answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use tillsync_channel::realtime::{CallError, pass_on_create_customer};
use tillsync_channel::remote_search::{pass_on_add_to_store, pass_on_search};
use tillsync_channel::sell::pass_on_create_order;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreateCustomerCall, CreateOrderCall, CreatedCustomer,
    OrderAnswer, ROWS_MAX, SearchAnswer, SearchCall,
};
use tillsync_exchange::rows::document::DOCUMENT_BYTES_MAX;

use crate::app::App;
use crate::commerce::{Arrived, BODY_BYTES_MAX};
use crate::exchange::{Refused, message_within, register};
use crate::relay::RelayError;

/// The largest call, in bytes: a customer with the most and longest addresses fits.
pub(crate) const CALL_BYTES_MAX: usize = 1 << 20;

/// The largest call for an order, in bytes: what it brings of its customer fits beside it.
pub(crate) const ORDER_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + CALL_BYTES_MAX;

/// `POST /realtime/v1/customers`.
pub(crate) async fn create_customer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<CreatedCustomer>, Refused> {
    let register = register(&app, &headers).await?;
    let call: CreateCustomerCall = message_within(CALL_BYTES_MAX, body)?;
    check(&register, &call)?;
    let created = app
        .run_upstream(move |app| {
            pass_on_create_customer(&app.edge, &*app.upstream, &call, app.now())
        })
        .await?;
    Ok(Json(created.map_err(in_words)?))
}

/// `POST /realtime/v1/orders`.
pub(crate) async fn create_order(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<OrderAnswer>, Refused> {
    let register = register(&app, &headers).await?;
    let call: CreateOrderCall = message_within(ORDER_BYTES_MAX, body)?;
    if call.operations.len() > ROWS_MAX {
        let message = format!("a call for an order has at most {ROWS_MAX} operations");
        return Err(Refused::new(ErrorKind::Invalid, message));
    }
    let origins = call.operations.iter().map(|operation| &operation.origin);
    only_from(&register, origins.chain([&call.document.origin]))?;
    let answer = app
        .run_upstream(move |app| pass_on_create_order(&app.edge, &*app.upstream, &call, app.now()))
        .await?;
    Ok(Json(answer.map_err(in_words)?))
}

/// `POST /realtime/v1/customers/search`.
pub(crate) async fn search_customers(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<SearchAnswer>, Refused> {
    register(&app, &headers).await?;
    let call: SearchCall = message_within(BODY_BYTES_MAX, body)?;
    let answer = app
        .run_upstream(move |app| pass_on_search(&app.edge, &*app.upstream, &call, app.now()))
        .await?;
    Ok(Json(answer.map_err(in_words)?))
}

/// `POST /realtime/v1/customers/add-to-store`.
pub(crate) async fn add_to_store(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<AddToStoreAnswer>, Refused> {
    register(&app, &headers).await?;
    let call: AddToStoreCall = message_within(BODY_BYTES_MAX, body)?;
    let answer = app
        .run_upstream(move |app| pass_on_add_to_store(&app.edge, &*app.upstream, &call, app.now()))
        .await?;
    Ok(Json(answer.map_err(in_words)?))
}

/// What is said is headquarters' to judge; who says it is known here only.
fn check(register: &DatabaseId, call: &CreateCustomerCall) -> Result<(), Refused> {
    if !(1..=ROWS_MAX).contains(&call.operations.len()) {
        let message = format!("a call has 1 to {ROWS_MAX} operations");
        return Err(Refused::new(ErrorKind::Invalid, message));
    }
    only_from(register, call.operations.iter().map(|operation| &operation.origin))
}

fn only_from<'r>(
    register: &DatabaseId,
    origins: impl IntoIterator<Item = &'r DatabaseId>,
) -> Result<(), Refused> {
    match origins.into_iter().find(|origin| *origin != register) {
        Some(origin) => Err(RelayError::OtherDatabase(origin.clone()).into()),
        None => Ok(()),
    }
}

fn in_words(error: CallError) -> Refused {
    match error {
        CallError::Refused { kind, message, fields } => Refused::new(kind, message).naming(fields),
        CallError::Skipped | CallError::Unanswered(_) => {
            tracing::debug!(%error, "a register's call was not answered");
            let message = "the channel gets no answer from headquarters now";
            Refused::new(ErrorKind::Busy, message)
        }
    }
}
