//! The functionality profile that holds here: what job 1070 brought for this channel, or for the
//! channel of this register; until then, that nobody is asked (F46).

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tillsync_domain::profile::{FunctionalityProfile, ProfileOption};

use crate::db::{DbError, time_column};
use crate::edge::Edge;
use crate::identity::Identity;

/// What holds, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveProfile {
    /// The options.
    pub options: FunctionalityProfile,
    /// Where they come from.
    pub source: ProfileSource,
}

/// Where options come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileSource {
    /// No profile has come here yet.
    UntilDistributed,
    /// Job 1070 brought one.
    Distributed {
        /// Its name.
        profile: String,
        /// The version of headquarters' change log at which it was true.
        version: u64,
        /// When it was applied here.
        applied_at: Timestamp,
    },
}

impl fmt::Display for ProfileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileSource::UntilDistributed => f.write_str("until 1070 was applied"),
            ProfileSource::Distributed { profile, version, .. } => {
                write!(f, "profile {profile}, version {version}")
            }
        }
    }
}

impl EffectiveProfile {
    /// Every option with its value.
    pub fn values(&self) -> [(ProfileOption, bool); ProfileOption::ALL.len()] {
        ProfileOption::ALL.map(|option| (option, option.of(&self.options)))
    }
}

/// Reads what holds here.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn effective_profile(edge: &Edge) -> Result<EffectiveProfile, DbError> {
    edge.db.read(|connection| profile_read(connection, edge.identity()))
}

pub(crate) fn profile_read(
    connection: &Connection,
    identity: &Identity,
) -> Result<EffectiveProfile, DbError> {
    let channel = identity.parent.as_ref().unwrap_or(&identity.database);
    let found = connection
        .prepare_cached(
            "SELECT create_customers_async, allow_offline_customer_create, create_orders_async,
                    name, version, applied_at FROM profile WHERE channel = ?1",
        )?
        .query_row([channel.as_str()], |row| {
            let options = FunctionalityProfile {
                create_customers_async: row.get(0)?,
                allow_offline_customer_create: row.get(1)?,
                create_orders_async: row.get(2)?,
            };
            let (profile, version) = (row.get(3)?, row.get(4)?);
            let applied_at = time_column(row, 5)?;
            let source = ProfileSource::Distributed { profile, version, applied_at };
            Ok(EffectiveProfile { options, source })
        })
        .optional()?;
    Ok(found.unwrap_or(EffectiveProfile {
        options: FunctionalityProfile::UNTIL_DISTRIBUTED,
        source: ProfileSource::UntilDistributed,
    }))
}
