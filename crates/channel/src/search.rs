//! Searching the customers of this database: downloaded and pending ones alike.
//!
//! The work of a search does not grow with what is found: rows are taken in the order in which they
//! are shown until there are enough, and where they must be read to be ranked, it is
//! [`CANDIDATES_MAX`] of them. What grows is the walk of the index through the rows of several
//! frequent words that hardly anybody has together.

mod addresses;
pub(crate) mod index;
mod names;
mod terms;

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, ToSql, params};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;

use self::names::Names;
use self::terms::end_of;
use crate::db::DbError;
use crate::edge::Edge;
use crate::find::{COLUMNS, CustomerView, addresses_attach, customer_view};
use tillsync_exchange::words::Keyword;

/// The most customers one page holds.
pub const PAGE_MAX: u32 = 1_000;
/// The longest text that is searched for, in characters.
pub const KEYWORD_CHARS_MAX: usize = 200;
/// How far into the result pages reach: who is not among so many is found by more words.
pub const REACH_MAX: u32 = 10_000;
/// Rows that one search reads to rank them, where the index alone cannot.
const CANDIDATES_MAX: usize = 200;

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
    /// Nobody looks through so many.
    #[error("a search shows the first {REACH_MAX} customers; add words to find the others")]
    TooFar,
    /// The database failed.
    #[error("search the customers")]
    Db(#[from] DbError),
}

impl SearchError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SearchError::Blank | SearchError::TooLong | SearchError::TooFar => ErrorKind::Invalid,
            SearchError::Db(error) => error.kind(),
        }
    }
}

/// Finds customers by what somebody typed, in this order:
///
/// 1. by the GUID or the account, and then nobody else; by the beginning of an account that has a
///    digit in it;
/// 2. by the beginning of a phone number, whatever punctuation it was typed with (F90);
/// 3. by words of the name, in any order, each of which may be a beginning: all of them match; by
///    the beginning of an e-mail address or, behind an @, of its domain;
/// 4. by words of one address, in their order;
/// 5. by some of the words, the more the further in front.
///
/// Small and capital letters and accents make no difference. The order depends on what is stored
/// and typed only: one word lists those first who are called exactly so, and what ranks alike
/// stands in the order in which it came to this database.
///
/// # Errors
/// Invalid: the keyword is blank or absurdly long, or the page lies behind [`REACH_MAX`]. Broken
/// or Busy: the database failed.
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
    if page.skip >= REACH_MAX {
        return Err(SearchError::TooFar);
    }
    let end = page.skip.saturating_add(page.top.min(PAGE_MAX)).min(REACH_MAX);
    edge.db.read(|connection| {
        let mut found = Found::wanting(end as usize);
        matching(connection, keyword, &mut found)?;
        let rows = found.rows.get(page.skip as usize..).unwrap_or_default();
        views(connection, rows).map_err(SearchError::Db)
    })
}

/// Rows in the order in which they are shown, each once, until there are enough.
struct Found {
    rows: Vec<i64>,
    seen: HashSet<i64>,
    wanted: usize,
}

impl Found {
    fn wanting(wanted: usize) -> Self {
        Found { rows: Vec::new(), seen: HashSet::new(), wanted }
    }

    fn wanted(&self) -> usize {
        self.wanted
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= self.wanted
    }

    fn add(&mut self, row: i64) {
        if !self.is_full() && self.seen.insert(row) {
            self.rows.push(row);
        }
    }

    /// Rows that rank alike, gathered before they are put behind the others.
    fn tier(&self) -> Found {
        Found::wanting(self.wanted)
    }

    fn merge(&mut self, others: Found) {
        let mut rows: Vec<i64> = std::mem::take(&mut self.rows);
        rows.extend(others.rows.into_iter().filter(|row| self.seen.insert(*row)));
        self.rows = rows;
    }

    fn append(&mut self, mut tier: Found) {
        tier.rows.sort_unstable();
        tier.rows.into_iter().for_each(|row| self.add(row));
    }
}

