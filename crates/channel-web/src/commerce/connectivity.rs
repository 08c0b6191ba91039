//! `/Commerce/Connectivity`: a register that somebody switches to offline and back (operation 917).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use tillsync_channel::offline::{Switched, check_health, connect_register, disconnect_register};
use tillsync_channel::offline_profile::effective_offline_profile;
use tillsync_domain::offline::RegisterLine;
use utoipa::ToSchema;

use super::for_caller;
use crate::app::App;
use crate::auth::Caller;
use crate::odata::ODataError;
use crate::routes::Access;

/// How a register works after it was switched.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Connectivity {
    /// Whether it works with its store.
    is_online: bool,
    /// Since when it does not.
    offline_since: Option<String>,
    /// Why it does not: `cut_off`, `slow` or `manual`.
    reason: Option<&'static str>,
    /// What is not as it should be, in words for people; it was switched all the same.
    warnings: Vec<String>,
}

impl From<Switched> for Connectivity {
    fn from(switched: Switched) -> Self {
        let (offline_since, reason) = match switched.line {
            RegisterLine::Online => (None, None),
            RegisterLine::Offline { since, reason } => {
                (Some(since.to_string()), Some(reason.as_str()))
            }
        };
        let is_online = !switched.line.is_offline();
        Connectivity { is_online, offline_since, reason, warnings: switched.warnings }
    }
}

/// `POST /Commerce/Connectivity/Disconnect`: it sells on by itself and exchanges nothing.
#[utoipa::path(post, path = "/Commerce/Connectivity/Disconnect", tag = "connectivity",
    responses((status = 200, body = Connectivity)))]
pub(crate) async fn disconnect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Connectivity>, ODataError> {
    for_caller(&app, &headers, Access::Switch, |app, client| {
        check_sign_in(app, &client)?;
        let switched = disconnect_register(&app.edge, app.now())?;
        tracing::info!(client = client.as_str(), "a program disconnected the register");
        Ok(Json(switched.into()))
    })
    .await
}

/// `POST /Commerce/Connectivity/Connect`: it asks its store at once, and is online if that answers.
#[utoipa::path(post, path = "/Commerce/Connectivity/Connect", tag = "connectivity",
    responses((status = 200, body = Connectivity)))]
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Json<Connectivity>, ODataError> {
    let switched = for_caller(&app, &headers, Access::Switch, |app, client| {
        check_sign_in(app, &client)?;
        let switched = connect_register(&app.edge)?;
        tracing::info!(client = client.as_str(), "a program connected the register");
        Ok(switched)
    })
    .await?;
    let checked = app.run_upstream(|app| check_health(&app.edge, &*app.upstream, app.now()));
    let line = checked.await??;
    Ok(Json(Switched { line, ..switched }.into()))
}

/// Where sign-in is required, the offline profile says whether this may be done before it.
fn check_sign_in(app: &App, caller: &Caller) -> Result<(), ODataError> {
    if caller.is_staff() || !app.sign_in.is_required {
        return Ok(());
    }
    let settings = effective_offline_profile(&app.edge)?.settings;
    if settings.allow_manual_switch_before_sign_in {
        return Ok(());
    }
    caller.check(Access::Client, app.sign_in)
}
