//! Items and prices.

use std::collections::{BTreeSet, HashSet};

use tillsync_domain::ids::{ItemNumber, Version};
use tillsync_domain::item::Item;
use tillsync_domain::money::Currency;
use tillsync_exchange::rows::item::{ItemRow, PriceRow};

use super::StorageError;

/// One row on its way into a package of job 1040.
#[derive(Debug)]
pub enum ProductRow<'a> {
    /// An item.
    Item(&'a ItemRow),
    /// A price.
    Price(&'a PriceRow),
}

/// Reading items.
pub trait ItemReads {
    /// Those of the given items that exist, active or not.
    fn items_known(&mut self, items: &[ItemNumber]) -> Result<HashSet<ItemNumber>, StorageError>;

    /// Items by number behind one, whose number or name contains the text.
    fn items_find(
        &mut self,
        text: &str,
        after: Option<&ItemNumber>,
        limit: usize,
    ) -> Result<Vec<Item>, StorageError>;

    /// Those of the given currencies in which an active item has a price.
    fn currencies_sold(
        &mut self,
        currencies: &BTreeSet<Currency>,
    ) -> Result<BTreeSet<Currency>, StorageError>;

    /// How many items there are.
    fn items_count(&mut self) -> Result<u64, StorageError>;

    /// Hands over items and prices changed after a version and up to another, in order of version
    /// and number, without holding them in memory.
    fn products_stream(
        &mut self,
        after: Version,
        up_to: Option<Version>,
        sink: &mut dyn FnMut(ProductRow<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;
}

/// Changing items.
pub trait ItemWrites {
    /// Inserts or replaces items with their prices. Those that change get the next version of the
    /// change log, which is returned; nothing when none changes. A price that is left out becomes
    /// absent, so that tills forget it.
    fn items_put(&mut self, items: &[Item]) -> Result<Option<Version>, StorageError>;
}
