//! Packages: zstd-compressed lines of JSON with a manifest; immutable, readable with `zstdcat`
//! and `jq`.
//!
//! A line is `{"table":"customer","row":{…}}`. The manifest travels beside the bytes.

mod read;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{Counter, DatabaseId, EpochId, GroupId, PackageId, Version};
use tillsync_domain::job::JobName;

pub use read::{CheckedSink, Line, PackageError, PackageReader, Verifier};
pub use write::{PackageContents, PackageWriter};

use crate::text;

/// The package format this build writes; it reads this one and older ones.
pub const FORMAT: u32 = 1;

/// The most operations in one upload package.
pub const UPLOAD_ROWS_MAX: usize = 5_000;

/// The largest upload package accepted, compressed.
pub const UPLOAD_BYTES_MAX: u64 = 16 << 20;

/// The largest upload package accepted, decompressed.
pub const UPLOAD_PLAIN_BYTES_MAX: u64 = 64 << 20;

/// The longest line in any package, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The header of an answer that sends a database elsewhere for a package: its size in bytes.
pub const BYTES_HEADER: &str = "tillsync-package-bytes";

/// What a package holds and how to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format the bytes are in.
    pub format: u32,
    /// The identity of the package.
    #[serde(with = "text")]
    pub id: PackageId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Where it comes from and what it continues.
    pub span: Span,
    /// Rows per table, by name.
    pub rows: BTreeMap<String, u64>,
    /// The size, compressed.
    pub bytes: u64,
    /// The size, decompressed.
    pub plain_bytes: u64,
    /// The SHA-256 of the compressed bytes, as `sha256sum` prints it.
    pub sha256: String,
}

/// What a package covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
pub enum Span {
    /// Operations of one database, with consecutive counters.
    Upload {
        /// The database.
        #[serde(with = "text")]
        source: DatabaseId,
        /// Its incarnation.
        #[serde(with = "text")]
        epoch: EpochId,
        /// The counter of the first row.
        first: u64,
        /// The counter of the last row.
        last: u64,
    },
    /// Changes for a group of databases.
    Download {
        /// The group.
        #[serde(with = "text")]
        group: GroupId,
        /// The job that made it.
        #[serde(with = "text")]
        job: JobName,
        /// Changes after a version, or everything.
        scope: Scope,
        /// Rows changed after this version; zero for a snapshot.
        from: u64,
        /// Up to and including this version.
        to: u64,
    },
}

/// How much a download package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What changed between two versions.
    Delta,
    /// Everything the group may see: rows that are not in it leave the database.
    Snapshot,
}

impl Manifest {
    /// Completes a manifest with what the writer counted.
    pub fn new(id: PackageId, made_at: Timestamp, span: Span, contents: PackageContents) -> Self {
        let PackageContents { rows, bytes, plain_bytes, sha256 } = contents;
        let rows = rows.into_iter().map(|(table, count)| (table.to_string(), count)).collect();
        Manifest { format: FORMAT, id, made_at, span, rows, bytes, plain_bytes, sha256 }
    }

    /// How many rows the package holds.
    pub fn rows_total(&self) -> u64 {
        self.rows.values().fold(0, |total, rows| total.saturating_add(*rows))
    }
}

impl Span {
    /// The first and last counter of an upload.
    pub fn counters(&self) -> Option<(Counter, Counter)> {
        match self {
            Span::Upload { first, last, .. } => Some((Counter(*first), Counter(*last))),
            Span::Download { .. } => None,
        }
    }

    /// The versions that a download covers: after the first, up to the second.
    pub fn versions(&self) -> Option<(Version, Version)> {
        match self {
            Span::Download { from, to, .. } => Some((Version(*from), Version(*to))),
            Span::Upload { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
