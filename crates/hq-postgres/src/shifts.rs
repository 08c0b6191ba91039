//! Shifts: the furthest step received of each, in whatever order the steps came.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use tillsync_domain::ids::{DatabaseId, ShiftNumber, StatementId};
use tillsync_domain::shift::{ShiftEvent, ShiftStatus};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{OperationSource, ShiftRecord, StorageError};

use crate::columns::{Columns, Read, bounded};
use crate::tx::{PgTx, Query, Values};

const SHIFT: &str = "SELECT number, store, origin, status, opened_at, blind_closed_at, closed_at,
    opening_float, counted, statement FROM shift";

/// A step fills in what is not known yet; the status is that of the furthest step.
const STEPS: &str = "INSERT INTO shift
    (number, store, origin, status, opened_at, blind_closed_at, closed_at, opening_float, counted)
    SELECT number, $2, origin, status, opened_at, blind_closed_at, closed_at, opening_float, counted
    FROM unnest($1::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
        $8::text[], $9::text[]) AS step (number, origin, status, opened_at, blind_closed_at,
            closed_at, opening_float, counted)
    ON CONFLICT (number) DO UPDATE SET
        status = CASE
            WHEN 'Closed' IN (shift.status, excluded.status) THEN 'Closed'
            WHEN 'BlindClosed' IN (shift.status, excluded.status) THEN 'BlindClosed'
            ELSE 'Open' END,
        opening_float = CASE
            WHEN shift.opened_at IS NULL THEN excluded.opening_float
            ELSE shift.opening_float END,
        opened_at = coalesce(shift.opened_at, excluded.opened_at),
        blind_closed_at = coalesce(shift.blind_closed_at, excluded.blind_closed_at),
        closed_at = coalesce(shift.closed_at, excluded.closed_at),
        counted = coalesce(shift.counted, excluded.counted)";

const NO_COUNTS: &str = "[]";

/// The part of a shift document that is kept with the shift.
#[derive(Default, Deserialize)]
struct Counts<'c> {
    #[serde(borrow, default)]
    counts: Option<&'c RawValue>,
}

/// What the steps of one shift come to that arrive together.
struct Steps<'d> {
    shift: &'d ShiftNumber,
    origin: &'d str,
    status: ShiftStatus,
    times: [Option<i64>; 3],
    float: Option<&'d str>,
    counted: Option<&'d str>,
}

impl<'d> Steps<'d> {
    fn of(row: &'d DocumentRow, event: &'d ShiftEvent) -> Self {
        let status = event.act.status();
        // Whoever calls this a step of a shift has read the content.
        let counts: Counts<'d> = serde_json::from_str(row.content.get()).unwrap_or_default();
        let counts = counts.counts.map_or(NO_COUNTS, RawValue::get);
        let steps = [ShiftStatus::Open, ShiftStatus::BlindClosed, ShiftStatus::Closed];
        let at = |step| (status == step).then(|| row.created_at.as_microsecond());
        Steps {
            shift: &event.shift,
            origin: row.origin.as_str(),
            status,
            times: steps.map(at),
            float: (status == ShiftStatus::Open).then_some(counts),
            counted: (status == ShiftStatus::Closed).then_some(counts),
        }
    }

    /// The first of each step counts, the furthest is the status.
    fn add(&mut self, later: &Steps<'d>) {
        self.status = self.status.max(later.status);
        for (time, later) in self.times.iter_mut().zip(later.times) {
            *time = time.or(later);
        }
        self.float = self.float.or(later.float);
        self.counted = self.counted.or(later.counted);
    }
}

impl PgTx<'_> {
    /// Moves shifts on by steps, in their order.
    pub(crate) fn shifts_step<'d>(
        &mut self,
        source: &OperationSource,
        steps: impl Iterator<Item = (&'d DocumentRow, &'d ShiftEvent)>,
        doing: &'static str,
    ) -> Result<(), StorageError> {
        let mut shifts: BTreeMap<&ShiftNumber, Steps<'d>> = BTreeMap::new();
        for (row, event) in steps {
            let step = Steps::of(row, event);
            match shifts.get_mut(step.shift) {
                Some(before) => before.add(&step),
                None => drop(shifts.insert(step.shift, step)),
            }
        }
        if shifts.is_empty() {
            return Ok(());
        }
        let all = || shifts.values();
        let times = |step: usize| all().map(|shift| shift.times[step]).collect::<Vec<_>>();
        let values: Values<'_> = &[
            &all().map(|shift| shift.shift.as_str()).collect::<Vec<_>>(),
            &source.source.as_str(),
            &all().map(|shift| shift.origin).collect::<Vec<_>>(),
            &all().map(|shift| shift.status.as_str()).collect::<Vec<_>>(),
            &times(0),
            &times(1),
            &times(2),
            &all().map(|shift| shift.float.unwrap_or(NO_COUNTS)).collect::<Vec<_>>(),
            &all().map(|shift| shift.counted).collect::<Vec<_>>(),
        ];
        self.change(STEPS, values, doing)?;
        Ok(())
    }

    pub(crate) fn shift_find(
        &mut self,
        number: &ShiftNumber,
    ) -> Result<Option<ShiftRecord>, StorageError> {
        let sql = format!("{SHIFT} WHERE number = $1");
        self.read_one(&sql, &[&number.as_str()], "read a shift", shift)
    }

    pub(crate) fn shifts_of_statement(
        &mut self,
        statement: &StatementId,
    ) -> Result<Vec<ShiftRecord>, StorageError> {
        let sql = format!("{SHIFT} WHERE statement = $1 ORDER BY number");
        let key: Values<'_> = &[&statement.as_uuid()];
        self.read_all(&sql, key, "read the shifts of a statement", shift)
    }

    pub(crate) fn shifts_page(
        &mut self,
        store: Option<&DatabaseId>,
        status: Option<ShiftStatus>,
        after: Option<&ShiftNumber>,
        limit: usize,
    ) -> Result<Vec<ShiftRecord>, StorageError> {
        let mut query = Query::new(SHIFT);
        let after = after.map_or("", ShiftNumber::as_str);
        query.push_value(" WHERE number > ", after.to_owned());
        if let Some(store) = store {
            query.push_value(" AND store = ", store.as_str().to_owned());
        }
        if let Some(status) = status {
            query.push_value(" AND status = ", status.as_str());
        }
        query.push_value(" ORDER BY number LIMIT ", bounded(limit));
        self.read_query(&query, "list shifts", shift)
    }
}

fn shift(row: &mut Columns<'_>) -> Read<ShiftRecord> {
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
