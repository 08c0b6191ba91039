//! Receiving what edges recorded: `hello` and uploads. One transaction for rows and watermark.

use std::borrow::Cow;

use jiff::Timestamp;
use tillsync_domain::ids::{Counter, DatabaseId, EntryId, EpochId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{ExchangeMode, Hello, UploadReceipt, Welcome};
use tillsync_exchange::package::{
    Manifest, PackageError, PackageReader, Span, UPLOAD_BYTES_MAX, UPLOAD_PLAIN_BYTES_MAX,
    UPLOAD_ROWS_MAX, Verifier,
};
use tillsync_exchange::rows::log::{LogRow, NoEntry, OversizedEntry};
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_exchange::session::UploadStatus;
use tillsync_exchange::version::{NoCommonVersion, SPOKEN};
use tillsync_exchange::watermark;

use crate::header::arriving;
use crate::headquarters::Headquarters;
use crate::storage::{
    ArrivingContent, ArrivingDocument, DatabaseRecord, InsertCounts, OperationSource, ReadTx,
    StorageError, UploadSessionRecord, WriteTx,
};

/// Why an upload was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No common protocol version.
    #[error(transparent)]
    Version(#[from] NoCommonVersion),
    /// A package of somebody else's log.
    #[error("database {database} may upload only as itself, not as {source_named}")]
    ForeignSource {
        /// Who sent it.
        database: DatabaseId,
        /// Whose log it says it holds.
        source_named: DatabaseId,
    },
    /// A download package, or none at all.
    #[error("the package is not an upload")]
    NotAnUpload,
    /// More than one package may hold.
    #[error("the package is too large: {what} {found}, but at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much is accepted.
        limit: u64,
    },
    /// The package is damaged or not what its manifest says.
    #[error("the package cannot be used")]
    Package(#[from] PackageError),
    /// A row whose header cannot be read: the sender is broken.
    #[error("row {row} of the package is no entry of a log")]
    BadRow {
        /// The row, counted from 1.
        row: u64,
        /// Why not.
        #[source]
        source: NoEntry,
    },
    /// A row that is larger than any edge records.
    #[error(transparent)]
    Oversized(#[from] OversizedEntry),
    /// Counters that are not consecutive from first to last.
    #[error("row {row} has counter {found} where {expected} belongs")]
    BrokenCounters {
        /// The row, counted from 1.
        row: u64,
        /// The counter that belongs there.
        expected: u64,
        /// The counter found.
        found: u64,
    },
    /// The package begins behind a gap.
    #[error(
        "the package begins at counter {first}, but {} is the last received; send what is between",
        watermark.counter
    )]
    Gap {
        /// Where it begins.
        first: u64,
        /// How far the epoch has been received.
        watermark: Watermark,
    },
    /// The database failed.
    #[error("write the upload")]
    Storage(#[from] StorageError),
}

impl ReceiveError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ReceiveError::Version(_) | ReceiveError::Gap { .. } => ErrorKind::Conflict,
            ReceiveError::ForeignSource { .. } => ErrorKind::Forbidden,
            ReceiveError::NotAnUpload
            | ReceiveError::TooLarge { .. }
            | ReceiveError::BadRow { .. }
            | ReceiveError::Oversized(_)
            | ReceiveError::BrokenCounters { .. } => ErrorKind::Invalid,
            ReceiveError::Package(error) => error.kind(),
            ReceiveError::Storage(error) => error.kind(),
        }
    }

    /// Where the sender should go on, when that is the trouble.
    pub fn watermark(&self) -> Option<Watermark> {
        match self {
            ReceiveError::Gap { watermark, .. } => Some(*watermark),
            _ => None,
        }
    }
}

