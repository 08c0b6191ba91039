//! A disk is full for a while: one edge's, or the one that all nodes of headquarters share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;

pub(super) struct EdgeDiskFull;

impl Fault for EdgeDiskFull {
    fn kind(&self) -> &'static str {
        "edge disk full"
    }

    fn share(&self) -> u32 {
        8
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let edges = chain.all_edges();
        let Some(site) = dice.pick(&edges).cloned() else { return false };
        chain.tell(format!("the disk of {} is full", site.id));
        site.is_full.store(true, Ordering::SeqCst);
        later(chain, outage(dice), move |chain| {
            chain.tell(format!("the disk of {} has room again", site.id));
            site.is_full.store(false, Ordering::SeqCst);
        });
        true
    }
}

pub(super) struct HeadquartersDiskFull;

impl Fault for HeadquartersDiskFull {
    fn kind(&self) -> &'static str {
        "headquarters disk full"
    }

    fn share(&self) -> u32 {
        5
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        chain.tell("the disk of headquarters is full");
        chain.hq.room.set_full(true);
        later(chain, outage(dice), |chain| {
            chain.tell("the disk of headquarters has room again");
            chain.hq.room.set_full(false);
        });
        true
    }
}
