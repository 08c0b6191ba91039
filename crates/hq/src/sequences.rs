//! Showing and changing number sequences.

use tillsync_domain::kind::ErrorKind;
use tillsync_domain::number_sequence::{
    NumberSequence, SequenceChange, SequenceChangeError, SequenceMode,
};

use crate::headquarters::Headquarters;
use crate::storage::{GroupRecord, SequenceName, StorageError};

/// Why a sequence was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The change would break it.
    #[error("change the number sequence {}", name.as_str())]
    Change {
        /// Which one.
        name: SequenceName,
        /// Why not.
        #[source]
        source: SequenceChangeError,
    },
    /// It was never set up.
    #[error("there is no number sequence {}", .0.as_str())]
    Missing(SequenceName),
    /// The database failed.
    #[error("store the number sequence")]
    Storage(#[from] StorageError),
}

impl SequenceError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            SequenceError::Change { .. } => ErrorKind::Invalid,
            SequenceError::Missing(_) => ErrorKind::NotFound,
            SequenceError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Sets up what a new headquarters needs to work: its number sequences, continuous, and a group
    /// named `default`. What is there already stays as it is.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn initialize(&self) -> Result<(), SequenceError> {
        Ok(self.storage.write(|tx| {
            for (name, format) in [
                (SequenceName::CustomerAccount, "C-########"),
                (SequenceName::Party, "P-#########"),
                (SequenceName::SalesOrder, "SO-########"),
                (SequenceName::Invoice, "INV-########"),
                (SequenceName::Voucher, "V-#########"),
                (SequenceName::Statement, "ST-########"),
            ] {
                if tx.sequence_get(name)?.is_none() {
                    let format = format.parse().expect("a valid number format");
                    tx.sequence_put(name, &NumberSequence::new(format, SequenceMode::Continuous))?;
                }
            }
            if tx.groups_all()?.is_empty() {
                tx.group_put(&GroupRecord {
                    id: "default".parse().expect("a valid group"),
                    address_books: vec!["default".parse().expect("a valid address book")],
                    mode: Default::default(),
                })?;
            }
            Ok(())
        })?)
    }

    /// A sequence as it stands.
    ///
    /// # Errors
    /// NotFound: never set up.
    pub fn show_sequence(&self, name: SequenceName) -> Result<NumberSequence, SequenceError> {
        let sequence = self.storage.read(|tx| tx.sequence_get(name))?;
        sequence.ok_or(SequenceError::Missing(name))
    }

    /// Changes a sequence: its end, its spelling, its mode, or a later start (F111, F112).
    ///
    /// # Errors
    /// Invalid: numbers would repeat or not fit. NotFound: never set up.
    pub fn change_sequence(
        &self,
        name: SequenceName,
        change: &SequenceChange,
    ) -> Result<NumberSequence, SequenceError> {
        let changed = self.storage.write(|tx| {
            let Some(sequence) = tx.sequence_get(name)? else {
                return Ok(Err(SequenceError::Missing(name)));
            };
            match sequence.changed(change.clone()) {
                Ok(changed) => {
                    tx.sequence_put(name, &changed)?;
                    Ok(Ok(changed))
                }
                Err(source) => Ok(Err(SequenceError::Change { name, source })),
            }
        })??;
        self.signals().operations_arrived();
        self.signals().documents_arrived();
        Ok(changed)
    }
}
