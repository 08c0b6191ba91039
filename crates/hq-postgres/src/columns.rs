//! Reading rows column by column, in the order of the `SELECT`; a value that cannot be what its
//! column promises is an error, never a default.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use postgres::Row;
use postgres::types::FromSql;
use serde_json::value::RawValue;
use tillsync_exchange::device::SecretHash;
use uuid::Uuid;

use crate::error::ReadError;

/// The columns of one row that are still to be read.
pub(crate) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

/// The outcome of reading a column or a row.
pub(crate) type Read<T> = Result<T, ReadError>;

impl<'r> Columns<'r> {
    /// All columns of a row.
    pub(crate) fn of(row: &'r Row) -> Self {
        Columns { row, next: 0 }
    }

    /// A value that PostgreSQL itself knows.
    pub(crate) fn value<T: FromSql<'r>>(&mut self) -> Read<T> {
        let value = self.row.try_get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// A number of a narrower type than PostgreSQL's.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Read<T> {
        let value: i64 = self.value()?;
        T::try_from(value).map_err(|_| corrupt(&value))
    }

    /// An identity.
    pub(crate) fn id<T>(&mut self, wrap: impl FnOnce(Uuid) -> T) -> Read<T> {
        self.value().map(wrap)
    }

    /// An identity that may be absent.
    pub(crate) fn id_or_none<T>(&mut self, wrap: impl FnOnce(Uuid) -> T) -> Read<Option<T>> {
        Ok(self.value::<Option<Uuid>>()?.map(wrap))
    }

    /// A hash that may be absent.
    pub(crate) fn hash_or_none(&mut self) -> Read<Option<SecretHash>> {
        let bytes: Option<&[u8]> = self.value()?;
        let hash = |bytes: &[u8]| {
            bytes.try_into().map(SecretHash).map_err(|_| corrupt(&"a hash of another length"))
        };
        bytes.map(hash).transpose()
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
        parse(self.value()?).map_err(|e| corrupt(&e))
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
        let text: Option<&str> = self.value()?;
        text.map(|text| parse(text).map_err(|e| corrupt(&e))).transpose()
    }

    /// One of a few named values.
    pub(crate) fn named<T: Copy>(&mut self, all: &[T], name: fn(T) -> &'static str) -> Read<T> {
        find_named(self.value()?, all, name)
    }

    /// The same for a value that may be absent.
    pub(crate) fn named_or_none<T: Copy>(
        &mut self,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Read<Option<T>> {
        let text: Option<&str> = self.value()?;
        text.map(|text| find_named(text, all, name)).transpose()
    }

    /// One of a few numbered values.
    pub(crate) fn numbered<T>(&mut self, from: fn(i64) -> Option<T>) -> Read<T> {
        let value: i64 = self.value()?;
        from(value).ok_or_else(|| corrupt(&value))
    }

    /// A time.
    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        self.value().and_then(time)
    }

    /// A time that may be absent.
    pub(crate) fn time_or_none(&mut self) -> Read<Option<Timestamp>> {
        self.value::<Option<i64>>()?.map(time).transpose()
    }

    /// An unsigned number in the bits of a signed one.
    pub(crate) fn unsigned(&mut self) -> Read<u64> {
        self.value().map(i64::cast_unsigned)
    }

    /// JSON, word for word.
    pub(crate) fn raw_json(&mut self) -> Read<Box<RawValue>> {
        RawValue::from_string(self.value()?).map_err(|e| corrupt(&e))
    }

    /// JSON, word for word, that may be absent.
    pub(crate) fn raw_json_or_none(&mut self) -> Read<Option<Box<RawValue>>> {
        let text: Option<String> = self.value()?;
        text.map(|text| RawValue::from_string(text).map_err(|e| corrupt(&e))).transpose()
    }

    /// A value stored as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Read<T> {
        serde_json::from_str(self.value()?).map_err(|e| corrupt(&e))
    }

    /// A value stored as JSON that may be absent.
    pub(crate) fn json_or_none<T: serde::de::DeserializeOwned>(&mut self) -> Read<Option<T>> {
        let text: Option<&str> = self.value()?;
        text.map(|text| serde_json::from_str(text).map_err(|e| corrupt(&e))).transpose()
    }
}

/// A value that the schema cannot promise and that is not what it should be.
pub(crate) fn corrupt(what: &dyn Display) -> ReadError {
    ReadError::Corrupt(what.to_string())
}

/// A count, limit or position as PostgreSQL takes it; what is too large is the largest.
pub(crate) fn bounded(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A text as PostgreSQL takes it: the one character that it has no place for is replaced. No name
/// or number can hold it; a message, or the kind of an entry that nobody knows, might.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// The same for a text that may be absent.
pub(crate) fn storable_or_none(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| storable(text))
}

/// A value as JSON text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain structs without maps of odd keys become JSON")
}

/// Microseconds of a time that may be absent.
pub(crate) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.as_microsecond())
}

fn time(value: i64) -> Read<Timestamp> {
    Timestamp::from_microsecond(value).map_err(|_| corrupt(&value))
}

fn find_named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Read<T> {
    let found = all.iter().copied().find(|value| name(*value) == text);
    found.ok_or_else(|| corrupt(&text))
}
