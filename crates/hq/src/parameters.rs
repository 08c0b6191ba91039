//! Showing and changing the Commerce parameters.

use tillsync_domain::kind::ErrorKind;

use crate::headquarters::Headquarters;
use crate::storage::{Parameters, StatementFilter, StatementRecord, StorageError};

/// The most workers of one run of synchronize-orders.
pub const ORDER_WORKERS_MAX: u32 = 16;

/// The most tries of a failed order.
pub const ORDER_TRIES_MAX: u32 = 1_000;

/// The widest hold code, in characters.
pub const HOLD_CODE_CHARS_MAX: usize = 20;

/// Why parameters were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// A value out of its range.
    #[error("{name}: must be {expected}")]
    OutOfRange {
        /// Which parameter.
        name: &'static str,
        /// What it must be.
        expected: String,
    },
    /// Trickle feed and classic posting are never mixed (F103).
    #[error(
        "statement {} of store {} is not posted; post or release every statement before the \
         posting mode is switched",
        .0.number, .0.store
    )]
    StatementOpen(Box<StatementRecord>),
    /// The database failed.
    #[error("keep the parameters")]
    Storage(#[from] StorageError),
}

impl ParameterError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ParameterError::OutOfRange { .. } => ErrorKind::Invalid,
            ParameterError::StatementOpen(_) => ErrorKind::Conflict,
            ParameterError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// The parameters.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn show_parameters(&self) -> Result<Parameters, ParameterError> {
        Ok(self.storage.read(|tx| tx.parameters_get())?)
    }

    /// Replaces the parameters. They hold from the next run of each job.
    ///
    /// # Errors
    /// Invalid: a value is out of its range. Conflict: the posting mode would change while a
    /// statement is not posted.
    pub fn change_parameters(&self, parameters: &Parameters) -> Result<(), ParameterError> {
        check(parameters)?;
        self.storage.write(|tx| {
            if tx.parameters_get()?.posting_mode != parameters.posting_mode {
                let open =
                    StatementFilter { is_open: true, limit: 1, ..StatementFilter::default() };
                if let Some(open) = tx.statements_list(&open)?.into_iter().next() {
                    return Ok(Err(ParameterError::StatementOpen(Box::new(open))));
                }
            }
            tx.parameters_put(parameters).map(Ok)
        })??;
        // A rule that was switched off may be what a transaction waits for.
        self.signals().documents_arrived();
        Ok(())
    }
}

fn check(parameters: &Parameters) -> Result<(), ParameterError> {
    for (name, value, limit) in [
        ("the tries of an order", parameters.order_tries_max, ORDER_TRIES_MAX),
        ("the workers of synchronize-orders", parameters.order_workers, ORDER_WORKERS_MAX),
    ] {
        if !(1..=limit).contains(&value) {
            let expected = format!("1 to {limit}, not {value}");
            return Err(ParameterError::OutOfRange { name, expected });
        }
    }
    let Some(code) = &parameters.order_hold_code else { return Ok(()) };
    let is_printable = !code.chars().any(char::is_control) && code.trim() == code;
    if !is_printable || !(1..=HOLD_CODE_CHARS_MAX).contains(&code.chars().count()) {
        let name = "the hold code of repaired orders";
        let expected = format!("1 to {HOLD_CODE_CHARS_MAX} printable characters");
        return Err(ParameterError::OutOfRange { name, expected });
    }
    Ok(())
}
