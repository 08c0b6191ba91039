//! The words that customers of all stores are found by.

use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};
use tillsync_domain::ids::{AddressBook, CustomerGuid, Version};
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_hq::storage::{SearchPosition, SearchReads, SearchWrites, StorageError};

use crate::SqliteTx;
use crate::columns::{bounded, change, read_all, read_one};
use crate::customers::{customer_row, customer_select};
use crate::error::{Doing, refused};
use crate::promotion::change_version;

/// Customers behind a position.
const AFTER: &str = concat!(
    customer_select!(),
    " WHERE (version, customer.guid) > (?1, ?2) ORDER BY version, customer.guid LIMIT ?3"
);

impl SearchReads for SqliteTx<'_> {
    fn search_position(&mut self) -> Result<Option<SearchPosition>, StorageError> {
        let sql = "SELECT made, version, customer FROM search_index";
        read_one(self.connection, sql, [], "read how far customers have words", |row| {
            Ok(SearchPosition {
                made: row.value()?,
                version: Version(row.unsigned()?),
                customer: row.id(CustomerGuid::from_uuid)?,
            })
        })
    }

    fn customers_after(
        &mut self,
        position: &SearchPosition,
        limit: usize,
    ) -> Result<Vec<CustomerRow>, StorageError> {
        let guid = position.customer.as_uuid().as_bytes();
        let values = params![position.version.0.cast_signed(), guid, bounded(limit)];
        read_all(self.connection, AFTER, values, "read customers without words", customer_row)
    }

    fn customers_with_words(
        &mut self,
        words: &[Vec<String>],
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError> {
        let Some((first, others)) = words.split_first() else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        let mut sql = "SELECT DISTINCT customer FROM customer_word AS named WHERE ".to_owned();
        sql += &begins(first, "named", &mut values);
        for word in others {
            sql += " AND EXISTS (SELECT 1 FROM customer_word AS other
                WHERE other.customer = named.customer AND ";
            sql += &begins(word, "other", &mut values);
            sql += ")";
        }
        sql += " ORDER BY customer LIMIT ?";
        values.push(Value::Integer(bounded(limit)));
        let values = params_from_iter(values);
        read_all(self.connection, &sql, values, "find customers by their words", |row| {
            row.id(CustomerGuid::from_uuid)
        })
    }

    fn customers_with_account(
        &mut self,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError> {
        let sql = "SELECT guid FROM alias WHERE account >= ?1 AND account < ?2
            ORDER BY account LIMIT ?3";
        let values = params![beginning, end_of(beginning), bounded(limit)];
        read_all(self.connection, sql, values, "find customers by their account", |row| {
            row.id(CustomerGuid::from_uuid)
        })
    }
}

impl SearchWrites for SqliteTx<'_> {
    fn search_words_put(
        &mut self,
        words: &[(CustomerGuid, Vec<String>)],
        position: &SearchPosition,
    ) -> Result<(), StorageError> {
        let doing = "give customers words";
        let delete = "DELETE FROM customer_word WHERE customer = ?1";
        let insert = "INSERT INTO customer_word (word, customer) VALUES (?1, ?2)
            ON CONFLICT DO NOTHING";
        let mut delete = self.connection.prepare_cached(delete).doing(doing)?;
        let mut insert = self.connection.prepare_cached(insert).doing(doing)?;
        for (customer, words) in words {
            let customer = customer.as_uuid().as_bytes();
            delete.execute([customer]).doing(doing)?;
            for word in words {
                insert.execute(params![word, customer]).doing(doing)?;
            }
        }
        let sql = "INSERT INTO search_index (id, made, version, customer) VALUES (1, ?1, ?2, ?3)
            ON CONFLICT (id) DO UPDATE SET made = excluded.made, version = excluded.version,
                customer = excluded.customer";
        let guid = position.customer.as_uuid().as_bytes();
        let values = params![position.made, position.version.0.cast_signed(), guid];
        change(self.connection, sql, values, doing)?;
        Ok(())
    }

    fn search_words_forget(&mut self) -> Result<(), StorageError> {
        let doing = "forget the words of customers";
        change(self.connection, "DELETE FROM customer_word", [], doing)?;
        change(self.connection, "DELETE FROM search_index", [], doing)?;
        Ok(())
    }

    fn address_book_add(
        &mut self,
        customer: &CustomerGuid,
        book: &AddressBook,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "put a customer into an address book";
        let guid = customer.as_uuid().as_bytes();
        let sql = "INSERT INTO customer_address_book (customer, book) VALUES (?1, ?2)
            ON CONFLICT DO NOTHING";
        if change(self.connection, sql, params![guid, book.as_str()], doing)? == 0 {
            return Ok(None);
        }
        let version = change_version(self.connection, true).doing(doing)?;
        let sql = "UPDATE customer SET version = ?2 WHERE guid = ?1";
        let values = params![guid, version.0.cast_signed()];
        if change(self.connection, sql, values, doing)? != 1 {
            return Err(refused(doing, "there is no such customer"));
        }
        Ok(Some(version))
    }
}

/// The condition that a word begins like one of these.
fn begins(forms: &[String], table: &str, values: &mut Vec<Value>) -> String {
    let ranges: Vec<_> = forms
        .iter()
        .map(|form| {
            values.extend([Value::Text(form.clone()), Value::Text(end_of(form))]);
            format!("{table}.word >= ? AND {table}.word < ?")
        })
        .collect();
    format!("({})", ranges.join(" OR "))
}

/// Behind every word that begins like this.
fn end_of(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}
