//! One open transaction or snapshot, and the few ways in which the aggregates' modules talk to it.

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Error, Row, Statement, Transaction};
use tillsync_hq::storage::StorageError;

use crate::columns::{Columns, Read};
use crate::error::{Failure, ReadError, failure, read_error, storage_error};
use crate::pool::Session;

/// Rows that are fetched at a time where a result may be too large for memory.
const ROWS_AT_ONCE: i32 = 250;

/// The values of a statement's parameters.
pub(crate) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// Takes rows a lot at a time; between lots it can use the transaction.
pub(crate) type LotSink<'k, 's, T> =
    dyn FnMut(&mut PgTx<'s>, Vec<T>) -> Result<(), StorageError> + 'k;

/// Where rows are copied to: the columns with their types.
pub(crate) struct Target {
    pub(crate) sql: &'static str,
    pub(crate) types: &'static [Type],
}

/// One open transaction or snapshot; every aggregate's module implements its contract for it.
pub(crate) struct PgTx<'s> {
    // Dropped before the transaction, which ends when it is dropped.
    statements: OfTransaction<'s>,
    tx: Transaction<'s>,
    is_writing: bool,
    failure: Option<Failure>,
}

/// The statements of a connection while it has a transaction.
struct OfTransaction<'s>(&'s mut crate::pool::Statements);

impl Drop for OfTransaction<'_> {
    fn drop(&mut self) {
        self.0.end_transaction();
    }
}

impl<'s> PgTx<'s> {
    /// Begins with a statement that sets the isolation and everything that holds for as long as
    /// the transaction does.
    pub(crate) fn begin(
        session: &'s mut Session,
        settings: &str,
        is_writing: bool,
    ) -> Result<Self, Error> {
        let mut tx = session.client.transaction()?;
        tx.batch_execute(settings)?;
        let statements = OfTransaction(&mut session.statements);
        Ok(PgTx { statements, tx, is_writing, failure: None })
    }

    /// Whether it was begun to write.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// The worst that a statement said, whatever became of its error.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Makes everything durable.
    pub(crate) fn commit(self) -> Result<(), Error> {
        let PgTx { statements, tx, .. } = self;
        drop(statements);
        tx.commit()
    }

    /// Reads at most one row.
    pub(crate) fn read_one<T>(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
        read: impl Fn(&mut Columns<'_>) -> Read<T>,
    ) -> Result<Option<T>, StorageError> {
        let rows = self.query(sql, values, doing)?;
        rows.first().map(|row| self.row(row, doing, &read)).transpose()
    }

    /// Reads all rows.
    pub(crate) fn read_all<T>(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
        read: impl Fn(&mut Columns<'_>) -> Read<T>,
    ) -> Result<Vec<T>, StorageError> {
        let rows = self.query(sql, values, doing)?;
        rows.iter().map(|row| self.row(row, doing, &read)).collect()
    }

    /// Reads all rows, never more than a few in memory; each lot is handed over before the next
    /// is fetched. Between lots the transaction can be used.
    pub(crate) fn visit_lots<T>(
        &mut self,
        sql: &str,
        values: Values<'_>,
        (doing, read): (&'static str, impl Fn(&mut Columns<'_>) -> Read<T>),
        sink: &mut LotSink<'_, 's, T>,
    ) -> Result<(), StorageError> {
        let bound = self.prepare(sql).and_then(|statement| self.tx.bind(&statement, values));
        let portal = self.note(bound, doing)?;
        loop {
            let fetched = self.tx.query_portal(&portal, ROWS_AT_ONCE);
            let rows = self.note(fetched, doing)?;
            if rows.is_empty() {
                return Ok(());
            }
            let lot: Result<Vec<T>, _> =
                rows.iter().map(|row| self.row(row, doing, &read)).collect();
            sink(self, lot?)?;
        }
    }

    /// Reads all rows one by one, never more than a few in memory.
    pub(crate) fn visit_all<T>(
        &mut self,
        sql: &str,
        values: Values<'_>,
        read: (&'static str, impl Fn(&mut Columns<'_>) -> Read<T>),
        sink: &mut dyn FnMut(T) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.visit_lots(sql, values, read, &mut |_, lot| lot.into_iter().try_for_each(&mut *sink))
    }

