//! Reading rows column by column, in the order of the `SELECT`; a value that cannot be what its
//! column promises is an error, never a default.

use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Params, Row};
use serde_json::value::RawValue;
use tillsync_exchange::device::SecretHash;
use tillsync_hq::storage::StorageError;
use uuid::Uuid;

use crate::error::Doing;

/// The columns of one row that are still to be read.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

type Read<T> = Result<T, rusqlite::Error>;

impl<'r> Columns<'r> {
    /// All columns of a row.
    pub(crate) fn of(row: &'r Row<'r>) -> Self {
        Columns { row, next: 0 }
    }

    /// A value that SQLite itself knows.
    pub(crate) fn value<T: FromSql>(&mut self) -> Read<T> {
        let index = self.advance();
        self.row.get(index)
    }

    /// An identity of 16 bytes.
    pub(crate) fn id<T>(&mut self, wrap: impl FnOnce(Uuid) -> T) -> Read<T> {
        self.value().map(|bytes: [u8; 16]| wrap(Uuid::from_bytes(bytes)))
    }

    /// An identity of 16 bytes that may be absent.
    pub(crate) fn id_or_none<T>(&mut self, wrap: impl FnOnce(Uuid) -> T) -> Read<Option<T>> {
        let bytes: Option<[u8; 16]> = self.value()?;
        Ok(bytes.map(|bytes| wrap(Uuid::from_bytes(bytes))))
    }

    /// A hash that may be absent.
    pub(crate) fn hash_or_none(&mut self) -> Read<Option<SecretHash>> {
        self.value::<Option<[u8; 32]>>().map(|bytes| bytes.map(SecretHash))
    }

    /// A value that is stored as the text people read.
    pub(crate) fn text<T: FromStr<Err: Display>>(&mut self) -> Read<T> {
        self.parsed(str::parse)
    }

    /// A value that is stored as a text, with its own way to read it.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Read<T> {
        let index = self.advance();
        let text = self.row.get_ref(index)?.as_str()?;
        parse(text).map_err(|e| corrupt(index, &e))
    }

    /// The same for a value that may be absent.
    pub(crate) fn text_or_none<T: FromStr<Err: Display>>(&mut self) -> Read<Option<T>> {
        self.parsed_or_none(str::parse)
    }

    /// The same with its own way to read it.
    pub(crate) fn parsed_or_none<T, E: Display>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Read<Option<T>> {
        if self.skips_null()? { Ok(None) } else { self.parsed(parse).map(Some) }
    }

    /// One of a few named values.
    pub(crate) fn named<T: Copy>(&mut self, all: &[T], name: fn(T) -> &'static str) -> Read<T> {
        let index = self.advance();
        let text = self.row.get_ref(index)?.as_str()?;
        let found = all.iter().copied().find(|value| name(*value) == text);
        found.ok_or_else(|| corrupt(index, &text))
    }

    /// The same for a value that may be absent.
    pub(crate) fn named_or_none<T: Copy>(
        &mut self,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Read<Option<T>> {
        if self.skips_null()? { Ok(None) } else { self.named(all, name).map(Some) }
    }

    /// One of a few numbered values.
    pub(crate) fn numbered<T>(&mut self, from: fn(i64) -> Option<T>) -> Read<T> {
        let index = self.advance();
        let value: i64 = self.row.get(index)?;
        from(value).ok_or_else(|| corrupt(index, &value))
    }

    /// A time.
    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        let index = self.advance();
        let value: i64 = self.row.get(index)?;
        Timestamp::from_microsecond(value).map_err(|_| corrupt(index, &value))
    }

    /// A time that may be absent.
    pub(crate) fn time_or_none(&mut self) -> Read<Option<Timestamp>> {
        let index = self.advance();
        let value: Option<i64> = self.row.get(index)?;
        let time = |value| Timestamp::from_microsecond(value).map_err(|_| corrupt(index, &value));
        value.map(time).transpose()
    }

    /// An unsigned number in the bits of a signed one.
    pub(crate) fn unsigned(&mut self) -> Read<u64> {
        self.value().map(i64::cast_unsigned)
    }

    /// JSON, word for word.
    pub(crate) fn raw_json(&mut self) -> Read<Box<RawValue>> {
        let index = self.advance();
        let text: String = self.row.get(index)?;
        RawValue::from_string(text).map_err(|e| corrupt(index, &e))
    }

    /// JSON, word for word, that may be absent.
    pub(crate) fn raw_json_or_none(&mut self) -> Read<Option<Box<RawValue>>> {
        if self.skips_null()? { Ok(None) } else { self.raw_json().map(Some) }
    }

    /// A value stored as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Read<T> {
        let index = self.advance();
        let text = self.row.get_ref(index)?.as_str()?;
        serde_json::from_str(text).map_err(|e| corrupt(index, &e))
    }

    /// A value stored as JSON that may be absent.
    pub(crate) fn json_or_none<T: serde::de::DeserializeOwned>(&mut self) -> Read<Option<T>> {
        let index = self.advance();
        let text = self.row.get_ref(index)?.as_str_or_null()?;
        text.map(|text| serde_json::from_str(text).map_err(|e| corrupt(index, &e))).transpose()
    }

    /// A value that the schema cannot promise and that is not what it should be.
    pub(crate) fn corrupt(&self, what: &dyn Display) -> rusqlite::Error {
        corrupt(self.next.saturating_sub(1), what)
    }

    fn skips_null(&mut self) -> Read<bool> {
        let is_null = self.row.get_ref(self.next)? == rusqlite::types::ValueRef::Null;
        self.next += usize::from(is_null);
        Ok(is_null)
    }

    fn advance(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}

/// Reads at most one row.
pub(crate) fn read_one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    doing: &'static str,
    read: impl Fn(&mut Columns<'_>) -> Read<T>,
) -> Result<Option<T>, StorageError> {
    let read_row = || {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(|row| read(&mut Columns::of(row))).transpose()
    };
    read_row().doing(doing)
}

/// Reads all rows.
pub(crate) fn read_all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    doing: &'static str,
    read: impl Fn(&mut Columns<'_>) -> Read<T>,
) -> Result<Vec<T>, StorageError> {
    let read_rows = || {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| read(&mut Columns::of(row)))?;
        rows.collect::<Read<Vec<T>>>()
    };
    read_rows().doing(doing)
}

/// Runs a statement that changes rows and says how many it changed.
pub(crate) fn change(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    doing: &'static str,
) -> Result<usize, StorageError> {
    let run = || connection.prepare_cached(sql)?.execute(params);
    run().doing(doing)
}

/// A count, limit or position as SQLite takes it; what is too large is the largest.
pub(crate) fn bounded(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Reads all rows one by one, each handed over before the next is read.
pub(crate) fn visit_all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    (doing, read): (&'static str, impl Fn(&mut Columns<'_>) -> Read<T>),
    sink: &mut dyn FnMut(T) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let mut rows = statement.query(params).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        sink(read(&mut Columns::of(row)).doing(doing)?)?;
    }
    Ok(())
}

/// Values as the JSON list of texts that a statement unfolds.
pub(crate) fn text_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    to_json(&texts.into_iter().collect::<Vec<_>>())
}

/// A value as JSON text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain structs without maps of odd keys become JSON")
}

fn corrupt(index: usize, what: &dyn Display) -> rusqlite::Error {
    let cause: Box<dyn Error + Send + Sync> = what.to_string().into();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, cause)
}
