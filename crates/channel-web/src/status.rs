//! How this node is: for people, probes and Prometheus. Counts and times only, never personal
//! data.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use jiff::Timestamp;
use metrics::{Unit, describe_counter, describe_gauge, gauge, with_local_recorder};
use serde::Serialize;
use tillsync_channel::DbError;
use tillsync_channel::configuration::{
    Setting, SettingSource, SettingValue, effective_configuration,
};
use tillsync_channel::health::{Health, LinkState, read_health};
use tillsync_channel::identity::{kind_name, mode_name};
use tillsync_domain::offline::RegisterLine;
use tillsync_exchange::breaker::{Breaker, BreakerState};
use utoipa::ToSchema;

use crate::app::App;
use crate::odata::ODataError;

/// `GET /status`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Status)]
pub(crate) struct StatusJson {
    database: String,
    kind: &'static str,
    customers: u64,
    pending: u64,
    oldest_pending_at: Option<Timestamp>,
    unsent: u64,
    unsent_documents: u64,
    quarantined: u64,
    mode: &'static str,
    epoch: String,
    upstream: UpstreamJson,
    line: Option<LineJson>,
    realtime: RealtimeJson,
    configuration: Vec<OptionJson>,
    applied: BTreeMap<String, u64>,
}

/// Whether a register works with its store: `online`, or `offline` since when, and why: `cut_off`,
/// `slow` or `manual`. A channel has none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Line)]
struct LineJson {
    state: &'static str,
    since: Option<Timestamp>,
    reason: Option<&'static str>,
}

impl From<RegisterLine> for LineJson {
    fn from(line: RegisterLine) -> Self {
        match line {
            RegisterLine::Online => LineJson { state: "online", since: None, reason: None },
            RegisterLine::Offline { since, reason } => {
                let (since, reason) = (Some(since), Some(reason.as_str()));
                LineJson { state: "offline", since, reason }
            }
        }
    }
}

/// Whether headquarters is called while a till waits: `closed` (it is), `open` (not until then) or
/// `probing` (one call finds out).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Realtime)]
struct RealtimeJson {
    state: &'static str,
    failures: u32,
    until: Option<Timestamp>,
}

impl RealtimeJson {
    fn of(breaker: &Breaker, now: Timestamp) -> Self {
        let (state, until) = match breaker.state(now) {
            BreakerState::Closed => ("closed", None),
            BreakerState::Open { until } => ("open", Some(until)),
            BreakerState::Probing => ("probing", None),
        };
        RealtimeJson { state, failures: breaker.failures(), until }
    }
}

/// What an option says: yes or no, a number, or names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ConfigurationValue)]
enum ValueJson {
    Flag(bool),
    Number(u32),
    Names(Vec<String>),
}

/// One option, what holds and where it is from. Without a version its job has brought nothing yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfigurationOption)]
struct OptionJson {
    option: String,
    value: ValueJson,
    job: &'static str,
    from: String,
    profile: Option<String>,
    version: Option<u64>,
    applied_at: Option<Timestamp>,
}

impl From<Setting> for OptionJson {
    fn from(setting: Setting) -> Self {
        let from = setting.from();
        let (profile, version, applied_at) = match setting.source {
            SettingSource::UntilDistributed => (None, None, None),
            SettingSource::Distributed { profile, version, applied_at } => {
                (profile, Some(version), Some(applied_at))
            }
        };
        let value = match setting.value {
            SettingValue::Flag(flag) => ValueJson::Flag(flag),
            SettingValue::Number(number) => ValueJson::Number(number),
            SettingValue::Names(names) => ValueJson::Names(names),
        };
        let job = setting.job.as_str();
        OptionJson { option: setting.option, value, job, from, profile, version, applied_at }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UpstreamState)]
struct UpstreamJson {
    state: &'static str,
    since: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    error: Option<String>,
    clock_skew_seconds: Option<i64>,
    clock_is_off: bool,
}

