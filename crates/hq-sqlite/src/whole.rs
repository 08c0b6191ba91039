//! The whole database, table by table, for copying it to or from another backend.
//!
//! Nobody else may have the file open meanwhile: what a server wrote behind the copy would be lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params_from_iter};
use tillsync_hq::copy::{Fill, RowSink, TOTALS, Value, WholeRead, WholeWrite};
use tillsync_hq::storage::StorageError;

use crate::SqliteStorage;
use crate::error::{Doing, Refused};
use crate::migrations;

/// How long another process may take to close the file.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Tables that hold nothing that has to be copied: what was done to the schema, and which processes
/// run.
const LEFT_OUT: [&str; 4] = ["refinery_schema_history", "node", "customer_word", "search_index"];

/// A column that has another name in every other backend: table, name here, name there.
const RENAMED: (&str, &str, &str) = ("shift", "float", "opening_float");

/// A database file that nobody else has open, and that is as it was when it was opened.
pub struct SqliteWhole {
    connection: Connection,
}

impl SqliteWhole {
    /// Opens an existing database to copy it.
    ///
    /// # Errors
    /// Busy: another process has it open. Broken: there is no such file, it is no database, or its
    /// schema is not this program's.
    pub fn open_source(path: &Path) -> Result<Self, StorageError> {
        let whole = SqliteWhole::open_alone(path)?;
        migrations::expect_current(&whole.connection).map_err(in_use)?;
        whole.begin()?;
        Ok(whole)
    }

    /// Opens a database to copy another one into it, making it if there is none.
    ///
    /// # Errors
    /// As [`SqliteStorage::open`]. Busy: another process has it open.
    pub fn open_target(path: &Path) -> Result<Self, StorageError> {
        drop(SqliteStorage::open(path)?);
        let whole = SqliteWhole::open_alone(path)?;
        let doing = "open the headquarters database";
        whole.connection.pragma_update(None, "synchronous", "FULL").doing(doing)?;
        whole.connection.pragma_update(None, "foreign_keys", "ON").doing(doing)?;
        whole.begin()?;
        // Rows come in any order within their table.
        whole.connection.pragma_update(None, "defer_foreign_keys", "ON").doing(doing)?;
        Ok(whole)
    }

    fn open_alone(path: &Path) -> Result<Self, StorageError> {
        let doing = "open the headquarters database";
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).doing(doing)?;
        connection.busy_timeout(CLOSE_WAIT).doing(doing)?;
        // Before anything is read: from then on no other process can open the file.
        connection
            .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
            .doing(doing)?;
        connection.pragma_update(None, "trusted_schema", "OFF").doing(doing)?;
        Ok(SqliteWhole { connection })
    }

    fn begin(&self) -> Result<(), StorageError> {
        let began = self.connection.execute_batch("BEGIN IMMEDIATE");
        began.doing("begin a transaction").map_err(in_use)
    }
}

/// Says who holds it: nobody else ever holds it for so long.
fn in_use(error: StorageError) -> StorageError {
    match error {
        StorageError::Busy { doing, .. } => {
            let reason = "another process has the file open; stop `tillsync hq serve` first";
            StorageError::Busy { doing, source: Box::new(Refused(reason)) }
        }
        error => error,
    }
}

