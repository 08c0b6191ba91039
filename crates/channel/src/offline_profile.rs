//! The offline profile that holds for this register, and what is kept from its database: what job
//! 1090 brought; until then, the defaults, and nothing is kept from it.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use tillsync_domain::job::JobName;
use tillsync_domain::offline_profile::OfflineProfile;

use crate::db::{DbError, time_column};
use crate::edge::Edge;
use crate::identity::identity_read;

/// What holds, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveOfflineProfile {
    /// The settings.
    pub settings: OfflineProfile,
    /// Whether customer data is kept from offline databases: then a till that is offline creates
    /// no customers (F53).
    pub customer_data_is_filtered: bool,
    /// The jobs that are kept from this database, by name.
    pub excluded_jobs: Vec<String>,
    /// The subjobs that are kept from this database, by name.
    pub excluded_subjobs: Vec<String>,
    /// Where all this comes from.
    pub source: OfflineProfileSource,
}

/// Where an offline profile comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfflineProfileSource {
    /// Nothing about this register has come here yet; a channel has no offline profile.
    UntilDistributed,
    /// Job 1090 brought it.
    Distributed {
        /// The name of the profile.
        profile: String,
        /// The version of headquarters' change log at which it was true.
        version: u64,
        /// When it was applied here.
        applied_at: Timestamp,
    },
}

impl fmt::Display for OfflineProfileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfflineProfileSource::UntilDistributed => f.write_str("until 1090 was applied"),
            OfflineProfileSource::Distributed { profile, version, .. } => {
                write!(f, "offline profile {profile}, version {version}")
            }
        }
    }
}

impl Default for EffectiveOfflineProfile {
    fn default() -> Self {
        EffectiveOfflineProfile {
            settings: OfflineProfile::default(),
            customer_data_is_filtered: false,
            excluded_jobs: Vec::new(),
            excluded_subjobs: Vec::new(),
            source: OfflineProfileSource::UntilDistributed,
        }
    }
}

/// Which rows may not come into this database, however they come; those that are here may change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeptBack {
    pub(crate) customers: bool,
    pub(crate) addresses: bool,
}

impl KeptBack {
    pub(crate) fn read(connection: &Connection) -> Result<Self, DbError> {
        let Some(identity) = identity_read(connection)? else { return Ok(KeptBack::default()) };
        let profile = offline_profile_read(connection, identity.database.as_str())?;
        Ok(KeptBack::of(&profile))
    }

    /// As headquarters decides which rows of job 1010 go to registers.
    fn of(profile: &EffectiveOfflineProfile) -> Self {
        let is_excluded = |names: &[&str]| {
            profile.excluded_subjobs.iter().any(|subjob| names.contains(&subjob.as_str()))
        };
        let job = JobName::Customers1010.as_str();
        let customers = profile.customer_data_is_filtered
            || profile.excluded_jobs.iter().any(|excluded| excluded == job)
            || is_excluded(&["party", "customer"]);
        KeptBack { customers, addresses: customers || is_excluded(&["address"]) }
    }
}

/// Reads what holds here.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn effective_offline_profile(edge: &Edge) -> Result<EffectiveOfflineProfile, DbError> {
    let register = &edge.identity().database;
    edge.db.read(|connection| offline_profile_read(connection, register.as_str()))
}

pub(crate) fn offline_profile_read(
    connection: &Connection,
    register: &str,
) -> Result<EffectiveOfflineProfile, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT pause_offline_sync, health_check_interval_s, request_timeout_ms,
                    allow_manual_switch_before_sign_in, customer_data_is_filtered, excluded_jobs,
                    excluded_subjobs, offline_profile, version, applied_at
             FROM register_setup WHERE register = ?1",
        )?
        .query_row([register], |row| {
            let settings = OfflineProfile {
                pause_offline_sync: row.get(0)?,
                health_check_interval_s: row.get(1)?,
                request_timeout_ms: row.get(2)?,
                allow_manual_switch_before_sign_in: row.get(3)?,
            };
            let customer_data_is_filtered = row.get(4)?;
            let (jobs, subjobs): (String, String) = (row.get(5)?, row.get(6)?);
            Ok((settings, customer_data_is_filtered, (jobs, subjobs), source(row)?))
        })
        .optional()?;
    let Some((settings, customer_data_is_filtered, (jobs, subjobs), source)) = found else {
        return Ok(EffectiveOfflineProfile::default());
    };
    let (excluded_jobs, excluded_subjobs) = (names(&jobs)?, names(&subjobs)?);
    Ok(EffectiveOfflineProfile {
        settings,
        customer_data_is_filtered,
        excluded_jobs,
        excluded_subjobs,
        source,
    })
}

fn source(row: &Row<'_>) -> rusqlite::Result<OfflineProfileSource> {
    let (profile, version) = (row.get(7)?, row.get(8)?);
    let applied_at = time_column(row, 9)?;
    Ok(OfflineProfileSource::Distributed { profile, version, applied_at })
}

fn names(list: &str) -> Result<Vec<String>, DbError> {
    serde_json::from_str(list).map_err(|_| DbError::Damaged("list of what is kept from a register"))
}
