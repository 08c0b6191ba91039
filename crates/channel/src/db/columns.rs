//! Reading typed values out of columns.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Row};
use tillsync_domain::ids::AccountNumber;
use uuid::Uuid;

/// A 16-byte identity.
pub(crate) fn uuid_column(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let bytes = row.get_ref(index)?.as_blob().map_err(|e| bad(index, e.into()))?;
    Uuid::from_slice(bytes).map_err(|e| bad(index, e.into()))
}

/// A SHA-256.
pub(crate) fn digest_column(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; 32]> {
    let bytes = row.get_ref(index)?.as_blob().map_err(|e| bad(index, e.into()))?;
    bytes.try_into().map_err(|_| bad(index, FromSqlError::InvalidType.into()))
}

/// A time in microseconds.
pub(crate) fn time_column(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(index)?).map_err(|e| bad(index, e.into()))
}

/// A text that holds an identity.
pub(crate) fn parsed_column<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: Display>,
{
    let text = row.get_ref(index)?.as_str().map_err(|e| bad(index, e.into()))?;
    text.parse().map_err(|e: T::Err| bad(index, e.to_string().into()))
}

/// A permanent account, if there is one.
pub(crate) fn parsed_account(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<Option<AccountNumber>> {
    let text: Option<String> = row.get(index)?;
    let parsed = text.map(|text| AccountNumber::parse(&text)).transpose();
    parsed.map_err(|e| bad(index, e.into()))
}

fn bad(index: usize, cause: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::FromSqlConversionFailure(index, Type::Blob, cause)
}
