//! A node of headquarters stands still for minutes and goes on as if nothing had been, or is slow
//! for a while.

use std::sync::Arc;
use std::time::Duration;

use tillsync_domain::job::JobName;
use tillsync_hq::storage::Trigger;

use super::{Fault, later, outage};
use crate::chain::Chain;
use crate::dice::Dice;

/// Its activities wait at their next transaction and wake with leases that others have taken over:
/// it stands still in the midst of a job, which somebody asks of another node meanwhile.
pub(super) struct PauseNode;

impl Fault for PauseNode {
    fn kind(&self) -> &'static str {
        "pause node"
    }

    fn share(&self) -> u32 {
        10
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let running = chain.hq.running();
        let Some(node) = dice.pick(&running) else { return false };
        let Some(&job) = dice.pick(&JobName::ALL) else { return false };
        let pause = Duration::from_secs(dice.between(20, 900));
        let begin_of_pause = Duration::from_millis(dice.between(2, 60));
        let (working, stopping) = (Arc::clone(node), Arc::clone(node));
        let name = name_of(chain, node);
        later(chain, Duration::ZERO, move |chain| {
            chain.run_job(&working, job, Trigger::Manual);
        });
        later(chain, begin_of_pause, move |chain| {
            chain.tell(format!("{name} stands still for {} s", pause.as_secs()));
            stopping.life.pause_until(chain.turns.now() + pause);
        });
        let mut others = running.clone();
        others.retain(|other| !Arc::ptr_eq(other, node));
        if let Some(other) = dice.pick(&others).map(Arc::clone) {
            later(chain, Duration::from_secs(dice.between(1, 40)), move |chain| {
                chain.run_job(&other, job, Trigger::Manual);
            });
        }
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        for node in chain.hq.running() {
            node.life.pause_until(Duration::ZERO);
        }
    }
}

pub(super) struct SlowNode;

impl Fault for SlowNode {
    fn kind(&self) -> &'static str {
        "slow node"
    }

    fn share(&self) -> u32 {
        6
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let running = chain.hq.running();
        let Some(node) = dice.pick(&running) else { return false };
        let by = Duration::from_millis(dice.between(50, 4_000));
        let name = name_of(chain, node);
        chain.tell(format!("{name} needs {} ms more for a transaction", by.as_millis()));
        node.life.slow_down(by);
        let node = Arc::clone(node);
        later(chain, outage(dice), move |chain| {
            chain.tell(format!("{name} is as quick as ever"));
            node.life.slow_down(Duration::ZERO);
        });
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        for node in chain.hq.running() {
            node.life.slow_down(Duration::ZERO);
        }
    }
}

fn name_of(chain: &Chain, wanted: &Arc<crate::machines::hq::HqNode>) -> String {
    let is_it = |running: Option<Arc<_>>| running.is_some_and(|it| Arc::ptr_eq(&it, wanted));
    let found = chain.hq.nodes.iter().find(|node| is_it(node.running()));
    found.map_or("a node".into(), |node| format!("node {}", node.index))
}
