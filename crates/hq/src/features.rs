//! Feature switches: one set for all channels, and how far each channel has heard of it.
//!
//! Switches come into force with the first that is set, or with the first run of job 1110 that
//! somebody or a schedule starts. Before, nothing is sent, and every channel works as it always did
//! (F46): so all are on to begin with, and setting one changes that one alone.

use jiff::Timestamp;
use tillsync_domain::feature::{Feature, Features, NotSwitched};
use tillsync_domain::ids::{DatabaseId, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::rows::feature::FeatureRow;

use crate::headquarters::Headquarters;
use crate::storage::{FeatureRecord, ReadTx, StorageError, WriteTx};

/// Why a feature was not switched.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// The others do not allow it.
    #[error(transparent)]
    NotSwitched(#[from] NotSwitched),
    /// The database failed.
    #[error("keep the feature switches")]
    Storage(#[from] StorageError),
}

impl FeatureError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            FeatureError::NotSwitched(_) => ErrorKind::Conflict,
            FeatureError::Storage(error) => error.kind(),
        }
    }
}

/// How far a channel has heard of the switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelFeatures {
    /// The channel.
    pub channel: DatabaseId,
    /// The version up to which its database has applied what job 1110 sent; absent when it has
    /// applied none.
    pub applied: Option<Version>,
}

/// All switches, and how far each channel has heard of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeatureOverview {
    /// The switches, those that others need first; none while they are not in force.
    pub features: Vec<FeatureRecord>,
    /// The channels, by name; none while switches are not in force.
    pub channels: Vec<ChannelFeatures>,
}

impl FeatureOverview {
    /// The version in which the last of them was set.
    pub fn version(&self) -> Version {
        self.features.iter().map(|record| record.version).max().unwrap_or(Version(0))
    }

    /// Whether a channel works by them.
    pub fn is_applied(&self, channel: &ChannelFeatures) -> bool {
        channel.applied.is_some_and(|applied| applied >= self.version())
    }
}

impl Headquarters {
    /// All switches, and how far each channel has heard of them.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_features(&self) -> Result<FeatureOverview, FeatureError> {
        Ok(self.storage.read(|tx| {
            let mut features = tx.features_all()?;
            features.sort_unstable_by_key(|record| record.feature);
            let mut channels = Vec::new();
            if !features.is_empty() {
                for record in tx.databases_all()? {
                    if record.database.kind == DatabaseKind::Register {
                        continue;
                    }
                    let channel = record.database.id;
                    let position = tx.position_get(&channel, JobName::GlobalConfiguration1110)?;
                    let applied = position.map(|position| position.version);
                    channels.push(ChannelFeatures { channel, applied });
                }
            }
            channels.sort_unstable_by(|one, other| one.channel.cmp(&other.channel));
            Ok(FeatureOverview { features, channels })
        })?)
    }

    /// Switches a feature on or off for all channels; one that is so already stays as it is.
    ///
    /// # Errors
    /// Conflict: it needs features that are off, is needed by some that are on, or is mandatory
    /// (F45).
    pub fn set_feature(
        &self,
        feature: Feature,
        is_enabled: bool,
        by: &str,
    ) -> Result<FeatureRecord, FeatureError> {
        let now = self.now();
        let record = self.storage.write(|tx| {
            if let Err(refused) = features_of(tx)?.switched(feature, is_enabled) {
                return Ok(Err(refused));
            }
            features_into_force(tx, now)?;
            let (changed_by, version) = (Some(by.to_owned()), Version(0));
            let record =
                FeatureRecord { feature, is_enabled, changed_at: now, changed_by, version };
            tx.feature_put(&record)?;
            Ok(Ok(tx.features_all()?.into_iter().find(|record| record.feature == feature)))
        })??;
        self.signals().features_changed();
        Ok(record.expect("it was written in the transaction that read it"))
    }
}

/// Whether switches are in force: before, there is nothing to send.
pub(crate) fn features_are_in_force(tx: &mut dyn ReadTx) -> Result<bool, StorageError> {
    Ok(!tx.features_all()?.is_empty())
}

/// Brings switches into force, if they are not: as everything was until now.
pub(crate) fn features_into_force(
    tx: &mut dyn WriteTx,
    now: Timestamp,
) -> Result<(), StorageError> {
    if features_are_in_force(tx)? {
        return Ok(());
    }
    for feature in Feature::ALL {
        tx.feature_put(&FeatureRecord {
            feature,
            is_enabled: Features::UNTIL_CONFIGURED.has(feature),
            changed_at: now,
            changed_by: None,
            version: Version(0),
        })?;
    }
    Ok(())
}

/// The switches that were set after a version, and up to another, as they are sent.
pub(crate) fn feature_rows(
    tx: &mut dyn ReadTx,
    after: Version,
    up_to: Option<Version>,
) -> Result<Vec<FeatureRow>, StorageError> {
    let is_selected = |record: &FeatureRecord| {
        record.version > after && up_to.is_none_or(|up_to| record.version <= up_to)
    };
    let row = |record: FeatureRecord| FeatureRow {
        feature: record.feature.to_string(),
        is_enabled: record.is_enabled,
        version: record.version.0,
    };
    Ok(tx.features_all()?.into_iter().filter(is_selected).map(row).collect())
}

/// What is on. A feature that this version of the program brought is as before it was set.
fn features_of(tx: &mut dyn ReadTx) -> Result<Features, StorageError> {
    let records = tx.features_all()?;
    Ok(records.into_iter().fold(Features::UNTIL_CONFIGURED, |features, record| {
        features.set(record.feature, record.is_enabled)
    }))
}
