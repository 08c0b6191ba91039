//! Upload and download sessions, and what operators do with them (F66–F71).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, SessionId};
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::storage::{DownloadSessionRecord, SessionFilter, UploadSessionRecord};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::packages::Package;
use crate::app::App;
use crate::input::{PageSize, Params, Segment, parse_option};
use crate::refusal::HttpError;

/// One package on its way up or down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "direction", rename_all = "snake_case")]
pub enum Session {
    /// Down to one database.
    Download(DownloadSession),
    /// Up from one database.
    Upload(UploadSession),
}

/// One package for one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DownloadSession {
    /// Its identity.
    pub id: String,
    /// For which database.
    pub database: String,
    /// Which package.
    pub package: String,
    /// Which job's.
    pub job: String,
    /// The status as people read it, such as `Apply failed`.
    pub status: String,
    /// The status value of the reference system.
    pub status_value: i64,
    /// Failures since the last success or retry.
    pub failures: u32,
    /// Not before then is it tried again.
    pub next_try_at: Option<Timestamp>,
    /// The last error.
    pub error: Option<String>,
    /// The session that it repeats.
    pub rerun_of: Option<String>,
    /// When it was offered first.
    pub created_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
}

/// One upload as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadSession {
    /// The package's identity.
    pub id: String,
    /// Who sent it.
    pub database: String,
    /// In which epoch.
    pub epoch: String,
    /// The first counter in it.
    pub first: u64,
    /// The last counter in it.
    pub last: u64,
    /// Rows in it.
    pub rows: u64,
    /// Size in bytes, compressed.
    pub bytes: u64,
    /// The status as people read it.
    pub status: String,
    /// The status value of the reference system.
    pub status_value: i64,
    /// How often it arrived.
    pub tries: u32,
    /// The last error.
    pub error: Option<String>,
    /// When it arrived first.
    pub created_at: Timestamp,
    /// When it arrived last.
    pub updated_at: Timestamp,
}

/// A download session with its package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionDetail {
    /// The session.
    pub session: DownloadSession,
    /// Its package, unless it was forgotten since.
    pub package: Option<Package>,
}

/// Which way packages go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From headquarters to databases.
    #[default]
    Download,
    /// From databases to headquarters.
    Upload,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionParams {
    /// `download` (when absent) or `upload`.
    #[serde(default)]
    #[param(inline)]
    direction: Direction,
    /// Only of this database.
    database: Option<String>,
    /// Downloads only: in this status, such as `Suspended`.
    status: Option<String>,
    /// Downloads only: before this session, the `next` of the page before.
    before: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists sessions, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(SessionParams),
    responses((status = 200, body = Page<Session>)))]
pub(crate) async fn list_sessions(
    State(app): State<Arc<App>>,
    Params(params): Params<SessionParams>,
) -> Result<Json<Page<Session>>, HttpError> {
    let size = params.limit.items()?;
    let database: Option<DatabaseId> = parse_option(params.database.as_ref())?;
    let status: Option<DownloadStatus> = parse_option(params.status.as_ref())?;
    let before: Option<SessionId> = parse_option(params.before.as_ref())?;
    match params.direction {
        Direction::Download => {
            let filter = SessionFilter { database, status, before, limit: size + 1 };
            let records = app.run(move |hq| hq.list_sessions(&filter)).await?;
            let sessions: Vec<_> = records.into_iter().map(DownloadSession::from).collect();
            let page = Page::cut(sessions, size, |session: &DownloadSession| session.id.clone());
            let items = page.items.into_iter().map(Session::Download).collect();
            Ok(Json(Page { items, next: page.next }))
        }
        Direction::Upload if status.is_some() || before.is_some() => Err(HttpError::invalid(
            "the list of uploads can be narrowed by database and limit, not by status or before",
        )),
        Direction::Upload => {
            let records = app
                .run(move |hq| hq.storage().read(|tx| tx.uploads_list(database.as_ref(), size)))
                .await?;
            let uploads = records.into_iter().map(|record| Session::Upload(record.into()));
            Ok(Json(Page::whole(uploads.collect())))
        }
    }
}

/// Shows a download session with its package.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "the session")),
    responses((status = 200, body = SessionDetail)))]
pub(crate) async fn show_session(
    State(app): State<Arc<App>>,
    Segment(id): Segment<SessionId>,
) -> Result<Json<SessionDetail>, HttpError> {
    let (session, package) = app.run(move |hq| hq.show_session(&id)).await?;
    let package = package.map(Package::from);
    Ok(Json(SessionDetail { session: session.into(), package }))
}

/// Gives a session that failed or is suspended another round of tries.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/retry", tag = "sessions",
    params(("id" = String, Path, description = "the session")),
    responses((status = 200, body = DownloadSession)))]
pub(crate) async fn retry_session(
    State(app): State<Arc<App>>,
    Segment(id): Segment<SessionId>,
) -> Result<Json<DownloadSession>, HttpError> {
    command(&app, id, SessionCommand::Retry).await
}

/// Gives a session up: its database goes on with the next package.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/cancel", tag = "sessions",
    params(("id" = String, Path, description = "the session")),
    responses((status = 200, body = DownloadSession)))]
pub(crate) async fn cancel_session(
    State(app): State<Arc<App>>,
    Segment(id): Segment<SessionId>,
) -> Result<Json<DownloadSession>, HttpError> {
    command(&app, id, SessionCommand::Cancel).await
}

/// Has a package applied once more, in a session of its own, which is the answer (F71).
#[utoipa::path(post, path = "/api/v1/sessions/{id}/rerun", tag = "sessions",
    params(("id" = String, Path, description = "the session")),
    responses((status = 200, body = DownloadSession)))]
pub(crate) async fn rerun_session(
    State(app): State<Arc<App>>,
    Segment(id): Segment<SessionId>,
) -> Result<Json<DownloadSession>, HttpError> {
    command(&app, id, SessionCommand::Rerun).await
}

async fn command(
    app: &App,
    id: SessionId,
    command: SessionCommand,
) -> Result<Json<DownloadSession>, HttpError> {
    let record = app.run(move |hq| hq.command_session(&id, command)).await?;
    tracing::info!(session = %id, ?command, "an operator changed a session");
    Ok(Json(record.into()))
}

impl From<DownloadSessionRecord> for DownloadSession {
    fn from(record: DownloadSessionRecord) -> Self {
        DownloadSession {
            id: record.id.to_string(),
            database: record.database.to_string(),
            package: record.package.to_string(),
            job: record.job.to_string(),
            status: record.progress.status.to_string(),
            status_value: record.progress.status.value(),
            failures: record.progress.failures,
            next_try_at: record.progress.next_try_at,
            error: record.error,
            rerun_of: record.rerun_of.map(|session| session.to_string()),
            created_at: record.created_at,
            updated_at: record.updated_at,
            applied_at: record.applied_at,
        }
    }
}

impl From<UploadSessionRecord> for UploadSession {
    fn from(record: UploadSessionRecord) -> Self {
        UploadSession {
            id: record.id.to_string(),
            database: record.source.to_string(),
            epoch: record.epoch.to_string(),
            first: record.counters.0,
            last: record.counters.1,
            rows: record.rows,
            bytes: record.bytes,
            status: record.status.to_string(),
            status_value: record.status.value(),
            tries: record.tries,
            error: record.error,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}
