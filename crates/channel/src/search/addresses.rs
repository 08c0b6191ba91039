//! Customers by the words of one of their addresses, which keep their order.

use rusqlite::{Connection, OptionalExtension};

use super::terms::{Index, Reach, Visit};
use super::{CANDIDATES_MAX, Found};
use crate::db::DbError;
use tillsync_exchange::words::address_words;

/// Customers with an address in which all words stand, in this order; each may be a beginning.
///
/// A bounded number of addresses is looked at: those with the words that few different words
/// begin like, else those with the longest word.
pub(super) fn by_address(
    connection: &Connection,
    words: &[String],
    found: &mut Found,
) -> Result<(), DbError> {
    if words.len() < 2 {
        for word in words {
            Index::Addresses
                .rows_visit(connection, word, &mut |row| consider(connection, row, &[], found))?;
        }
        return Ok(());
    }
    let mut narrow = Vec::new();
    for word in words {
        match Index::Addresses.reach(connection, std::slice::from_ref(word))? {
            Reach::Narrow(None) => return Ok(()),
            Reach::Narrow(Some(question)) => narrow.push(question),
            Reach::Wide => {}
        }
    }
    for row in candidates(connection, words, &narrow)? {
        if consider(connection, row, words, found)? == Visit::Enough {
            break;
        }
    }
    Ok(())
}

fn candidates(
    connection: &Connection,
    words: &[String],
    narrow: &[String],
) -> Result<Vec<i64>, DbError> {
    if !narrow.is_empty() {
        let question = narrow.join(" AND ");
        return Index::Addresses.rows_matching(connection, &question, CANDIDATES_MAX);
    }
    let mut candidates = Found::wanting(CANDIDATES_MAX);
    if let Some(longest) = words.iter().max_by_key(|word| word.chars().count()) {
        Index::Addresses.rows_visit(connection, longest, &mut |row| {
            candidates.add(row);
            Ok(if candidates.is_full() { Visit::Enough } else { Visit::GoOn })
        })?;
    }
    Ok(candidates.rows)
}

fn consider(
    connection: &Connection,
    address: i64,
    words: &[String],
    found: &mut Found,
) -> Result<Visit, DbError> {
    let known: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT customer.row, address.content FROM address
             JOIN customer ON customer.guid = address.customer WHERE address.row = ?1",
        )?
        .query_row([address], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((customer, content)) = known {
        let content = serde_json::from_str(&content).map_err(|_| DbError::Damaged("address"))?;
        let mut standing = address_words(&content).into_iter();
        if words.iter().all(|word| standing.any(|there| there.starts_with(word.as_str()))) {
            found.add(customer);
        }
    }
    Ok(if found.is_full() { Visit::Enough } else { Visit::GoOn })
}
