//! Customer orders on their way to sales orders, and what operators do with them (F94, F95).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::order::OrderStatus;
use tillsync_hq::storage::{DocumentPosition, TransactionFilter};
use utoipa::IntoParams;

use super::Page;
use super::repairs::Repair;
use super::transactions::{Transaction, TransactionDetail, look_up, page_of};
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, PageSize, Params, Segment, parse_named, parse_option};
use crate::refusal::HttpError;

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderParams {
    /// `New`, `Waiting`, `Failed`, `Editing` or `Succeeded`; all when absent.
    status: Option<String>,
    /// Only of this store.
    store: Option<String>,
    /// Only those on hold.
    #[serde(default)]
    on_hold: bool,
    /// Only those behind this position: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists customer orders, in order of arrival.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderParams),
    responses((status = 200, body = Page<Transaction>)))]
pub(crate) async fn list_orders(
    State(app): State<Arc<App>>,
    Params(params): Params<OrderParams>,
) -> Result<Json<Page<Transaction>>, HttpError> {
    let filter = TransactionFilter {
        kind: Some(DocumentKind::Order),
        store: parse_option(params.store.as_ref())?,
        order_status: parse_named(params.status.as_ref(), &OrderStatus::ALL, OrderStatus::as_str)?,
        is_on_hold: params.on_hold,
        after: DocumentPosition(params.after),
        limit: params.limit.items()?,
        ..TransactionFilter::default()
    };
    page_of(&app, filter).await.map(Json)
}

/// Shows an order with what it says and every change made to it.
#[utoipa::path(get, path = "/api/v1/orders/{number}", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    responses((status = 200, body = TransactionDetail)))]
pub(crate) async fn show_order(
    State(app): State<Arc<App>>,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<TransactionDetail>, HttpError> {
    let detail = look_up(&app, number.clone()).await?;
    if detail.transaction.order.is_none() {
        let message = format!("{number} is no customer order; it is a sale");
        return Err(HttpError::new(ErrorKind::NotFound, message));
    }
    Ok(Json(detail))
}

/// Locks an order for the operator: no run touches it until it is repaired or unlocked.
#[utoipa::path(post, path = "/api/v1/orders/{number}/lock", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    responses((status = 200, body = Transaction)))]
pub(crate) async fn lock_order(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<Transaction>, HttpError> {
    let record = app.run(move |hq| hq.lock_order(&number, &operator)).await?;
    Ok(Json(record.into()))
}

/// Gives an edit up: the order is what it was. Any operator may do it.
#[utoipa::path(post, path = "/api/v1/orders/{number}/unlock", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    responses((status = 200, body = Transaction)))]
pub(crate) async fn unlock_order(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<Transaction>, HttpError> {
    let record = app.run(move |hq| hq.give_up_edit(&number)).await?;
    tracing::info!(order = %record.row.number, operator, "an operator unlocked an order");
    Ok(Json(record.into()))
}

/// Changes what an order says, as `POST /api/v1/transactions/{number}/repair` does. It is unlocked
/// and tried anew, and its sales order will be on hold.
#[utoipa::path(post, path = "/api/v1/orders/{number}/repair", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    request_body = Repair,
    responses((status = 200, body = Transaction)))]
pub(crate) async fn repair_order(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(number): Segment<TransactionNumber>,
    Body(repair): Body<Repair>,
) -> Result<Json<Transaction>, HttpError> {
    repair.carry_out(&app, number, operator).await.map(Json)
}

/// Tries to make a sales order of an order now, promoting whom it needs. The answer says how it
/// went.
#[utoipa::path(post, path = "/api/v1/orders/{number}/synchronize", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    responses((status = 200, body = Transaction)))]
pub(crate) async fn synchronize_order(
    State(app): State<Arc<App>>,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<Transaction>, HttpError> {
    let record = app.run(move |hq| hq.synchronize_order(&number)).await?;
    Ok(Json(record.into()))
}

/// Lifts the hold of a repaired order's sales order (F95).
#[utoipa::path(post, path = "/api/v1/orders/{number}/lift-hold", tag = "orders",
    params(("number" = String, Path, description = "the number of the order")),
    responses((status = 200, body = Transaction)))]
pub(crate) async fn lift_hold(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<Transaction>, HttpError> {
    let record = app.run(move |hq| hq.lift_hold(&number)).await?;
    tracing::info!(order = %record.row.number, operator, "an operator lifted a hold");
    Ok(Json(record.into()))
}
