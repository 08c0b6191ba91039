//! What really happened in a run, counted: an operation or a fault that never occurs proves
//! nothing.

use std::collections::BTreeMap;

/// Counts by sort and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<(&'static str, String), u64>);

impl Coverage {
    /// Counts one.
    pub fn count(&mut self, what: &'static str, kind: &str) {
        *self.0.entry((what, kind.to_owned())).or_default() += 1;
    }

    /// How often something happened.
    pub fn of(&self, what: &'static str, kind: &str) -> u64 {
        self.0.get(&(what, kind.to_owned())).copied().unwrap_or(0)
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }

    /// Every count, by sort and kind.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, &str, u64)> {
        self.0.iter().map(|((what, kind), count)| (*what, kind.as_str(), *count))
    }
}
