//! The receiving end of a register's uploads (channels only).
//!
//! The rules are those of headquarters' inbox: rows and watermark commit together, a repeat
//! changes nothing, a gap is refused, a contradiction is set aside. It must never drop a row
//! because this channel cannot read it: headquarters judges the content.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tillsync_domain::ids::{Counter, DatabaseId, EntryId, EpochId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{Hello, UploadReceipt, Welcome};
use tillsync_exchange::package::{
    Manifest, PackageError, PackageReader, Span, UPLOAD_BYTES_MAX, UPLOAD_PLAIN_BYTES_MAX,
    UPLOAD_ROWS_MAX, Verifier,
};
use tillsync_exchange::rows::log::{LogRow, NoEntry, OversizedEntry};
use tillsync_exchange::version::{NoCommonVersion, SPOKEN};
use tillsync_exchange::watermark;

use crate::clients::is_revoked;
use crate::create::whole_microseconds;
use crate::db::{DbError, uuid_column};
use crate::edge::Edge;
use crate::log::{self, Appended};
use crate::project;

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The two ends speak no common version.
    #[error(transparent)]
    Version(#[from] NoCommonVersion),
    /// The package is damaged, truncated or of a later format.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// The manifest names another source than the credential.
    #[error("the package is from {found}, but {register} sent it")]
    OtherSource {
        /// Who the manifest says it is from.
        found: DatabaseId,
        /// Who presented its credential.
        register: DatabaseId,
    },
    /// Headquarters has revoked the register.
    #[error(
        "headquarters has revoked {0}, so nothing is taken from it; what it recorded stays there: \
         enrol it again with a new activation code, and it sends everything"
    )]
    Revoked(DatabaseId),
    /// The package is not an upload of a log, or larger than one may be.
    #[error("the package cannot be an upload: {0}")]
    NotAnUpload(&'static str),
    /// A row that is larger than any edge records.
    #[error(transparent)]
    Oversized(#[from] OversizedEntry),
    /// Log entries before it are missing here.
    #[error("the package does not continue where this channel stands, at counter {}", .0.counter)]
    Gap(Watermark),
    /// The database failed; nothing was taken.
    #[error("write the upload down")]
    Db(#[from] DbError),
}

impl ReceiveError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ReceiveError::Version(_) | ReceiveError::Gap(_) => ErrorKind::Conflict,
            ReceiveError::Package(error) => error.kind(),
            ReceiveError::OtherSource { .. } | ReceiveError::Revoked(_) => ErrorKind::Forbidden,
            ReceiveError::NotAnUpload(_) | ReceiveError::Oversized(_) => ErrorKind::Invalid,
            ReceiveError::Db(error) => error.kind(),
        }
    }

    /// Where this channel stands, when the upload does not continue there.
    pub fn watermark(&self) -> Option<Watermark> {
        match self {
            ReceiveError::Gap(watermark) => Some(*watermark),
            _ => None,
        }
    }
}

/// Answers a register that opens a conversation.
///
/// # Errors
/// Conflict: no common protocol version. Forbidden: the register is revoked. Busy or Broken: the
/// database failed.
pub fn receive_hello(
    edge: &Edge,
    register: &DatabaseId,
    hello: &Hello,
    now: Timestamp,
) -> Result<Welcome, ReceiveError> {
    let protocol = SPOKEN.agree(hello.protocol)?;
    refuse_revoked(edge, register)?;
    let watermark = edge.db.read(|connection| watermark_read(connection, register, hello.epoch))?;
    Ok(Welcome { protocol, watermark: watermark.into(), mode: edge.mode(), now })
}

/// Takes an upload package of a register: durable when this returns.
///
/// # Errors
/// Forbidden: another source, or one that is revoked. Invalid: damaged or not an upload. Conflict:
/// a gap, with the watermark to go on from, or a later format. Busy or Broken: the database failed.
pub fn receive_upload(
    edge: &Edge,
    register: &DatabaseId,
    manifest: &Manifest,
    bytes: &[u8],
    now: Timestamp,
) -> Result<UploadReceipt, ReceiveError> {
    refuse_revoked(edge, register)?;
    let (epoch, first) = check_manifest(register, manifest, bytes)?;
    let rows = read_rows(register, manifest, bytes)?;
    let register = register.clone();
    let now = whole_microseconds(now);
    let upload = Upload { register, epoch, first, rows, now };
    let receipt = edge.db.write(move |connection| upload.write(connection))?;
    if receipt.inserted + receipt.quarantined > 0 {
        edge.signals.entries_recorded();
    }
    Ok(receipt)
}

/// Refuses a register that headquarters has revoked, as far as this channel has heard.
///
/// # Errors
/// Forbidden: it is revoked. Busy or Broken: the database failed.
pub fn refuse_revoked(edge: &Edge, register: &DatabaseId) -> Result<(), ReceiveError> {
    let is_revoked = edge.db.read(|connection| is_revoked(connection, register))?;
    if is_revoked { Err(ReceiveError::Revoked(register.clone())) } else { Ok(()) }
}

/// How far an epoch of a register was received.
pub(crate) fn watermark_read(
    connection: &Connection,
    register: &DatabaseId,
    epoch: EpochId,
) -> Result<Watermark, DbError> {
    let found = connection
        .prepare_cached("SELECT counter, entry FROM received WHERE source = ?1 AND epoch = ?2")?
        .query_row(params![register.as_str(), epoch.as_uuid().as_bytes()], |row| {
            let entry = EntryId::from_uuid(uuid_column(row, 1)?);
            Ok(Watermark { epoch, counter: Counter(row.get(0)?), entry: Some(entry) })
        })
        .optional()?;
    Ok(found.unwrap_or(Watermark::start(epoch)))
}