impl WholeRead for SqliteWhole {
    fn tables(&mut self) -> Result<BTreeSet<String>, StorageError> {
        let sql = "SELECT name FROM sqlite_schema
            WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name";
        let mut tables: BTreeSet<String> = self.names(sql, [])?.into_iter().collect();
        tables.retain(|table| !LEFT_OUT.contains(&table.as_str()));
        Ok(tables)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, StorageError> {
        // The number of the one row of totals says nothing.
        let sql = "SELECT name FROM pragma_table_info(?1)
            WHERE (?1, name) <> (?2, 'id') ORDER BY name";
        let mut columns = self.names(sql, [table, TOTALS])?;
        let (renamed, here, there) = RENAMED;
        for column in columns.iter_mut().filter(|column| table == renamed && *column == here) {
            *column = there.to_owned();
        }
        columns.sort();
        Ok(columns)
    }

    fn rows_visit(
        &mut self,
        table: &str,
        columns: &[String],
        sink: &mut RowSink<'_>,
    ) -> Result<(), StorageError> {
        let doing = "read a whole table";
        let sql = format!("SELECT {} FROM {}", quoted(table, columns).join(", "), quote(table));
        let mut statement = self.connection.prepare(&sql).doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        let mut values = Vec::with_capacity(columns.len());
        while let Some(row) = rows.next().doing(doing)? {
            values.clear();
            for index in 0..columns.len() {
                values.push(value(row.get_ref(index).doing(doing)?)?);
            }
            sink(&values)?;
        }
        Ok(())
    }

    fn position_get(&mut self, table: &str) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
        let found = self.connection.query_row(sql, [table], |row| row.get(0)).optional();
        Ok(found.doing("read the latest position")?.filter(|position| *position > 0))
    }
}

impl WholeWrite for SqliteWhole {
    fn rows_insert(
        &mut self,
        table: &str,
        columns: &[String],
        fill: &mut Fill<'_>,
    ) -> Result<(), StorageError> {
        let doing = "insert into a table";
        let names = quoted(table, columns);
        let sql = if table == TOTALS {
            let changes: Vec<_> = names.iter().map(|name| format!("{name} = ?")).collect();
            format!("UPDATE {} SET {}", quote(table), changes.join(", "))
        } else {
            let places = vec!["?"; names.len()].join(", ");
            format!("INSERT INTO {} ({}) VALUES ({places})", quote(table), names.join(", "))
        };
        let mut statement = self.connection.prepare(&sql).doing(doing)?;
        fill(&mut |row| {
            let values = row.iter().map(|value| match value {
                Value::Null => ValueRef::Null,
                Value::Integer(number) => ValueRef::Integer(*number),
                Value::Text(text) => ValueRef::Text(text.as_bytes()),
                Value::Bytes(bytes) => ValueRef::Blob(bytes),
            });
            let values = values.map(ToSqlOutput::Borrowed);
            statement.execute(params_from_iter(values)).doing(doing).map(|_| ())
        })
    }

    fn position_set(&mut self, table: &str, position: i64) -> Result<(), StorageError> {
        let doing = "set the latest position";
        let forget = "DELETE FROM sqlite_sequence WHERE name = ?1";
        self.connection.execute(forget, [table]).doing(doing)?;
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
        self.connection.execute(sql, (table, position)).doing(doing).map(|_| ())
    }

    fn commit(self: Box<Self>) -> Result<(), StorageError> {
        self.connection.execute_batch("COMMIT").doing("commit a transaction")
    }
}

impl SqliteWhole {
    fn names<P: rusqlite::Params>(
        &self,
        sql: &str,
        parameters: P,
    ) -> Result<Vec<String>, StorageError> {
        let doing = "look at the schema";
        let mut statement = self.connection.prepare(sql).doing(doing)?;
        let names = statement.query_map(parameters, |row| row.get(0)).doing(doing)?;
        names.collect::<Result<_, _>>().doing(doing)
    }
}

fn value(stored: ValueRef<'_>) -> Result<Value, StorageError> {
    let doing = "read a whole table";
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).map_err(|error| {
            StorageError::Corrupt { doing, value: error.utf8_error().to_string() }
        })?),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(number) => {
            return Err(StorageError::Corrupt { doing, value: number.to_string() });
        }
    })
}

/// Columns as SQL names them.
fn quoted(table: &str, columns: &[String]) -> Vec<String> {
    let (renamed, here, there) = RENAMED;
    let is_renamed = |column: &String| table == renamed && column == there;
    columns.iter().map(|column| quote(if is_renamed(column) { here } else { column })).collect()
}

fn quote(name: &str) -> String {
    format!("\"{name}\"")
}
