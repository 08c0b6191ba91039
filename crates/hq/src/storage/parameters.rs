//! Settings that finance and operators change while headquarters runs.

use std::collections::BTreeSet;

use tillsync_domain::statement::PostingMode;
use tillsync_domain::validation::Rule;

use super::StorageError;

/// The Commerce parameters of headquarters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Validation rules that are switched off (F98).
    pub rules_off: BTreeSet<Rule>,
    /// Trickle feed or classic posting.
    pub posting_mode: PostingMode,
    /// The hold that the sales order of a repaired order gets (F95); no hold when absent.
    pub order_hold_code: Option<String>,
    /// How often a failed order is tried by itself before it waits for a person.
    pub order_tries_max: u32,
    /// How many orders are synchronized side by side.
    pub order_workers: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            rules_off: BTreeSet::new(),
            posting_mode: PostingMode::TrickleFeed,
            order_hold_code: Some("ORDERSYNC".to_owned()),
            order_tries_max: 5,
            order_workers: 2,
        }
    }
}

/// Reading the parameters.
pub trait ParameterReads {
    /// The parameters; the defaults where nobody changed them.
    fn parameters_get(&mut self) -> Result<Parameters, StorageError>;
}

/// Changing the parameters.
pub trait ParameterWrites {
    /// Replaces the parameters.
    fn parameters_put(&mut self, parameters: &Parameters) -> Result<(), StorageError>;
}
