//! Bugs planted on purpose, to see that the simulator finds them.
//!
//! The production code has no switch for them: a bug is planted where a backend or the network
//! could have it, by a trigger in a database or by a hand on a message.

use std::sync::Arc;

use crate::chain::Chain;

/// A bug that must be found.
pub trait Bug: Sync {
    /// What is wrong, in a few words.
    fn name(&self) -> &'static str;

    /// Plants it.
    fn plant(&self, chain: &Arc<Chain>);
}

/// Every planted bug.
pub const ALL: &[&dyn Bug] = &[];
