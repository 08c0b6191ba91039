//! Sending the log upstream: the P-job's sending end (F08, F61–F66).
//!
//! It must never send counters with a gap, two packages at once, or anything from memory: every
//! package is rebuilt from the log, so a repeat is the same package.

mod session;

use jiff::Timestamp;
use tillsync_domain::ids::{Counter, EpochId, PackageId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{Hello, UploadReceipt};
use tillsync_exchange::package::{
    Manifest, PackageWriter, Span, UPLOAD_BYTES_MAX, UPLOAD_ROWS_MAX,
};
use tillsync_exchange::retry::{Jitter, RetryPolicy};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::session::UploadEvent;
use tillsync_exchange::version::{NoCommonVersion, ProtocolRange, SPOKEN};
use tillsync_exchange::watermark;

use crate::db::DbError;
use crate::edge::Edge;
use crate::identity;
use crate::link::note;
use crate::log::{self, Visit};
use crate::offline::register_line;
use crate::sequences::{self, Sequence};
use crate::testimony;
use crate::upstream::{Upstream, UpstreamError};
use session::UploadSession;

/// Even content that does not compress stays below the receiver's limit on compressed bytes.
const PACKAGE_PLAIN_BYTES_MAX: u64 = UPLOAD_BYTES_MAX - (UPLOAD_BYTES_MAX >> 2);
/// How often the upstream may point elsewhere before this end stops believing it.
const PLANS_MAX: u32 = 8;
/// How long a conversation goes on without another hello.
const CONVERSATION_SECONDS: i64 = 60;

/// When a try happens and what a failure costs.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The time of the try.
    pub now: Timestamp,
    /// Spreads the next try in time.
    pub jitter: Jitter,
    /// How long to wait after failures.
    pub policy: RetryPolicy,
}

/// What is known of the upstream between two tries; losing it costs one hello.
#[derive(Debug, Default)]
pub struct Conversation {
    open: Option<(Watermark, Timestamp)>,
}

/// What a try sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// Log entries that upstream received by it, new to upstream or not.
    pub entries: u64,
    /// Packages.
    pub packages: u64,
    /// The incarnation that began because this database turned out to be a copy (F64).
    pub new_epoch: Option<EpochId>,
}

/// Why not everything was sent.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The upstream could not be reached or refused.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// Somebody switched the register to offline.
    #[error("this register is disconnected by hand: it exchanges nothing until it is connected")]
    Disconnected,
    /// The two ends speak no common version.
    #[error(transparent)]
    Version(#[from] NoCommonVersion),
    /// The upstream's answers do not fit together.
    #[error("the upstream answers in contradictions: {0}")]
    Contradiction(&'static str),
    /// The package could not be built.
    #[error("build an upload package")]
    Build(#[from] std::io::Error),
    /// The database failed.
    #[error("read or note an upload")]
    Db(#[from] DbError),
}

impl UploadError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            UploadError::Upstream(error) => error.kind(),
            UploadError::Version(_) | UploadError::Disconnected => ErrorKind::Conflict,
            UploadError::Contradiction(_) | UploadError::Build(_) => ErrorKind::Broken,
            UploadError::Db(error) => error.kind(),
        }
    }

    /// Whether the way failed: then a sign of life from upstream is worth a try at once.
    pub fn is_communication(&self) -> bool {
        matches!(self, UploadError::Upstream(error) if error.is_communication())
    }
}

/// Sends every log entry that upstream has not received yet, in packages, one after another.
///
/// May be called at any time, repeated after any failure, and killed at any point: upstream knows
/// each entry by its id.
///
/// # Errors
/// Busy: not reachable. Otherwise as [`UploadError`]; what was received stays received.
pub fn upload_pending(
    edge: &Edge,
    upstream: &dyn Upstream,
    conversation: &mut Conversation,
    attempt: &Attempt,
) -> Result<Uploaded, UploadError> {
    let result = upload_all(edge, upstream, conversation, attempt);
    if result.is_err() {
        // After a failure upstream may stand anywhere: ask again.
        conversation.open = None;
    }
    result
}

