//! The package store is away for a while: nothing can be read, and mostly nothing written.

use std::sync::Arc;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct PackagesAway;

impl Fault for PackagesAway {
    fn kind(&self) -> &'static str {
        "package store away"
    }

    fn share(&self) -> u32 {
        6
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let can_write = dice.chance(0.3);
        if !chain.hq.take_packages_away(can_write) {
            return false;
        }
        chain.tell("the package store is away");
        later(chain, outage(dice), |chain| {
            chain.tell("the package store is back");
            chain.hq.bring_packages_back();
        });
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        chain.hq.bring_packages_back();
        // A node does not start without it.
        chain.hq.nodes.iter().for_each(|node| chain.hq.start(node));
    }
}
