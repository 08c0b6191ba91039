//! The inbox: operations in arrival order, contradictions in quarantine, watermarks.

use std::collections::{HashMap, HashSet};

use tillsync_domain::ids::{Counter, CustomerGuid, DatabaseId, EntryId, EpochId, OperationId};
use tillsync_domain::operation::{OperationStatus, Watermark};
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{
    DueOperations, InboxCounts, InboxReads, InboxWrites, InsertCounts, OperationRecord,
    OperationSource, StorageError,
};
use uuid::Uuid;

use crate::columns::{Columns, Read, bounded, micros, storable};
use crate::error::refused;
use crate::tx::{PgTx, Values};

macro_rules! received_columns {
    () => {
        "position, id, counter, customer, kind, created_at, origin, staff, relayed_at, content,
         source, epoch, received_at"
    };
}

pub(crate) const OPERATION: &str = concat!(
    "SELECT ",
    received_columns!(),
    ", status, error, tries, next_try_at, completed_at, repaired FROM operation"
);
pub(crate) const QUARANTINED: &str = concat!("SELECT ", received_columns!(), " FROM quarantine");

/// Takes the columns of many rows as lists; the rows get their positions in this order.
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, counter, customer, kind, created_at, origin, staff, relayed_at, content, hash,
                source, epoch, received_at)
            SELECT id, counter, customer, kind, created_at, origin, staff, relayed_at, content,
                hash, $11, $12, $13
            FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::bigint[],
                $6::text[], $7::text[], $8::bigint[], $9::text[], $10::bytea[])
                WITH ORDINALITY AS sent (id, counter, customer, kind, created_at, origin, staff,
                    relayed_at, content, hash, line)
            ORDER BY line
            ON CONFLICT DO NOTHING RETURNING id"
        )
    };
}

const INSERT: &str = insert_into!("operation");
const SET_ASIDE: &str = insert_into!("quarantine");

/// Rows inserted by one statement: enough to spare round trips, few enough for memory.
const ROWS_AT_ONCE: usize = 5_000;

impl InboxReads for PgTx<'_> {
    fn watermark_get(
        &mut self,
        source: &DatabaseId,
        epoch: &EpochId,
    ) -> Result<Option<Watermark>, StorageError> {
        let sql = "SELECT epoch, counter, entry FROM watermark
            WHERE source = $1 AND epoch = $2";
        let key: Values<'_> = &[&source.as_str(), epoch.as_uuid()];
        self.read_one(sql, key, "read a watermark", watermark)
    }

    fn watermarks_all(&mut self) -> Result<Vec<(DatabaseId, Watermark)>, StorageError> {
        let sql = "SELECT source, epoch, counter, entry FROM watermark ORDER BY source, epoch";
        self.read_all(sql, &[], "read the watermarks", |row| Ok((row.text()?, watermark(row)?)))
    }

    fn operations_due(
        &mut self,
        due: &DueOperations,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let (after, limit) = (bounded(due.after.0), bounded(due.limit));
        if let Some(only) = &due.only {
            let sql = format!(
                "{OPERATION} WHERE customer = ANY($1) AND status IN (0, 2) AND position > $2
                ORDER BY position LIMIT $3"
            );
            let customers: Vec<Uuid> = only.iter().map(|guid| *guid.as_uuid()).collect();
            let values: Values<'_> = &[&customers, &after, &limit];
            return self.operations(&sql, values, "find operations of customers");
        }
        // The two halves come from indexes that hold open operations only.
        let sql = format!(
            "({OPERATION} WHERE status = 0 AND position > $1 ORDER BY position LIMIT $2)
            UNION ALL
            ({OPERATION} WHERE status = 2 AND next_try_at <= $3 AND position > $1
                ORDER BY position LIMIT $2)
            ORDER BY position LIMIT $2"
        );
        let values: Values<'_> = &[&after, &limit, &due.now.as_microsecond()];
        self.operations(&sql, values, "find operations that are due")
    }

    fn operations_of(
        &mut self,
        customer: &CustomerGuid,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "read the operations of a customer";
        let key: Values<'_> = &[customer.as_uuid()];
        let sql = format!("{OPERATION} WHERE customer = $1 ORDER BY position");
        let mut operations = self.operations(&sql, key, doing)?;
        let sql = format!("{QUARANTINED} WHERE customer = $1 ORDER BY position");
        operations.extend(self.read_all(&sql, key, doing, quarantined)?);
        Ok(operations)
    }

    fn operations_in(
        &mut self,
        status: OperationStatus,
        after: InboxPosition,
        limit: usize,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "list operations by status";
        let page: Values<'_> = &[&bounded(after.0), &bounded(limit)];
        let status = match status {
            OperationStatus::Pending => 0,
            OperationStatus::Succeeded => 1,
            OperationStatus::Failed => 2,
            OperationStatus::Quarantined => {
                let sql = format!("{QUARANTINED} WHERE position > $1 ORDER BY position LIMIT $2");
                return self.read_all(&sql, page, doing, quarantined);
            }
        };
        let sql = format!(
            "{OPERATION} WHERE status = {status} AND position > $1 ORDER BY position LIMIT $2"
        );
        self.operations(&sql, page, doing)
    }

    fn inbox_counts(&mut self) -> Result<InboxCounts, StorageError> {
        let sql = "WITH pending (rows, oldest) AS (
                SELECT count(*), min(received_at) FROM operation WHERE status = 0),
            failed (rows, oldest) AS (
                SELECT count(*), min(received_at) FROM operation WHERE status = 2),
            received (rows) AS (
                SELECT coalesce(sum(amount), 0)::bigint FROM tally WHERE name = 'operations')
            SELECT pending.rows, received.rows - pending.rows - failed.rows,
                failed.rows, (SELECT count(*) FROM quarantine), pending.oldest, failed.oldest
            FROM received, pending, failed";
        let counts = self.read_one(sql, &[], "count the inbox", |row| {
            let mut counts = InboxCounts::default();
            for status in OperationStatus::ALL {
                let rows: u64 = row.unsigned()?;
                if rows > 0 {
                    counts.by_status.insert(status.as_str(), rows);
                }
            }
            let oldest = [row.time_or_none()?, row.time_or_none()?];
            counts.oldest_open_at = oldest.into_iter().flatten().min();
            Ok(counts)
        })?;
        Ok(counts.unwrap_or_default())
    }
}

