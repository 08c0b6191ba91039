//! Feature switches, which hold for all channels, and which channels have heard of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::feature::Feature as FeatureName;
use tillsync_hq::features::FeatureOverview;
use tillsync_hq::storage::FeatureRecord;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, Segment};
use crate::refusal::HttpError;

/// A feature switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// The name under which the reference system shows it.
    pub title: String,
    /// Whether it is on.
    pub is_enabled: bool,
    /// Whether it can not be switched off.
    pub is_mandatory: bool,
    /// What has to be on before it can be (F45).
    pub needs: Vec<String>,
    /// When it was set last.
    pub changed_at: Timestamp,
    /// By whom; null where nobody has set it since switches are in force.
    pub changed_by: Option<String>,
    /// The version of the change log in which it was set last.
    pub version: u64,
}

/// How far a channel has heard of the switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelFeatures {
    /// The channel.
    pub channel: String,
    /// The version up to which it has applied what job 1110 sent; null when it has applied none.
    pub applied_version: Option<u64>,
    /// Whether the channel works by all switches.
    pub is_applied: bool,
}

/// All switches, and how far each channel has heard of them. Both are empty before the first is
/// set: until then everything is allowed (F46).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Features {
    /// The switches, those that others need first.
    pub features: Vec<Feature>,
    /// The channels, by name.
    pub channels: Vec<ChannelFeatures>,
}

/// Whether a feature is to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureChange {
    /// Whether it is to be on.
    pub is_enabled: bool,
}

/// Lists the feature switches, and which channels have heard of them.
#[utoipa::path(get, path = "/api/v1/features", tag = "features",
    responses((status = 200, body = Features)))]
pub(crate) async fn list_features(
    State(app): State<Arc<App>>,
) -> Result<Json<Features>, HttpError> {
    Ok(Json(app.run(|hq| hq.list_features()).await?.into()))
}

/// Switches a feature on or off for all channels, which hear of it by job 1110. Refused with the
/// names of what it needs, or what needs it (F45).
#[utoipa::path(patch, path = "/api/v1/features/{name}", tag = "features",
    params(("name" = String, Path, description = "the feature")),
    request_body = FeatureChange,
    responses((status = 200, body = Feature)))]
pub(crate) async fn change_feature(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(name): Segment<FeatureName>,
    Body(change): Body<FeatureChange>,
) -> Result<Json<Feature>, HttpError> {
    let by = operator.clone();
    let record = app.run(move |hq| hq.set_feature(name, change.is_enabled, &by)).await?;
    let is_enabled = record.is_enabled;
    tracing::info!(operator, feature = %record.feature, is_enabled, "an operator set a feature");
    Ok(Json(record.into()))
}

impl From<FeatureRecord> for Feature {
    fn from(record: FeatureRecord) -> Self {
        Feature {
            name: record.feature.to_string(),
            title: record.feature.title().to_owned(),
            is_enabled: record.is_enabled,
            is_mandatory: record.feature.is_mandatory(),
            needs: record.feature.needs().iter().map(ToString::to_string).collect(),
            changed_at: record.changed_at,
            changed_by: record.changed_by,
            version: record.version.0,
        }
    }
}

impl From<FeatureOverview> for Features {
    fn from(overview: FeatureOverview) -> Self {
        let channel = |channel: &tillsync_hq::features::ChannelFeatures| ChannelFeatures {
            channel: channel.channel.to_string(),
            applied_version: channel.applied.map(|version| version.0),
            is_applied: overview.is_applied(channel),
        };
        Features {
            channels: overview.channels.iter().map(channel).collect(),
            features: overview.features.iter().cloned().map(Feature::from).collect(),
        }
    }
}
