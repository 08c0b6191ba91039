//! A store's or register's process is killed, at once or at one of its next commits, and started
//! again after a while.

use std::sync::Arc;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;

pub(super) struct KillEdge;

impl Fault for KillEdge {
    fn kind(&self) -> &'static str {
        "kill edge"
    }

    fn share(&self) -> u32 {
        10
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let running = chain.running_edges();
        let Some((site, _)) = dice.pick(&running) else { return false };
        chain.tell(format!("{} is killed", site.id));
        site.kill();
        start_later(chain, dice, site);
        true
    }
}

pub(super) struct KillEdgeAtCommit;

impl Fault for KillEdgeAtCommit {
    fn kind(&self) -> &'static str {
        "kill edge at a commit"
    }

    fn share(&self) -> u32 {
        20
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let running = chain.running_edges();
        let Some((site, _)) = dice.pick(&running) else { return false };
        let commits = dice.between(1, 12);
        chain.tell(format!("{} has {commits} commits left", site.id));
        site.kill_after(i64::try_from(commits).expect("a few"));
        start_later(chain, dice, site);
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        // It was started already where it was dead; what is to die later is spared.
        chain.all_edges().iter().for_each(|site| site.kill_after(i64::MAX));
    }
}

fn start_later(chain: &Arc<Chain>, dice: &mut Dice, site: &Arc<EdgeSite>) {
    let site = Arc::clone(site);
    later(chain, outage(dice), move |chain| {
        if site.running().is_none() {
            chain.tell(format!("{} starts again", site.id));
            chain.count("edge", "started again");
        }
        site.start();
    });
}