impl InboxWrites for PgTx<'_> {
    fn operations_insert_once(
        &mut self,
        source: &OperationSource,
        rows: &[OperationRow],
    ) -> Result<InsertCounts, StorageError> {
        let mut counts = InsertCounts::default();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            self.operations_take_in(source, rows, &mut counts)?;
        }
        self.tally("operations", counts.inserted)?;
        Ok(counts)
    }

    fn watermark_set(
        &mut self,
        source: &DatabaseId,
        watermark: &Watermark,
    ) -> Result<(), StorageError> {
        let doing = "set a watermark";
        let before = self.watermark_get(source, &watermark.epoch)?;
        if before.is_some_and(|before| before.counter > watermark.counter) {
            return Err(refused(doing, "a watermark never goes back"));
        }
        let sql = "INSERT INTO watermark (source, epoch, counter, entry)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (source, epoch) DO UPDATE SET counter = excluded.counter,
                entry = excluded.entry";
        let values: Values<'_> = &[
            &source.as_str(),
            watermark.epoch.as_uuid(),
            &watermark.counter.0.cast_signed(),
            &watermark.entry.as_ref().map(EntryId::as_uuid),
        ];
        self.change(sql, values, doing)?;
        Ok(())
    }

    fn operations_fail(
        &mut self,
        failures: &[(OperationId, String, Option<jiff::Timestamp>)],
    ) -> Result<(), StorageError> {
        // One that succeeded meanwhile stays so: completion is final (F18).
        let sql = "UPDATE operation
            SET status = 2, error = failed.error, tries = tries + 1,
                next_try_at = failed.next_try_at
            FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS failed (id, error, next_try_at)
            WHERE operation.id = failed.id AND status <> 1";
        let ids: Vec<_> = failures.iter().map(|(id, _, _)| id.as_uuid()).collect();
        let errors: Vec<_> = failures.iter().map(|(_, error, _)| storable(error)).collect();
        let next_tries: Vec<_> = failures.iter().map(|(_, _, next)| micros(*next)).collect();
        self.change(sql, &[&ids, &errors, &next_tries], "mark operations as failed")?;
        Ok(())
    }
}

