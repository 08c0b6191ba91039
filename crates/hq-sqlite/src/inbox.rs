//! The inbox: operations in arrival order, contradictions in quarantine, watermarks.

use rusqlite::{Params, params};
use tillsync_domain::ids::{Counter, CustomerGuid, DatabaseId, EntryId, EpochId, OperationId};
use tillsync_domain::operation::{OperationStatus, Watermark};
use tillsync_domain::promotion::InboxPosition;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::{
    DueOperations, InboxCounts, InboxReads, InboxWrites, InsertCounts, OperationRecord,
    OperationSource, StorageError,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one};
use crate::error::{Doing, refused};

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

macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, counter, customer, kind, created_at, origin, staff, relayed_at, content, hash,
             source, epoch, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT DO NOTHING"
        )
    };
}

impl InboxReads for SqliteTx<'_> {
    fn watermark_get(
        &mut self,
        source: &DatabaseId,
        epoch: &EpochId,
    ) -> Result<Option<Watermark>, StorageError> {
        let sql = "SELECT epoch, counter, entry FROM watermark
            WHERE source = ?1 AND epoch = ?2";
        let key = params![source.as_str(), epoch.as_uuid().as_bytes()];
        read_one(self.connection, sql, key, "read a watermark", watermark)
    }

    fn watermarks_all(&mut self) -> Result<Vec<(DatabaseId, Watermark)>, StorageError> {
        let sql = "SELECT source, epoch, counter, entry FROM watermark ORDER BY source, epoch";
        read_all(self.connection, sql, [], "read the watermarks", |row| {
            Ok((row.text()?, watermark(row)?))
        })
    }

    fn operations_due(
        &mut self,
        due: &DueOperations,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let (after, limit) = (bounded(due.after.0), bounded(due.limit));
        if let Some(only) = &due.only {
            return self.operations_open_of(only, after, limit);
        }
        // The two halves come from indexes that hold open operations only.
        let sql = format!(
            "{OPERATION} WHERE position IN (
                SELECT position FROM (
                    SELECT position FROM operation INDEXED BY operation_pending
                    WHERE status = 0 AND position > ?1 ORDER BY position LIMIT ?2)
                UNION ALL
                SELECT position FROM (
                    SELECT position FROM operation INDEXED BY operation_retry
                    WHERE status = 2 AND next_try_at <= ?3 AND position > ?1
                    ORDER BY position LIMIT ?2))
            ORDER BY position LIMIT ?2"
        );
        let values = params![after, limit, due.now.as_microsecond()];
        self.operations(&sql, values, "find operations that are due")
    }

    fn operations_of(
        &mut self,
        customer: &CustomerGuid,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "read the operations of a customer";
        let key = [customer.as_uuid().as_bytes()];
        let sql = format!("{OPERATION} WHERE customer = ?1 ORDER BY position");
        let mut operations = self.operations(&sql, key, doing)?;
        let sql = format!("{QUARANTINED} WHERE customer = ?1 ORDER BY position");
        operations.extend(read_all(self.connection, &sql, key, doing, quarantined)?);
        Ok(operations)
    }

    fn operations_in(
        &mut self,
        status: OperationStatus,
        after: InboxPosition,
        limit: usize,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "list operations by status";
        let page = params![bounded(after.0), bounded(limit)];
        let open = match status {
            OperationStatus::Pending => "INDEXED BY operation_pending WHERE status = 0",
            OperationStatus::Failed => "INDEXED BY operation_failed WHERE status = 2",
            OperationStatus::Succeeded => "WHERE status = 1",
            OperationStatus::Quarantined => {
                let sql = format!("{QUARANTINED} WHERE position > ?1 ORDER BY position LIMIT ?2");
                return read_all(self.connection, &sql, page, doing, quarantined);
            }
        };
        let sql = format!("{OPERATION} {open} AND position > ?1 ORDER BY position LIMIT ?2");
        self.operations(&sql, page, doing)
    }

    fn inbox_counts(&mut self) -> Result<InboxCounts, StorageError> {
        let sql = "WITH pending (rows, oldest) AS (
                SELECT count(*), min(received_at) FROM operation INDEXED BY operation_pending
                WHERE status = 0),
            failed (rows, oldest) AS (
                SELECT count(*), min(received_at) FROM operation INDEXED BY operation_failed
                WHERE status = 2)
            SELECT pending.rows, headquarters.operations - pending.rows - failed.rows,
                failed.rows, (SELECT count(*) FROM quarantine), pending.oldest, failed.oldest
            FROM headquarters, pending, failed";
        let counts = read_one(self.connection, sql, [], "count the inbox", |row| {
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

impl InboxWrites for SqliteTx<'_> {
    fn operations_insert_once(
        &mut self,
        source: &OperationSource,
        rows: &[OperationRow],
    ) -> Result<InsertCounts, StorageError> {
        let mut counts = InsertCounts::default();
        for row in rows {
            self.operation_insert_once(source, row, &mut counts).doing("take operations in")?;
        }
        let sql = "UPDATE headquarters SET operations = operations + ?1";
        change(self.connection, sql, [bounded(counts.inserted)], "count operations")?;
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
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (source, epoch) DO UPDATE SET counter = excluded.counter,
                entry = excluded.entry";
        let values = params![
            source.as_str(),
            watermark.epoch.as_uuid().as_bytes(),
            watermark.counter.0.cast_signed(),
            watermark.entry.as_ref().map(|id| id.as_uuid().as_bytes()),
        ];
        change(self.connection, sql, values, doing)?;
        Ok(())
    }

    fn operations_fail(
        &mut self,
        failures: &[(OperationId, String, Option<jiff::Timestamp>)],
    ) -> Result<(), StorageError> {
        // One that succeeded meanwhile stays so: completion is final (F18).
        let sql = "UPDATE operation SET status = 2, error = ?2, tries = tries + 1,
            next_try_at = ?3 WHERE id = ?1 AND status <> 1";
        for (id, error, next_try_at) in failures {
            let next_try_at = next_try_at.map(|time| time.as_microsecond());
            let values = params![id.as_uuid().as_bytes(), error, next_try_at];
            change(self.connection, sql, values, "mark operations as failed")?;
        }
        Ok(())
    }
}

impl SqliteTx<'_> {
    fn operation_insert_once(
        &self,
        source: &OperationSource,
        row: &OperationRow,
        counts: &mut InsertCounts,
    ) -> rusqlite::Result<()> {
        let hash = row.content_hash().0;
        let id = row.id.as_uuid().as_bytes();
        let values = params![
            id,
            row.counter.cast_signed(),
            row.customer.as_uuid().as_bytes(),
            row.kind,
            row.created_at.as_microsecond(),
            row.origin.as_str(),
            row.staff.as_ref().map(|staff| staff.as_str()),
            row.relayed_at.map(|time| time.as_microsecond()),
            row.content.get(),
            hash,
            source.source.as_str(),
            source.epoch.as_uuid().as_bytes(),
            source.received_at.as_microsecond(),
        ];
        let sql = insert_into!("operation");
        if self.connection.prepare_cached(sql)?.execute(values)? == 1 {
            counts.inserted += 1;
            return Ok(());
        }
        let known = "SELECT hash FROM operation WHERE id = ?1";
        let mut known = self.connection.prepare_cached(known)?;
        if known.query_row([id], |row| row.get::<_, [u8; 32]>(0))? == hash {
            counts.repeated += 1;
        } else {
            let sql = insert_into!("quarantine");
            self.connection.prepare_cached(sql)?.execute(values)?;
            counts.quarantined += 1;
        }
        Ok(())
    }

    fn operations_open_of(
        &self,
        customers: &[CustomerGuid],
        after: i64,
        limit: i64,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let mut customers = customers.to_vec();
        customers.sort_unstable();
        customers.dedup();
        let sql = format!(
            "{OPERATION} WHERE customer = ?1 AND status IN (0, 2) AND position > ?2
            ORDER BY position LIMIT ?3"
        );
        let mut found = Vec::new();
        for customer in customers {
            let values = params![customer.as_uuid().as_bytes(), after, limit];
            found.extend(self.operations(&sql, values, "find operations of customers")?);
        }
        found.sort_unstable_by_key(|record| record.position);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    pub(crate) fn operations(
        &self,
        sql: &str,
        values: impl Params,
        doing: &'static str,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        read_all(self.connection, sql, values, doing, |row| {
            let mut record = received(row)?;
            record.status = row.numbered(status_from)?;
            record.error = row.value()?;
            record.tries = row.value()?;
            record.next_try_at = row.time_or_none()?;
            record.completed_at = row.time_or_none()?;
            record.repaired = row.raw_json_or_none()?;
            Ok(record)
        })
    }
}

pub(crate) fn quarantined(row: &mut Columns<'_>) -> rusqlite::Result<OperationRecord> {
    let record = received(row)?;
    Ok(OperationRecord { status: OperationStatus::Quarantined, ..record })
}

fn received(row: &mut Columns<'_>) -> rusqlite::Result<OperationRecord> {
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

fn watermark(row: &mut Columns<'_>) -> rusqlite::Result<Watermark> {
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
