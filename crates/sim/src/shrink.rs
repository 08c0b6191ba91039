//! Making a failing run small: fewer events, fewer machines, better weather, as long as the same
//! checker still finds something.
//!
//! Each event draws from a stream of its own, so leaving one out changes no other one's draws.

use std::time::Duration;

use crate::net::Weather;
use crate::plan::{Plan, Topology};
use crate::planted::Bug;
use crate::run::{Finding, Outcome, run};

/// What is left of a failing run.
pub struct Shrunk {
    /// The smallest plan that still fails.
    pub plan: Plan,
    /// What became of it.
    pub outcome: Outcome,
    /// How many runs it took.
    pub runs: usize,
}

/// Makes a failing plan small, in at most so many runs. The same plan shrinks the same way.
pub fn shrink(plan: &Plan, outcome: Outcome, bug: Option<&dyn Bug>, runs_max: usize) -> Shrunk {
    let Some(checker) = outcome.findings.first().map(|finding| finding.checker) else {
        return Shrunk { plan: plan.clone(), outcome, runs: 0 };
    };
    let smallest = Shrunk { plan: plan.clone(), outcome, runs: 0 };
    let mut attempts = Attempts { smallest, checker, bug, runs_max };
    attempts.try_weather(|_| Weather { latency_ms_max: 20, ..Weather::default() });
    attempts.drop_events();
    attempts.simplify_topology();
    for calm in CALMER {
        attempts.try_weather(calm);
    }
    attempts.shorten();
    attempts.drop_events();
    attempts.smallest
}

/// Takes one part of the bad weather away each.
const CALMER: [fn(Weather) -> Weather; 7] = [
    |weather| Weather { loses_requests: 0.0, ..weather },
    |weather| Weather { loses_answers: 0.0, ..weather },
    |weather| Weather { delays: 0.0, ..weather },
    |weather| Weather { doubles: 0.0, ..weather },
    |weather| Weather { damages: 0.0, ..weather },
    |weather| Weather { breaks_off: 0.0, ..weather },
    |weather| Weather { latency_ms_max: 20, ..weather },
];

struct Attempts<'a> {
    smallest: Shrunk,
    checker: &'static str,
    bug: Option<&'a dyn Bug>,
    runs_max: usize,
}

impl Attempts<'_> {
    /// Takes a plan over if it still fails in the same way. Says whether it does.
    fn attempt(&mut self, plan: Plan) -> bool {
        if self.smallest.runs >= self.runs_max {
            return false;
        }
        self.smallest.runs += 1;
        let outcome = run(&plan, self.bug);
        let is_same = |finding: &Finding| finding.checker == self.checker;
        let still_fails = outcome.findings.iter().any(is_same);
        if still_fails {
            self.smallest.plan = plan;
            self.smallest.outcome = outcome;
        }
        still_fails
    }

    fn drop_events(&mut self) {
        let (plan, events) = (self.smallest.plan.clone(), self.smallest.plan.events.clone());
        fewer(events, |events| self.attempt(Plan { events: events.to_vec(), ..plan.clone() }));
    }

    fn try_weather(&mut self, calm: fn(Weather) -> Weather) {
        let plan = self.smallest.plan.clone();
        let weather = calm(plan.weather);
        if weather != plan.weather {
            self.attempt(Plan { weather, ..plan });
        }
    }

    fn simplify_topology(&mut self) {
        let mut at = 0;
        while let Some(topology) = simpler(&self.smallest.plan.topology, at) {
            let plan = Plan { topology, ..self.smallest.plan.clone() };
            // What was simplified has moved the next idea to this place.
            if !self.attempt(plan) {
                at += 1;
            }
        }
    }

    fn shorten(&mut self) {
        let plan = self.smallest.plan.clone();
        let last = plan.events.last().map_or(Duration::ZERO, |event| event.at);
        for wait in [1, 600] {
            let horizon = last + Duration::from_secs(wait);
            if horizon < plan.horizon && self.attempt(Plan { horizon, ..plan.clone() }) {
                return;
            }
        }
    }
}

/// The idea of a number to make a topology simpler; nothing behind the last.
fn simpler(topology: &Topology, at: usize) -> Option<Topology> {
    let mut ideas = Vec::new();
    if topology.stores.len() > 1 {
        for index in (0..topology.stores.len()).rev() {
            let mut fewer = topology.clone();
            fewer.stores.remove(index);
            ideas.push(fewer);
        }
    }
    for (index, store) in topology.stores.iter().enumerate() {
        if store.registers > 0 {
            let mut fewer = topology.clone();
            fewer.stores[index].registers -= 1;
            ideas.push(fewer);
        }
    }
    if topology.nodes > 1 {
        ideas.push(Topology { nodes: topology.nodes - 1, ..topology.clone() });
    }
    let is_used = |group: &str| topology.stores.iter().any(|store| store.group == group);
    for (index, (group, _)) in topology.groups.iter().enumerate().skip(1) {
        if !is_used(group) {
            let mut fewer = topology.clone();
            fewer.groups.remove(index);
            ideas.push(fewer);
        }
    }
    ideas.into_iter().nth(at)
}

/// Leaves out as many items as can be left out while what remains still fails: halves first, then
/// smaller and smaller parts, down to single ones.
fn fewer<T: Clone>(mut items: Vec<T>, mut still_fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut part = items.len();
    while part > 0 && !items.is_empty() {
        let mut begin = 0;
        while begin < items.len() {
            let end = (begin + part).min(items.len());
            let left: Vec<T> = [&items[..begin], &items[end..]].concat();
            if still_fails(&left) {
                items = left;
            } else {
                begin = end;
            }
        }
        part /= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Store;

    #[test]
    fn only_what_makes_it_fail_is_left() {
        let mut asked = 0;
        let left = fewer((0..100).collect(), |items: &[i32]| {
            asked += 1;
            items.contains(&17) && items.contains(&83)
        });
        assert_eq!(left, [17, 83]);
        assert!(asked < 60, "{asked} runs");
        assert_eq!(fewer(vec![1, 2, 3], |_: &[i32]| true), Vec::<i32>::new());
        assert_eq!(fewer(vec![1, 2, 3], |_: &[i32]| false), [1, 2, 3]);
    }

    #[test]
    fn a_topology_shrinks_to_one_store_without_registers() {
        let store = |number: u32, group: &str| Store {
            id: format!("S{number}"),
            group: group.into(),
            registers: 2,
        };
        let mut topology = Topology {
            nodes: 3,
            groups: vec![("retail".into(), vec![]), ("abroad".into(), vec![])],
            stores: vec![store(1, "retail"), store(2, "abroad")],
        };
        while let Some(simplified) = simpler(&topology, 0) {
            topology = simplified;
        }
        assert_eq!((topology.nodes, topology.groups.len()), (1, 1));
        assert_eq!((topology.stores.len(), topology.stores[0].registers), (1, 0));
        assert_eq!(topology.stores[0].group, "retail");
    }
}
