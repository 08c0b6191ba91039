//! Staff as headquarters sends them: an older version never replaces a newer one.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::StaffRow;

use super::Generation;
use crate::db::DbError;

/// Takes somebody over. Whoever is signed in with a PIN that does not hold any more is signed out.
/// An older version still proves that they belong here: they count as seen.
pub(crate) fn staff_upsert(
    connection: &Connection,
    row: &StaffRow,
    generation: Generation,
    now: Timestamp,
) -> Result<(), DbError> {
    let (staff, pin) = (row.staff.as_str(), row.pin.as_ref().map(PinHash::as_str));
    let known: Option<(u64, Option<String>)> = connection
        .prepare_cached("SELECT version, pin FROM staff WHERE id = ?1")?
        .query_row([staff], |found| Ok((found.get(0)?, found.get(1)?)))
        .optional()?;
    let is_newer = known.as_ref().is_none_or(|(version, _)| row.version > *version);
    if is_newer {
        let party = row.party.clone().unwrap_or_default();
        connection
            .prepare_cached(
                "INSERT INTO staff (id, first_name, last_name, role, pin, is_active, version,
                                    generation, applied_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name,
                     last_name = excluded.last_name, role = excluded.role, pin = excluded.pin,
                     is_active = excluded.is_active, version = excluded.version,
                     applied_at = excluded.applied_at",
            )?
            .execute(params![
                staff,
                party.first_name,
                party.last_name,
                row.role,
                pin,
                row.is_active,
                row.version,
                generation.0,
                now.as_microsecond()
            ])?;
        let keeps_pin = known.is_some_and(|(_, known)| known.as_deref() == pin);
        if !row.is_active || !keeps_pin {
            connection.prepare_cached("DELETE FROM sign_in WHERE staff = ?1")?.execute([staff])?;
        }
    }
    connection
        .prepare_cached("UPDATE staff SET generation = max(generation, ?2) WHERE id = ?1")?
        .execute(params![staff, generation.0])?;
    Ok(())
}

/// Removes what a complete snapshot did not hold: staff of an address book that the group no longer
/// has. Nobody is signed in here who is not staff here.
pub(crate) fn left_staff_remove(
    connection: &Connection,
    generation: Generation,
    to: u64,
) -> Result<(), DbError> {
    connection
        .prepare_cached("DELETE FROM staff WHERE version <= ?2 AND generation <> ?1")?
        .execute(params![generation.0, to])?;
    connection
        .prepare_cached("DELETE FROM sign_in WHERE staff NOT IN (SELECT id FROM staff)")?
        .execute([])?;
    Ok(())
}
