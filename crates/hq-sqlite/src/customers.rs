//! Reading customers, addresses and aliases.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};
use tillsync_domain::ids::{
    AccountNumber, AddressBook, AddressGuid, CustomerGuid, CustomerKey, RunId, Version,
};
use tillsync_domain::promotion::KnownCustomer;
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{AliasRecord, CustomerReads, CustomerRecord, StorageError};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, read_all, read_one, text_list};
use crate::error::Doing;

/// The columns that [`customer_row`] reads. The party is looked up for each customer, so that rows
/// come in the customers' order.
macro_rules! customer_select {
    () => {
        "SELECT customer.guid, account, party, customer.created_at, version, customer_type, name,
            first_name, middle_name, last_name, customer_group, currency, language, email,
            receipt_email, phone, cellphone, identification_number, vat_number
        FROM customer CROSS JOIN party ON party.number = customer.party"
    };
}
pub(crate) use customer_select;

const CUSTOMER: &str = customer_select!();

/// The addresses of one customer, primary first; the columns that [`address_row`] reads.
pub(crate) const ADDRESSES_OF: &str = "SELECT customer, created_at, version, guid, purpose, name,
    street, street_number, city, county, state, zip_code, country, phone, email, is_primary
    FROM address INDEXED BY address_customer
    WHERE customer = ?1 ORDER BY is_primary DESC, created_at, guid";

impl CustomerReads for SqliteTx<'_> {
    fn customers_known(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, KnownCustomer>, StorageError> {
        let doing = "look up accounts";
        let sql = "SELECT account, EXISTS (
                SELECT 1 FROM address WHERE customer = ?1 AND is_primary = 1)
            FROM alias WHERE guid = ?1";
        let mut known = HashMap::new();
        for guid in guids {
            let found =
                read_one(self.connection, sql, [guid.as_uuid().as_bytes()], doing, |row| {
                    Ok(KnownCustomer { account: account(row)?, has_primary_address: row.value()? })
                })?;
            known.extend(found.map(|customer| (*guid, customer)));
        }
        Ok(known)
    }

    fn address_owners(
        &mut self,
        addresses: &[AddressGuid],
    ) -> Result<HashMap<AddressGuid, CustomerGuid>, StorageError> {
        let doing = "look up the owners of addresses";
        let sql = "SELECT customer FROM address WHERE guid = ?1";
        let mut owners = HashMap::new();
        for guid in addresses {
            let owner =
                read_one(self.connection, sql, [guid.as_uuid().as_bytes()], doing, |row| {
                    row.id(CustomerGuid::from_uuid)
                })?;
            owners.extend(owner.map(|owner| (*guid, owner)));
        }
        Ok(owners)
    }

    fn accounts_taken(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashSet<AccountNumber>, StorageError> {
        let doing = "look up which accounts are in use";
        let sql = "SELECT EXISTS (SELECT 1 FROM alias WHERE account = ?1)";
        let mut taken = HashSet::new();
        for account in accounts {
            let values = [account.as_str()];
            let found = read_one(self.connection, sql, values, doing, |row| row.value::<bool>())?;
            if found == Some(true) {
                taken.insert(account.clone());
            }
        }
        Ok(taken)
    }

    fn alias_get(&mut self, key: &CustomerKey) -> Result<Option<AliasRecord>, StorageError> {
        let doing = "look up an alias";
        let columns = "SELECT guid, account, promoted_at, run, version FROM alias";
        let read = |row: &mut Columns<'_>| {
            Ok(AliasRecord {
                guid: row.id(CustomerGuid::from_uuid)?,
                account: account(row)?,
                promoted_at: row.time()?,
                run: row.id(RunId::from_uuid)?,
                version: Version(row.unsigned()?),
            })
        };
        match key {
            CustomerKey::Temporary(guid) => {
                let sql = format!("{columns} WHERE guid = ?1");
                read_one(self.connection, &sql, [guid.as_uuid().as_bytes()], doing, read)
            }
            CustomerKey::Numbered(account) => {
                let sql = format!("{columns} WHERE account = ?1");
                read_one(self.connection, &sql, [account.as_str()], doing, read)
            }
        }
    }

    fn customer_get(&mut self, key: &CustomerKey) -> Result<Option<CustomerRecord>, StorageError> {
        let doing = "read a customer";
        let found = match key {
            CustomerKey::Temporary(guid) => {
                let sql = format!("{CUSTOMER} WHERE customer.guid = ?1");
                let key = [guid.as_uuid().as_bytes()];
                read_one(self.connection, &sql, key, doing, customer_row)?
            }
            CustomerKey::Numbered(account) => {
                let sql = format!(
                    "{CUSTOMER} WHERE customer.guid = (SELECT guid FROM alias WHERE account = ?1)"
                );
                read_one(self.connection, &sql, [account.as_str()], doing, customer_row)?
            }
        };
        let Some(customer) = found else { return Ok(None) };
        let guid = [customer.guid.as_uuid().as_bytes()];
        let addresses = read_all(self.connection, ADDRESSES_OF, guid, doing, address_row)?;
        let sql = "SELECT book FROM customer_address_book WHERE customer = ?1 ORDER BY book";
        let address_books = read_all(self.connection, sql, guid, doing, |row| row.text())?;
        Ok(Some(CustomerRecord { customer, addresses, address_books }))
    }

    fn customers_find(
        &mut self,
        text: &str,
        after: Option<&AccountNumber>,
        limit: usize,
    ) -> Result<Vec<CustomerRow>, StorageError> {
        let sql = format!(
            "{CUSTOMER} WHERE customer.guid IN (
                SELECT found.guid FROM alias CROSS JOIN customer AS found
                    ON found.guid = alias.guid
                WHERE alias.account > ?1 AND instr(found.search, ?2) > 0
                ORDER BY alias.account LIMIT ?3)
            ORDER BY account"
        );
        let after = after.map_or("", AccountNumber::as_str);
        let values = params![after, text.to_lowercase(), bounded(limit)];
        read_all(self.connection, &sql, values, "find customers", customer_row)
    }

    fn customers_count(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT count(*) FROM customer", "count customers")
    }

    fn customers_in_books_count(&mut self, books: &[AddressBook]) -> Result<u64, StorageError> {
        let sql = "SELECT count(DISTINCT customer) FROM customer_address_book
            WHERE book IN (SELECT value FROM json_each(?1))";
        let found = read_one(
            self.connection,
            sql,
            [books_json(books)],
            "count customers of address books",
            |row| row.unsigned(),
        )?;
        Ok(found.unwrap_or(0))
    }

    fn aliases_count(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT count(*) FROM alias", "count aliases")
    }

    fn customers_check(&mut self) -> Result<Vec<String>, StorageError> {
        crate::customers_check::contradictions(self.connection)
    }
}

