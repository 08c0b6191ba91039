//! Upload sessions: which range of the log is on its way, with the statuses of `domain.md` 4.1.
//!
//! One at most is open (F65). It must never decide what is sent; it records it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tillsync_domain::ids::{Counter, EpochId, PackageId};
use tillsync_domain::operation::Watermark;
use tillsync_exchange::session::{Progress, UploadEvent, UploadStatus};
use tillsync_exchange::watermark::{UploadSpan, ended_by};

use super::{Attempt, UploadError, mint_package, package_end};
use crate::create::whole_microseconds;
use crate::db::{DbError, time_column, uuid_column};
use crate::edge::Edge;
use crate::identity;

/// Sessions kept for the page that shows them; older ones are dropped.
const SESSIONS_KEPT: i64 = 1_000;

/// One package on its way. Everything that its bytes depend on is pinned here.
#[derive(Debug, Clone, Copy)]
pub(super) struct UploadSession {
    pub(super) id: PackageId,
    pub(super) epoch: EpochId,
    pub(super) first: Counter,
    pub(super) last: Counter,
    pub(super) made_at: Timestamp,
    progress: Progress<UploadStatus>,
}

/// Takes up the open session where the watermark allows it, or plans a new one; nothing when
/// upstream has everything.
pub(super) fn plan_next(
    edge: &Edge,
    watermark: Watermark,
    now: Timestamp,
) -> Result<Option<UploadSession>, UploadError> {
    let open = edge.db.read(open_read)?;
    if let Some(open) = open {
        let span = UploadSpan { epoch: open.epoch, first: open.first, last: open.last };
        let Some(status) = ended_by(&watermark, span) else { return Ok(Some(open)) };
        let ended = UploadSession { progress: Progress::fresh(status), ..open };
        edge.db.write(move |connection| ended.update(connection, now, None))?;
    }
    let first = watermark.counter.next();
    let Some(last) = edge.db.read(|connection| package_end(connection, first))? else {
        return Ok(None);
    };
    let session = UploadSession {
        id: mint_package(edge, now),
        epoch: edge.db.read(identity::epoch_read)?,
        first,
        last,
        made_at: whole_microseconds(now),
        progress: Progress::fresh(UploadStatus::Started),
    };
    Ok(Some(session))
}

/// Notes how far upstream says it has received.
pub(super) fn watermark_note(edge: &Edge, watermark: Watermark) -> Result<(), DbError> {
    let known = edge.db.read(|connection| -> Result<u64, DbError> {
        let sent = connection
            .prepare_cached("SELECT sent_counter FROM edge")?
            .query_row([], |row| row.get(0))?;
        Ok(sent)
    })?;
    if known == watermark.counter.0 {
        return Ok(());
    }
    edge.db.write(move |connection| {
        watermark_write(connection, watermark)?;
        sessions_prune(connection)
    })
}

/// Cancels the open session: its entries go with a later one.
pub(super) fn open_cancel(connection: &Connection, now: Timestamp) -> Result<(), DbError> {
    connection.execute(
        "UPDATE upload_session SET status = ?1, next_try_at = NULL, updated_at = ?2
         WHERE status NOT IN (3, 4)",
        [UploadStatus::Canceled.value(), now.as_microsecond()],
    )?;
    Ok(())
}

impl UploadSession {
    /// Records a step. The status is read again, since an operator may have cancelled meanwhile.
    pub(super) fn step(
        &self,
        edge: &Edge,
        event: UploadEvent,
        attempt: &Attempt,
        error: Option<String>,
    ) -> Result<(), DbError> {
        let (session, attempt) = (*self, *attempt);
        edge.db.write(move |connection| {
            session.step_within(connection, event, &attempt, error.as_deref())
        })
    }

    /// Records that upstream has it all, together with how far that is.
    pub(super) fn received(
        &self,
        edge: &Edge,
        watermark: Watermark,
        attempt: &Attempt,
    ) -> Result<(), DbError> {
        let (session, attempt) = (*self, *attempt);
        edge.db.write(move |connection| {
            session.step_within(connection, UploadEvent::Uploaded, &attempt, None)?;
            session.step_within(connection, UploadEvent::Applied, &attempt, None)?;
            watermark_write(connection, watermark)?;
            sessions_prune(connection)
        })
    }

