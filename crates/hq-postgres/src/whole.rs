//! The whole database, table by table, for copying it to or from another backend.
//!
//! Nobody else may write meanwhile: what a server wrote behind the copy would be lost.

use std::collections::BTreeSet;

use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Row};
use tillsync_hq::copy::{Fill, RowSink, TOTALS, Value, WholeRead, WholeWrite};
use tillsync_hq::storage::StorageError;
use uuid::Uuid;

use crate::PostgresStorage;
use crate::columns::storable;
use crate::error::{Refused, storage_error};
use crate::migrations;
use crate::storage::{connector, connector_to_change};

/// One snapshot of everything, taken when nobody writes, and nobody can until it is over.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ;
    SET LOCAL lock_timeout = '2s';
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL jit = off;
    LOCK TABLE write_turn IN EXCLUSIVE MODE";

/// How often it is looked whether the others have gone, and how long to wait in between.
const LOOKS: u32 = 20;
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
        AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
const PAUSE: &str = "SELECT pg_sleep(0.1), pg_stat_clear_snapshot()";

/// Tables that hold nothing that has to be copied: what was done to the schema, whose turn it is to
/// write, which processes run, and the words of customers, which are made anew.
const LEFT_OUT: [&str; 5] =
    ["refinery_schema_history", "write_turn", "node", "customer_word", "search_index"];

/// Tables that together are the one of the totals.
const OF_TOTALS: [&str; 3] = ["change_log", "pull", "tally"];

/// The columns of the totals, sorted, each with the way to read it and the way to set it.
const TOTAL_COLUMNS: [(&str, &str, &str); 6] = [
    ("operations", TALLIED, COUNT),
    ("orders", TALLIED, COUNT),
    ("posted", TALLIED, COUNT),
    (
        "pull",
        "SELECT number FROM pull WHERE $1 <> ''",
        "UPDATE pull SET number = $2 WHERE $1 <> ''",
    ),
    ("transactions", TALLIED, COUNT),
    (
        "version",
        "SELECT version FROM change_log WHERE $1 <> ''",
        "UPDATE change_log SET version = $2 WHERE $1 <> ''",
    ),
];
const TALLIED: &str = "SELECT coalesce(sum(amount), 0)::bigint FROM tally WHERE name = $1";
const COUNT: &str = "INSERT INTO tally (name, slot, amount) VALUES ($1, 0, $2)";

/// A database in which nobody else writes, as it was when it was opened.
pub struct PostgresWhole {
    client: Client,
}

impl PostgresWhole {
    /// Connects to an existing database to copy it.
    ///
    /// # Errors
    /// As [`PostgresStorage::open_read_only`]. Busy: it has other connections of the same role.
    pub fn open_source(url: &str) -> Result<Self, StorageError> {
        migrations::expect_current(&connector(url)?)?;
        let mut whole = PostgresWhole::open_alone(url)?;
        // Who has just gone is seen for a moment more.
        for _ in 0..LOOKS {
            let doing = "look for other connections";
            let others = whole.client.query_one(OTHERS, &[]).map_err(said(doing))?;
            if others.get::<_, i64>(0) == 0 {
                return Ok(whole);
            }
            whole.client.query(PAUSE, &[]).map_err(said(doing))?;
        }
        Err(in_use())
    }

    /// Connects to a database to copy another one into it, and makes its schema.
    ///
    /// # Errors
    /// As [`PostgresStorage::open`]. Busy: somebody writes there.
    pub fn open_target(url: &str) -> Result<Self, StorageError> {
        drop(PostgresStorage::open(url)?);
        PostgresWhole::open_alone(url)
    }

    fn open_alone(url: &str) -> Result<Self, StorageError> {
        let opened = connector_to_change(url)?.open();
        let mut client = opened.map_err(said("connect to the headquarters database"))?.client;
        client.batch_execute(BEGIN).map_err(said("begin a transaction")).map_err(|error| {
            match error {
                StorageError::Busy { .. } => in_use(),
                error => error,
            }
        })?;
        Ok(PostgresWhole { client })
    }

