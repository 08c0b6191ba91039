//! Functionality profiles as headquarters sends them: an older version never replaces a newer one.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::profile::FunctionalityProfile;
use tillsync_exchange::rows::profile::ProfileRow;

use super::Generation;
use crate::db::DbError;

/// Takes over what holds for a channel. An older version still proves that the channel has a
/// profile: it counts as seen. The same version again is no change.
pub(crate) fn profile_upsert(
    connection: &Connection,
    row: &ProfileRow,
    generation: Generation,
    now: Timestamp,
) -> Result<(), DbError> {
    let options = FunctionalityProfile::from(row.options);
    connection
        .prepare_cached(
            "INSERT INTO profile (channel, name, create_customers_async,
                                  allow_offline_customer_create, create_orders_async, version,
                                  generation, applied_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (channel) DO UPDATE SET name = excluded.name,
                 create_customers_async = excluded.create_customers_async,
                 allow_offline_customer_create = excluded.allow_offline_customer_create,
                 create_orders_async = excluded.create_orders_async,
                 version = excluded.version, applied_at = excluded.applied_at
             WHERE excluded.version > version",
        )?
        .execute(params![
            row.channel.as_str(),
            row.profile,
            options.create_customers_async,
            options.allow_offline_customer_create,
            options.create_orders_async,
            row.version,
            generation.0,
            now.as_microsecond()
        ])?;
    profile_seen(connection, &row.channel, generation)
}

/// Removes what a complete snapshot did not hold: channels that left the group.
pub(crate) fn left_profiles_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    connection
        .prepare_cached("DELETE FROM profile WHERE version <= ?2 AND generation <> ?1")?
        .execute(params![generation.0, to])?;
    Ok(())
}

fn profile_seen(
    connection: &Connection,
    channel: &DatabaseId,
    generation: Generation,
) -> Result<(), DbError> {
    connection
        .prepare_cached("UPDATE profile SET generation = max(generation, ?2) WHERE channel = ?1")?
        .execute(params![channel.as_str(), generation.0])?;
    Ok(())
}
