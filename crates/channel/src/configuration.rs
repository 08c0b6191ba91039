//! What holds at this database, option by option: its value, where that comes from, and since when.
//!
//! It only puts together what the owners of the options say; it must never decide what holds.

use std::fmt;

use jiff::Timestamp;
use rusqlite::Connection;
use tillsync_domain::job::JobName;
use tillsync_domain::offline_profile::OfflineOption;
use tillsync_exchange::messages::DatabaseKind;

use crate::db::DbError;
use crate::edge::Edge;
use crate::feature::{EffectiveFeatures, FeatureSource, features_read};
use crate::identity::Identity;
use crate::offline_profile::{EffectiveOfflineProfile, OfflineProfileSource, offline_profile_read};
use crate::profile::{EffectiveProfile, ProfileSource, profile_read};

/// One option, what holds and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub option: String,
    /// What holds.
    pub value: SettingValue,
    /// The job that brings it.
    pub job: JobName,
    /// Where the value comes from.
    pub source: SettingSource,
}

/// What an option says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// Yes or no.
    Flag(bool),
    /// A number, in the unit that the option's name ends with.
    Number(u32),
    /// Names, perhaps none.
    Names(Vec<String>),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Flag(true) => f.write_str("yes"),
            SettingValue::Flag(false) => f.write_str("no"),
            SettingValue::Number(number) => number.fmt(f),
            SettingValue::Names(names) if names.is_empty() => f.write_str("none"),
            SettingValue::Names(names) => f.write_str(&names.join(", ")),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// Its job has brought nothing about it yet: what this program does by itself.
    UntilDistributed,
    /// Its job brought it.
    Distributed {
        /// The profile that it stands in; nothing for what holds for the whole chain.
        profile: Option<String>,
        /// The version of headquarters' change log at which it was true.
        version: u64,
        /// When it was applied here.
        applied_at: Timestamp,
    },
}

impl Setting {
    /// Where it is from, in words.
    pub fn from(&self) -> String {
        match &self.source {
            SettingSource::UntilDistributed => format!("until {} was applied", self.job),
            SettingSource::Distributed { profile: None, version, .. } => {
                format!("global configuration, version {version}")
            }
            SettingSource::Distributed { profile: Some(profile), version, .. } => {
                let kind = match self.job {
                    JobName::Registers1090 => "offline profile",
                    _ => "profile",
                };
                format!("{kind} {profile}, version {version}")
            }
        }
    }
}

/// Everything that holds here.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn effective_configuration(edge: &Edge) -> Result<Vec<Setting>, DbError> {
    edge.db.read(|connection| configuration_read(connection, edge.identity()))
}

/// The same of a database that an older version of this program may have served last.
pub(crate) fn configuration_read(
    connection: &Connection,
    identity: &Identity,
) -> Result<Vec<Setting>, DbError> {
    let mut settings = Vec::new();
    if has_table(connection, "profile")? {
        settings.extend(of_profile(&profile_read(connection, identity)?));
    }
    if has_table(connection, "feature")? {
        settings.extend(of_features(&features_read(connection)?));
    }
    if identity.kind == DatabaseKind::Register && has_table(connection, "register_setup")? {
        let register = identity.database.as_str();
        settings.extend(of_register(&offline_profile_read(connection, register)?));
    }
    Ok(settings)
}

pub(crate) fn has_table(connection: &Connection, name: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    Ok(connection.prepare_cached(sql)?.exists([name])?)
}

fn of_profile(effective: &EffectiveProfile) -> Vec<Setting> {
    let source = match &effective.source {
        ProfileSource::UntilDistributed => SettingSource::UntilDistributed,
        ProfileSource::Distributed { profile, version, applied_at } => {
            let (profile, version) = (Some(profile.clone()), *version);
            SettingSource::Distributed { profile, version, applied_at: *applied_at }
        }
    };
    let setting = |(option, value): (tillsync_domain::profile::ProfileOption, bool)| Setting {
        option: option.to_string(),
        value: SettingValue::Flag(value),
        job: JobName::ChannelConfiguration1070,
        source: source.clone(),
    };
    effective.values().into_iter().map(setting).collect()
}

fn of_features(effective: &EffectiveFeatures) -> Vec<Setting> {
    let setting = |(feature, is_enabled, source): (tillsync_domain::feature::Feature, _, _)| {
        let source = match source {
            FeatureSource::UntilDistributed => SettingSource::UntilDistributed,
            FeatureSource::Distributed { version, applied_at } => {
                SettingSource::Distributed { profile: None, version, applied_at }
            }
        };
        let (option, value) = (feature.to_string(), SettingValue::Flag(is_enabled));
        Setting { option, value, job: JobName::GlobalConfiguration1110, source }
    };
    effective.values().into_iter().map(setting).collect()
}

fn of_register(effective: &EffectiveOfflineProfile) -> Vec<Setting> {
    let source = match &effective.source {
        OfflineProfileSource::UntilDistributed => SettingSource::UntilDistributed,
        OfflineProfileSource::Distributed { profile, version, applied_at } => {
            let (profile, version) = (Some(profile.clone()), *version);
            SettingSource::Distributed { profile, version, applied_at: *applied_at }
        }
    };
    let settings = &effective.settings;
    let named = |option: OfflineOption, value| (option.to_string(), value);
    let of_profile = [
        named(OfflineOption::PauseOfflineSync, SettingValue::Flag(settings.pause_offline_sync)),
        named(
            OfflineOption::HealthCheckIntervalS,
            SettingValue::Number(settings.health_check_interval_s),
        ),
        named(OfflineOption::RequestTimeoutMs, SettingValue::Number(settings.request_timeout_ms)),
        named(
            OfflineOption::AllowManualSwitchBeforeSignIn,
            SettingValue::Flag(settings.allow_manual_switch_before_sign_in),
        ),
    ];
    let is_filtered = SettingValue::Flag(effective.customer_data_is_filtered);
    let excluded = [
        ("customer_data_is_filtered".to_owned(), is_filtered),
        ("excluded_jobs".to_owned(), SettingValue::Names(effective.excluded_jobs.clone())),
        ("excluded_subjobs".to_owned(), SettingValue::Names(effective.excluded_subjobs.clone())),
    ];
    let job = JobName::Registers1090;
    let setting = |(option, value)| Setting { option, value, job, source: source.clone() };
    of_profile.into_iter().chain(excluded).map(setting).collect()
}
