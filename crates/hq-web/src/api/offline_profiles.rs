//! Offline profiles: how registers work while they are cut off, and whether each knows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, OfflineProfileName};
use tillsync_domain::offline_profile::OfflineProfile as Settings;
use tillsync_hq::offline_profiles::RegisterConfiguration as ConfigurationRecord;
use tillsync_hq::storage::OfflineProfileRecord;
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// An offline profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfflineProfile {
    /// Its name. Registers that were given no other have the one called `default`.
    pub name: String,
    /// Whether its registers get nothing from headquarters for now; uploads go on.
    pub pause_offline_sync: bool,
    /// How often a register looks whether its channel is well, in seconds: 1 to 3600.
    pub health_check_interval_s: u32,
    /// How long a register waits for its channel during a sale, in milliseconds: 100 to 60000.
    pub request_timeout_ms: u32,
    /// Whether a till may be switched to offline by hand before anybody has signed in.
    pub allow_manual_switch_before_sign_in: bool,
    /// The version of the change log in which it was set last.
    pub version: u64,
}

/// What to change of an offline profile; what is left out stays, or has its default in a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OfflineProfileChange {
    /// Whether its registers get nothing from headquarters for now; no in a new profile.
    pub pause_offline_sync: Option<bool>,
    /// How often a register looks whether its channel is well, in seconds; 60 in a new profile.
    pub health_check_interval_s: Option<u32>,
    /// How long a register waits for its channel during a sale, in milliseconds; 5000 in a new
    /// profile.
    pub request_timeout_ms: Option<u32>,
    /// Whether a till may be switched to offline by hand before anybody has signed in; yes in a
    /// new profile.
    pub allow_manual_switch_before_sign_in: Option<bool>,
}

/// Which offline profile a register is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfflineProfileChoice {
    /// The name of the profile.
    pub offline_profile: String,
}

/// What holds for a register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisterConfiguration {
    /// The register.
    pub register: String,
    /// Its channel.
    pub channel: String,
    /// The name of its offline profile.
    pub offline_profile: String,
    /// The version of the change log in which its profile, or what is kept from it, changed last.
    pub version: u64,
    /// The version up to which the register has applied what job 1090 sent; null when it has
    /// applied none.
    pub applied_version: Option<u64>,
    /// Whether the register works by it.
    pub is_applied: bool,
}

/// Lists the offline profiles, by name; none before the first is set.
#[utoipa::path(get, path = "/api/v1/offline-profiles", tag = "exclusion",
    responses((status = 200, body = Page<OfflineProfile>)))]
pub(crate) async fn list_offline_profiles(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<OfflineProfile>>, HttpError> {
    let overview = app.run(|hq| hq.list_offline_profiles()).await?;
    Ok(Json(Page::whole(overview.profiles.into_iter().map(OfflineProfile::from).collect())))
}

/// Makes an offline profile or changes it. Registers get it by job 1090.
#[utoipa::path(patch, path = "/api/v1/offline-profiles/{name}", tag = "exclusion",
    params(("name" = String, Path, description = "the profile")),
    request_body = OfflineProfileChange,
    responses((status = 200, body = OfflineProfile)))]
pub(crate) async fn change_offline_profile(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(name): Segment<OfflineProfileName>,
    Body(change): Body<OfflineProfileChange>,
) -> Result<Json<OfflineProfile>, HttpError> {
    let record = app.run(move |hq| hq.set_offline_profile(&name, &|it| change.apply(it))).await?;
    tracing::info!(operator, profile = %record.name, "an operator set an offline profile");
    Ok(Json(record.into()))
}

/// Shows what holds for each register, by name, and whether it has applied it.
#[utoipa::path(get, path = "/api/v1/register-configuration", tag = "exclusion",
    responses((status = 200, body = Page<RegisterConfiguration>)))]
pub(crate) async fn show_register_configuration(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<RegisterConfiguration>>, HttpError> {
    let overview = app.run(|hq| hq.list_offline_profiles()).await?;
    let registers = overview.registers.into_iter().map(RegisterConfiguration::from).collect();
    Ok(Json(Page::whole(registers)))
}

/// Gives a register an offline profile.
#[utoipa::path(put, path = "/api/v1/databases/{id}/offline-profile", tag = "exclusion",
    params(("id" = String, Path, description = "the register")),
    request_body = OfflineProfileChoice,
    responses((status = 204)))]
pub(crate) async fn assign_offline_profile(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(register): Segment<DatabaseId>,
    Body(choice): Body<OfflineProfileChoice>,
) -> Result<StatusCode, HttpError> {
    let profile: OfflineProfileName = parse(&choice.offline_profile)?;
    tracing::info!(operator, %register, %profile, "an operator gives a register a profile");
    app.run(move |hq| hq.assign_offline_profile(&register, &profile)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl OfflineProfileChange {
    /// Changes what is named.
    pub fn apply(&self, settings: &mut Settings) {
        let Settings {
            pause_offline_sync,
            health_check_interval_s,
            request_timeout_ms,
            allow_manual_switch_before_sign_in,
        } = *settings;
        *settings = Settings {
            pause_offline_sync: self.pause_offline_sync.unwrap_or(pause_offline_sync),
            health_check_interval_s: self
                .health_check_interval_s
                .unwrap_or(health_check_interval_s),
            request_timeout_ms: self.request_timeout_ms.unwrap_or(request_timeout_ms),
            allow_manual_switch_before_sign_in: self
                .allow_manual_switch_before_sign_in
                .unwrap_or(allow_manual_switch_before_sign_in),
        };
    }
}

impl From<OfflineProfileRecord> for OfflineProfile {
    fn from(record: OfflineProfileRecord) -> Self {
        OfflineProfile {
            name: record.name.to_string(),
            pause_offline_sync: record.settings.pause_offline_sync,
            health_check_interval_s: record.settings.health_check_interval_s,
            request_timeout_ms: record.settings.request_timeout_ms,
            allow_manual_switch_before_sign_in: record.settings.allow_manual_switch_before_sign_in,
            version: record.version.0,
        }
    }
}

impl From<ConfigurationRecord> for RegisterConfiguration {
    fn from(record: ConfigurationRecord) -> Self {
        RegisterConfiguration {
            register: record.register.register.to_string(),
            channel: record.register.channel.to_string(),
            offline_profile: record.register.profile.to_string(),
            version: record.register.version.0,
            applied_version: record.applied.map(|version| version.0),
            is_applied: record.is_applied(),
        }
    }
}
