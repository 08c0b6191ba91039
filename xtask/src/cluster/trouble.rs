//! What nodes suffer, drawn from a seed, and how soon the others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tillsync_fleet::{
    Fleet, HeadquartersClient, Killed, NodeId, Stopwatch, TemporaryPostgres, pause, wait_until,
};

use crate::crash::load::Load;
use crate::generate::random::Random;

/// How long the other nodes may take to go on: a lease, a look, and the time of slow machines.
const TAKEOVER_MAX: Duration = Duration::from_secs(60);

/// How long a balancer takes to notice that a node is paused.
const HEALTH_CHECK: Duration = Duration::from_millis(500);

/// One thing that happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Killed,
    Paused,
    Drained,
}

/// Everything that happened.
pub(super) struct Troubles {
    random: Random,
    long_pause: Duration,
    counts: BTreeMap<&'static str, u32>,
    takeovers: Vec<Duration>,
}

impl Troubles {
    /// Nothing happened yet.
    pub(super) fn new(seed: u64, long_pause: Duration) -> Self {
        let (random, counts) = (Random::from_seed(seed), BTreeMap::new());
        Troubles { random, long_pause, counts, takeovers: Vec::new() }
    }

    /// Makes trouble so many times; PostgreSQL is restarted after each third of it.
    pub(super) fn make(
        &mut self,
        fleet: &mut Fleet,
        postgres: &TemporaryPostgres,
        (times, load): (u32, &Load),
    ) -> Result<()> {
        let nodes: Vec<_> =
            fleet.nodes().into_iter().filter(|node| !matches!(node, NodeId::Edge(_))).collect();
        let hq = fleet.headquarters()?;
        for time in 1..=times {
            pause(Duration::from_millis(200 + self.random.below(800)));
            let index = usize::try_from(self.random.below(nodes.len() as u64));
            let node = nodes[index.expect("an index of a slice fits in usize")];
            // Once, a node sleeps longer than any lease lasts.
            let is_long = time == times.div_ceil(2);
            let trouble = match self.random.below(4) {
                _ if is_long => Trouble::Paused,
                0 | 1 => Trouble::Killed,
                2 => Trouble::Paused,
                _ => Trouble::Drained,
            };
            let name = fleet.name(node).to_owned();
            self.suffer(fleet, (node, trouble, is_long), &hq)
                .with_context(|| format!("{name}, {trouble:?}, {time} of {times}"))?;
            if time == times.div_ceil(3) || time == (2 * times).div_ceil(3) {
                postgres.restart()?;
                self.count("PostgreSQL restarted");
                self.wait_for_takeover(&hq, Stopwatch::start())?;
            }
            if time % 5 == 0 {
                eprintln!("{time} of {times}, {} customers acknowledged", load.acknowledged());
            }
        }
        Ok(())
    }

    /// Prints what happened and how soon the others went on.
    pub(super) fn print(&self) {
        println!("\nnodes and database");
        for (name, count) in &self.counts {
            println!("  {name:<20}{count:>9}");
        }
        let total: Duration = self.takeovers.iter().sum();
        let count = u32::try_from(self.takeovers.len()).unwrap_or(u32::MAX).max(1);
        let longest = self.takeovers.iter().max().copied().unwrap_or_default();
        println!("takeover, until another node promotes");
        println!("  {:<20}{:>9.2} s", "on average", (total / count).as_secs_f64());
        println!("  {:<20}{:>9.2} s", "at most", longest.as_secs_f64());
    }

    fn suffer(
        &mut self,
        fleet: &mut Fleet,
        (node, trouble, is_long): (NodeId, Trouble, bool),
        hq: &HeadquartersClient,
    ) -> Result<()> {
        let mut since = Stopwatch::start();
        match trouble {
            Trouble::Killed => {
                if fleet.kill(node) != Killed::Now {
                    bail!("it had ended by itself");
                }
                self.count("killed");
            }
            Trouble::Paused => {
                fleet.pause(node)?;
                self.count(if is_long { "paused for long" } else { "paused" });
                pause(HEALTH_CHECK);
                fleet.hang_up_on_absent();
            }
            Trouble::Drained => {
                fleet.drain(node)?;
                // It worked to its end.
                since = Stopwatch::start();
                self.count("drained");
            }
        }
        self.wait_for_takeover(hq, since)?;
        match trouble {
            Trouble::Paused => {
                if is_long {
                    pause(self.long_pause);
                }
                fleet.wake(node)?;
            }
            Trouble::Killed | Trouble::Drained => fleet.restart(node)?,
        }
        Ok(())
    }

    /// Waits until more customers have accounts than at this moment.
    fn wait_for_takeover(&mut self, hq: &HeadquartersClient, since: Stopwatch) -> Result<()> {
        let promoted = || hq.status().ok().map(|status| status.customers);
        let Some(before) = wait_until(TAKEOVER_MAX, promoted) else {
            bail!("no node of headquarters answers");
        };
        let goes_on = || promoted().filter(|now| *now > before).map(drop);
        if wait_until(TAKEOVER_MAX, goes_on).is_none() {
            bail!("no other node has promoted anything in {} s", TAKEOVER_MAX.as_secs());
        }
        self.takeovers.push(since.elapsed());
        Ok(())
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}
