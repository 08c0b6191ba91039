//! The words that customers of all stores are found by.

use tillsync_domain::ids::{AddressBook, CustomerGuid, Version};
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_hq::storage::{SearchPosition, SearchReads, SearchWrites, StorageError};
use uuid::Uuid;

use crate::columns::bounded;
use crate::customers::{customer_row, customer_select};
use crate::error::refused;
use crate::tx::{PgTx, Query, Values};

/// Customers behind a position.
const AFTER: &str = concat!(
    customer_select!(),
    " WHERE (version, customer.guid) > ($1, $2) ORDER BY version, customer.guid LIMIT $3"
);

impl SearchReads for PgTx<'_> {
    fn search_position(&mut self) -> Result<Option<SearchPosition>, StorageError> {
        let sql = "SELECT made, version, customer FROM search_index";
        self.read_one(sql, &[], "read how far customers have words", |row| {
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
        let version = position.version.0.cast_signed();
        let values: Values<'_> = &[&version, position.customer.as_uuid(), &bounded(limit)];
        self.read_all(AFTER, values, "read customers without words", customer_row)
    }

    fn customers_with_words(
        &mut self,
        words: &[Vec<String>],
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError> {
        let Some((first, others)) = words.split_first() else { return Ok(Vec::new()) };
        let mut query = Query::new("SELECT DISTINCT customer FROM customer_word AS named WHERE ");
        begins(&mut query, first, "named");
        for word in others {
            query.push(
                " AND EXISTS (SELECT 1 FROM customer_word AS other
                WHERE other.customer = named.customer AND ",
            );
            begins(&mut query, word, "other");
            query.push(")");
        }
        query.push_value(" ORDER BY customer LIMIT ", bounded(limit));
        self.read_query(&query, "find customers by their words", |row| {
            row.id(CustomerGuid::from_uuid)
        })
    }

    fn customers_with_account(
        &mut self,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<CustomerGuid>, StorageError> {
        let sql = "SELECT guid FROM alias WHERE account >= $1 AND account < $2
            ORDER BY account LIMIT $3";
        let values: Values<'_> = &[&beginning, &end_of(beginning), &bounded(limit)];
        self.read_all(sql, values, "find customers by their account", |row| {
            row.id(CustomerGuid::from_uuid)
        })
    }
}

impl SearchWrites for PgTx<'_> {
    fn search_words_put(
        &mut self,
        words: &[(CustomerGuid, Vec<String>)],
        position: &SearchPosition,
    ) -> Result<(), StorageError> {
        let doing = "give customers words";
        let guids: Vec<Uuid> = words.iter().map(|(guid, _)| *guid.as_uuid()).collect();
        self.change("DELETE FROM customer_word WHERE customer = ANY($1)", &[&guids], doing)?;
        let (mut owners, mut owned): (Vec<Uuid>, Vec<&str>) = Default::default();
        for (guid, words) in words {
            owners.extend(words.iter().map(|_| *guid.as_uuid()));
            owned.extend(words.iter().map(String::as_str));
        }
        let sql = "INSERT INTO customer_word (word, customer)
            SELECT given.word, given.customer FROM unnest($1::text[], $2::uuid[])
                AS given (word, customer)
            ON CONFLICT DO NOTHING";
        self.change(sql, &[&owned, &owners], doing)?;
        let sql = "INSERT INTO search_index (id, made, version, customer) VALUES (1, $1, $2, $3)
            ON CONFLICT (id) DO UPDATE SET made = excluded.made, version = excluded.version,
                customer = excluded.customer";
        let version = position.version.0.cast_signed();
        self.change(sql, &[&position.made, &version, position.customer.as_uuid()], doing)?;
        Ok(())
    }

    fn search_words_forget(&mut self) -> Result<(), StorageError> {
        let doing = "forget the words of customers";
        self.change("DELETE FROM customer_word", &[], doing)?;
        self.change("DELETE FROM search_index", &[], doing)?;
        Ok(())
    }

    fn address_book_add(
        &mut self,
        customer: &CustomerGuid,
        book: &AddressBook,
    ) -> Result<Option<Version>, StorageError> {
        let doing = "put a customer into an address book";
        let sql = "INSERT INTO customer_address_book (customer, book) VALUES ($1, $2)
            ON CONFLICT DO NOTHING";
        if self.change(sql, &[customer.as_uuid(), &book.as_str()], doing)? == 0 {
            return Ok(None);
        }
        let version = self.change_version(true, doing)?;
        let sql = "UPDATE customer SET version = $2 WHERE guid = $1";
        if self.change(sql, &[customer.as_uuid(), &version.0.cast_signed()], doing)? != 1 {
            return Err(refused(doing, "there is no such customer"));
        }
        Ok(Some(version))
    }
}

/// Adds the condition that a word begins like one of these.
fn begins(query: &mut Query, forms: &[String], table: &str) {
    for (at, form) in forms.iter().enumerate() {
        query.push(if at == 0 { "(" } else { " OR " });
        query.push_value(&format!("{table}.word >= "), form.clone());
        query.push_value(&format!(" AND {table}.word < "), end_of(form));
    }
    query.push(")");
}

/// Behind every word that begins like this.
fn end_of(beginning: &str) -> String {
    format!("{beginning}\u{10ffff}")
}
