//! A clock jumps, ahead or back, by minutes to a day, and is set right after a while.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{Fault, later};
use crate::chain::Chain;
use crate::clock::MachineClock;
use crate::dice::Dice;

pub(super) struct SetEdgeClock;

impl Fault for SetEdgeClock {
    fn kind(&self) -> &'static str {
        "edge clock"
    }

    fn share(&self) -> u32 {
        8
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let edges = chain.all_edges();
        let Some(site) = dice.pick(&edges) else { return false };
        set(chain, dice, (site.id.to_string(), &site.clock));
        true
    }
}

pub(super) struct SetNodeClock;

impl Fault for SetNodeClock {
    fn kind(&self) -> &'static str {
        "node clock"
    }

    fn share(&self) -> u32 {
        8
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(node) = dice.pick(&chain.hq.nodes) else { return false };
        set(chain, dice, (format!("node {}", node.index), &node.clock));
        true
    }
}

fn set(chain: &Arc<Chain>, dice: &mut Dice, (name, clock): (String, &Arc<MachineClock>)) {
    let most = *dice.pick(&[2 * 60, 20 * 60, 6 * 3_600, 24 * 3_600]).expect("four");
    let seconds = i64::try_from(dice.between(1, most)).expect("a day at most");
    let seconds = if dice.chance(0.5) { seconds } else { -seconds };
    chain.tell(format!("the clock of {name} is {seconds} s ahead"));
    clock.set_ahead(SignedDuration::from_secs(seconds));
    let clock = Arc::clone(clock);
    later(chain, Duration::from_secs(dice.between(30, 5_400)), move |chain| {
        chain.tell(format!("the clock of {name} is right"));
        clock.set_ahead(SignedDuration::ZERO);
    });
}
