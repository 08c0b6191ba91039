//! Redeeming an activation code.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tillsync_exchange::messages::{EnrolRequest, Enrolled};

use crate::app::App;
use crate::auth::presented;
use crate::input::Body;
use crate::refusal::HttpError;

/// `POST /exchange/v1/enrol`. A channel that relays a register's code shows its own credential;
/// a channel that redeems its own code has none yet.
pub(crate) async fn enrol_device(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(request): Body<EnrolRequest>,
) -> Result<Json<Enrolled>, HttpError> {
    let relay = headers.contains_key(AUTHORIZATION).then(|| presented(&headers)).transpose()?;
    let enrolled = app
        .run(move |hq| {
            let relay = relay.map(|secret| hq.authenticate_device(&secret)).transpose()?;
            let through = relay.as_ref().map(|record| &record.database.id);
            hq.enrol_device(&request, through)
        })
        .await?;
    tracing::info!(database = %enrolled.database, "a device enrolled");
    Ok(Json(enrolled))
}
