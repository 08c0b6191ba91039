//! One row of an upload: the entries of an edge's log share one counter, so a sale never
//! overtakes the customer it was made for.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tillsync_domain::ids::EntryId;

use super::document::{DOCUMENT_BYTES_MAX, DocumentRow};
use super::operation::{CONTENT_BYTES_MAX, KIND_BYTES_MAX, OperationRow};
use super::{ContentHash, Table};
use crate::package::Line;

/// An entry of an edge's log as it travels.
#[derive(Debug, Clone)]
pub enum LogRow {
    /// Something was done to a customer.
    Operation(OperationRow),
    /// Something was sold, ordered or counted.
    Document(DocumentRow),
}

/// Which writing of an entry stands at a counter: what an upstream says it holds there.
///
/// An entry keeps its identity when a channel takes it over, so a channel that was restored gets
/// the same entries from its registers again, and may write one of them where it stood before,
/// behind others. It was taken over at another time then, and that time is part of its mark.
pub fn mark(id: EntryId, relayed_at: Option<Timestamp>) -> EntryId {
    let Some(relayed_at) = relayed_at else { return id };
    let mut hasher = Sha256::new();
    hasher.update(id.as_uuid().as_bytes());
    hasher.update(relayed_at.as_microsecond().to_be_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let (half, _) = digest.split_at(16);
    let half = half.try_into().expect("half of 32 bytes");
    EntryId::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// An entry that is larger than any edge records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log entry {id} is too large: {what} has {found} bytes, at most {limit} are accepted")]
pub struct OversizedEntry {
    /// Which one.
    pub id: EntryId,
    /// What is too large.
    pub what: &'static str,
    /// How large it is.
    pub found: usize,
    /// How large it may be.
    pub limit: usize,
}

/// Why a line of an upload is no entry.
#[derive(Debug, thiserror::Error)]
pub enum NoEntry {
    /// Of a table that no upload has.
    #[error("it holds rows of table {0}, which are not uploaded")]
    OtherTable(Table),
    /// Not readable.
    #[error("it cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

impl LogRow {
    /// Reads a line of an upload package.
    ///
    /// # Errors
    /// Invalid: of another table, or not readable.
    pub fn read(line: &Line<'_>) -> Result<Self, NoEntry> {
        let text = line.row.get();
        match line.table {
            Table::Operation => Ok(LogRow::Operation(serde_json::from_str(text)?)),
            Table::Document => Ok(LogRow::Document(serde_json::from_str(text)?)),
            other => Err(NoEntry::OtherTable(other)),
        }
    }

    /// Its identity in the log.
    pub fn id(&self) -> EntryId {
        match self {
            LogRow::Operation(row) => row.id.into(),
            LogRow::Document(row) => row.id,
        }
    }

    /// What a watermark says of this row: see [`mark`].
    pub fn mark(&self) -> EntryId {
        mark(
            self.id(),
            match self {
                LogRow::Operation(row) => row.relayed_at,
                LogRow::Document(row) => row.relayed_at,
            },
        )
    }

    /// The sender's counter.
    pub fn counter(&self) -> u64 {
        match self {
            LogRow::Operation(row) => row.counter,
            LogRow::Document(row) => row.counter,
        }
    }

    /// Where it was first recorded.
    pub fn origin(&self) -> &tillsync_domain::ids::DatabaseId {
        match self {
            LogRow::Operation(row) => &row.origin,
            LogRow::Document(row) => &row.origin,
        }
    }

    /// What makes two rows with one id the same entry or a contradiction (F115).
    pub fn content_hash(&self) -> ContentHash {
        match self {
            LogRow::Operation(row) => row.content_hash(),
            LogRow::Document(row) => row.content_hash(),
        }
    }

    /// The same entry as a channel passes it on.
    pub fn relayed(mut self, at: Timestamp) -> Self {
        match &mut self {
            LogRow::Operation(row) => row.relayed_at = Some(at),
            LogRow::Document(row) => row.relayed_at = Some(at),
        }
        self
    }

    /// Checks that the row fits into a package with any others. A receiver refuses a package with
    /// one that does not: stored, it could block its source's road for ever.
    ///
    /// # Errors
    /// Invalid: no edge that keeps the rules records such an entry.
    pub fn check_size(&self) -> Result<(), OversizedEntry> {
        let (kind, content, content_max) = match self {
            LogRow::Operation(row) => (&row.kind, &row.content, CONTENT_BYTES_MAX),
            LogRow::Document(row) => (&row.kind, &row.content, DOCUMENT_BYTES_MAX),
        };
        for (what, found, limit) in [
            ("its kind", kind.len(), KIND_BYTES_MAX),
            ("its content", content.get().len(), content_max),
        ] {
            if found > limit {
                return Err(OversizedEntry { id: self.id(), what, found, limit });
            }
        }
        Ok(())
    }
}
