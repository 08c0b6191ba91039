//! What a database says of its downloads.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tillsync_domain::ids::SessionId;
use tillsync_exchange::messages::{DownloadReport, DownloadReportAnswer};

use crate::app::App;
use crate::auth::Device;
use crate::input::{Body, Segment};
use crate::refusal::HttpError;

/// `POST /exchange/v1/downloads/{session}`.
pub(crate) async fn report_download(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Segment(session): Segment<SessionId>,
    Body(report): Body<DownloadReport>,
) -> Result<Json<DownloadReportAnswer>, HttpError> {
    let status = app
        .run(move |hq| {
            hq.authorize_for(&acting, &report.database)?;
            let status = hq.report_download(&session, &report)?;
            Ok::<_, HttpError>(status)
        })
        .await?;
    Ok(Json(DownloadReportAnswer { status: status.to_string() }))
}
