//! Feature switches as headquarters sends them: an older version never replaces a newer one.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tillsync_exchange::rows::feature::FeatureRow;

use super::Generation;
use crate::db::DbError;

/// Takes over whether a feature is on. An older version still proves that headquarters has the
/// feature: it counts as seen. The same version again is no change.
pub(crate) fn feature_upsert(
    connection: &Connection,
    row: &FeatureRow,
    generation: Generation,
    now: Timestamp,
) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO feature (code, is_enabled, version, generation, applied_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (code) DO UPDATE SET is_enabled = excluded.is_enabled,
                 version = excluded.version, applied_at = excluded.applied_at
             WHERE excluded.version > version",
        )?
        .execute(params![
            row.feature,
            row.is_enabled,
            row.version,
            generation.0,
            now.as_microsecond()
        ])?;
    connection
        .prepare_cached("UPDATE feature SET generation = max(generation, ?2) WHERE code = ?1")?
        .execute(params![row.feature, generation.0])?;
    Ok(())
}

/// Removes what a complete snapshot did not hold: features that headquarters no longer knows.
pub(crate) fn left_features_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    connection
        .prepare_cached("DELETE FROM feature WHERE version <= ?2 AND generation <> ?1")?
        .execute(params![generation.0, to])?;
    Ok(())
}