    /// Runs a statement that changes rows and says how many it changed.
    pub(crate) fn change(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
    ) -> Result<u64, StorageError> {
        let run = self.prepare(sql).and_then(|statement| self.tx.execute(&statement, values));
        self.note(run, doing)
    }

    /// Inserts rows by one stream; `fill` writes each.
    pub(crate) fn copy_in(
        &mut self,
        target: &Target,
        doing: &'static str,
        fill: impl FnOnce(&mut BinaryCopyInWriter<'_>) -> Result<(), Error>,
    ) -> Result<(), StorageError> {
        let copied = self.tx.copy_in(target.sql).and_then(|stream| {
            let mut writer = BinaryCopyInWriter::new(stream, target.types);
            fill(&mut writer)?;
            writer.finish()
        });
        self.note(copied, doing).map(|_| ())
    }

    /// Counts with a statement of one row and one number.
    pub(crate) fn count(&mut self, sql: &str, doing: &'static str) -> Result<u64, StorageError> {
        Ok(self.read_one(sql, &[], doing, |row| row.unsigned())?.unwrap_or(0))
    }

    /// Adds to one of the counts that spare reading the history.
    pub(crate) fn tally(&mut self, name: &str, amount: u64) -> Result<(), StorageError> {
        if amount == 0 {
            return Ok(());
        }
        // The slot only keeps connections out of each other's way.
        let sql = "INSERT INTO tally (name, slot, amount) VALUES ($1, pg_backend_pid() % 64, $2)
            ON CONFLICT (name, slot) DO UPDATE SET amount = tally.amount + excluded.amount";
        let values: Values<'_> = &[&name, &crate::columns::bounded(amount)];
        self.change(sql, values, "count what was taken in").map(|_| ())
    }

    fn query(
        &mut self,
        sql: &str,
        values: Values<'_>,
        doing: &'static str,
    ) -> Result<Vec<Row>, StorageError> {
        let found = self.prepare(sql).and_then(|statement| self.tx.query(&statement, values));
        self.note(found, doing)
    }

    fn row<T>(
        &self,
        row: &Row,
        doing: &'static str,
        read: &impl Fn(&mut Columns<'_>) -> Read<T>,
    ) -> Result<T, StorageError> {
        read(&mut Columns::of(row)).map_err(|error: ReadError| read_error(doing, error))
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        self.statements.0.prepare(&mut self.tx, sql)
    }

    fn note<T>(
        &mut self,
        outcome: Result<T, Error>,
        doing: &'static str,
    ) -> Result<T, StorageError> {
        outcome.map_err(|error| {
            // Whatever fails after the first failure only says that the transaction is over.
            self.failure.get_or_insert(failure(&error));
            storage_error(doing, error)
        })
    }
}

/// A statement that is put together from conditions.
pub(crate) struct Query {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync>>,
}

impl Query {
    /// Begins with this text.
    pub(crate) fn new(sql: &str) -> Self {
        Query { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds text without a value.
    pub(crate) fn push(&mut self, text: &str) {
        self.sql += text;
    }

    /// Adds text and the place of a value behind it.
    pub(crate) fn push_value(&mut self, text: &str, value: impl ToSql + Sync + 'static) {
        self.values.push(Box::new(value));
        self.sql += &format!("{text}${}", self.values.len());
    }
}

impl PgTx<'_> {
    /// Reads all rows of a statement that was put together.
    pub(crate) fn read_query<T>(
        &mut self,
        query: &Query,
        doing: &'static str,
        read: impl Fn(&mut Columns<'_>) -> Read<T>,
    ) -> Result<Vec<T>, StorageError> {
        let values: Vec<_> = query.values.iter().map(|value| &**value).collect();
        self.read_all(&query.sql, &values, doing, read)
    }
}
