//! Items and their prices: what headquarters lets tills sell.

use std::collections::HashSet;

use tillsync_domain::ids::{ItemNumber, Version};
use tillsync_domain::item::{Item, ItemProblem};
use tillsync_domain::kind::ErrorKind;

use crate::headquarters::Headquarters;
use crate::storage::StorageError;

/// Why items were not taken. None of them was.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// An item that breaks rules.
    #[error(
        "item {item}: {}",
        problems.iter().map(ItemProblem::to_string).collect::<Vec<_>>().join("; ")
    )]
    Problems {
        /// Which item.
        item: ItemNumber,
        /// Everything that is wrong with it.
        problems: Vec<ItemProblem>,
    },
    /// The same number twice.
    #[error("item {0} is given twice")]
    Twice(ItemNumber),
    /// The database failed.
    #[error("keep the items")]
    Storage(#[from] StorageError),
}

impl ItemError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ItemError::Problems { .. } | ItemError::Twice(_) => ErrorKind::Invalid,
            ItemError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Adds items or replaces them with all their prices, all or none, and returns the version of
    /// the change log in which they changed; nothing when none of them does.
    ///
    /// # Errors
    /// Invalid: an item breaks a rule, or is given twice.
    pub fn put_items(&self, items: &[Item]) -> Result<Option<Version>, ItemError> {
        let mut seen = HashSet::new();
        for item in items {
            let problems = item.problems();
            if !problems.is_empty() {
                return Err(ItemError::Problems { item: item.number.clone(), problems });
            }
            if !seen.insert(&item.number) {
                return Err(ItemError::Twice(item.number.clone()));
            }
        }
        let version = self.storage.write(|tx| tx.items_put(items))?;
        if version.is_some() {
            self.signals().items_changed();
        }
        Ok(version)
    }

    /// Items whose number or name contains the text, by number behind one.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn find_items(
        &self,
        text: &str,
        after: Option<&ItemNumber>,
        limit: usize,
    ) -> Result<Vec<Item>, ItemError> {
        Ok(self.storage.read(|tx| tx.items_find(text, after, limit))?)
    }
}