/// Opens a conversation and ends it: whether the upstream is there.
pub(crate) fn say_hello(
    edge: &Edge,
    upstream: &dyn Upstream,
    now: Timestamp,
) -> Result<(), UploadError> {
    current_watermark(edge, upstream, &mut Conversation::default(), now).map(drop)
}

/// The log entries that upstream has not acknowledged, as far as is known here.
pub(crate) fn unsent_count(connection: &rusqlite::Connection) -> Result<u64, DbError> {
    let sent: u64 = connection
        .prepare_cached("SELECT sent_counter FROM edge")?
        .query_row([], |row| row.get(0))?;
    Ok(log::counter_last(connection)?.0.saturating_sub(sent))
}

/// The documents among them.
pub(crate) fn unsent_documents(connection: &rusqlite::Connection) -> Result<u64, DbError> {
    let sql = "SELECT count(*) FROM document
               WHERE counter > (SELECT max(sent_counter) FROM edge)";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn upload_all(
    edge: &Edge,
    upstream: &dyn Upstream,
    conversation: &mut Conversation,
    attempt: &Attempt,
) -> Result<Uploaded, UploadError> {
    let mut uploaded = Uploaded::default();
    let mut plans = 0;
    let mut reached = Counter::ZERO;
    loop {
        if register_line(edge)?.is_disconnected() {
            return Err(UploadError::Disconnected);
        }
        let watermark = current_watermark(edge, upstream, conversation, attempt.now)?;
        if edge.db.read(|connection| has_diverged(connection, watermark))? {
            uploaded.new_epoch = Some(begin_epoch(edge, watermark, attempt.now)?);
            conversation.open = None;
            plans += 1;
        } else {
            let Some(session) = session::plan_next(edge, watermark, attempt.now)? else {
                return Ok(uploaded);
            };
            let next = send(edge, upstream, &session, attempt)?;
            if let Sent::Received(receipt) = &next {
                uploaded.packages += 1;
                uploaded.entries += receipt.inserted + receipt.repeated + receipt.quarantined;
            }
            let next = next.watermark();
            plans = if next.counter > reached { 0 } else { plans + 1 };
            reached = reached.max(next.counter);
            conversation.open = Some((next, attempt.now));
        }
        if plans > PLANS_MAX {
            return Err(UploadError::Contradiction("its watermark does not move on"));
        }
    }
}

fn current_watermark(
    edge: &Edge,
    upstream: &dyn Upstream,
    conversation: &mut Conversation,
    now: Timestamp,
) -> Result<Watermark, UploadError> {
    if let Some((watermark, since)) = conversation.open {
        let age = now.duration_since(since).as_secs();
        if (0..CONVERSATION_SECONDS).contains(&age) {
            return Ok(watermark);
        }
    }
    let acknowledged = edge.db.read(testimony::acknowledged)?;
    let epoch = acknowledged.epoch;
    let acknowledged = Some(acknowledged);
    let answer = upstream.hello(&Hello { protocol: SPOKEN, epoch, acknowledged });
    note(edge, &answer, now);
    let welcome = answer?;
    if !(SPOKEN.min..=SPOKEN.max).contains(&welcome.protocol) {
        let theirs = ProtocolRange { min: welcome.protocol, max: welcome.protocol };
        return Err(NoCommonVersion { ours: SPOKEN, theirs }.into());
    }
    let watermark = Watermark::from(welcome.watermark);
    if watermark.epoch != epoch {
        return Err(UploadError::Contradiction("its watermark is of another epoch"));
    }
    edge.link.note_clock(welcome.now, now);
    // A register's mode is set by headquarters through its polls, not by its channel.
    if edge.identity().parent.is_none() {
        edge.enter_mode(welcome.mode)?;
    }
    session::watermark_note(edge, watermark)?;
    conversation.open = Some((watermark, now));
    Ok(watermark)
}

/// Whether this database is not the one that sent what upstream acknowledged (F64).
fn has_diverged(
    connection: &rusqlite::Connection,
    watermark: Watermark,
) -> Result<bool, UploadError> {
    let ours = log::mark_at(connection, watermark.counter)?;
    Ok(watermark::has_diverged(&watermark, ours))
}

