//! Registers as headquarters sends them: an older version never replaces a newer one.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tillsync_domain::offline_profile::OfflineProfile;
use tillsync_exchange::rows::register::RegisterRow;

use super::{Generation, stored};
use crate::db::DbError;

/// Takes over what holds for a register. An older version still proves that the register is of
/// the group: it counts as seen. The same version again is no change.
pub(crate) fn register_upsert(
    connection: &Connection,
    row: &RegisterRow,
    generation: Generation,
    now: Timestamp,
) -> Result<(), DbError> {
    let settings = OfflineProfile::from(row.settings);
    connection
        .prepare_cached(
            "INSERT INTO register_setup (register, channel, offline_profile, pause_offline_sync,
                 health_check_interval_s, request_timeout_ms, allow_manual_switch_before_sign_in,
                 customer_data_is_filtered, excluded_jobs, excluded_subjobs, version, generation,
                 applied_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (register) DO UPDATE SET channel = excluded.channel,
                 offline_profile = excluded.offline_profile,
                 pause_offline_sync = excluded.pause_offline_sync,
                 health_check_interval_s = excluded.health_check_interval_s,
                 request_timeout_ms = excluded.request_timeout_ms,
                 allow_manual_switch_before_sign_in = excluded.allow_manual_switch_before_sign_in,
                 customer_data_is_filtered = excluded.customer_data_is_filtered,
                 excluded_jobs = excluded.excluded_jobs,
                 excluded_subjobs = excluded.excluded_subjobs,
                 version = excluded.version, applied_at = excluded.applied_at
             WHERE excluded.version > version",
        )?
        .execute(params![
            row.register.as_str(),
            row.channel.as_str(),
            row.offline_profile,
            settings.pause_offline_sync,
            settings.health_check_interval_s,
            settings.request_timeout_ms,
            settings.allow_manual_switch_before_sign_in,
            row.customer_data_is_filtered,
            stored(&row.excluded_jobs),
            stored(&row.excluded_subjobs),
            row.version,
            generation.0,
            now.as_microsecond()
        ])?;
    connection
        .prepare_cached(
            "UPDATE register_setup SET generation = max(generation, ?2) WHERE register = ?1",
        )?
        .execute(params![row.register.as_str(), generation.0])?;
    Ok(())
}

/// Removes what a complete snapshot did not hold: registers that left the group.
pub(crate) fn left_registers_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    connection
        .prepare_cached("DELETE FROM register_setup WHERE version <= ?2 AND generation <> ?1")?
        .execute(params![generation.0, to])?;
    Ok(())
}