    fn step_within(
        &self,
        connection: &Connection,
        event: UploadEvent,
        attempt: &Attempt,
        error: Option<&str>,
    ) -> Result<(), DbError> {
        let stored = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM upload_session WHERE id = ?1"))?
            .query_row([self.id.as_uuid().as_bytes()], session_row)
            .optional()?;
        // A planned session is first written down when its package has been built.
        let (stored, is_new) = stored.map_or((*self, true), |stored| (stored, false));
        let Attempt { now, jitter, policy } = attempt;
        // A step that the status does not allow came too late to matter.
        match stored.progress.step(event, *now, policy, *jitter) {
            Ok(progress) if is_new => UploadSession { progress, ..stored }.insert(connection, *now),
            Ok(progress) if progress == stored.progress && error.is_none() => Ok(()),
            Ok(progress) => UploadSession { progress, ..stored }.update(connection, *now, error),
            Err(_) => Ok(()),
        }
    }

    fn insert(&self, connection: &Connection, now: Timestamp) -> Result<(), DbError> {
        connection
            .prepare_cached(
                "INSERT INTO upload_session (id, epoch, first, last, made_at, status, failures,
                                             updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
            )?
            .execute(params![
                self.id.as_uuid().as_bytes(),
                self.epoch.as_uuid().as_bytes(),
                self.first.0,
                self.last.0,
                self.made_at.as_microsecond(),
                self.progress.status.value(),
                now.as_microsecond()
            ])?;
        Ok(())
    }

    fn update(
        &self,
        connection: &Connection,
        now: Timestamp,
        error: Option<&str>,
    ) -> Result<(), DbError> {
        connection
            .prepare_cached(
                "UPDATE upload_session SET status = ?2, failures = ?3, next_try_at = ?4,
                     error = ?5, updated_at = ?6 WHERE id = ?1",
            )?
            .execute(params![
                self.id.as_uuid().as_bytes(),
                self.progress.status.value(),
                self.progress.failures,
                self.progress.next_try_at.map(Timestamp::as_microsecond),
                error,
                now.as_microsecond()
            ])?;
        Ok(())
    }
}

const COLUMNS: &str = "id, epoch, first, last, made_at, status, failures, next_try_at";

fn open_read(connection: &Connection) -> Result<Option<UploadSession>, DbError> {
    let open = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM upload_session WHERE status NOT IN (3, 4)"
        ))?
        .query_row([], session_row)
        .optional()?;
    Ok(open)
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<UploadSession> {
    let next_try_at: Option<i64> = row.get(7)?;
    let status = UploadStatus::from_value(row.get(5)?).unwrap_or(UploadStatus::Canceled);
    let next_try_at = next_try_at.is_some().then(|| time_column(row, 7)).transpose()?;
    Ok(UploadSession {
        id: PackageId::from_uuid(uuid_column(row, 0)?),
        epoch: EpochId::from_uuid(uuid_column(row, 1)?),
        first: Counter(row.get(2)?),
        last: Counter(row.get(3)?),
        made_at: time_column(row, 4)?,
        progress: Progress { status, failures: row.get(6)?, next_try_at },
    })
}

fn watermark_write(connection: &Connection, watermark: Watermark) -> Result<(), DbError> {
    connection
        .prepare_cached("UPDATE edge SET sent_counter = ?2, sent_entry = ?3 WHERE epoch = ?1")?
        .execute(params![
            watermark.epoch.as_uuid().as_bytes(),
            watermark.counter.0,
            watermark.entry.as_ref().map(|id| id.as_uuid().as_bytes())
        ])?;
    Ok(())
}

fn sessions_prune(connection: &Connection) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "DELETE FROM upload_session WHERE status IN (3, 4)
             AND row <= (SELECT max(row) FROM upload_session) - ?1",
        )?
        .execute([SESSIONS_KEPT])?;
    Ok(())
}
