//! Registers as headquarters sends them down with job 1090: how each works while it is cut off,
//! and what is kept from its database.

use serde::{Deserialize, Serialize};
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::offline_profile::OfflineProfile;

use crate::text;

/// One row of the `register` table: what holds for one register.
///
/// A database keeps the rows of all registers of its group, and a register reads its own; an older
/// version never replaces a newer one. A field that a sender does not name yet has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterRow {
    /// The register.
    #[serde(with = "text")]
    pub register: DatabaseId,
    /// Its channel.
    #[serde(with = "text")]
    pub channel: DatabaseId,
    /// The name of its offline profile.
    pub offline_profile: String,
    /// What the profile says.
    #[serde(flatten)]
    pub settings: OfflineSettings,
    /// Whether customer rows in shared tables are kept from it: then it may create none while it
    /// is cut off (F53).
    #[serde(default)]
    pub customer_data_is_filtered: bool,
    /// The jobs that are kept from it, by name.
    #[serde(default)]
    pub excluded_jobs: Vec<String>,
    /// The subjobs that are kept from it, by name.
    #[serde(default)]
    pub excluded_subjobs: Vec<String>,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}

/// The settings of an [`OfflineProfile`] on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are those of `OfflineProfile`")]
pub struct OfflineSettings {
    pub pause_offline_sync: bool,
    pub health_check_interval_s: u32,
    pub request_timeout_ms: u32,
    pub allow_manual_switch_before_sign_in: bool,
}

impl Default for OfflineSettings {
    fn default() -> Self {
        OfflineProfile::default().into()
    }
}

impl From<OfflineProfile> for OfflineSettings {
    fn from(profile: OfflineProfile) -> Self {
        let OfflineProfile {
            pause_offline_sync,
            health_check_interval_s,
            request_timeout_ms,
            allow_manual_switch_before_sign_in,
        } = profile;
        OfflineSettings {
            pause_offline_sync,
            health_check_interval_s,
            request_timeout_ms,
            allow_manual_switch_before_sign_in,
        }
    }
}

impl From<OfflineSettings> for OfflineProfile {
    fn from(settings: OfflineSettings) -> Self {
        let OfflineSettings {
            pause_offline_sync,
            health_check_interval_s,
            request_timeout_ms,
            allow_manual_switch_before_sign_in,
        } = settings;
        OfflineProfile {
            pause_offline_sync,
            health_check_interval_s,
            request_timeout_ms,
            allow_manual_switch_before_sign_in,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written_and_what_is_unnamed_has_its_default() {
        let row = RegisterRow {
            register: "S1-R1".parse().expect("a name"),
            channel: "S1".parse().expect("a name"),
            offline_profile: "slow-line".into(),
            settings: OfflineSettings { request_timeout_ms: 9_000, ..Default::default() },
            customer_data_is_filtered: true,
            excluded_jobs: vec!["1010".into()],
            excluded_subjobs: vec!["party".into()],
            version: 7,
        };
        let text = serde_json::to_string(&row).expect("a row");
        assert_eq!(serde_json::from_str::<RegisterRow>(&text).expect("a row"), row);
        let older = r#"{"register":"S1-R1","channel":"S1","offline_profile":"x","version":7}"#;
        let read: RegisterRow = serde_json::from_str(older).expect("a row");
        assert_eq!(OfflineProfile::from(read.settings), OfflineProfile::default());
        assert!(!read.customer_data_is_filtered && read.excluded_jobs.is_empty());
    }
}