impl SqliteTx<'_> {
    pub(crate) fn count(&self, sql: &str, doing: &'static str) -> Result<u64, StorageError> {
        let count = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).optional();
        count.doing(doing).map(|count| count.map_or(0, i64::cast_unsigned))
    }
}

/// Address books as the JSON list that a statement unfolds.
pub(crate) fn books_json(books: &[AddressBook]) -> String {
    text_list(books.iter().map(AddressBook::as_str))
}

/// Reads the columns of [`CUSTOMER`].
pub(crate) fn customer_row(row: &mut Columns<'_>) -> rusqlite::Result<CustomerRow> {
    Ok(CustomerRow {
        guid: row.id(CustomerGuid::from_uuid)?,
        account: row.value()?,
        party_number: row.value()?,
        created_at: row.time()?,
        version: row.unsigned()?,
        content: CustomerContent {
            customer_type: row.value()?,
            name: row.value()?,
            first_name: row.value()?,
            middle_name: row.value()?,
            last_name: row.value()?,
            group: row.value()?,
            currency: row.value()?,
            language: row.value()?,
            email: row.value()?,
            receipt_email: row.value()?,
            phone: row.value()?,
            cellphone: row.value()?,
            identification_number: row.value()?,
            vat_number: row.value()?,
        },
    })
}

/// Reads the columns of [`ADDRESSES_OF`].
pub(crate) fn address_row(row: &mut Columns<'_>) -> rusqlite::Result<AddressRow> {
    Ok(AddressRow {
        customer: row.id(CustomerGuid::from_uuid)?,
        created_at: row.time()?,
        version: row.unsigned()?,
        content: AddressContent {
            guid: row.id(AddressGuid::from_uuid)?,
            purpose: row.value()?,
            name: row.value()?,
            street: row.value()?,
            street_number: row.value()?,
            city: row.value()?,
            county: row.value()?,
            state: row.value()?,
            zip_code: row.value()?,
            country: row.value()?,
            phone: row.value()?,
            email: row.value()?,
            is_primary: row.value()?,
        },
    })
}

fn account(row: &mut Columns<'_>) -> rusqlite::Result<AccountNumber> {
    row.parsed(AccountNumber::parse)
}
