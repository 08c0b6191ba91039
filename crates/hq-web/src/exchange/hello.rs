//! The opening of a conversation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tillsync_exchange::messages::{Hello, Welcome};

use crate::app::App;
use crate::auth::Device;
use crate::input::Body;
use crate::refusal::HttpError;

/// `POST /exchange/v1/hello`.
pub(crate) async fn say_hello(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Body(hello): Body<Hello>,
) -> Result<Json<Welcome>, HttpError> {
    app.run(move |hq| hq.welcome(&acting, &hello)).await.map(Json)
}
