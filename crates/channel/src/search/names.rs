//! Customers by words of their names, e-mail addresses and phones: the more words match, the
//! further in front.

use rusqlite::Connection;
use tillsync_exchange::rows::operation::CustomerContent;

use super::terms::{Index, Reach, Visit};
use super::{CANDIDATES_MAX, Found};
use crate::db::DbError;
use tillsync_exchange::words::index_words;

/// Up to this many words, every combination of them is asked for.
const COMBINED_MAX: usize = 4;

/// Several words, and how the index can be asked for them.
pub(super) struct Names<'a> {
    connection: &'a Connection,
    words: &'a [Vec<String>],
    /// The questions of those words that have one.
    narrow: Vec<String>,
    /// Words that too many different words begin like.
    wide: Vec<&'a [String]>,
    /// Candidates with the number of words that match each, by rank, when there are wide words.
    counted: Vec<(usize, i64)>,
}

/// Customers of whom one word, typed alone, is a beginning of a word: those first who are called
/// exactly so.
pub(super) fn by_one_word(
    connection: &Connection,
    forms: &[String],
    found: &mut Found,
) -> Result<(), DbError> {
    for form in forms {
        Index::Customers.rows_visit(connection, form, &mut |row| {
            found.add(row);
            Ok(if found.is_full() { Visit::Enough } else { Visit::GoOn })
        })?;
    }
    Ok(())
}

impl<'a> Names<'a> {
    pub(super) fn ask(
        connection: &'a Connection,
        words: &'a [Vec<String>],
    ) -> Result<Self, DbError> {
        let mut names = Names { connection, words, narrow: vec![], wide: vec![], counted: vec![] };
        for forms in words {
            match Index::Customers.reach(connection, forms)? {
                Reach::Narrow(question) => names.narrow.extend(question),
                Reach::Wide => names.wide.push(forms),
            }
        }
        if !names.wide.is_empty() {
            names.counted = names.count()?;
        }
        Ok(names)
    }

    /// Customers whom all words match, by row.
    pub(super) fn all(&self, found: &mut Found) -> Result<(), DbError> {
        if self.narrow.len() + self.wide.len() < self.words.len() {
            return Ok(());
        }
        if self.wide.is_empty() {
            return self.combination(&self.narrow.iter().collect::<Vec<_>>(), found);
        }
        let all = self.words.len();
        self.counted.iter().filter(|(count, _)| *count == all).for_each(|(_, row)| found.add(*row));
        Ok(())
    }

    /// Customers whom some of the words match: the more words, the further in front, then by row.
    pub(super) fn some(&self, found: &mut Found) -> Result<(), DbError> {
        if self.wide.is_empty() {
            return self.fewer(self.narrow.len(), found);
        }
        self.counted.iter().filter(|(count, _)| *count > 0).for_each(|(_, row)| found.add(*row));
        Ok(())
    }

    /// Tier by tier, since customers whom as many words match belong together.
    fn fewer(&self, most: usize, found: &mut Found) -> Result<(), DbError> {
        for size in (1..=most).rev() {
            if most > COMBINED_MAX && size > 1 && size + 1 < most {
                continue;
            }
            let mut tier = found.tier();
            for combination in combinations(&self.narrow, size) {
                let mut some = found.tier();
                self.combination(&combination, &mut some)?;
                tier.merge(some);
            }
            found.append(tier);
            if found.is_full() {
                break;
            }
        }
        Ok(())
    }

    fn combination(&self, questions: &[&String], found: &mut Found) -> Result<(), DbError> {
        let questions: Vec<&str> = questions.iter().map(|question| question.as_str()).collect();
        // As many as are wanted in all: those of them that are listed already are no more.
        let question = questions.join(" AND ");
        for row in Index::Customers.rows_matching(self.connection, &question, found.wanted())? {
            found.add(row);
        }
        Ok(())
    }

    /// A bounded number of candidates with the number of words that match each, in order of rank.
    ///
    /// They are found by the words that have a question, else by the longest of the others, and
    /// then read: how many match cannot be asked of the index with bounded work.
    fn count(&self) -> Result<Vec<(usize, i64)>, DbError> {
        let mut candidates = Found::wanting(CANDIDATES_MAX);
        self.fewer(self.narrow.len(), &mut candidates)?;
        if let Some(longest) = self.wide.iter().max_by_key(|forms| forms[0].chars().count())
            && self.narrow.is_empty()
        {
            by_one_word(self.connection, longest, &mut candidates)?;
        }
        let mut counted = Vec::with_capacity(candidates.rows.len());
        let mut statement =
            self.connection.prepare_cached("SELECT content FROM customer WHERE row = ?1")?;
        for row in candidates.rows {
            let mut rows = statement.query([row])?;
            let Some(found) = rows.next()? else { continue };
            let content = found.get_ref(0)?.as_str().map_err(|_| DbError::Damaged("customer"))?;
            let content: CustomerContent =
                serde_json::from_str(content).map_err(|_| DbError::Damaged("customer"))?;
            let indexed = index_words(&content);
            let begins = |form: &String| indexed.split(' ').any(|word| word.starts_with(form));
            let count = self.words.iter().filter(|forms| forms.iter().any(begins)).count();
            counted.push((count, row));
        }
        counted.sort_by_key(|(count, row)| (std::cmp::Reverse(*count), *row));
        Ok(counted)
    }
}

/// Every choice of so many questions.
fn combinations(questions: &[String], size: usize) -> Vec<Vec<&String>> {
    if size == 0 {
        return vec![vec![]];
    }
    let Some((first, rest)) = questions.split_first() else { return vec![] };
    let mut with: Vec<_> = combinations(rest, size - 1);
    with.iter_mut().for_each(|combination| combination.push(first));
    with.extend(combinations(rest, size));
    with
}