impl Headquarters {
    /// Answers a `hello`: which version to speak and how far the epoch has been received.
    ///
    /// # Errors
    /// Conflict: no common version. Busy, Broken: the database failed.
    pub fn welcome(
        &self,
        database: &DatabaseRecord,
        hello: &Hello,
    ) -> Result<Welcome, ReceiveError> {
        let protocol = SPOKEN.agree(hello.protocol)?;
        let source = &database.database.id;
        let believed = hello.acknowledged.clone().map(Watermark::from);
        let believed = believed.filter(|believed| believed.epoch == hello.epoch);
        let (watermark, mode, is_forgotten) = self.storage.read(|tx| {
            let watermark = tx.watermark_get(source, &hello.epoch)?;
            let watermark = watermark.unwrap_or_else(|| Watermark::start(hello.epoch));
            let group = tx.group_get(&database.database.group)?;
            let mode = group.map_or(ExchangeMode::Live, |group| group.mode);
            let is_forgotten = match &believed {
                Some(believed) if believed.counter > watermark.counter => {
                    !has_testified(tx, source, believed)?
                }
                Some(_) | None => false,
            };
            Ok((watermark, mode, is_forgotten))
        })?;
        if let Some(believed) = believed.filter(|_| is_forgotten) {
            let reason = format!(
                "{source} was told that its log is received up to {}, but headquarters has come \
                 to {} only",
                believed.counter, watermark.counter
            );
            self.notice_forgotten(source, &reason)?;
        }
        Ok(Welcome { protocol, watermark: watermark.into(), mode, now: self.now() })
    }

