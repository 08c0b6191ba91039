//! The staff of this database, as job 1060 brought them.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use tillsync_domain::ids::StaffId;
use tillsync_domain::staff::{StaffName, StaffRole, UnknownRole};
use tillsync_exchange::pin::PinHash;

use crate::db::{DbError, parsed_column};
use crate::edge::Edge;

/// A member of staff who may sign in here, or might.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffView {
    /// The operator number.
    pub id: StaffId,
    /// Who it is; empty for who is not active.
    pub name: StaffName,
    /// What they may do; the name that headquarters sent, when this version does not know it.
    pub role: Result<StaffRole, UnknownRole>,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Whether they have a PIN.
    pub has_pin: bool,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}

impl fmt::Display for StaffView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

/// Everybody, by operator number.
///
/// # Errors
/// Busy or Broken: the database failed.
pub fn list_staff(edge: &Edge) -> Result<Vec<StaffView>, DbError> {
    edge.db.read(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id, first_name, last_name, role, pin, is_active, version FROM staff
             ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| Ok(staff_of(row)?.0))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    })
}

/// One member of staff, with the hash of the PIN.
pub(crate) fn staff_read(
    connection: &Connection,
    staff: &StaffId,
) -> Result<Option<(StaffView, Option<PinHash>)>, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT id, first_name, last_name, role, pin, is_active, version FROM staff
             WHERE id = ?1",
        )?
        .query_row([staff.as_str()], staff_of)
        .optional()?;
    Ok(found)
}

fn staff_of(row: &Row<'_>) -> rusqlite::Result<(StaffView, Option<PinHash>)> {
    let (role, pin): (String, Option<String>) = (row.get(3)?, row.get(4)?);
    let view = StaffView {
        id: parsed_column(row, 0)?,
        name: StaffName { first: row.get(1)?, last: row.get(2)? },
        role: role.parse(),
        is_active: row.get(5)?,
        has_pin: pin.is_some(),
        version: row.get(6)?,
    };
    Ok((view, pin.map(PinHash::stored)))
}