impl PgTx<'_> {
    fn operations_take_in(
        &mut self,
        source: &OperationSource,
        rows: &[OperationRow],
        counts: &mut InsertCounts,
    ) -> Result<(), StorageError> {
        let rows: Vec<_> = rows.iter().map(|row| (row, row.content_hash().0)).collect();
        let mut new = self.rows_insert(INSERT, source, &rows)?;
        counts.inserted += new.len() as u64;
        // Of several with one id it is the first that was inserted.
        let known: Vec<_> = rows.into_iter().filter(|(row, _)| !new.remove(&row.id)).collect();
        if known.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = known.iter().map(|(row, _)| row.id.as_uuid()).collect();
        let sql = "SELECT id, hash FROM operation WHERE id = ANY($1)";
        let hashes = self.read_all(sql, &[&ids], "take operations in", |row| {
            Ok((row.id(OperationId::from_uuid)?, row.value::<Vec<u8>>()?))
        })?;
        let hashes: HashMap<_, _> = hashes.into_iter().collect();
        let is_repeat =
            |(row, hash): &(&OperationRow, [u8; 32])| hashes.get(&row.id) == Some(&hash.to_vec());
        let (repeats, others): (Vec<_>, Vec<_>) = known.into_iter().partition(is_repeat);
        counts.repeated += repeats.len() as u64;
        counts.quarantined += others.len() as u64;
        if !others.is_empty() {
            self.rows_insert(SET_ASIDE, source, &others)?;
        }
        Ok(())
    }

    /// The ids that were new.
    fn rows_insert(
        &mut self,
        sql: &str,
        source: &OperationSource,
        rows: &[(&OperationRow, [u8; 32])],
    ) -> Result<HashSet<OperationId>, StorageError> {
        let sent = || rows.iter().map(|(row, _)| *row);
        let ids: Vec<_> = sent().map(|row| row.id.as_uuid()).collect();
        let counters: Vec<_> = sent().map(|row| row.counter.cast_signed()).collect();
        let customers: Vec<_> = sent().map(|row| row.customer.as_uuid()).collect();
        let kinds: Vec<_> = sent().map(|row| storable(&row.kind)).collect();
        let created_at: Vec<_> = sent().map(|row| row.created_at.as_microsecond()).collect();
        let origins: Vec<_> = sent().map(|row| row.origin.as_str()).collect();
        let staff: Vec<_> = sent().map(|row| row.staff.as_ref().map(|id| id.as_str())).collect();
        let relayed_at: Vec<_> = sent().map(|row| micros(row.relayed_at)).collect();
        let contents: Vec<_> = sent().map(|row| row.content.get()).collect();
        let hashes: Vec<_> = rows.iter().map(|(_, hash)| hash.as_slice()).collect();
        let values: Values<'_> = &[
            &ids,
            &counters,
            &customers,
            &kinds,
            &created_at,
            &origins,
            &staff,
            &relayed_at,
            &contents,
            &hashes,
            &source.source.as_str(),
            source.epoch.as_uuid(),
            &source.received_at.as_microsecond(),
        ];
        let read = |row: &mut Columns<'_>| row.id(OperationId::from_uuid);
        let new = self.read_all(sql, values, "take operations in", read)?;
        Ok(new.into_iter().collect())
    }

    pub(crate) fn operations(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        self.read_all(sql, values, doing, operation)
    }
}

/// Reads the columns of [`OPERATION`].
pub(crate) fn operation(row: &mut Columns<'_>) -> Read<OperationRecord> {
    let mut record = received(row)?;
    record.status = row.numbered(status_from)?;
    record.error = row.value()?;
    record.tries = row.number()?;
    record.next_try_at = row.time_or_none()?;
    record.completed_at = row.time_or_none()?;
    record.repaired = row.raw_json_or_none()?;
    Ok(record)
}

pub(crate) fn quarantined(row: &mut Columns<'_>) -> Read<OperationRecord> {
    let record = received(row)?;
    Ok(OperationRecord { status: OperationStatus::Quarantined, ..record })
}

fn received(row: &mut Columns<'_>) -> Read<OperationRecord> {
    let position = InboxPosition(row.unsigned()?);
    let sent = OperationRow {
        id: row.id(OperationId::from_uuid)?,
        counter: row.unsigned()?,
        customer: row.id(CustomerGuid::from_uuid)?,
        kind: row.value()?,
        created_at: row.time()?,
        origin: row.text()?,
        staff: row.text_or_none()?,
        relayed_at: row.time_or_none()?,
        content: row.raw_json()?,
    };
    let source = OperationSource {
        source: row.text()?,
        epoch: row.id(EpochId::from_uuid)?,
        received_at: row.time()?,
    };
    Ok(OperationRecord {
        position,
        row: sent,
        source,
        status: OperationStatus::Pending,
        error: None,
        tries: 0,
        next_try_at: None,
        completed_at: None,
        repaired: None,
    })
}

fn watermark(row: &mut Columns<'_>) -> Read<Watermark> {
    Ok(Watermark {
        epoch: row.id(EpochId::from_uuid)?,
        counter: Counter(row.unsigned()?),
        entry: row.id_or_none(EntryId::from_uuid)?,
    })
}

fn status_from(value: i64) -> Option<OperationStatus> {
    match value {
        0 => Some(OperationStatus::Pending),
        1 => Some(OperationStatus::Succeeded),
        2 => Some(OperationStatus::Failed),
        _ => None,
    }
}