    /// Takes an upload in: rows and watermark become durable together, any number of times.
    ///
    /// # Errors
    /// Conflict: a gap (with the watermark) or a future format. Forbidden: another's operations.
    /// Invalid: damaged, too large or malformed. Busy, Broken: the database failed.
    pub fn receive_upload(
        &self,
        database: &DatabaseRecord,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<UploadReceipt, ReceiveError> {
        let entries = read_upload(&database.database.id, manifest, bytes)?;
        let (epoch, first, last) = upload_span(manifest)?;
        let now = self.now();
        let source =
            OperationSource { source: database.database.id.clone(), epoch, received_at: now };
        let (counts, watermark) = self
            .storage
            .write(|tx| {
                let known = tx.watermark_get(&source.source, &epoch)?;
                let known = known.unwrap_or_else(|| Watermark::start(epoch));
                if !watermark::continues(&known, Counter(first)) {
                    return Ok(Err(ReceiveError::Gap { first, watermark: known }));
                }
                let (counts, watermark) = insert_entries(tx, &source, &entries, known)?;
                tx.upload_put(&upload_session(&source, manifest, (first, last), now))?;
                Ok(Ok((counts, watermark)))
            })
            .map_err(ReceiveError::from)
            .and_then(|received| received)?;
        let [operations, documents] = counts;
        if operations.inserted > 0 {
            self.signals().operations_arrived();
        }
        if documents.inserted > 0 {
            self.signals().documents_arrived();
        }
        Ok(UploadReceipt {
            watermark: watermark.into(),
            inserted: operations.inserted + documents.inserted,
            repeated: operations.repeated + documents.repeated,
            quarantined: operations.quarantined + documents.quarantined,
        })
    }

    /// Records an upload that headquarters could not write, for the list of upload sessions.
    ///
    /// # Errors
    /// Busy, Broken: the database failed again.
    pub fn record_failed_upload(
        &self,
        database: &DatabaseRecord,
        manifest: &Manifest,
        error: &ReceiveError,
    ) -> Result<(), ReceiveError> {
        let (epoch, first, last) = upload_span(manifest)?;
        let now = self.now();
        let source =
            OperationSource { source: database.database.id.clone(), epoch, received_at: now };
        let session = UploadSessionRecord {
            status: UploadStatus::ApplyFailed,
            error: Some(error.to_string()),
            ..upload_session(&source, manifest, (first, last), now)
        };
        Ok(self.storage.write(|tx| tx.upload_put(&session))?)
    }
}

/// Whether a database has told in the latest recovery what it believes to be received: saying it
/// again, because an answer got lost, proves nothing new.
fn has_testified(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    believed: &Watermark,
) -> Result<bool, StorageError> {
    let Some(latest) = tx.recovery_latest()? else { return Ok(false) };
    let hearing = tx.hearing_get(&latest.id, database)?;
    let told = hearing.and_then(|hearing| hearing.acknowledged);
    Ok(told.is_some_and(|told| told.epoch == believed.epoch && told.counter >= believed.counter))
}

/// The entries of an upload, each kind in the order of its counters.
struct Entries {
    operations: Vec<OperationRow>,
    documents: Vec<ArrivingDocument>,
    /// The entry with the highest counter.
    last: Option<(u64, EntryId)>,
}

/// Checks an upload and reads its rows, without believing anything it says.
fn read_upload(
    database: &DatabaseId,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<Entries, ReceiveError> {
    let Span::Upload { source, first, .. } = &manifest.span else {
        return Err(ReceiveError::NotAnUpload);
    };
    if source != database {
        let (database, source_named) = (database.clone(), source.clone());
        return Err(ReceiveError::ForeignSource { database, source_named });
    }
    let rows_max = UPLOAD_ROWS_MAX as u64;
    for (what, found, limit) in [
        ("bytes", bytes.len() as u64, UPLOAD_BYTES_MAX),
        ("bytes when decompressed", manifest.plain_bytes, UPLOAD_PLAIN_BYTES_MAX),
        ("rows", manifest.rows_total(), rows_max),
    ] {
        if found > limit {
            return Err(ReceiveError::TooLarge { what, found, limit });
        }
    }
    Verifier::check(bytes, manifest)?;
    let mut reader = PackageReader::new(bytes, manifest)?;
    let mut entries = Entries { operations: vec![], documents: vec![], last: None };
    let mut row = 0;
    while let Some(line) = reader.next_line()? {
        row += 1;
        if row > rows_max {
            let what = "rows";
            return Err(ReceiveError::TooLarge { what, found: row, limit: rows_max });
        }
        let entry = LogRow::read(&line).map_err(|source| ReceiveError::BadRow { row, source })?;
        entry.check_size()?;
        let (expected, found) = (first.saturating_add(row - 1), entry.counter());
        if found != expected {
            return Err(ReceiveError::BrokenCounters { row, expected, found });
        }
        entries.last = Some((found, entry.mark()));
        match entry {
            LogRow::Operation(operation) => entries.operations.push(operation),
            LogRow::Document(document) => entries.documents.push(arriving(document)),
        }
    }
    Ok(entries)
}

fn upload_span(manifest: &Manifest) -> Result<(EpochId, u64, u64), ReceiveError> {
    match &manifest.span {
        Span::Upload { epoch, first, last, .. }
            if *first > 0
                && last.checked_sub(*first).map(|n| n + 1) == Some(manifest.rows_total()) =>
        {
            Ok((*epoch, *first, *last))
        }
        Span::Upload { .. } | Span::Download { .. } => Err(ReceiveError::NotAnUpload),
    }
}

/// Inserts what is new, checks the rest as repeats, and moves the watermark. The counts are those
/// of operations and of documents.
fn insert_entries(
    tx: &mut dyn WriteTx,
    source: &OperationSource,
    entries: &Entries,
    known: Watermark,
) -> Result<([InsertCounts; 2], Watermark), StorageError> {
    let operations = tx.operations_insert_once(source, &entries.operations)?;
    let documents = without_foreign_steps(tx, source, &entries.documents)?;
    let documents = tx.documents_insert_once(source, &documents)?;
    let last = entries.last.map(|(counter, entry)| (Counter(counter), entry));
    let advanced = watermark::advanced(&known, last);
    if let Some(advanced) = &advanced {
        tx.watermark_set(&source.source, advanced)?;
    }
    Ok(([operations, documents], advanced.unwrap_or(known)))
}

/// A step of another store's shift moves nothing: one store must not count another one's drawer.
/// It is kept, as what it is to headquarters: unknown.
fn without_foreign_steps<'d>(
    tx: &mut dyn WriteTx,
    source: &OperationSource,
    documents: &'d [ArrivingDocument],
) -> Result<Cow<'d, [ArrivingDocument]>, StorageError> {
    let mut kept = Cow::Borrowed(documents);
    for (at, document) in documents.iter().enumerate() {
        let ArrivingContent::Shift(event) = &document.content else { continue };
        if tx.shift_get(&event.shift)?.is_some_and(|shift| shift.store != source.source) {
            kept.to_mut()[at].content = ArrivingContent::Unknown;
        }
    }
    Ok(kept)
}

fn upload_session(
    source: &OperationSource,
    manifest: &Manifest,
    counters: (u64, u64),
    now: Timestamp,
) -> UploadSessionRecord {
    UploadSessionRecord {
        id: manifest.id,
        source: source.source.clone(),
        epoch: source.epoch,
        counters,
        rows: manifest.rows_total(),
        bytes: manifest.bytes,
        status: UploadStatus::Applied,
        tries: 1,
        error: None,
        created_at: now,
        updated_at: now,
    }
}
