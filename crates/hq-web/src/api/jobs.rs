//! Jobs: their schedules, their runs, and starting one by hand.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, GroupId, RunId};
use tillsync_domain::job::{JobName, SYNCHRONIZE_CUSTOMERS_ALIASES};
use tillsync_domain::kind::ErrorKind;
use tillsync_hq::Headquarters;
use tillsync_hq::jobs::{JobError, JobOptions};
use tillsync_hq::storage::{Lease, RunRecord, ScheduleRecord, Trigger};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::Page;
use crate::app::App;
use crate::input::{Body, PageSize, Params, Segment, parse, parse_known};
use crate::refusal::HttpError;

/// How long P-0001 waits for channels when a person starts it.
const PULL_PATIENCE: Duration = Duration::from_secs(30);

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// The short name.
    pub name: String,
    /// Other names that mean the same job.
    pub aliases: Vec<String>,
    /// What it does.
    pub title: String,
    /// Its recurrence as a cron pattern in UTC; absent when nothing starts it by time.
    pub cron: Option<String>,
    /// When its recurrence was last due or changed.
    pub scheduled_at: Option<Timestamp>,
    /// The run that goes on now.
    pub running: Option<RunningLease>,
    /// The run that began last, of those that stand in the history.
    pub last_run: Option<Run>,
}

/// The right of one run to go on alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningLease {
    /// Which run.
    pub run: String,
    /// Since when.
    pub taken_at: Timestamp,
    /// Until when, unless the run renews it.
    pub expires_at: Timestamp,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its identity.
    pub id: String,
    /// Which job.
    pub job: String,
    /// `manual`, `schedule` or `live`.
    pub trigger: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// `running`, `succeeded`, `completed_with_errors` or `failed`.
    pub outcome: String,
    /// What it did, as counts by name.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// What stopped it, or what needs a person.
    pub error: Option<String>,
}

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// 1010, 1040 and 1070 only: send everything to this group once instead of what changed
    /// (F73).
    #[serde(default)]
    pub full_sync_of: Option<String>,
    /// Orders, validation and statements only: only this store's instead of every store's.
    #[serde(default)]
    pub store: Option<String>,
}

/// The run that was started; it goes on after the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunStarted {
    /// Its identity; `GET /api/v1/runs/{run}` says how it goes.
    pub run: String,
}

/// A recurrence. It always sends what changed: a full data sync has no place here, because one
/// that recurs would send everything to every store again and again (F73).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// A cron pattern in UTC, such as `*/5 * * * *`; null for none.
    pub cron: Option<String>,
}

/// The parameters of a history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunParams {
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists the jobs with their schedules, leases and last runs.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs",
    responses((status = 200, body = Page<Job>)))]
pub(crate) async fn list_jobs(State(app): State<Arc<App>>) -> Result<Json<Page<Job>>, HttpError> {
    let jobs = app
        .run(|hq| {
            let now = hq.now();
            let schedules = hq.list_schedules()?;
            let mut jobs = Vec::new();
            for name in JobName::ALL {
                let lease = hq.storage().read(|tx| tx.lease_get(name))?;
                let running = lease.filter(|lease| lease.expires_at > now);
                let last_run = hq.list_runs(Some(name), 1)?.pop();
                let schedule = schedules.iter().find(|schedule| schedule.job == name);
                jobs.push(describe(name, schedule, running, last_run));
            }
            Ok::<_, HttpError>(jobs)
        })
        .await?;
    Ok(Json(Page::whole(jobs)))
}

/// Lists the runs of a job, newest first.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/runs", tag = "jobs",
    params(("job" = String, Path, description = "name or alias"), RunParams),
    responses((status = 200, body = Page<Run>)))]
pub(crate) async fn list_runs(
    State(app): State<Arc<App>>,
    Segment(job): Segment<String>,
    Params(params): Params<RunParams>,
) -> Result<Json<Page<Run>>, HttpError> {
    let job: JobName = parse_known(&job)?;
    let size = params.limit.items()?;
    let runs = app.run(move |hq| hq.list_runs(Some(job), size)).await?;
    Ok(Json(Page::whole(runs.into_iter().map(Run::from).collect())))
}

/// Starts a job in the background (F74); refused while a run of it goes on (F65).
#[utoipa::path(post, path = "/api/v1/jobs/{job}/runs", tag = "jobs",
    params(("job" = String, Path, description = "name or alias")),
    request_body = RunRequest,
    responses((status = 202, body = RunStarted)))]
