//! Customers and addresses as headquarters sends them down.
//!
//! Each row carries the version at which it was true, so a database can take rows in any order
//! and any number of times: an older version never replaces a newer one (F71). A reader ignores
//! fields that it does not know yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{AccountNumber, AddressGuid, CustomerGuid, ParseIdError};

use crate::rows::operation::{AddressContent, CustomerContent};
use crate::text;

/// One row of the `customer` table: the alias, the account and the whole customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// The GUID, an alias of the account for ever.
    #[serde(with = "text")]
    pub guid: CustomerGuid,
    /// The permanent account.
    pub account: String,
    /// The party's number in the global address book.
    pub party_number: String,
    /// When the customer was created, at the edge or at headquarters.
    pub created_at: Timestamp,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
    /// The fields.
    pub content: CustomerContent,
}

impl CustomerRow {
    /// The account as an identity.
    ///
    /// # Errors
    /// Invalid: the row was not made by a headquarters that keeps the rules.
    pub fn account_number(&self) -> Result<AccountNumber, ParseIdError> {
        AccountNumber::parse(&self.account)
    }
}

/// One row of the `address` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRow {
    /// The customer it belongs to.
    #[serde(with = "text")]
    pub customer: CustomerGuid,
    /// When it was recorded (F28).
    pub created_at: Timestamp,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
    /// The fields, identity included.
    pub content: AddressContent,
}

impl AddressRow {
    /// The address's own identity.
    pub fn guid(&self) -> AddressGuid {
        self.content.guid
    }
}
