//! One run: the plan is carried out under faults, then everything heals and must come to rest.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;

use crate::chain::Chain;
use crate::checkers::{self, Checker, Eyes, Scene};
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::digest::digest_of;
use crate::loops;
use crate::net::ARRIVED_AFTER;
use crate::operations::{self, Performed};
use crate::plan::{Act, Event, Plan};
use crate::{faults, planted};

/// How often checkers look while faults strike.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// How long everything may take to come to rest when faults have ended.
const PATIENCE: Duration = Duration::from_secs(9 * 3600);

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What did not hold: the checker's name and its sentences.
    pub findings: Vec<Finding>,
    /// A digest of every table of every database at the end.
    pub digest: String,
    /// What happened, line by line.
    pub story: Vec<String>,
    /// What happened how often.
    pub coverage: Coverage,
    /// How much virtual time went by.
    pub simulated: Duration,
    /// How long after the end of all faults everything had come to rest.
    pub rested_after: Duration,
}

/// Something that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose rule it is.
    pub checker: &'static str,
    /// What is wrong.
    pub sentence: String,
}

/// Carries a plan out, with a planted bug if one is given.
pub fn run(plan: &Plan, bug: Option<&dyn planted::Bug>) -> Outcome {
    let chain = Chain::build(plan.seed, &plan.topology);
    chain.net.set_weather(plan.weather);
    let mut watch = Watch { checkers: checkers::all(), eyes: Eyes::default(), findings: vec![] };
    if let Some(bug) = bug {
        bug.plant(&chain);
    }
    loops::begin(&chain, plan.pace);
    for event in plan.events.clone() {
        let acting = Arc::clone(&chain);
        chain.turns.begin_after(event.at, move || perform(&acting, &event));
    }
    let mut until = Duration::ZERO;
    while until < plan.horizon && watch.findings.is_empty() {
        until = (until + LOOK_EVERY).min(plan.horizon);
        chain.turns.run_until(until);
        watch.look(&chain, false);
    }
    let mut rested_after = Duration::ZERO;
    if watch.findings.is_empty() {
        heal(&chain);
        rested_after = settle(&chain, &mut watch);
    }
    chain.end();
    while chain.turns.run_until(chain.turns.now() + Duration::from_secs(3600)) {}
    watch.add_panics(&chain);
    Outcome {
        findings: watch.findings,
        digest: digest_of(&chain),
        story: chain.story(),
        coverage: chain.coverage(),
        simulated: chain.turns.now(),
        rested_after,
    }
}

fn perform(chain: &Arc<Chain>, event: &Event) {
    let mut dice = Dice::of(event.salt, "event");
    match event.act {
        Act::Operation(kind) => {
            let operation = operations::ALL.iter().find(|operation| operation.kind() == kind);
            let operation = operation.expect("a plan names what there is");
            match operation.perform(chain, &mut dice) {
                Performed::Done => chain.count("operation", kind),
                Performed::Refused(why) => {
                    chain.count("refused operation", kind);
                    chain.tell(format!("{kind} is refused: {why}"));
                }
                Performed::NotNow => {}
            }
        }
        Act::Fault(kind) => {
            let fault = faults::ALL.iter().find(|fault| fault.kind() == kind);
            let fault = fault.expect("a plan names what there is");
            // What was planned to begin may fall behind the end of all faults.
            if !chain.is_healing.load(Ordering::SeqCst) && fault.strike(chain, &mut dice) {
                chain.count("fault", kind);
            }
        }
    }
}

/// Ends every fault, and puts an operator on duty.
fn heal(chain: &Arc<Chain>) {
    chain.tell("all faults end");
    chain.is_healing.store(true, Ordering::SeqCst);
    chain.net.heal();
    chain.hq.room.set_full(false);
    for node in &chain.hq.nodes {
        node.clock.set_ahead(SignedDuration::ZERO);
        chain.hq.start(node);
    }
    for site in chain.all_edges() {
        site.clock.set_ahead(SignedDuration::ZERO);
        site.is_full.store(false, Ordering::SeqCst);
        site.start();
    }
    for fault in faults::ALL {
        fault.heal(chain);
    }
    loops::begin_operator(chain);
}

/// Waits until no checker finds anything any more. Returns how long that took.
fn settle(chain: &Arc<Chain>, watch: &mut Watch) -> Duration {
    let healed_at = chain.turns.now();
    // A copy that arrives late looks like a database that was restored, and begins something new.
    let mut wait = ARRIVED_AFTER;
    loop {
        chain.turns.run_until(chain.turns.now() + wait);
        wait = (wait * 2).min(Duration::from_secs(2 * 3600));
        watch.findings.clear();
        watch.look(chain, true);
        let waited = chain.turns.now() - healed_at;
        if watch.findings.is_empty() {
            // At rest is where nothing happens any more: one more round must change nothing.
            chain.turns.run_until(chain.turns.now() + Duration::from_secs(1800));
            watch.look(chain, true);
            return waited;
        }
        if waited >= PATIENCE {
            return waited;
        }
    }
}

struct Watch {
    checkers: Vec<Box<dyn Checker>>,
    eyes: Eyes,
    findings: Vec<Finding>,
}

impl Watch {
    fn look(&mut self, chain: &Chain, is_at_rest: bool) {
        for observation in chain.take_seen() {
            for checker in &mut self.checkers {
                checker.saw(&observation);
            }
        }
        let scene = Scene::of(chain, &self.eyes);
        for checker in &mut self.checkers {
            let sentences = match is_at_rest {
                true => checker.look_at_rest(&scene),
                false => checker.look(&scene),
            };
            let name = checker.name();
            let found = sentences.into_iter().map(|sentence| Finding { checker: name, sentence });
            self.findings.extend(found);
        }
        self.add_panics(chain);
    }

    fn add_panics(&mut self, chain: &Chain) {
        let panics = chain.turns.take_panics();
        let found = panics.into_iter().map(|sentence| Finding { checker: "no panic", sentence });
        self.findings.extend(found);
    }
}
