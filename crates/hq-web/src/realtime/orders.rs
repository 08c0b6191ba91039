//! Taking a customer order while a till waits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tillsync_exchange::realtime::{CreateOrderCall, OrderAnswer, ROWS_MAX};
use tillsync_exchange::rows::document::DOCUMENT_BYTES_MAX;
use tillsync_exchange::rows::operation::CONTENT_BYTES_MAX;

use crate::app::App;
use crate::auth::Device;
use crate::input::Body;
use crate::refusal::HttpError;

/// The largest body of a call, in bytes: every content as large as it may be, and what stands
/// around it.
pub(crate) const ORDER_BYTES_MAX: usize =
    DOCUMENT_BYTES_MAX + ROWS_MAX * (CONTENT_BYTES_MAX + 1_024) + 1_024;

/// `POST /realtime/v1/orders`.
pub(crate) async fn create_order(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(call): Body<CreateOrderCall>,
) -> Result<Json<OrderAnswer>, HttpError> {
    let (channel, order) = (acting.database.id.clone(), call.document.number.clone());
    let answer = app.run(move |hq| hq.create_order_now(&acting, &call)).await;
    match &answer {
        Ok(OrderAnswer::Accepted(accepted)) => {
            let sales_order = &accepted.sales_order;
            tracing::info!(%channel, %order, %sales_order, "took an order by a call");
        }
        Ok(OrderAnswer::Refused { reason, .. }) => {
            tracing::info!(%channel, %order, reason = reason.code(), "refused an order of a call");
        }
        Err(_) => tracing::info!(%channel, %order, "could not take an order by a call"),
    }
    answer.map(Json)
}
