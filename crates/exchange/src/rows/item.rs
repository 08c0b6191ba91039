//! Items and prices as headquarters sends them down with job 1040.
//!
//! Each row carries the version at which it was true: an older version never replaces a newer one.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::ItemNumber;
use tillsync_domain::money::Currency;

use crate::text;

/// One row of the `item` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRow {
    /// Its number.
    #[serde(with = "text")]
    pub number: ItemNumber,
    /// What the receipt says.
    pub name: String,
    /// Sales tax in percent.
    pub tax_rate: Decimal,
    /// Whether it may be sold.
    pub is_active: bool,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}

/// One row of the `price` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// The item.
    #[serde(with = "text")]
    pub item: ItemNumber,
    /// The currency.
    #[serde(with = "text")]
    pub currency: Currency,
    /// The price of one, without tax; absent when it is not sold in this currency any more.
    pub price: Option<Decimal>,
    /// The version of headquarters' change log at which this was true.
    pub version: u64,
}
