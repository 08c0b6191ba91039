//! What is set for a channel and its registers, and what each database has applied of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::DatabaseId;
use tillsync_hq::configuration::{AppliedJob as JobRecord, DatabaseConfiguration as Record};
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::input::Segment;
use crate::refusal::HttpError;

/// What is set for one database, and what it has applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseConfiguration {
    /// The database.
    pub database: String,
    /// What is set for it; nothing of a job that is not in force.
    pub options: Vec<SetOption>,
    /// How far it has applied the jobs that bring configuration and are in force.
    pub jobs: Vec<AppliedJob>,
}

/// One option as it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetOption {
    /// Its name.
    pub option: String,
    /// What is set: yes, no or a number.
    pub value: String,
    /// The job that brings it.
    pub job: String,
    /// Where it is set.
    pub from: String,
    /// The version of the change log in which it was set last.
    pub version: u64,
}

/// How far a database has applied a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedJob {
    /// The job.
    pub job: String,
    /// The version in which something that it brings to this database was set last.
    pub set_version: u64,
    /// The version up to which the database has applied it; null when it has applied none.
    pub applied_version: Option<u64>,
    /// The last session of the job that it applied.
    pub session: Option<String>,
    /// When it did.
    pub applied_at: Option<Timestamp>,
    /// Whether the database works by something older.
    pub is_behind: bool,
}

/// Shows what is set for a channel and each of its registers, or for one register, and what each
/// has applied.
#[utoipa::path(get, path = "/api/v1/databases/{id}/configuration", tag = "configuration",
    params(("id" = String, Path, description = "the channel or register")),
    responses((status = 200, body = Page<DatabaseConfiguration>)))]
pub(crate) async fn show_database_configuration(
    State(app): State<Arc<App>>,
    Segment(id): Segment<DatabaseId>,
) -> Result<Json<Page<DatabaseConfiguration>>, HttpError> {
    let found = app.run(move |hq| hq.show_configuration(&id)).await?;
    Ok(Json(Page::whole(found.into_iter().map(DatabaseConfiguration::from).collect())))
}

impl From<Record> for DatabaseConfiguration {
    fn from(record: Record) -> Self {
        let option = |option: tillsync_hq::configuration::SetOption| SetOption {
            option: option.option,
            value: option.value,
            job: option.job.to_string(),
            from: option.from,
            version: option.version.0,
        };
        DatabaseConfiguration {
            database: record.database.to_string(),
            options: record.options.into_iter().map(option).collect(),
            jobs: record.jobs.into_iter().map(AppliedJob::from).collect(),
        }
    }
}

impl From<JobRecord> for AppliedJob {
    fn from(record: JobRecord) -> Self {
        AppliedJob {
            job: record.job.to_string(),
            set_version: record.set.0,
            applied_version: record.applied.map(|version| version.0),
            is_behind: record.is_behind(),
            session: record.session.map(|(session, _)| session.to_string()),
            applied_at: record.session.and_then(|(_, applied_at)| applied_at),
        }
    }
}