pub(crate) async fn run_job(
    State(app): State<Arc<App>>,
    Segment(job): Segment<String>,
    Body(request): Body<RunRequest>,
) -> Result<(StatusCode, Json<RunStarted>), HttpError> {
    let job: JobName = parse_known(&job)?;
    let full_sync_of: Option<GroupId> = request.full_sync_of.as_deref().map(parse).transpose()?;
    if let Some(group) = full_sync_of.clone() {
        let groups = app.run(|hq| hq.list_groups()).await?;
        if !groups.iter().any(|record| record.id == group) {
            return Err(JobError::UnknownGroup(group).into());
        }
    }
    let store: Option<DatabaseId> = request.store.as_deref().map(parse).transpose()?;
    let options =
        JobOptions { full_sync_of, store, patience: PULL_PATIENCE, ..JobOptions::default() };
    let run = start_run(Arc::clone(app.hq()), job, options).await?;
    tracing::info!(%job, %run, "an operator started a job");
    Ok((StatusCode::ACCEPTED, Json(RunStarted { run: run.to_string() })))
}

/// Sets or removes a job's recurrence. There is no recurring full data sync (F73).
#[utoipa::path(put, path = "/api/v1/jobs/{job}/schedule", tag = "jobs",
    params(("job" = String, Path, description = "name or alias")),
    request_body = Schedule,
    responses((status = 200, body = Schedule)))]
pub(crate) async fn set_schedule(
    State(app): State<Arc<App>>,
    Segment(job): Segment<String>,
    Body(schedule): Body<Schedule>,
) -> Result<Json<Schedule>, HttpError> {
    let job: JobName = parse_known(&job)?;
    let schedule = app
        .run(move |hq| hq.set_schedule(job, schedule.cron.as_deref()).map(|()| schedule))
        .await?;
    Ok(Json(schedule))
}

/// Shows a run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "the run")),
    responses((status = 200, body = Run)))]
pub(crate) async fn show_run(
    State(app): State<Arc<App>>,
    Segment(id): Segment<RunId>,
) -> Result<Json<Run>, HttpError> {
    let run = app.run(move |hq| hq.show_run(&id)).await?;
    let unknown = || HttpError::new(ErrorKind::NotFound, format!("there is no run {id}"));
    run.map(|run| Json(Run::from(run))).ok_or_else(unknown)
}

/// Begins a run on a thread of its own and returns once it has its lease.
async fn start_run(
    hq: Arc<Headquarters>,
    job: JobName,
    options: JobOptions,
) -> Result<RunId, HttpError> {
    let (begun, began) = oneshot::channel();
    let work = move || match hq.begin_run(job, Trigger::Manual, options) {
        Ok(run) => {
            // Whoever asked may be gone; the run goes on all the same.
            let _ = begun.send(Ok(run.id()));
            if let Err(error) = run.execute() {
                tracing::error!(%job, %error, "the record of a run could not be kept");
            }
        }
        Err(error) => {
            let _ = begun.send(Err(error));
        }
    };
    // Not the runtime's pool: a run can outlive every request and must not hold up its end.
    std::thread::Builder::new()
        .name(format!("job {job}"))
        .spawn(work)
        .map_err(|error| HttpError::broken(&error))?;
    let began = began.await.map_err(|error| HttpError::broken(&error))?;
    Ok(began?)
}

fn describe(
    name: JobName,
    schedule: Option<&ScheduleRecord>,
    running: Option<Lease>,
    last_run: Option<RunRecord>,
) -> Job {
    let aliases = match name {
        JobName::SynchronizeCustomers => SYNCHRONIZE_CUSTOMERS_ALIASES.as_slice(),
        JobName::P0001
        | JobName::Customers1010
        | JobName::Products1040
        | JobName::ChannelConfiguration1070
        | JobName::Registers1090
        | JobName::Staff1060
        | JobName::GlobalConfiguration1110
        | JobName::SynchronizeOrders
        | JobName::ValidateTransactions
        | JobName::TransactionalStatements
        | JobName::FinancialStatements
        | JobName::ClassicStatements => &[],
    };
    Job {
        name: name.to_string(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        title: name.title().to_owned(),
        cron: schedule.and_then(|schedule| schedule.cron.clone()),
        scheduled_at: schedule.and_then(|schedule| schedule.fired_at),
        running: running.map(|lease| RunningLease {
            run: lease.run.to_string(),
            taken_at: lease.taken_at,
            expires_at: lease.expires_at,
        }),
        last_run: last_run.map(Run::from),
    }
}

impl From<RunRecord> for Run {
    fn from(record: RunRecord) -> Self {
        Run {
            id: record.id.to_string(),
            job: record.job.to_string(),
            trigger: record.trigger.as_str().to_owned(),
            started_at: record.started_at,
            ended_at: record.ended_at,
            outcome: record.outcome.as_str().to_owned(),
            detail: record.detail,
            error: record.error,
        }
    }
}