impl StatusJson {
    fn of(health: Health, configuration: Vec<Setting>, now: Timestamp) -> Self {
        let clock_is_off = health.is_clock_off();
        let upstream = UpstreamJson {
            state: state_name(health.link.state),
            since: health.link.since,
            answered_at: health.link.answered_at,
            error: health.link.error,
            clock_skew_seconds: health.link.skew.map(|skew| skew.as_secs()),
            clock_is_off,
        };
        StatusJson {
            database: health.database.to_string(),
            kind: kind_name(health.kind),
            customers: health.customers,
            pending: health.pending,
            oldest_pending_at: health.oldest_pending_at,
            unsent: health.unsent,
            unsent_documents: health.unsent_documents,
            quarantined: health.quarantined,
            mode: mode_name(health.mode),
            epoch: health.epoch.to_string(),
            upstream,
            line: health.line.map(LineJson::from),
            realtime: RealtimeJson::of(&health.realtime, now),
            configuration: configuration.into_iter().map(OptionJson::from).collect(),
            applied: health.applied,
        }
    }
}

#[utoipa::path(get, path = "/status", tag = "health",
    responses((status = 200, body = StatusJson)))]
pub(crate) async fn show_status(
    State(app): State<Arc<App>>,
) -> Result<Json<StatusJson>, ODataError> {
    let read = |app: &App| Ok::<_, DbError>((read_health(&app.edge)?, configured(app)?));
    let (health, configuration) = app.run(read).await??;
    Ok(Json(StatusJson::of(health, configuration, app.now())))
}

fn configured(app: &App) -> Result<Vec<Setting>, DbError> {
    effective_configuration(&app.edge)
}

/// `GET /healthz`: the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
pub(crate) async fn show_health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers. The upstream does not matter: a node works without it.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"),
        (status = 503, body = String, content_type = "text/plain; charset=utf-8")))]
pub(crate) async fn show_readiness(
    State(app): State<Arc<App>>,
) -> Result<&'static str, (StatusCode, &'static str)> {
    match app.run(|app| read_health(&app.edge)).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(_)) | Err(_) => {
            Err((StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"))
        }
    }
}

/// `GET /metrics`.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String,
        content_type = "text/plain; version=0.0.4; charset=utf-8")))]
pub(crate) async fn show_metrics(
    State(app): State<Arc<App>>,
) -> Result<impl IntoResponse, ODataError> {
    let health = app.run(|app| read_health(&app.edge)).await??;
    let now = app.now();
    with_local_recorder(&app.recorder, || {
        describe();
        set_gauges(&health, now);
    });
    let text = app.recorder.handle().render();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

fn describe() {
    describe_counter!(
        "tillsync_customers_created_total",
        "Customers created by programs since the start"
    );
    describe_counter!(
        "tillsync_transactions_recorded_total",
        "Sales and orders recorded by programs since the start, repeats included"
    );
    describe_gauge!("tillsync_customers", "Customers that can be found here");
    describe_gauge!("tillsync_customers_pending", "Customers without an account");
    describe_gauge!("tillsync_oldest_pending", Unit::Seconds, "Age of the oldest of them");
    describe_gauge!("tillsync_operations_unsent", "Log entries that upstream has not acknowledged");
    describe_gauge!("tillsync_uploads_quarantined", "Uploads that were set aside");
    describe_gauge!("tillsync_upstream_connected", "1 when the upstream answered last");
    describe_gauge!(
        "tillsync_realtime_failures",
        "Calls in a row that headquarters did not answer; from 3 on it is called rarely"
    );
    describe_gauge!("tillsync_clock_skew", Unit::Seconds, "The upstream's clock minus ours");
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn set_gauges(health: &Health, now: Timestamp) {
    gauge!("tillsync_customers").set(health.customers as f64);
    gauge!("tillsync_customers_pending").set(health.pending as f64);
    let age = health.oldest_pending_at.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
    gauge!("tillsync_oldest_pending").set(age);
    gauge!("tillsync_operations_unsent").set(health.unsent as f64);
    gauge!("tillsync_uploads_quarantined").set(health.quarantined as f64);
    let connected = health.link.state == LinkState::Connected;
    gauge!("tillsync_upstream_connected").set(f64::from(u8::from(connected)));
    gauge!("tillsync_realtime_failures").set(f64::from(health.realtime.failures()));
    let skew = health.link.skew.map_or(0.0, |skew| skew.as_secs_f64());
    gauge!("tillsync_clock_skew").set(skew);
}

fn state_name(state: LinkState) -> &'static str {
    match state {
        LinkState::Unknown => "unknown",
        LinkState::Connected => "connected",
        LinkState::Cut => "cut",
    }
}
