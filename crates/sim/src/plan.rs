//! What a seed decides before a run begins: topology, weather, and every event with its time.
//!
//! Which kinds of events take part at all is drawn per run (swarm testing): a run without
//! restores finds what restores would have covered up.

use std::time::Duration;

use crate::dice::Dice;
use crate::faults;
use crate::net::Weather;
use crate::operations;

/// How many machines there are, and who belongs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Nodes of headquarters.
    pub nodes: usize,
    /// Groups with their address books.
    pub groups: Vec<(String, Vec<String>)>,
    /// Stores.
    pub stores: Vec<Store>,
}

/// A store and its registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its name.
    pub id: String,
    /// Its group.
    pub group: String,
    /// How many registers it has.
    pub registers: usize,
}

/// How often machines act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two uploads, and two polls, of an edge.
    pub edge: Duration,
    /// Between two rounds of jobs at a node.
    pub node: Duration,
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, from the beginning.
    pub at: Duration,
    /// What happens.
    pub act: Act,
    /// The name of its stream of randomness.
    pub salt: u64,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Somebody does something.
    Operation(&'static str),
    /// Something breaks.
    Fault(&'static str),
}

/// A whole run before it begins.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// The machines.
    pub topology: Topology,
    /// How often they act.
    pub pace: Pace,
    /// The network.
    pub weather: Weather,
    /// What happens, by time.
    pub events: Vec<Event>,
    /// When faults end.
    pub horizon: Duration,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "plan");
        let topology = draw_topology(&mut dice);
        let pace = Pace {
            edge: Duration::from_secs(dice.between(15, 180)),
            node: Duration::from_secs(dice.between(20, 300)),
        };
        let weather = draw_weather(&mut dice);
        let horizon = Duration::from_secs(60 * dice.between(20, 120));
        let events = draw_events(&mut dice, horizon);
        Plan { seed, topology, pace, weather, events, horizon }
    }
}

fn draw_topology(dice: &mut Dice) -> Topology {
    let nodes = usize_between(dice, 1, 3);
    let mut groups = vec![("retail".to_owned(), vec!["retail".to_owned()])];
    if dice.chance(0.4) {
        // Shares one book with the first group, and has one of its own.
        groups.push(("outlet".to_owned(), vec!["outlet".to_owned(), "retail".to_owned()]));
    }
    if dice.chance(0.2) {
        groups.push(("abroad".to_owned(), vec!["abroad".to_owned()]));
    }
    // Mostly few: a small chain has as many ways to go wrong, and runs faster.
    let most = if dice.chance(0.1) { 8 } else { 3 };
    let stores = (1..=usize_between(dice, 1, most))
        .map(|number| Store {
            id: format!("S{number}"),
            group: dice.pick(&groups).expect("at least one group").0.clone(),
            registers: if dice.chance(0.5) {
                usize_between(dice, 0, 2)
            } else {
                usize_between(dice, 0, 4).min(1)
            },
        })
        .collect();
    Topology { nodes, groups, stores }
}

fn draw_weather(dice: &mut Dice) -> Weather {
    let mut maybe = |most: f64| match dice.chance(0.5) {
        true => dice.fraction() * most,
        false => 0.0,
    };
    let mut weather = Weather {
        loses_requests: maybe(0.3),
        loses_answers: maybe(0.3),
        delays: maybe(0.1),
        doubles: maybe(0.2),
        damages: maybe(0.2),
        breaks_off: maybe(0.2),
        latency_ms_max: 0,
    };
    weather.latency_ms_max = dice.between(1, 2_000);
    weather
}

fn draw_events(dice: &mut Dice, horizon: Duration) -> Vec<Event> {
    let operations: Vec<_> = operations::ALL.iter().map(|op| (op.kind(), op.share())).collect();
    let faults: Vec<_> = faults::ALL.iter().map(|fault| (fault.kind(), fault.share())).collect();
    let count = dice.between(20, 150);
    let mut events = draw_of(dice, &operations, count, Act::Operation, horizon);
    let count = dice.between(0, 30);
    events.extend(draw_of(dice, &faults, count, Act::Fault, horizon));
    events.sort_by_key(|event| event.at);
    events
}

/// So many events of the kinds that take part in this run.
fn draw_of(
    dice: &mut Dice,
    kinds: &[(&'static str, u32)],
    count: u64,
    act: fn(&'static str) -> Act,
    horizon: Duration,
) -> Vec<Event> {
    let shares: Vec<(&'static str, u32)> = kinds
        .iter()
        .map(|(kind, share)| (*kind, if dice.chance(0.3) { 0 } else { *share }))
        .collect();
    let total: u32 = shares.iter().map(|(_, share)| share).sum();
    let mut events = Vec::new();
    for _ in 0..count {
        let mut drawn = dice.between(1, u64::from(total.max(1)));
        let at = Duration::from_millis(dice.between(0, horizon.as_millis() as u64));
        let salt = dice.number();
        for (kind, share) in &shares {
            let share = u64::from(*share);
            if drawn <= share {
                events.push(Event { at, act: act(kind), salt });
                break;
            }
            drawn -= share;
        }
    }
    events
}

fn usize_between(dice: &mut Dice, low: u64, high: u64) -> usize {
    usize::try_from(dice.between(low, high)).expect("a small number")
}
