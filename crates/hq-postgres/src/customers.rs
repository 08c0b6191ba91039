//! Reading customers, addresses and aliases.

use std::collections::{HashMap, HashSet};

use tillsync_domain::ids::{
    AccountNumber, AddressBook, AddressGuid, CustomerGuid, CustomerKey, RunId, Version,
};
use tillsync_domain::promotion::KnownCustomer;
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};
use tillsync_hq::storage::{AliasRecord, CustomerReads, CustomerRecord, StorageError};

use crate::columns::{Columns, Read, bounded, storable};
use crate::tx::{PgTx, Values};

/// The columns that [`customer_row`] reads. The party is looked up for each customer, so that rows
/// come in the customers' order.
macro_rules! customer_select {
    () => {
        "SELECT customer.guid, account, party, customer.created_at, version, customer_type, name,
            first_name, middle_name, last_name, customer_group, currency, language, email,
            receipt_email, phone, cellphone, identification_number, vat_number
        FROM customer JOIN party ON party.number = customer.party"
    };
}
pub(crate) use customer_select;

const CUSTOMER: &str = customer_select!();

/// The addresses of some customers, primary first; the columns that [`address_row`] reads.
const ADDRESSES_OF: &str = "SELECT customer, created_at, version, guid, purpose, name, street,
    street_number, city, county, state, zip_code, country, phone, email, is_primary
    FROM address
    WHERE customer = ANY($1) ORDER BY customer, is_primary DESC, created_at, guid";

impl CustomerReads for PgTx<'_> {
    fn customers_known(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, KnownCustomer>, StorageError> {
        let doing = "look up accounts";
        let sql = "SELECT guid, account, EXISTS (
                SELECT 1 FROM address WHERE customer = alias.guid AND is_primary)
            FROM alias WHERE guid = ANY($1)";
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        let known = self.read_all(sql, &[&guids], doing, |row| {
            let guid = row.id(CustomerGuid::from_uuid)?;
            Ok((guid, KnownCustomer { account: account(row)?, has_primary_address: row.value()? }))
        })?;
        Ok(known.into_iter().collect())
    }

    fn address_owners(
        &mut self,
        addresses: &[AddressGuid],
    ) -> Result<HashMap<AddressGuid, CustomerGuid>, StorageError> {
        let doing = "look up the owners of addresses";
        let sql = "SELECT guid, customer FROM address WHERE guid = ANY($1)";
        let addresses: Vec<_> = addresses.iter().map(AddressGuid::as_uuid).collect();
        let owners = self.read_all(sql, &[&addresses], doing, |row| {
            Ok((row.id(AddressGuid::from_uuid)?, row.id(CustomerGuid::from_uuid)?))
        })?;
        Ok(owners.into_iter().collect())
    }

    fn accounts_taken(
        &mut self,
        accounts: &[AccountNumber],
    ) -> Result<HashSet<AccountNumber>, StorageError> {
        let doing = "look up which accounts are in use";
        let sql = "SELECT account FROM alias WHERE account = ANY($1)";
        let accounts: Vec<_> = accounts.iter().map(AccountNumber::as_str).collect();
        let taken = self.read_all(sql, &[&accounts], doing, account)?;
        Ok(taken.into_iter().collect())
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
                let sql = format!("{columns} WHERE guid = $1");
                self.read_one(&sql, &[&guid.as_uuid()], doing, read)
            }
            CustomerKey::Numbered(account) => {
                let sql = format!("{columns} WHERE account = $1");
                self.read_one(&sql, &[&account.as_str()], doing, read)
            }
        }
    }

    fn customer_get(&mut self, key: &CustomerKey) -> Result<Option<CustomerRecord>, StorageError> {
        let doing = "read a customer";
        let found = match key {
            CustomerKey::Temporary(guid) => {
                let sql = format!("{CUSTOMER} WHERE customer.guid = $1");
                let key: Values<'_> = &[&guid.as_uuid()];
                self.read_one(&sql, key, doing, customer_row)?
            }
            CustomerKey::Numbered(account) => {
                let sql = format!(
                    "{CUSTOMER} WHERE customer.guid = (SELECT guid FROM alias WHERE account = $1)"
                );
                self.read_one(&sql, &[&account.as_str()], doing, customer_row)?
            }
        };
        let Some(customer) = found else { return Ok(None) };
        let addresses = self.addresses_of(std::slice::from_ref(&customer))?;
        let addresses = addresses.into_values().next().unwrap_or_default();
        let sql = "SELECT book FROM customer_address_book WHERE customer = $1 ORDER BY book";
        let address_books =
            self.read_all(sql, &[customer.guid.as_uuid()], doing, |row| row.text())?;
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
                SELECT found.guid FROM alias JOIN customer AS found
                    ON found.guid = alias.guid
                WHERE alias.account > $1 AND strpos(found.search, $2) > 0
                ORDER BY alias.account LIMIT $3)
            ORDER BY account"
        );
        let after = after.map_or("", AccountNumber::as_str);
        let text = text.to_lowercase();
        let values: Values<'_> = &[&after, &storable(&text), &bounded(limit)];
        self.read_all(&sql, values, "find customers", customer_row)
    }

    fn customers_count(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT count(*) FROM customer", "count customers")
    }

    fn customers_in_books_count(&mut self, books: &[AddressBook]) -> Result<u64, StorageError> {
        let sql = "SELECT count(DISTINCT customer) FROM customer_address_book
            WHERE book = ANY($1)";
        let books: Vec<_> = books.iter().map(AddressBook::as_str).collect();
        let doing = "count customers of address books";
        Ok(self.read_one(sql, &[&books], doing, |row| row.unsigned())?.unwrap_or(0))
    }

    fn aliases_count(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT count(*) FROM alias", "count aliases")
    }

    fn customers_check(&mut self) -> Result<Vec<String>, StorageError> {
        crate::customers_check::contradictions(self)
    }
}

impl PgTx<'_> {
    /// The addresses of each of some customers that has any, primary first.
    pub(crate) fn addresses_of(
        &mut self,
        customers: &[CustomerRow],
    ) -> Result<HashMap<CustomerGuid, Vec<AddressRow>>, StorageError> {
        let guids: Vec<_> = customers.iter().map(|customer| customer.guid.as_uuid()).collect();
        let found = self.read_all(ADDRESSES_OF, &[&guids], "read addresses", address_row)?;
        let mut addresses: HashMap<_, Vec<_>> = HashMap::new();
        for address in found {
            addresses.entry(address.customer).or_default().push(address);
        }
        Ok(addresses)
    }
}

/// Reads the columns of [`CUSTOMER`].
pub(crate) fn customer_row(row: &mut Columns<'_>) -> Read<CustomerRow> {
    Ok(CustomerRow {
        guid: row.id(CustomerGuid::from_uuid)?,
        account: row.value()?,
        party_number: row.value()?,
        created_at: row.time()?,
        version: row.unsigned()?,
        content: CustomerContent {
            customer_type: row.number()?,
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
fn address_row(row: &mut Columns<'_>) -> Read<AddressRow> {
    Ok(AddressRow {
        customer: row.id(CustomerGuid::from_uuid)?,
        created_at: row.time()?,
        version: row.unsigned()?,
        content: AddressContent {
            guid: row.id(AddressGuid::from_uuid)?,
            purpose: row.number()?,
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

fn account(row: &mut Columns<'_>) -> Read<AccountNumber> {
    row.parsed(AccountNumber::parse)
}
