//! Looking a customer up by either of its keys (F93).

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, PENDING_SYNC};
use tillsync_exchange::realtime::CreatedCustomer;
use tillsync_exchange::rows::download::AddressRow;
use tillsync_exchange::rows::operation::{AddressContent, CustomerContent};

use crate::db::{DbError, parsed_account, time_column, uuid_column};
use crate::edge::Edge;

/// A customer as this database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerView {
    /// Its GUID, a key for ever.
    pub guid: CustomerGuid,
    /// Its permanent account, once it came back from headquarters.
    pub account: Option<AccountNumber>,
    /// The number of its party.
    pub party_number: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The fields.
    pub content: CustomerContent,
    /// Its addresses, oldest first.
    pub addresses: Vec<AddressView>,
}

/// An address as this database shows it. At most one of a customer's is primary (F29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressView {
    /// The fields; `is_primary` says what is shown, not what was asked for.
    pub content: AddressContent,
    /// When it was recorded (F28).
    pub created_at: Timestamp,
    /// The version at headquarters; zero while it exists here only.
    pub version: u64,
}

/// Tells one state of a customer from every other: it changes with everything that is shown, and
/// comes back when all of that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision([u8; 16]);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl CustomerView {
    /// The state that this is.
    pub fn revision(&self) -> Revision {
        let addresses: Vec<_> = self.addresses.iter().map(|address| &address.content).collect();
        let shown = (self.key().to_string(), &self.party_number, &self.content, addresses);
        let shown = serde_json::to_vec(&shown).expect("plain structs of texts");
        let digest: [u8; 32] = Sha256::digest(shown).into();
        Revision(*digest.first_chunk().expect("a digest has 32 bytes"))
    }

    /// The key that programs use.
    pub fn key(&self) -> CustomerKey {
        match &self.account {
            Some(account) => CustomerKey::Numbered(account.clone()),
            None => CustomerKey::Temporary(self.guid),
        }
    }

    /// The account as people may see it: never the GUID (F04).
    pub fn account_for_people(&self) -> &str {
        self.account.as_ref().map_or(PENDING_SYNC, AccountNumber::as_str)
    }
}

/// Looks one customer up.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn find_customer(edge: &Edge, key: &CustomerKey) -> Result<Option<CustomerView>, DbError> {
    edge.db.read(|connection| customer_by_key(connection, key))
}

/// Looks several customers up, in the order of the keys; the unknown ones are left out.
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn find_customers(edge: &Edge, keys: &[CustomerKey]) -> Result<Vec<CustomerView>, DbError> {
    edge.db.read(|connection| {
        let found = keys.iter().map(|key| customer_by_key(connection, key));
        found.filter_map(Result::transpose).collect()
    })
}

pub(crate) fn customer_by_key(
    connection: &Connection,
    key: &CustomerKey,
) -> Result<Option<CustomerView>, DbError> {
    let found = match key {
        CustomerKey::Temporary(guid) => connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE guid = ?1"))?
            .query_row([guid.as_uuid().as_bytes()], |row| Ok(customer_view(row)))
            .optional()?,
        CustomerKey::Numbered(account) => connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM customer WHERE account = ?1"))?
            .query_row([account.as_str()], |row| Ok(customer_view(row)))
            .optional()?,
    };
    let Some(view) = found else { return Ok(None) };
    let mut views = vec![view?];
    addresses_attach(connection, &mut views)?;
    Ok(views.pop())
}

/// The columns that [`customer_view`] reads.
pub(crate) const COLUMNS: &str = "guid, account, party_number, created_at, content";

pub(crate) fn customer_view(row: &Row<'_>) -> Result<CustomerView, DbError> {
    let content: String = row.get(4)?;
    Ok(CustomerView {
        guid: CustomerGuid::from_uuid(uuid_column(row, 0)?),
        account: parsed_account(row, 1)?,
        party_number: row.get(2)?,
        created_at: time_column(row, 3)?,
        content: serde_json::from_str(&content).map_err(|_| DbError::Damaged("customer"))?,
        addresses: Vec::new(),
    })
}

/// Reads the addresses of all these customers with one statement.
pub(crate) fn addresses_attach(
    connection: &Connection,
    views: &mut [CustomerView],
) -> Result<(), DbError> {
    let guids: Vec<String> =
        views.iter().map(|view| view.guid.as_uuid().simple().to_string()).collect();
    let guids = serde_json::to_string(&guids).expect("a list of texts");
    let mut statement = connection.prepare_cached(
        "SELECT customer, created_at, version, content FROM address
         WHERE customer IN (SELECT unhex(value) FROM json_each(?1))
         ORDER BY customer, created_at, guid",
    )?;
    let mut rows = statement.query(params![guids])?;
    while let Some(row) = rows.next()? {
        let customer = CustomerGuid::from_uuid(uuid_column(row, 0)?);
        let content: String = row.get(3)?;
        let address = AddressView {
            content: serde_json::from_str(&content).map_err(|_| DbError::Damaged("address"))?,
            created_at: time_column(row, 1)?,
            version: row.get(2)?,
        };
        for view in views.iter_mut().filter(|view| view.guid == customer) {
            view.addresses.push(address.clone());
        }
    }
    for view in views {
        settle_primary(&mut view.addresses);
    }
    Ok(())
}

/// A customer as headquarters answered with it, where this database does not keep it.
pub(crate) fn answered_view(answer: CreatedCustomer) -> CustomerView {
    let CreatedCustomer { customer, addresses, .. } = answer;
    let address = |it: AddressRow| AddressView {
        content: it.content,
        created_at: it.created_at,
        version: it.version,
    };
    let mut addresses: Vec<_> = addresses.into_iter().map(address).collect();
    addresses.sort_by_key(|it| (it.created_at, it.content.guid));
    settle_primary(&mut addresses);
    CustomerView {
        guid: customer.guid,
        account: customer.account_number().ok(),
        party_number: Some(customer.party_number),
        created_at: customer.created_at,
        content: customer.content,
        addresses,
    }
}

/// Leaves one primary address: the latest pending one that asks for it, else the one that
/// headquarters named last, else the first. Promotion decides the same way.
pub(crate) fn settle_primary(addresses: &mut [AddressView]) {
    let asking = addresses.iter().enumerate().filter(|(_, address)| address.content.is_primary);
    let chosen = asking
        .max_by_key(|(index, address)| (address.version == 0, address.version, *index))
        .map_or(0, |(index, _)| index);
    for (index, address) in addresses.iter_mut().enumerate() {
        address.content.is_primary = index == chosen;
    }
}
