//! Headquarters is put back to an older copy of its database, all nodes at once. The package store
//! is not: it is another disk.

use std::sync::Arc;
use std::time::Duration;

use super::{Fault, later};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

/// Whether headquarters recovers what it had acknowledged behind the copy.
const RECOVERS: bool = false;

pub(super) struct RestoreHeadquarters;

impl Fault for RestoreHeadquarters {
    fn kind(&self) -> &'static str {
        "restore headquarters"
    }

    fn share(&self) -> u32 {
        if RECOVERS { 4 } else { 0 }
    }

    /// Makes a copy; it comes back later.
    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let copy = chain.hq.back_up();
        chain.tell("a copy of headquarters is made");
        let kind = self.kind();
        later(chain, Duration::from_secs(dice.between(60, 3_600)), move |chain| {
            if !copy.exists() {
                return;
            }
            chain.hq.restore(&copy);
            chain.saw(Observation::HeadquartersRestored);
            chain.count("fault", kind);
        });
        false
    }
}
