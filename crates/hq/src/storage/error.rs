//! What can go wrong in a database, told apart by what the caller can do about it.

use std::error::Error;

use tillsync_domain::kind::ErrorKind;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another transaction holds what this one needs, and waiting did not help.
    #[error("{doing}: the database is busy")]
    Busy {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The rows contradict a rule of the schema.
    #[error("{doing}: the rows break a rule of the database")]
    Constraint {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The disk is full or the database may not grow.
    #[error("{doing}: the disk is full; free space and the work goes on by itself")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A stored value that no version of this program writes.
    #[error("{doing}: the stored value {value:?} is not valid")]
    Corrupt {
        /// What was being done.
        doing: &'static str,
        /// The value.
        value: String,
    },
    /// Any other failure of the driver or the disk.
    #[error("{doing}")]
    Broken {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StorageError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            StorageError::Busy { .. } | StorageError::Full { .. } => ErrorKind::Busy,
            StorageError::Constraint { .. } => ErrorKind::Conflict,
            StorageError::Corrupt { .. } | StorageError::Broken { .. } => ErrorKind::Broken,
        }
    }
}
