//! Shifts: the furthest step received of each, in whatever order the steps came.

use rusqlite::types::ToSql;
use rusqlite::{params, params_from_iter};
use serde::Deserialize;
use serde_json::value::RawValue;
use tillsync_domain::ids::{DatabaseId, ShiftNumber, StatementId};
use tillsync_domain::shift::{ShiftEvent, ShiftStatus};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{OperationSource, ShiftRecord, StorageError};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, read_all, read_one};

const SHIFT: &str = "SELECT number, store, origin, status, opened_at, blind_closed_at, closed_at,
    float, counted, statement FROM shift";

/// A step fills in what is not known yet; the status is that of the furthest step.
const STEP: &str = "INSERT INTO shift
    (number, store, origin, status, opened_at, blind_closed_at, closed_at, float, counted)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (number) DO UPDATE SET
        status = CASE
            WHEN 'Closed' IN (status, excluded.status) THEN 'Closed'
            WHEN 'BlindClosed' IN (status, excluded.status) THEN 'BlindClosed'
            ELSE 'Open' END,
        float = CASE WHEN opened_at IS NULL THEN excluded.float ELSE float END,
        opened_at = coalesce(opened_at, excluded.opened_at),
        blind_closed_at = coalesce(blind_closed_at, excluded.blind_closed_at),
        closed_at = coalesce(closed_at, excluded.closed_at),
        counted = coalesce(counted, excluded.counted)";

const NO_COUNTS: &str = "[]";

/// The part of a shift document that is kept with the shift.
#[derive(Default, Deserialize)]
struct Counts<'c> {
    #[serde(borrow, default)]
    counts: Option<&'c RawValue>,
}

impl SqliteTx<'_> {
    pub(crate) fn shift_step(
        &self,
        source: &OperationSource,
        row: &DocumentRow,
        event: &ShiftEvent,
    ) -> rusqlite::Result<()> {
        let status = event.act.status();
        // Whoever calls this a step of a shift has read the content.
        let counts: Counts<'_> = serde_json::from_str(row.content.get()).unwrap_or_default();
        let counts = counts.counts.map_or(NO_COUNTS, RawValue::get);
        let at = |step| (status == step).then(|| row.created_at.as_microsecond());
        let values = params![
            event.shift.as_str(),
            source.source.as_str(),
            row.origin.as_str(),
            status.as_str(),
            at(ShiftStatus::Open),
            at(ShiftStatus::BlindClosed),
            at(ShiftStatus::Closed),
            if status == ShiftStatus::Open { counts } else { NO_COUNTS },
            (status == ShiftStatus::Closed).then_some(counts),
        ];
        self.connection.prepare_cached(STEP)?.execute(values)?;
        Ok(())
    }

    pub(crate) fn shift_find(
        &self,
        number: &ShiftNumber,
    ) -> Result<Option<ShiftRecord>, StorageError> {
        let sql = format!("{SHIFT} WHERE number = ?1");
        read_one(self.connection, &sql, [number.as_str()], "read a shift", shift)
    }

    pub(crate) fn shifts_of_statement(
        &self,
        statement: &StatementId,
    ) -> Result<Vec<ShiftRecord>, StorageError> {
        let sql = format!("{SHIFT} WHERE statement = ?1 ORDER BY number");
        let key = [statement.as_uuid().as_bytes()];
        read_all(self.connection, &sql, key, "read the shifts of a statement", shift)
    }

    pub(crate) fn shifts_page(
        &self,
        store: Option<&DatabaseId>,
        status: Option<ShiftStatus>,
        after: Option<&ShiftNumber>,
        limit: usize,
    ) -> Result<Vec<ShiftRecord>, StorageError> {
        let mut sql = format!("{SHIFT} WHERE number > ?1");
        let mut values: Vec<Box<dyn ToSql>> =
            vec![Box::new(after.map_or("", ShiftNumber::as_str).to_owned())];
        if let Some(store) = store {
            values.push(Box::new(store.as_str().to_owned()));
            sql += &format!(" AND store = ?{}", values.len());
        }
        if let Some(status) = status {
            values.push(Box::new(status.as_str()));
            sql += &format!(" AND status = ?{}", values.len());
        }
        values.push(Box::new(bounded(limit)));
        sql += &format!(" ORDER BY number LIMIT ?{}", values.len());
        read_all(self.connection, &sql, params_from_iter(values), "list shifts", shift)
    }
}

fn shift(row: &mut Columns<'_>) -> rusqlite::Result<ShiftRecord> {
    Ok(ShiftRecord {
        number: row.text()?,
        store: row.text()?,
        origin: row.text()?,
        status: row.named(&ShiftStatus::ALL, ShiftStatus::as_str)?,
        times: [row.time_or_none()?, row.time_or_none()?, row.time_or_none()?],
        float: row.value()?,
        counted: row.value()?,
        statement: row.id_or_none(StatementId::from_uuid)?,
    })
}
