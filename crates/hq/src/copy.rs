//! Copying a whole headquarters into an empty database of any backend: every table row by row, in
//! memory that does not grow with it.
//!
//! It must never leave half a copy: the target keeps everything or nothing, and nothing before it
//! was read back and found to be what the source holds.

use std::collections::BTreeSet;

use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::rows::ContentHash;

use crate::storage::StorageError;

/// Every table, in the order in which rows may be inserted: what is named by others comes first,
/// and the entries of a voucher before the voucher that seals them.
///
/// A database that has another table, or lacks one, is not copied; tests of each backend compare.
pub const TABLES: [&str; 51] = [
    TOTALS,
    "channel_group",
    "group_address_book",
    "alias",
    "edge_database",
    "activation",
    "operator_token",
    "watermark",
    "operation",
    "operation_event",
    "quarantine",
    "party",
    "customer",
    "address",
    "customer_address_book",
    "number_sequence",
    "row_version",
    "package",
    "download_session",
    "upload_session",
    "database_position",
    "database_applied",
    "job_lease",
    "job_run",
    "job_schedule",
    "document",
    "document_quarantine",
    "statement",
    "ledger_entry",
    "voucher",
    "transaction_state",
    "order_state",
    "transaction_edit",
    "shift",
    "aggregate",
    "aggregate_line",
    "item",
    "price",
    "parameter",
    "profile",
    "channel_profile",
    "exclusion",
    "offline_profile",
    "register_offline_profile",
    "feature",
    "staff",
    "staff_address_book",
    "recovery",
    "recovery_hearing",
    "number_promise",
    "number_conflict",
];

/// The table of one row that counts what the whole database counts; a backend may keep it in
/// another form. In a new database there are only zeros in it.
pub const TOTALS: &str = "headquarters";

/// Rows between two reports of progress.
const REPORT_EVERY: u64 = 50_000;

/// A value in no backend's terms: an identity is its 16 bytes, yes and no are 1 and 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, a time, yes or no.
    Integer(i64),
    /// A text.
    Text(String),
    /// An identity, a hash.
    Bytes(Vec<u8>),
}

/// Takes one row after the other.
pub type RowSink<'s> = dyn FnMut(&[Value]) -> Result<(), StorageError> + 's;

/// Hands every row of a table to a sink.
pub type Fill<'f> = dyn FnMut(&mut RowSink<'_>) -> Result<(), StorageError> + 'f;

/// A whole database in one snapshot, in which nobody else writes.
pub trait WholeRead {
    /// The tables that hold something of headquarters, by the names of [`TABLES`].
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    fn tables(&mut self) -> Result<BTreeSet<String>, StorageError>;

    /// The names of a table's columns, sorted.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    fn columns(&mut self, table: &str) -> Result<Vec<String>, StorageError>;

    /// Hands over every row of a table, with the values of these columns, in any order.
    ///
    /// # Errors
    /// Those of the sink. Busy, Broken: the database failed. Corrupt: a value of another type.
    fn rows_visit(
        &mut self,
        table: &str,
        columns: &[String],
        sink: &mut RowSink<'_>,
    ) -> Result<(), StorageError>;

    /// The largest position that a table which numbers its rows ever gave, even if that row is
    /// gone; nothing when the table does not number, or has not yet.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    fn position_get(&mut self, table: &str) -> Result<Option<i64>, StorageError>;
}

/// A whole database in one transaction that nobody else sees before it is committed.
pub trait WholeWrite: WholeRead {
    /// Inserts the rows that `fill` hands over.
    ///
    /// # Errors
    /// Those of `fill`. Constraint: a row breaks a rule of the schema. Busy, Full, Broken.
    fn rows_insert(
        &mut self,
        table: &str,
        columns: &[String],
        fill: &mut Fill<'_>,
    ) -> Result<(), StorageError>;

    /// Lets a table go on numbering behind a position.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    fn position_set(&mut self, table: &str, position: i64) -> Result<(), StorageError>;

