//! A node of headquarters is killed, at once or at one of its next commits, or all of them are
//! down; they are started again after a while.

use std::sync::Arc;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::hq::NodeSite;

pub(super) struct KillNode;

impl Fault for KillNode {
    fn kind(&self) -> &'static str {
        "kill node"
    }

    fn share(&self) -> u32 {
        8
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(node) = any_running(chain, dice) else { return false };
        chain.tell(format!("node {} is killed", node.index));
        chain.hq.kill(node);
        let index = node.index;
        later(chain, outage(dice), move |chain| start(chain, index));
        true
    }
}

pub(super) struct KillNodeAtCommit;

impl Fault for KillNodeAtCommit {
    fn kind(&self) -> &'static str {
        "kill node at a commit"
    }

    fn share(&self) -> u32 {
        20
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(node) = any_running(chain, dice) else { return false };
        let commits = dice.between(0, 40);
        let left = i64::try_from(commits).expect("a few");
        let hears = dice.chance(0.5);
        chain.tell(match hears {
            true => format!("node {} has {commits} commits left", node.index),
            false => format!("node {} does not hear of commit {}", node.index, commits + 1),
        });
        if let Some(running) = node.running() {
            match hears {
                true => running.life.end_after(left),
                false => running.life.end_behind(left + 1),
            }
        }
        let index = node.index;
        later(chain, outage(dice), move |chain| {
            // At the latest now, however few commits it made.
            chain.hq.kill(&chain.hq.nodes[index]);
            start(chain, index);
        });
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        for node in chain.hq.running() {
            node.life.end_after(i64::MAX);
        }
    }
}

pub(super) struct AllNodesDown;

impl Fault for AllNodesDown {
    fn kind(&self) -> &'static str {
        "all nodes down"
    }

    fn share(&self) -> u32 {
        4
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        if chain.hq.running().is_empty() {
            return false;
        }
        chain.tell("headquarters is down");
        chain.hq.nodes.iter().for_each(|node| chain.hq.kill(node));
        later(chain, outage(dice), |chain| {
            (0..chain.hq.nodes.len()).for_each(|index| start(chain, index));
        });
        true
    }
}

fn any_running<'a>(chain: &'a Chain, dice: &mut Dice) -> Option<&'a NodeSite> {
    let running: Vec<_> = chain.hq.nodes.iter().filter(|node| node.running().is_some()).collect();
    dice.pick(&running).copied()
}

fn start(chain: &Arc<Chain>, index: usize) {
    let node = &chain.hq.nodes[index];
    if node.running().is_none() {
        chain.hq.start(node);
        chain.tell(format!("node {index} starts again"));
        chain.count("node", "started again");
    }
}
