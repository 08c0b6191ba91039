//! Feature switches as headquarters sends them down with job 1110.

use serde::{Deserialize, Serialize};

/// One row of the `feature` table. An older version never replaces a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureRow {
    /// The name of the feature. Whoever knows none of that name keeps the row: a later version of
    /// the program may.
    pub feature: String,
    /// Whether it is on.
    pub is_enabled: bool,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}