    /// Reads all names that a statement yields.
    fn names(&mut self, sql: &str, parameter: &str) -> Result<Vec<String>, StorageError> {
        let rows = self.client.query(sql, &[&parameter]).map_err(said("look at the schema"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    fn totals(&mut self) -> Result<Vec<Value>, StorageError> {
        let mut totals = Vec::new();
        for (name, read, _) in TOTAL_COLUMNS {
            let row = self.client.query_one(read, &[&name]).map_err(said("read the totals"))?;
            totals.push(Value::Integer(row.get(0)));
        }
        Ok(totals)
    }

    fn set_totals(&mut self, row: &[Value]) -> Result<(), StorageError> {
        for ((name, _, set), value) in TOTAL_COLUMNS.iter().zip(row) {
            let set = self.client.execute(*set, &[name, &Field(value)]);
            set.map_err(said("set the totals"))?;
        }
        Ok(())
    }
}

impl WholeRead for PostgresWhole {
    fn tables(&mut self) -> Result<BTreeSet<String>, StorageError> {
        let sql = "SELECT relname::text FROM pg_class
            WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = $1::text::regclass)
                AND relkind IN ('r', 'p')
            ORDER BY relname";
        let mut tables: BTreeSet<String> = self.names(sql, "alias")?.into_iter().collect();
        tables.retain(|table| !LEFT_OUT.contains(&table.as_str()));
        let total = tables.len();
        tables.retain(|table| !OF_TOTALS.contains(&table.as_str()));
        if tables.len() + OF_TOTALS.len() == total {
            tables.insert(TOTALS.to_owned());
        }
        Ok(tables)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, StorageError> {
        if table == TOTALS {
            return Ok(TOTAL_COLUMNS.map(|(name, ..)| name.to_owned()).into());
        }
        let sql = "SELECT attname::text FROM pg_attribute
            WHERE attrelid = quote_ident($1)::regclass AND attnum > 0 AND NOT attisdropped";
        let mut columns = self.names(sql, table)?;
        columns.sort();
        Ok(columns)
    }

    fn rows_visit(
        &mut self,
        table: &str,
        columns: &[String],
        sink: &mut RowSink<'_>,
    ) -> Result<(), StorageError> {
        if table == TOTALS {
            return sink(&self.totals()?);
        }
        let doing = "read a whole table";
        let sql = format!("SELECT {} FROM {}", quoted(columns), quote(table));
        let none: [&str; 0] = [];
        let mut rows = self.client.query_raw(&sql, none).map_err(said(doing))?;
        while let Some(row) = rows.next().map_err(said(doing))? {
            let values = (0..row.len()).map(|index| value(&row, index));
            sink(&values.collect::<Result<Vec<_>, _>>()?)?;
        }
        Ok(())
    }

    fn position_get(&mut self, table: &str) -> Result<Option<i64>, StorageError> {
        let doing = "read the latest position";
        let Some(sequence) = self.sequence(table)? else { return Ok(None) };
        let sql = format!("SELECT last_value FROM {sequence} WHERE is_called");
        let row = self.client.query_opt(&sql, &[]).map_err(said(doing))?;
        Ok(row.map(|row| row.get(0)))
    }
}

impl PostgresWhole {
    /// The sequence that numbers the rows of a table.
    fn sequence(&mut self, table: &str) -> Result<Option<String>, StorageError> {
        if table == TOTALS {
            return Ok(None);
        }
        let sql = "SELECT pg_get_serial_sequence(quote_ident($1), attname) FROM pg_attribute
            WHERE attrelid = quote_ident($1)::regclass AND attidentity <> ''";
        Ok(self.names(sql, table)?.into_iter().next())
    }
}

impl WholeWrite for PostgresWhole {
    fn rows_insert(
        &mut self,
        table: &str,
        columns: &[String],
        fill: &mut Fill<'_>,
    ) -> Result<(), StorageError> {
        if table == TOTALS {
            return fill(&mut |row| self.set_totals(row));
        }
        let doing = "insert into a table";
        let names = quoted(columns);
        let select = format!("SELECT {names} FROM {}", quote(table));
        let statement = self.client.prepare(&select).map_err(said(doing))?;
        let types: Vec<Type> = statement.columns().iter().map(|c| c.type_().clone()).collect();
        let copy = format!("COPY {} ({names}) FROM STDIN (FORMAT binary)", quote(table));
        let stream = self.client.copy_in(&copy).map_err(said(doing))?;
        let mut writer = BinaryCopyInWriter::new(stream, &types);
        fill(&mut |row| {
            let fields: Vec<Field<'_>> = row.iter().map(Field).collect();
            let fields: Vec<_> = fields.iter().map(|field| field as &(dyn ToSql + Sync)).collect();
            writer.write(&fields).map_err(said(doing))
        })?;
        writer.finish().map_err(said(doing)).map(|_| ())
    }

    fn position_set(&mut self, table: &str, position: i64) -> Result<(), StorageError> {
        let doing = "set the latest position";
        let sequence = self.sequence(table)?;
        let sql = "SELECT setval($1::text::regclass, $2)";
        self.client.query(sql, &[&sequence, &position]).map_err(said(doing)).map(|_| ())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        self.client.batch_execute("COMMIT").map_err(said("commit a transaction"))?;
        // Or plans would be made for empty tables until the server looks by itself.
        self.client.batch_execute("ANALYZE").map_err(said("look at what was copied"))
    }
}

fn value(row: &Row, index: usize) -> Result<Value, StorageError> {
    let doing = "read a whole table";
    let value = match *row.columns()[index].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|value| value.map(Value::Integer)),
        Type::BOOL => row
            .try_get::<_, Option<bool>>(index)
            .map(|value| value.map(|value| Value::Integer(value.into()))),
        Type::TEXT => row.try_get::<_, Option<String>>(index).map(|value| value.map(Value::Text)),
        Type::BYTEA => row.try_get::<_, Option<_>>(index).map(|value| value.map(Value::Bytes)),
        Type::UUID => row
            .try_get::<_, Option<Uuid>>(index)
            .map(|value| value.map(|value| Value::Bytes(value.into_bytes().into()))),
        ref other => return Err(StorageError::Corrupt { doing, value: other.to_string() }),
    };
    value.map(|value| value.unwrap_or(Value::Null)).map_err(said(doing))
}

/// A value on its way to a column.
#[derive(Debug)]
struct Field<'v>(&'v Value);

impl ToSql for Field<'_> {
    fn to_sql(
        &self,
        column: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, column) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(number), &Type::INT8) => number.to_sql(column, out),
            (Value::Integer(number @ (0 | 1)), &Type::BOOL) => (*number == 1).to_sql(column, out),
            (Value::Text(text), &Type::TEXT) => storable(text).to_sql(column, out),
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(column, out),
            (Value::Bytes(bytes), &Type::UUID) => Uuid::from_slice(bytes)?.to_sql(column, out),
            (value, column) => Err(format!("{value:?} does not fit into a {column}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn said(doing: &'static str) -> impl Fn(postgres::Error) -> StorageError {
    move |error| storage_error(doing, error)
}

fn in_use() -> StorageError {
    let doing = "have the headquarters database alone";
    let reason =
        "other processes are connected to it; stop `tillsync hq serve` on every node first";
    StorageError::Busy { doing, source: Box::new(Refused(reason)) }
}

fn quoted(columns: &[String]) -> String {
    columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ")
}

fn quote(name: &str) -> String {
    format!("\"{name}\"")
}
