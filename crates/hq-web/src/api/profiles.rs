//! Functionality profiles: how the tills of a channel create customers and orders, and whether the
//! channel knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, ProfileName};
use tillsync_domain::profile::{FunctionalityProfile, ProfileOption};
use tillsync_hq::profiles::ChannelConfiguration as ConfigurationRecord;
use tillsync_hq::storage::ProfileRecord;
use utoipa::ToSchema;

use super::Page;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment, parse};
use crate::refusal::HttpError;

/// A functionality profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// Its name. Channels that were given no other have the one called `default`.
    pub name: String,
    /// Whether customers are created without asking headquarters (F02).
    pub create_customers_async: bool,
    /// Whether a till that is offline may create customers.
    pub allow_offline_customer_create: bool,
    /// Whether orders are taken without asking headquarters (F50).
    pub create_orders_async: bool,
    /// The version of the change log in which it was set last.
    pub version: u64,
}

/// What to change of a profile; what is left out stays, or has its default in a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileChange {
    /// Whether customers are created without asking headquarters; no in a new profile.
    pub create_customers_async: Option<bool>,
    /// Whether a till that is offline may create customers; yes in a new profile.
    pub allow_offline_customer_create: Option<bool>,
    /// Whether orders are taken without asking headquarters; yes in a new profile.
    pub create_orders_async: Option<bool>,
}

/// Which profile a channel is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChoice {
    /// The name of the profile.
    pub profile: String,
}

/// What holds for a channel and its registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelConfiguration {
    /// The channel.
    pub channel: String,
    /// The name of its profile.
    pub profile: String,
    /// Every option with its value, by name.
    pub options: BTreeMap<String, bool>,
    /// The version of the change log in which this became true.
    pub version: u64,
    /// The version up to which the channel has applied what job 1070 sent; null when it has
    /// applied none.
    pub applied_version: Option<u64>,
    /// Whether the channel works by it. If not, job 1070 has not run since, or its package is on
    /// the way or failed: see the sessions of the channel.
    pub is_applied: bool,
}

/// Lists the functionality profiles, by name; none before the first is set.
#[utoipa::path(get, path = "/api/v1/profiles", tag = "profiles",
    responses((status = 200, body = Page<Profile>)))]
pub(crate) async fn list_profiles(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<Profile>>, HttpError> {
    let overview = app.run(|hq| hq.list_profiles()).await?;
    Ok(Json(Page::whole(overview.profiles.into_iter().map(Profile::from).collect())))
}

/// Makes a functionality profile or changes it. Channels get it by job 1070.
#[utoipa::path(patch, path = "/api/v1/profiles/{name}", tag = "profiles",
    params(("name" = String, Path, description = "the profile")),
    request_body = ProfileChange,
    responses((status = 200, body = Profile)))]
pub(crate) async fn change_profile(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(name): Segment<ProfileName>,
    Body(change): Body<ProfileChange>,
) -> Result<Json<Profile>, HttpError> {
    let record = app.run(move |hq| hq.set_profile(&name, &|it| change.apply(it))).await?;
    tracing::info!(operator, profile = %record.name, "an operator set a functionality profile");
    Ok(Json(record.into()))
}

/// Shows what holds for each channel, by name, and whether the channel has applied it.
#[utoipa::path(get, path = "/api/v1/configuration", tag = "profiles",
    responses((status = 200, body = Page<ChannelConfiguration>)))]
pub(crate) async fn show_configuration(
    State(app): State<Arc<App>>,
) -> Result<Json<Page<ChannelConfiguration>>, HttpError> {
    let overview = app.run(|hq| hq.list_profiles()).await?;
    let channels = overview.channels.into_iter().map(ChannelConfiguration::from).collect();
    Ok(Json(Page::whole(channels)))
}

/// Gives a channel, and so its registers, a functionality profile.
#[utoipa::path(put, path = "/api/v1/databases/{id}/profile", tag = "profiles",
    params(("id" = String, Path, description = "the channel")),
    request_body = ProfileChoice,
    responses((status = 204)))]
pub(crate) async fn assign_profile(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(channel): Segment<DatabaseId>,
    Body(choice): Body<ProfileChoice>,
) -> Result<StatusCode, HttpError> {
    let profile: ProfileName = parse(&choice.profile)?;
    tracing::info!(operator, %channel, %profile, "an operator gives a channel a profile");
    app.run(move |hq| hq.assign_profile(&channel, &profile)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl ProfileChange {
    /// Changes what is named.
    pub fn apply(&self, profile: &mut FunctionalityProfile) {
        for (option, value) in [
            (ProfileOption::CreateCustomersAsync, self.create_customers_async),
            (ProfileOption::AllowOfflineCustomerCreate, self.allow_offline_customer_create),
            (ProfileOption::CreateOrdersAsync, self.create_orders_async),
        ] {
            if let Some(value) = value {
                option.set(profile, value);
            }
        }
    }
}

impl From<ProfileRecord> for Profile {
    fn from(record: ProfileRecord) -> Self {
        Profile {
            name: record.name.to_string(),
            create_customers_async: record.options.create_customers_async,
            allow_offline_customer_create: record.options.allow_offline_customer_create,
            create_orders_async: record.options.create_orders_async,
            version: record.version.0,
        }
    }
}

impl From<ConfigurationRecord> for ChannelConfiguration {
    fn from(record: ConfigurationRecord) -> Self {
        let option = |option: ProfileOption| (option.to_string(), option.of(&record.options));
        ChannelConfiguration {
            channel: record.channel.to_string(),
            options: ProfileOption::ALL.map(option).into(),
            version: record.version.0,
            applied_version: record.applied.map(|version| version.0),
            is_applied: record.is_applied(),
            profile: record.profile,
        }
    }
}
