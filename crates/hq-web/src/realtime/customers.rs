//! Creating a customer while a till waits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer, ROWS_MAX};
use tillsync_exchange::rows::operation::CONTENT_BYTES_MAX;

use crate::app::App;
use crate::auth::Device;
use crate::input::Body;
use crate::refusal::HttpError;

/// The largest body of a call, in bytes: every content as large as it may be, and what stands
/// around it.
pub(crate) const CALL_BYTES_MAX: usize = ROWS_MAX * (CONTENT_BYTES_MAX + 1_024);

/// `POST /realtime/v1/customers`.
pub(crate) async fn create_customer(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(call): Body<CreateCustomerCall>,
) -> Result<Json<CreatedCustomer>, HttpError> {
    let channel = acting.database.id.clone();
    let created = app.run(move |hq| hq.create_now(&acting, &call)).await;
    match &created {
        Ok(created) => tracing::info!(
            %channel, account = created.customer.account, "created a customer by a call"
        ),
        Err(_) => tracing::info!(%channel, "refused to create a customer by a call"),
    }
    created.map(Json)
}
