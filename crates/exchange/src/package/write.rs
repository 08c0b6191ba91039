//! Writing a package, one row at a time, in bounded memory.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::rows::Table;

/// Fast enough for a till, small enough for a shop's line.
const ZSTD_LEVEL: i32 = 3;

/// What a finished package holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageContents {
    /// Rows per table.
    pub rows: BTreeMap<Table, u64>,
    /// Compressed size in bytes.
    pub bytes: u64,
    /// Decompressed size in bytes.
    pub plain_bytes: u64,
    /// SHA-256 of the compressed bytes, in hexadecimal.
    pub sha256: String,
}

/// Writes rows into any sink while counting and hashing.
pub struct PackageWriter<W: Write> {
    encoder: zstd::Encoder<'static, HashingSink<W>>,
    line: Vec<u8>,
    rows: BTreeMap<Table, u64>,
    plain_bytes: u64,
}

impl<W: Write> PackageWriter<W> {
    /// Begins a package.
    ///
    /// # Errors
    /// Broken: the sink or the compressor failed.
    pub fn new(sink: W) -> io::Result<Self> {
        let sink = HashingSink { sink, hasher: Sha256::new(), bytes: 0 };
        let encoder = zstd::Encoder::new(sink, ZSTD_LEVEL)?;
        Ok(PackageWriter { encoder, line: Vec::new(), rows: BTreeMap::new(), plain_bytes: 0 })
    }

    /// Appends one row.
    ///
    /// # Errors
    /// Broken: the sink failed.
    pub fn row<T: Serialize>(&mut self, table: Table, row: &T) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a, T> {
            table: &'static str,
            row: &'a T,
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Line { table: table.as_str(), row })?;
        self.line.push(b'\n');
        self.encoder.write_all(&self.line)?;
        self.plain_bytes += self.line.len() as u64;
        *self.rows.entry(table).or_default() += 1;
        Ok(())
    }

    /// How many bytes were written so far, decompressed.
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// Ends the package and returns the sink with what it holds.
    ///
    /// # Errors
    /// Broken: the sink failed.
    pub fn finish(self) -> io::Result<(W, PackageContents)> {
        let HashingSink { mut sink, hasher, bytes } = self.encoder.finish()?;
        sink.flush()?;
        let sha256 = hex::encode(hasher.finalize());
        let (rows, plain_bytes) = (self.rows, self.plain_bytes);
        Ok((sink, PackageContents { rows, bytes, plain_bytes, sha256 }))
    }
}

struct HashingSink<W> {
    sink: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for HashingSink<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
