//! Searching the customers of this database: downloaded and pending ones alike.

use rusqlite::{Connection, params};
use tillsync_domain::ids::{CustomerGuid, CustomerKey};
use tillsync_domain::kind::ErrorKind;

use crate::db::DbError;
use crate::edge::Edge;
use crate::find::{COLUMNS, CustomerView, addresses_attach, customer_view};
use crate::words::match_expression;

/// The most customers one page holds.
pub const PAGE_MAX: u32 = 1_000;
/// The longest text that is searched for, in characters.
pub const KEYWORD_CHARS_MAX: usize = 200;

/// Which part of the result is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many, at most [`PAGE_MAX`].
    pub top: u32,
    /// After how many.
    pub skip: u32,
}

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Nothing to search for.
    #[error("type a name, an e-mail address, a phone number or an account to search for")]
    Blank,
    /// Nobody is called that.
    #[error("the keyword is longer than {KEYWORD_CHARS_MAX} characters")]
    TooLong,
    /// The database failed.
    #[error("search the customers")]
    Db(#[from] DbError),
}

impl SearchError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SearchError::Blank | SearchError::TooLong => ErrorKind::Invalid,
            SearchError::Db(error) => error.kind(),
        }
    }
}

/// Finds customers by words of their name in any order, e-mail, phone (punctuation ignored, F90),
/// account or GUID; oldest entry first.
///
/// # Errors
/// Invalid: the keyword is blank or absurdly long. Broken or Busy: the database failed.
pub fn search_customers(
    edge: &Edge,
    keyword: &str,
    page: Page,
) -> Result<Vec<CustomerView>, SearchError> {
    let keyword = keyword.trim();
    if keyword.is_empty() {
        return Err(SearchError::Blank);
    }
    if keyword.chars().count() > KEYWORD_CHARS_MAX {
        return Err(SearchError::TooLong);
    }
    edge.db.read(|connection| matching(connection, keyword, page)).map_err(SearchError::Db)
}

fn matching(
    connection: &Connection,
    keyword: &str,
    page: Page,
) -> Result<Vec<CustomerView>, DbError> {
    let words = match_expression(keyword);
    let by_words = match words {
        Some(_) => "SELECT rowid FROM customer_text WHERE customer_text MATCH ?1 UNION",
        None => "SELECT row FROM customer WHERE ?1 IS NOT NULL UNION",
    };
    let guid: Option<CustomerGuid> = match keyword.parse() {
        Ok(CustomerKey::Temporary(guid)) => Some(guid),
        Ok(CustomerKey::Numbered(_)) | Err(_) => None,
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM customer WHERE row IN (
             {by_words} SELECT row FROM customer WHERE account = ?2
             UNION SELECT row FROM customer WHERE guid = ?3)
         ORDER BY row LIMIT ?4 OFFSET ?5"
    ))?;
    let guid = guid.as_ref().map(|guid| guid.as_uuid().as_bytes());
    let limits = (page.top.min(PAGE_MAX), page.skip);
    let mut rows = statement.query(params![words, keyword, guid, limits.0, limits.1])?;
    let mut views = Vec::new();
    while let Some(row) = rows.next()? {
        views.push(customer_view(row)?);
    }
    drop(rows);
    addresses_attach(connection, &mut views)?;
    Ok(views)
}
