//! Searching all stores while a till waits, and taking a customer into one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tillsync_exchange::realtime::{AddToStoreAnswer, AddToStoreCall, SearchAnswer, SearchCall};

use crate::app::App;
use crate::auth::Device;
use crate::input::Body;
use crate::refusal::HttpError;

/// `POST /realtime/v1/customers/search`.
pub(crate) async fn search_customers(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(call): Body<SearchCall>,
) -> Result<Json<SearchAnswer>, HttpError> {
    app.run(move |hq| hq.search_all_stores(&acting, &call)).await.map(Json)
}

/// `POST /realtime/v1/customers/add-to-store`.
pub(crate) async fn add_to_store(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(call): Body<AddToStoreCall>,
) -> Result<Json<AddToStoreAnswer>, HttpError> {
    app.run(move |hq| hq.add_to_store(&acting, &call)).await.map(Json)
}