    /// Makes everything durable.
    ///
    /// # Errors
    /// Constraint: a row names another that is not there. Busy, Full, Broken.
    fn commit(self: Box<Self>) -> Result<(), StorageError>;
}

/// How far the copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table that is being copied.
    pub table: &'static str,
    /// Rows of it so far.
    pub rows: u64,
    /// Whether it is complete, and was read back.
    pub is_done: bool,
}

/// Why a headquarters cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The schemas are not those of this program.
    #[error(
        "the {side} database does not have the tables that this program copies: {}",
        .tables.join(", ")
    )]
    OtherTables {
        /// "source" or "target".
        side: &'static str,
        /// Those that are missing, or that nobody expects.
        tables: Vec<String>,
    },
    /// The two backends disagree about a table.
    #[error("the columns of table {table} differ: {}", .columns.join(", "))]
    OtherColumns {
        /// Which.
        table: &'static str,
        /// Those that one of the two lacks.
        columns: Vec<String>,
    },
    /// Something would have to be merged or overwritten.
    #[error("the target database is not empty (table {0} has rows); copy into a new one")]
    NotEmpty(&'static str),
    /// What was read back is not what was written.
    #[error("table {table} did not arrive as it is: {sent} rows were sent, {arrived} arrived")]
    Differs {
        /// Which.
        table: &'static str,
        /// Rows of the source.
        sent: u64,
        /// Rows of the target.
        arrived: u64,
    },
    /// One of the databases failed.
    #[error("copy table {table}")]
    Table {
        /// Which.
        table: &'static str,
        /// What the database said.
        #[source]
        source: StorageError,
    },
    /// One of the databases failed before the first table or behind the last.
    #[error("copy headquarters")]
    Storage(#[from] StorageError),
}

impl CopyError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CopyError::NotEmpty(_) => ErrorKind::Conflict,
            CopyError::OtherTables { .. }
            | CopyError::OtherColumns { .. }
            | CopyError::Differs { .. } => ErrorKind::Broken,
            CopyError::Table { source, .. } | CopyError::Storage(source) => source.kind(),
        }
    }
}

