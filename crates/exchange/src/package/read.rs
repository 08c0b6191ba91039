//! Reading a package that somebody else made: bounded, checked before use.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tillsync_domain::kind::ErrorKind;

use super::{FORMAT, LINE_BYTES_MAX, Manifest};
use crate::rows::Table;

/// The largest compression window accepted, as a power of two: 128 MiB would be the format's
/// limit; our writer needs 2 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// Why a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Made by a newer version.
    #[error(
        "the package is of format {found}, but this version reads up to {FORMAT}; upgrade this end"
    )]
    FutureFormat {
        /// The format found.
        found: u32,
    },
    /// Fewer or more bytes than announced: truncated, or not the package announced.
    #[error("the package has {found} bytes where its manifest says {expected}")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The bytes are not those that were sent.
    #[error(
        "the package's SHA-256 is {found}, its manifest says {expected}: it was damaged on the way"
    )]
    Digest {
        /// What the manifest says.
        expected: String,
        /// What the bytes give.
        found: String,
    },
    /// More data than allowed comes out.
    #[error("the package decompresses to more than the {limit} bytes that its manifest allows")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A line longer than any row can be.
    #[error("line {line} of the package is longer than {LINE_BYTES_MAX} bytes")]
    LongLine {
        /// The line, counted from 1.
        line: u64,
    },
    /// A line that is no row.
    #[error("line {line} of the package cannot be read")]
    BadLine {
        /// The line, counted from 1.
        line: u64,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A row of a table that this version does not know.
    #[error("line {line} of the package is of a table {table:?} that this version does not know")]
    UnknownTable {
        /// The line, counted from 1.
        line: u64,
        /// The name found.
        table: String,
    },
    /// The rows are not those announced.
    #[error("the package holds {found:?} rows, its manifest says {expected:?}")]
    RowCounts {
        /// What the manifest says.
        expected: BTreeMap<String, u64>,
        /// What there is.
        found: BTreeMap<String, u64>,
    },
    /// The bytes could not be read or decompressed.
    #[error("read the package")]
    Io(#[from] io::Error),
}

impl PackageError {
    /// Everything is the package's own fault but a failing disk.
    pub fn kind(&self) -> ErrorKind {
        match self {
            PackageError::Io(_) => ErrorKind::Broken,
            PackageError::FutureFormat { .. } => ErrorKind::Conflict,
            PackageError::Size { .. }
            | PackageError::Digest { .. }
            | PackageError::TooLarge { .. }
            | PackageError::LongLine { .. }
            | PackageError::BadLine { .. }
            | PackageError::UnknownTable { .. }
            | PackageError::RowCounts { .. } => ErrorKind::Invalid,
        }
    }
}

/// Checks compressed bytes against a manifest while they stream by.
pub struct Verifier {
    hasher: Sha256,
    bytes: u64,
}

impl Verifier {
    /// Begins a check.
    ///
    /// # Errors
    /// Conflict: the format is newer than this version.
    pub fn new(manifest: &Manifest) -> Result<Self, PackageError> {
        if manifest.format > FORMAT {
            return Err(PackageError::FutureFormat { found: manifest.format });
        }
        Ok(Verifier { hasher: Sha256::new(), bytes: 0 })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Ends the check.
    ///
    /// # Errors
    /// Invalid: size or digest differ.
    pub fn finish(self, manifest: &Manifest) -> Result<(), PackageError> {
        if self.bytes != manifest.bytes {
            return Err(PackageError::Size { expected: manifest.bytes, found: self.bytes });
        }
        let found = hex::encode(self.hasher.finalize());
        if found != manifest.sha256 {
            return Err(PackageError::Digest { expected: manifest.sha256.clone(), found });
        }
        Ok(())
    }

    /// Checks bytes that are all there.
    ///
    /// # Errors
    /// As [`Verifier::new`] and [`Verifier::finish`].
    pub fn check(bytes: &[u8], manifest: &Manifest) -> Result<(), PackageError> {
        let mut verifier = Verifier::new(manifest)?;
        verifier.update(bytes);
        verifier.finish(manifest)
    }
}

/// Passes a package's bytes on while checking them; never more than were announced.
pub struct CheckedSink<W: Write> {
    sink: W,
    verifier: Verifier,
    left: u64,
}

impl<W: Write> CheckedSink<W> {
    /// Begins a check of the bytes that will be written.
    ///
    /// # Errors
    /// Conflict: the format is newer than this version.
    pub fn new(sink: W, manifest: &Manifest) -> Result<Self, PackageError> {
        Ok(CheckedSink { sink, verifier: Verifier::new(manifest)?, left: manifest.bytes })
    }

    /// Ends the check and returns the sink, flushed.
    ///
    /// # Errors
    /// Invalid: size or digest differ. Broken: the sink failed.
    pub fn finish(mut self, manifest: &Manifest) -> Result<W, PackageError> {
        self.sink.flush()?;
        self.verifier.finish(manifest)?;
        Ok(self.sink)
    }
}

impl<W: Write> Write for CheckedSink<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.len() as u64 > self.left {
            return Err(io::Error::other("more bytes come than were announced"));
        }
        let written = self.sink.write(buffer)?;
        self.verifier.update(&buffer[..written]);
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// One row, not yet parsed.
#[derive(Debug)]
pub struct Line<'a> {
    /// Which table it belongs to.
    pub table: Table,
    /// The row itself.
    pub row: &'a RawValue,
}

/// Streams the rows of a package whose bytes have been checked.
pub struct PackageReader<R: Read> {
    lines: BufReader<io::Take<zstd::Decoder<'static, BufReader<R>>>>,
    buffer: Vec<u8>,
    line: u64,
    counts: BTreeMap<String, u64>,
    plain_bytes: u64,
    expected: BTreeMap<String, u64>,
}

impl<R: Read> PackageReader<R> {
    /// Opens the compressed bytes. No more than the manifest's `plain_bytes` will ever come out;
    /// a receiver that does not trust the manifest checks that figure first.
    ///
    /// # Errors
    /// Broken: the decompressor cannot be set up.
    pub fn new(bytes: R, manifest: &Manifest) -> Result<Self, PackageError> {
        let mut decoder = zstd::Decoder::new(bytes)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        let plain_bytes = manifest.plain_bytes;
        Ok(PackageReader {
            // One byte more than allowed, so that too much is told from just enough.
            lines: BufReader::new(decoder.take(plain_bytes.saturating_add(1))),
            buffer: Vec::new(),
            line: 0,
            counts: BTreeMap::new(),
            plain_bytes,
            expected: manifest.rows.clone(),
        })
    }

    /// The next row, or nothing at the end, where the row counts are checked.
    ///
    /// # Errors
    /// Invalid: the package is not what its manifest says.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, PackageError> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            table: String,
            #[serde(borrow)]
            row: &'a RawValue,
        }
        self.buffer.clear();
        self.line += 1;
        let line = self.line;
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.lines).take(limit).read_until(b'\n', &mut self.buffer)?;
        if self.lines.get_ref().limit() == 0 && self.lines.buffer().is_empty() {
            return Err(PackageError::TooLarge { limit: self.plain_bytes });
        }
        if read == 0 {
            return self.finish().map(|()| None);
        }
        if read as u64 == limit && self.buffer.last() != Some(&b'\n') {
            return Err(PackageError::LongLine { line });
        }
        let raw: Raw<'_> = serde_json::from_slice(&self.buffer)
            .map_err(|source| PackageError::BadLine { line, source })?;
        let Ok(table) = raw.table.parse() else {
            return Err(PackageError::UnknownTable { line, table: raw.table });
        };
        *self.counts.entry(raw.table).or_default() += 1;
        Ok(Some(Line { table, row: raw.row }))
    }

    fn finish(&self) -> Result<(), PackageError> {
        if self.counts == self.expected {
            return Ok(());
        }
        let (expected, found) = (self.expected.clone(), self.counts.clone());
        Err(PackageError::RowCounts { expected, found })
    }
}