fn begin_epoch(edge: &Edge, lost: Watermark, now: Timestamp) -> Result<EpochId, DbError> {
    let epoch = identity::draw_epoch(edge.entropy());
    edge.db.write(move |connection| {
        identity::epoch_begin(connection, epoch)?;
        // Every receipt of the lost incarnation has an entry in its log, so none of them lies
        // beyond these.
        sequences::skip(connection, Sequence::Receipt, lost.counter.0)?;
        session::open_cancel(connection, now)
    })?;
    tracing::warn!(%epoch, "restored or cloned database: a new epoch begins, the log is re-sent");
    Ok(epoch)
}

enum Sent {
    Received(UploadReceipt),
    /// Upstream stands elsewhere than thought.
    Elsewhere(Watermark),
}

impl Sent {
    fn watermark(self) -> Watermark {
        match self {
            Sent::Received(receipt) => receipt.watermark.into(),
            Sent::Elsewhere(watermark) => watermark,
        }
    }
}

fn send(
    edge: &Edge,
    upstream: &dyn Upstream,
    session: &UploadSession,
    attempt: &Attempt,
) -> Result<Sent, UploadError> {
    let (manifest, bytes) = build(edge, session)?;
    session.step(edge, UploadEvent::Built, attempt, None)?;
    let answer = upstream.upload(&manifest, &bytes);
    note(edge, &answer, attempt.now);
    match answer {
        Ok(receipt) => {
            let watermark = Watermark::from(receipt.watermark.clone());
            if watermark.epoch != session.epoch {
                return Err(UploadError::Contradiction("its receipt is of another epoch"));
            }
            session.received(edge, watermark, attempt)?;
            Ok(Sent::Received(receipt))
        }
        Err(UpstreamError::Refused { watermark: Some(watermark), .. })
            if watermark.epoch == session.epoch =>
        {
            session.step(edge, UploadEvent::Cancel, attempt, None)?;
            Ok(Sent::Elsewhere(watermark))
        }
        Err(error) => {
            let event = match error.is_communication() {
                true => UploadEvent::UploadFailed,
                false => UploadEvent::ApplyFailed,
            };
            session.step(edge, event, attempt, Some(error.to_string()))?;
            Err(error.into())
        }
    }
}

/// Builds the session's package from the log.
fn build(edge: &Edge, session: &UploadSession) -> Result<(Manifest, Vec<u8>), UploadError> {
    let mut writer = PackageWriter::new(Vec::new())?;
    edge.db.read(|connection| {
        log::entries_visit(connection, session.first, session.last, |row| {
            match &row {
                LogRow::Operation(row) => writer.row(Table::Operation, row)?,
                LogRow::Document(row) => writer.row(Table::Document, row)?,
            }
            Ok::<_, UploadError>(Visit::GoOn)
        })
    })?;
    let (bytes, contents) = writer.finish()?;
    let span = Span::Upload {
        source: edge.identity().database.clone(),
        epoch: session.epoch,
        first: session.first.0,
        last: session.last.0,
    };
    Ok((Manifest::new(session.id, session.made_at, span, contents), bytes))
}

/// The last counter of a package that begins at one: as much as fits.
fn package_end(
    connection: &rusqlite::Connection,
    first: Counter,
) -> Result<Option<Counter>, UploadError> {
    let limit = Counter(first.0 + UPLOAD_ROWS_MAX as u64 - 1);
    let (mut end, mut bytes) = (None, 0);
    log::entries_visit(connection, first, limit, |row| {
        // Everything of a row but its content fits into this, escapes included.
        bytes += content_bytes(&row) + 1_024;
        if end.is_some() && bytes > PACKAGE_PLAIN_BYTES_MAX {
            return Ok::<_, UploadError>(Visit::Stop);
        }
        end = Some(Counter(row.counter()));
        Ok(Visit::GoOn)
    })?;
    Ok(end)
}

fn content_bytes(row: &LogRow) -> u64 {
    let content = match row {
        LogRow::Operation(row) => &row.content,
        LogRow::Document(row) => &row.content,
    };
    content.get().len() as u64
}

fn mint_package(edge: &Edge, now: Timestamp) -> PackageId {
    PackageId::from_uuid(edge.mint(now))
}
