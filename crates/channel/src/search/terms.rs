//! Walking the terms of a text index in their order, so that the beginning of a word is looked up
//! with work that is bounded, however many rows have a word that begins like it.

use rusqlite::{Connection, params};

use crate::db::DbError;

/// Terms that one beginning may stand for in a question to the index.
const TERMS_MAX: usize = 32;

/// One of the text indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    Customers,
    Addresses,
}

/// What the index knows of a word that was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The question that finds all of its rows; nothing when there are none.
    Narrow(Option<String>),
    /// More different terms begin like this than a question should name.
    Wide,
}

impl Index {
    /// Finds out how many terms begin like one of the forms of a word.
    pub(super) fn reach(self, connection: &Connection, forms: &[String]) -> Result<Reach, DbError> {
        let mut terms: Vec<String> = Vec::new();
        for form in forms {
            let end = end_of(form);
            let mut next = form.clone();
            while let Some(term) = self.first_term(connection, &next, &end)? {
                if terms.len() == TERMS_MAX {
                    return Ok(Reach::Wide);
                }
                // No term holds a character as low as this, so nothing lies between.
                next = format!("{term}\u{1}");
                terms.push(format!("\"{term}\""));
            }
        }
        let question = (!terms.is_empty()).then(|| format!("({})", terms.join(" OR ")));
        Ok(Reach::Narrow(question))
    }

    /// Hands over rows with a term that begins like this, in order of term and row, until the
    /// visitor has enough; a row can come several times.
    pub(super) fn rows_visit(
        self,
        connection: &Connection,
        form: &str,
        visit: &mut dyn FnMut(i64) -> Result<Visit, DbError>,
    ) -> Result<Visit, DbError> {
        let sql = match self {
            Index::Customers => "SELECT doc FROM customer_term WHERE term >= ?1 AND term < ?2",
            Index::Addresses => "SELECT doc FROM address_term WHERE term >= ?1 AND term < ?2",
        };
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![form, end_of(form)])?;
        while let Some(row) = rows.next()? {
            if visit(row.get(0)?)? == Visit::Enough {
                return Ok(Visit::Enough);
            }
        }
        Ok(Visit::GoOn)
    }

    /// Rows that a question finds, in their order.
    pub(super) fn rows_matching(
        self,
        connection: &Connection,
        question: &str,
        limit: usize,
    ) -> Result<Vec<i64>, DbError> {
        let sql = match self {
            Index::Customers => {
                "SELECT rowid FROM customer_text WHERE customer_text MATCH ?1
                 ORDER BY rowid LIMIT ?2"
            }
            Index::Addresses => {
                "SELECT rowid FROM address_text WHERE address_text MATCH ?1
                 ORDER BY rowid LIMIT ?2"
            }
        };
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![question, limit], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn first_term(
        self,
        connection: &Connection,
        from: &str,
        end: &str,
    ) -> Result<Option<String>, DbError> {
        let sql = match self {
            Index::Customers => {
                "SELECT term FROM customer_term WHERE term >= ?1 AND term < ?2 LIMIT 1"
            }
            Index::Addresses => {
                "SELECT term FROM address_term WHERE term >= ?1 AND term < ?2 LIMIT 1"
            }
        };
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![from, end])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }
}

/// Whether a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    GoOn,
    Enough,
}

/// Behind every term that begins like this.
pub(super) fn end_of(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}
