//! What is kept from offline databases: how the levers stand, and moving them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::job::JobName;
use tillsync_hq::exclusion::{
    CHANNEL_SCHEMA, ExclusionOverview, Lever, LeverChange, Moved as MovedRecord, Subjob, subjobs_of,
};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment};
use crate::refusal::HttpError;

/// Changes that are shown.
const CHANGES_SHOWN: usize = 50;

/// What is kept from offline databases. Channels always get everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// The channel schema.
    pub channel_schema: ChannelSchema,
    /// The jobs that send something down.
    pub jobs: Vec<ExcludableJob>,
    /// Their subjobs: one table each.
    pub subjobs: Vec<ExcludableSubjob>,
    /// The version of the change log of the last change; 0 before the first.
    pub version: u64,
    /// The last changes, newest first.
    pub changes: Vec<LeverMove>,
}

/// How tables of headquarters become tables of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelSchema {
    /// Its name.
    pub name: String,
    /// Whether customer rows in shared tables are kept from offline databases (F57).
    pub filter_shared_customer_data: bool,
}

/// A job that can be kept from offline databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExcludableJob {
    /// The job.
    pub job: String,
    /// What it sends.
    pub title: String,
    /// Its subjobs.
    pub subjobs: Vec<String>,
    /// Whether it is kept from offline databases (F54).
    pub excluded_from_offline: bool,
}

/// A subjob that can be kept from offline databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExcludableSubjob {
    /// The subjob.
    pub subjob: String,
    /// The jobs that have it.
    pub jobs: Vec<String>,
    /// Whether it is kept from offline databases, in every job (F56).
    pub excluded_from_offline: bool,
}

/// A change of what is kept from offline databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeverMove {
    /// What: `job:1010`, `subjob:party`, `filter:AX7`.
    pub lever: String,
    /// Whether it was kept back from then on.
    pub is_on: bool,
    /// The version of the change log.
    pub version: u64,
    /// When.
    pub changed_at: String,
    /// By whom.
    pub changed_by: String,
}

/// Whether a job or subjob is to be kept from offline databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExclusionChoice {
    /// Whether it is.
    pub excluded_from_offline: bool,
}

/// Whether customer rows in shared tables are to be kept from offline databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterChoice {
    /// Whether they are.
    pub filter_shared_customer_data: bool,
    /// That it is wanted although jobs that hold customer data are not excluded; without it, such
    /// a request is refused with `confirmation_required`, and the message names the jobs (F59).
    #[serde(default)]
    pub confirmed: bool,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moved {
    /// Whether it was otherwise before.
    pub is_change: bool,
    /// What to know about it.
    pub warnings: Vec<String>,
    /// Download sessions of registers that were canceled: their packages held what is kept back
    /// now.
    pub canceled_sessions: u64,
}

/// Shows what is kept from offline databases, and how that came about.
#[utoipa::path(get, path = "/api/v1/exclusion", tag = "exclusion",
    responses((status = 200, body = Exclusion)))]
pub(crate) async fn show_exclusion(
    State(app): State<Arc<App>>,
) -> Result<Json<Exclusion>, HttpError> {
    let overview = app.run(|hq| hq.show_exclusion(CHANGES_SHOWN)).await?;
    Ok(Json(overview.into()))
}

/// Keeps a job from offline databases, or no longer. What registers have stays until a full
/// synchronization of the job.
#[utoipa::path(put, path = "/api/v1/exclusion/jobs/{job}", tag = "exclusion",
    params(("job" = String, Path, description = "the job")),
    request_body = ExclusionChoice,
    responses((status = 200, body = Moved)))]
pub(crate) async fn exclude_job(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(job): Segment<JobName>,
    Body(choice): Body<ExclusionChoice>,
) -> Result<Json<Moved>, HttpError> {
    let is_on = choice.excluded_from_offline;
    pull(&app, operator, LeverChange { lever: Lever::Job(job), is_on, is_confirmed: true }).await
}

/// Keeps a table from offline databases, in every job that has it, or no longer. Registers lose
/// what they have of it.
#[utoipa::path(put, path = "/api/v1/exclusion/subjobs/{name}", tag = "exclusion",
    params(("name" = String, Path, description = "the subjob")),
    request_body = ExclusionChoice,
    responses((status = 200, body = Moved)))]
pub(crate) async fn exclude_subjob(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(subjob): Segment<Subjob>,
    Body(choice): Body<ExclusionChoice>,
) -> Result<Json<Moved>, HttpError> {
    let (lever, is_on) = (Lever::Subjob(subjob), choice.excluded_from_offline);
    pull(&app, operator, LeverChange { lever, is_on, is_confirmed: true }).await
}

/// Keeps customer rows in shared tables from offline databases, or no longer. Registers that are
/// cut off create no customers while it does (F53).
#[utoipa::path(put, path = "/api/v1/exclusion/filter", tag = "exclusion",
    request_body = FilterChoice,
    responses((status = 200, body = Moved)))]
pub(crate) async fn set_filter(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Body(choice): Body<FilterChoice>,
) -> Result<Json<Moved>, HttpError> {
    let (is_on, is_confirmed) = (choice.filter_shared_customer_data, choice.confirmed);
    pull(&app, operator, LeverChange { lever: Lever::Filter, is_on, is_confirmed }).await
}

async fn pull(
    app: &Arc<App>,
    operator: String,
    change: LeverChange,
) -> Result<Json<Moved>, HttpError> {
    let LeverChange { lever, is_on, .. } = change;
    tracing::info!(operator, %lever, is_on, "an operator changes what offline databases get");
    let moved = app.run(move |hq| hq.move_lever(change, &operator)).await?;
    Ok(Json(moved.into()))
}

impl From<ExclusionOverview> for Exclusion {
    fn from(overview: ExclusionOverview) -> Self {
        let ExclusionOverview { levers, changes } = overview;
        let job = |job: JobName| ExcludableJob {
            job: job.to_string(),
            title: job.title().to_owned(),
            subjobs: subjobs_of(job).iter().map(ToString::to_string).collect(),
            excluded_from_offline: levers.jobs.contains(&job),
        };
        let subjob = |subjob: Subjob| ExcludableSubjob {
            subjob: subjob.to_string(),
            jobs: subjob.jobs().iter().map(ToString::to_string).collect(),
            excluded_from_offline: levers.subjobs.contains(&subjob),
        };
        let changes = changes.into_iter().map(|change| LeverMove {
            lever: change.lever.to_string(),
            is_on: change.is_on,
            version: change.version.0,
            changed_at: change.changed_at.to_string(),
            changed_by: change.changed_by,
        });
        Exclusion {
            channel_schema: ChannelSchema {
                name: CHANNEL_SCHEMA.to_owned(),
                filter_shared_customer_data: levers.is_filtered,
            },
            jobs: JobName::DOWNLOADS.into_iter().map(job).collect(),
            subjobs: Subjob::ALL.into_iter().map(subjob).collect(),
            version: levers.version.0,
            changes: changes.collect(),
        }
    }
}

impl From<MovedRecord> for Moved {
    fn from(moved: MovedRecord) -> Self {
        Moved {
            is_change: moved.is_change,
            warnings: moved.warnings,
            canceled_sessions: moved.canceled,
        }
    }
}
