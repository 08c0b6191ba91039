//! The rows that packages carry, one module per direction.

pub mod document;
pub mod download;
mod exact;
pub mod feature;
pub mod item;
pub mod log;
pub mod operation;
pub mod profile;
pub mod register;
pub mod staff;

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A table in a package. One subjob moves one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Customer operations, upwards.
    Operation,
    /// Customers with their party, downwards.
    Customer,
    /// Postal addresses of customers, downwards.
    Address,
    /// Sales, orders and shifts, upwards.
    Document,
    /// Items, downwards.
    Item,
    /// Prices of items, downwards.
    Price,
    /// Functionality profiles of channels, downwards.
    Profile,
    /// Registers: how each works while it is cut off, downwards.
    Register,
    /// Feature switches, downwards.
    Feature,
    /// Staff with their party, downwards.
    Staff,
}

/// The SHA-256 of everything of a log entry that must never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        ContentHash(Sha256::digest(bytes).into())
    }
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 10] = [
        Table::Operation,
        Table::Customer,
        Table::Address,
        Table::Document,
        Table::Item,
        Table::Price,
        Table::Profile,
        Table::Register,
        Table::Feature,
        Table::Staff,
    ];

    /// The name in packages and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Table::Operation => "operation",
            Table::Customer => "customer",
            Table::Address => "address",
            Table::Document => "document",
            Table::Item => "item",
            Table::Price => "price",
            Table::Profile => "profile",
            Table::Register => "register",
            Table::Feature => "feature",
            Table::Staff => "staff",
        }
    }
}

/// Whether a JSON text is an object. A reader of named fields takes a list of as many values, too,
/// and that is never what was written.
fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// A text that names no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this version knows no table {0:?}")]
pub struct UnknownTable(pub String);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Table {
    type Err = UnknownTable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Table::ALL
            .into_iter()
            .find(|table| table.as_str() == text)
            .ok_or_else(|| UnknownTable(text.to_owned()))
    }
}