/// Copies everything, reads it back, and makes it durable; returns how many rows there are.
///
/// # Errors
/// Conflict: the target holds something already. Busy, Broken: a database failed, or is none of
/// this program's. The target is as it was.
pub fn copy_headquarters(
    source: &mut dyn WholeRead,
    mut target: Box<dyn WholeWrite>,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, CopyError> {
    expect_tables("source", source.tables()?)?;
    expect_tables("target", target.tables()?)?;
    for table in TABLES {
        expect_empty(target.as_mut(), table)?;
    }
    let mut rows = 0;
    for table in TABLES {
        rows += copy_table(source, target.as_mut(), (table, &mut *progress))?;
    }
    target.commit()?;
    Ok(rows)
}

fn expect_tables(side: &'static str, found: BTreeSet<String>) -> Result<(), CopyError> {
    let known = TABLES.map(str::to_owned).into();
    let tables: Vec<_> = found.symmetric_difference(&known).cloned().collect();
    if tables.is_empty() { Ok(()) } else { Err(CopyError::OtherTables { side, tables }) }
}

/// Looks at one row at most, and says so by an error that goes no further.
fn expect_empty(target: &mut dyn WholeWrite, table: &'static str) -> Result<(), CopyError> {
    let mut is_empty = true;
    let looked = target.columns(table).and_then(|columns| {
        target.rows_visit(table, &columns, &mut |row| {
            is_empty = table == TOTALS && row.iter().all(|value| *value == Value::Integer(0));
            let doing = "look for a row";
            if is_empty {
                Ok(())
            } else {
                Err(StorageError::Corrupt { doing, value: "one".into() })
            }
        })
    });
    if !is_empty {
        return Err(CopyError::NotEmpty(table));
    }
    looked.map_err(|source| CopyError::Table { table, source })
}

fn copy_table(
    source: &mut dyn WholeRead,
    target: &mut dyn WholeWrite,
    (table, progress): (&'static str, &mut dyn FnMut(Progress)),
) -> Result<u64, CopyError> {
    let failed = |source| CopyError::Table { table, source };
    let columns = source.columns(table).map_err(failed)?;
    expect_columns(table, &columns, &target.columns(table).map_err(failed)?)?;
    let mut sent = Fingerprint::default();
    let inserted = target.rows_insert(table, &columns, &mut |sink| {
        source.rows_visit(table, &columns, &mut |row| {
            sent.add(row);
            if sent.rows.is_multiple_of(REPORT_EVERY) {
                progress(Progress { table, rows: sent.rows, is_done: false });
            }
            sink(row)
        })
    });
    inserted.map_err(failed)?;
    let position = source.position_get(table).map_err(failed)?;
    if let Some(position) = position {
        target.position_set(table, position).map_err(failed)?;
    }
    let mut arrived = Fingerprint::default();
    let read_back = target.rows_visit(table, &columns, &mut |row| {
        arrived.add(row);
        Ok(())
    });
    read_back.map_err(failed)?;
    if sent != arrived || target.position_get(table).map_err(failed)? != position {
        return Err(CopyError::Differs { table, sent: sent.rows, arrived: arrived.rows });
    }
    progress(Progress { table, rows: sent.rows, is_done: true });
    Ok(sent.rows)
}

fn expect_columns(
    table: &'static str,
    source: &[String],
    target: &[String],
) -> Result<(), CopyError> {
    let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<_>>();
    let columns: Vec<_> = set(source).symmetric_difference(&set(target)).cloned().collect();
    if columns.is_empty() { Ok(()) } else { Err(CopyError::OtherColumns { table, columns }) }
}

/// What rows are, whatever order they come in: their number, and the sum of their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint {
    rows: u64,
    sum: [u64; 4],
}

impl Fingerprint {
    fn add(&mut self, row: &[Value]) {
        let mut bytes = Vec::new();
        let mut put = |kind: u8, content: &[u8]| {
            bytes.push(kind);
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        };
        for value in row {
            match value {
                Value::Null => put(0, &[]),
                Value::Integer(number) => put(1, &number.to_le_bytes()),
                Value::Text(text) => put(2, storable(text).as_bytes()),
                Value::Bytes(bytes) => put(3, bytes),
            }
        }
        let hash = ContentHash::of(&bytes).0;
        let (words, _) = hash.as_chunks::<8>();
        for (sum, word) in self.sum.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*word));
        }
        self.rows += 1;
    }
}

/// One character has no place in every backend, and is replaced there when an entry arrives; so it
/// is when a row is copied.
fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(rows: &[&[Value]]) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        rows.iter().for_each(|row| fingerprint.add(row));
        fingerprint
    }

    #[test]
    fn rows_are_the_same_in_any_order_and_with_no_other_value() {
        let text = |text: &str| Value::Text(text.to_owned());
        let (one, two) = ([text("a"), text("b")], [Value::Null, Value::Integer(1)]);
        assert_eq!(fingerprint(&[&one, &two]), fingerprint(&[&two, &one]));
        assert_ne!(fingerprint(&[&one]), fingerprint(&[&[text("ab"), text("")]]));
        assert_ne!(fingerprint(&[&one]), fingerprint(&[&[text("b"), text("a")]]));
        assert_ne!(fingerprint(&[&[text("")]]), fingerprint(&[&[Value::Null]]));
        assert_ne!(fingerprint(&[&[text("a")]]), fingerprint(&[&[Value::Bytes(b"a".into())]]));
        assert_ne!(fingerprint(&[&one, &one]), fingerprint(&[&one]));
    }

    #[test]
    fn no_table_is_named_twice() {
        assert_eq!(BTreeSet::from(TABLES).len(), TABLES.len());
    }
}
