//! The feature switches that hold here: what job 1110 brought; until then, everything is allowed
//! (F46).

use std::fmt;

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::feature::{Feature, Features};

use crate::db::{DbError, time_column};
use crate::edge::Edge;

/// What holds, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveFeatures {
    /// Which are on.
    pub features: Features,
    /// Where each comes from, in the order of [`Feature::ALL`].
    sources: [FeatureSource; Feature::ALL.len()],
}

/// Where the state of a feature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureSource {
    /// Nothing about it has come here yet.
    UntilDistributed,
    /// Job 1110 brought it.
    Distributed {
        /// The version of headquarters' change log at which it was true.
        version: u64,
        /// When it was applied here.
        applied_at: Timestamp,
    },
}

impl fmt::Display for FeatureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeatureSource::UntilDistributed => f.write_str("until 1110 was applied"),
            FeatureSource::Distributed { version, .. } => {
                write!(f, "global configuration, version {version}")
            }
        }
    }
}

impl Default for EffectiveFeatures {
    fn default() -> Self {
        EffectiveFeatures {
            features: Features::UNTIL_CONFIGURED,
            sources: [FeatureSource::UntilDistributed; Feature::ALL.len()],
        }
    }
}

impl EffectiveFeatures {
    /// Every feature with its state and where that comes from.
    pub fn values(&self) -> [(Feature, bool, FeatureSource); Feature::ALL.len()] {
        Feature::ALL
            .map(|feature| (feature, self.features.has(feature), self.sources[feature as usize]))
    }
}

/// Reads what holds here.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn effective_features(edge: &Edge) -> Result<EffectiveFeatures, DbError> {
    edge.db.read(features_read)
}

pub(crate) fn features_read(connection: &Connection) -> Result<EffectiveFeatures, DbError> {
    let mut effective = EffectiveFeatures::default();
    let mut statement =
        connection.prepare_cached("SELECT code, is_enabled, version, applied_at FROM feature")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (code, is_enabled): (String, bool) = (row.get(0)?, row.get(1)?);
        // One that a later version of headquarters brought gates nothing here.
        let Ok(feature) = code.parse::<Feature>() else { continue };
        let (version, applied_at) = (row.get(2)?, time_column(row, 3)?);
        effective.features = effective.features.set(feature, is_enabled);
        effective.sources[feature as usize] = FeatureSource::Distributed { version, applied_at };
    }
    Ok(effective)
}