fn matching(connection: &Connection, keyword: &str, found: &mut Found) -> Result<(), DbError> {
    if by_key(connection, keyword, found)? == Key::Whole {
        return Ok(());
    }
    let typed = Keyword::read(keyword);
    if let Some(phone) = typed.phone
        && !found.is_full()
    {
        names::by_one_word(connection, &[phone], found)?;
    }
    if found.is_full() || typed.words.is_empty() {
        return Ok(());
    }
    if let [forms] = typed.words.as_slice() {
        names::by_one_word(connection, forms, found)?;
        if_wanted(found, |found| names::by_one_word(connection, typed.email.as_slice(), found))?;
        return if_wanted(found, |found| addresses::by_address(connection, &typed.address, found));
    }
    let names = Names::ask(connection, &typed.words)?;
    names.all(found)?;
    if_wanted(found, |found| names::by_one_word(connection, typed.email.as_slice(), found))?;
    if_wanted(found, |found| addresses::by_address(connection, &typed.address, found))?;
    if_wanted(found, |found| names.some(found))
}

fn if_wanted(
    found: &mut Found,
    more: impl FnOnce(&mut Found) -> Result<(), DbError>,
) -> Result<(), DbError> {
    if found.is_full() { Ok(()) } else { more(found) }
}

/// Whether what was typed is somebody's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// It is: nobody else is meant.
    Whole,
    /// It can be the beginning of one, or something else.
    Other,
}

fn by_key(connection: &Connection, keyword: &str, found: &mut Found) -> Result<Key, DbError> {
    let mut row_of = |sql: &str, key: &dyn ToSql| -> Result<bool, DbError> {
        let mut statement = connection.prepare_cached(sql)?;
        let row: Option<i64> = statement.query_row([key], |row| row.get(0)).optional()?;
        row.into_iter().for_each(|row| found.add(row));
        Ok(row.is_some())
    };
    if let Ok(CustomerKey::Temporary(guid)) = keyword.parse()
        && row_of("SELECT row FROM customer WHERE guid = ?1", guid.as_uuid().as_bytes())?
    {
        return Ok(Key::Whole);
    }
    let accounts = [keyword.to_owned(), keyword.to_uppercase()];
    for account in &accounts {
        if row_of("SELECT row FROM customer WHERE account = ?1", account)? {
            return Ok(Key::Whole);
        }
    }
    // Letters alone begin nearly every account: they are part of a name.
    if keyword.contains(|c: char| c.is_ascii_digit()) {
        let sql = "SELECT row FROM customer WHERE account >= ?1 AND account < ?2
                   ORDER BY account LIMIT ?3";
        let mut statement = connection.prepare_cached(sql)?;
        for account in &accounts {
            let limits = params![account, end_of(account), found.wanted()];
            for row in statement.query_map(limits, |row| row.get(0))? {
                found.add(row?);
            }
        }
    }
    Ok(Key::Other)
}

/// Reads customers, in the order of the rows.
fn views(connection: &Connection, rows: &[i64]) -> Result<Vec<CustomerView>, DbError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE row = ?1"))?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let mut found = statement.query([row])?;
        if let Some(row) = found.next()? {
            views.push(customer_view(row)?);
        }
    }
    addresses_attach(connection, &mut views)?;
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, schema_of_version};

    #[test]
    fn a_database_of_an_older_version_is_indexed_anew_when_it_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("channel.db");
        let older = schema_of_version(&path, 2);
        older
            .execute_batch(
                "INSERT INTO customer (guid, created_at, version, generation, content)
                 VALUES (zeroblob(16), 0, 0, 0, '{\"customer_type\":1,\"last_name\":\"Zoë\"}');
                 INSERT INTO customer_text (rowid, words) VALUES (1, 'zoë email0x');
                 INSERT INTO address (guid, customer, created_at, version, generation, content)
                 VALUES (x'0102030405060708090a0b0c0d0e0f10', zeroblob(16), 0, 0, 0,
                         '{\"guid\":\"01020304-0506-0708-090a-0b0c0d0e0f10\",\"purpose\":6,
                           \"street\":\"Main Street\"}')",
            )
            .expect("rows of that version");
        drop(older);
        let db = Db::open(&path).expect("is brought up to date");
        let rows = |keyword: &str| {
            db.read(|connection| {
                let mut found = Found::wanting(10);
                matching(connection, keyword, &mut found)?;
                Ok::<_, DbError>(found.rows)
            })
            .expect("searches")
        };
        assert_eq!(rows("zoe"), [0; 0], "not indexed yet");
        for _ in 0..2 {
            index::fill_if_stale(&db).expect("is indexed");
            assert_eq!((rows("zoe"), rows("main street")), (vec![1], vec![1]));
            assert_eq!(rows("email0x"), [0; 0]);
        }
    }
}
