//! Whether the process is up, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use tillsync_domain::kind::ErrorKind;

use crate::app::App;
use crate::refusal::HttpError;

/// `GET /healthz`: the process answers.
pub(crate) async fn show_health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and the workers run.
pub(crate) async fn show_readiness(State(app): State<Arc<App>>) -> Result<&'static str, HttpError> {
    if app.hq().signals().is_stopping() {
        return Err(HttpError::new(ErrorKind::Busy, "headquarters is stopping"));
    }
    if !app.workers_run() {
        return Err(HttpError::new(ErrorKind::Busy, "a worker thread does not run"));
    }
    app.report().await?;
    Ok("ready\n")
}
