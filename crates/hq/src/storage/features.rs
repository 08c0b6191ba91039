//! Feature switches. Nothing of them is stored until the first is set (F46).

use jiff::Timestamp;
use tillsync_domain::feature::Feature;
use tillsync_domain::ids::Version;

use super::StorageError;

/// A feature switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureRecord {
    /// Which one.
    pub feature: Feature,
    /// Whether it is on.
    pub is_enabled: bool,
    /// When it was set last.
    pub changed_at: Timestamp,
    /// By whom; nobody where it has what held before the first was set.
    pub changed_by: Option<String>,
    /// The version of the change log in which it was set last.
    pub version: Version,
}

/// Reading feature switches.
pub trait FeatureReads {
    /// Every switch, by name; none while they are not in force.
    fn features_all(&mut self) -> Result<Vec<FeatureRecord>, StorageError>;
}

/// Changing feature switches.
pub trait FeatureWrites {
    /// Inserts or replaces a switch and gives it the next version of the change log, which is
    /// returned; nothing when it says the same already. The version of the record is not read.
    fn feature_put(&mut self, record: &FeatureRecord) -> Result<Option<Version>, StorageError>;

    /// Gives every switch the next version, so that all are sent again; nothing for none.
    fn features_renew(&mut self) -> Result<(), StorageError>;
}