fn check_manifest(
    register: &DatabaseId,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<(EpochId, Counter), ReceiveError> {
    let Span::Upload { source, epoch, first, last } = &manifest.span else {
        return Err(ReceiveError::NotAnUpload("it is a download"));
    };
    if source != register {
        let (found, register) = (source.clone(), register.clone());
        return Err(ReceiveError::OtherSource { found, register });
    }
    let rows = last.checked_sub(*first).and_then(|span| span.checked_add(1)).unwrap_or(0);
    if *first == 0 || rows == 0 || rows != manifest.rows_total() {
        return Err(ReceiveError::NotAnUpload("its counters and row counts do not agree"));
    }
    if rows > UPLOAD_ROWS_MAX as u64
        || bytes.len() as u64 > UPLOAD_BYTES_MAX
        || manifest.plain_bytes > UPLOAD_PLAIN_BYTES_MAX
    {
        return Err(ReceiveError::NotAnUpload("it is larger than an upload may be"));
    }
    Verifier::check(bytes, manifest)?;
    Ok((*epoch, Counter(*first)))
}

fn read_rows(
    register: &DatabaseId,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<Vec<LogRow>, ReceiveError> {
    let mut expected = manifest.span.counters().map_or(Counter::ZERO, |(first, _)| first);
    let mut reader = PackageReader::new(bytes, manifest)?;
    let mut rows = Vec::new();
    let mut number = 0;
    while let Some(line) = reader.next_line()? {
        number += 1;
        let row = LogRow::read(&line).map_err(|problem| match problem {
            NoEntry::OtherTable(_) => {
                ReceiveError::NotAnUpload("it holds other rows than operations and documents")
            }
            NoEntry::Unreadable(source) => PackageError::BadLine { line: number, source }.into(),
        })?;
        row.check_size()?;
        if row.counter() != expected.0 {
            return Err(ReceiveError::NotAnUpload("its counters are not consecutive"));
        }
        if row.origin() != register {
            return Err(ReceiveError::NotAnUpload("it holds an entry of another database"));
        }
        expected = expected.next();
        rows.push(row);
    }
    Ok(rows)
}

struct Upload {
    register: DatabaseId,
    epoch: EpochId,
    first: Counter,
    rows: Vec<LogRow>,
    now: Timestamp,
}

impl Upload {
    fn write(self, connection: &Connection) -> Result<UploadReceipt, ReceiveError> {
        let mut watermark = watermark_read(connection, &self.register, self.epoch)?;
        if !watermark::continues(&watermark, self.first) {
            return Err(ReceiveError::Gap(watermark));
        }
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(self.take(connection, row)?).or_default() += 1;
        }
        let last = self.rows.last().map(|last| (Counter(last.counter()), last.mark()));
        if let Some(advanced) = watermark::advanced(&watermark, last) {
            watermark = advanced;
            self.watermark_write(connection, &watermark)?;
        }
        let count = |what| counts.get(what).copied().unwrap_or(0);
        Ok(UploadReceipt {
            watermark: watermark.into(),
            inserted: count(INSERTED),
            repeated: count(REPEATED),
            quarantined: count(QUARANTINED),
        })
    }

    /// Takes one row over under this channel's own next counter.
    fn take(&self, connection: &Connection, row: &LogRow) -> Result<&'static str, DbError> {
        let relayed = row.clone().relayed(self.now);
        match project::entry_append(connection, &relayed)? {
            Appended::New(_) => Ok(INSERTED),
            Appended::Repeated => Ok(REPEATED),
            Appended::Contradiction => {
                self.quarantine(connection, row)?;
                if let LogRow::Document(document) = &relayed {
                    log::document_set_aside(connection, document)?;
                }
                Ok(QUARANTINED)
            }
        }
    }

    fn quarantine(&self, connection: &Connection, row: &LogRow) -> Result<(), DbError> {
        let (line, number) = match row {
            LogRow::Operation(row) => (serde_json::to_string(row), None),
            LogRow::Document(row) => (serde_json::to_string(row), Some(row.number.as_str())),
        };
        let line = line.map_err(|_| DbError::Damaged("upload"))?;
        connection
            .prepare_cached(
                "INSERT INTO quarantine (id, hash, number, source, epoch, counter, received_at,
                                         line)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id, hash) DO NOTHING",
            )?
            .execute(params![
                row.id().as_uuid().as_bytes(),
                row.content_hash().0,
                number,
                self.register.as_str(),
                self.epoch.as_uuid().as_bytes(),
                row.counter(),
                self.now.as_microsecond(),
                line
            ])?;
        Ok(())
    }

    fn watermark_write(
        &self,
        connection: &Connection,
        watermark: &Watermark,
    ) -> Result<(), DbError> {
        connection
            .prepare_cached(
                "INSERT INTO received (source, epoch, counter, entry, at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (source, epoch) DO UPDATE SET counter = excluded.counter,
                     entry = excluded.entry, at = excluded.at",
            )?
            .execute(params![
                self.register.as_str(),
                self.epoch.as_uuid().as_bytes(),
                watermark.counter.0,
                watermark.entry.as_ref().map(|id| id.as_uuid().as_bytes()),
                self.now.as_microsecond()
            ])?;
        Ok(())
    }
}

const INSERTED: &str = "inserted";
const REPEATED: &str = "repeated";
const QUARANTINED: &str = "quarantined";
