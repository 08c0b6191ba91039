//! One seed, twice: the same end both times, and if something is wrong, its story.

use anyhow::{Context, Result};
use serde_json::json;
use tillsync_sim::plan::{Act, Plan};
use tillsync_sim::planted;
use tillsync_sim::run::{Outcome, run};
use tillsync_sim::shrink::shrink;
use tillsync_sim::turns::hush_panics;

use super::print_findings;
use crate::Arguments;

/// Replays a seed. Says whether all is well.
pub(crate) fn replay(seed: u64, arguments: &Arguments) -> Result<bool> {
    let bug = match &arguments.bug {
        Some(name) => Some(planted::named(name).context("no such bug; --planted lists them")?),
        None => None,
    };
    let plan = Plan::of(seed);
    let outcome = run(&plan, bug);
    hush_panics();
    let again = run(&plan, bug);
    let is_same = outcome.digest == again.digest && outcome.story == again.story;
    if arguments.json {
        let findings = outcome.findings.iter();
        let findings = findings.map(|it| json!({ "checker": it.checker, "sentence": it.sentence }));
        let report = json!({
            "seed": seed,
            "digest": outcome.digest,
            "is_reproduced": is_same,
            "findings": findings.collect::<Vec<_>>(),
            "simulated_hours": outcome.simulated.as_secs_f64() / 3600.0,
        });
        println!("{report}");
    } else {
        print_plan(&plan);
        println!("digest of every database at the end: {}", outcome.digest);
        print_difference(&outcome, &again);
    }
    let is_well = outcome.findings.is_empty();
    if !arguments.json && arguments.story && is_well {
        print_story(&outcome);
    }
    if !arguments.json && !is_well {
        println!("\nfound:");
        print_findings(&outcome.findings, 5);
        let shrunk = shrink(&plan, outcome, bug, arguments.shrink_runs);
        println!("\nthe same in small, after {} runs:\n", shrunk.runs);
        print_plan(&shrunk.plan);
        print_story(&shrunk.outcome);
        println!("\nfound:");
        print_findings(&shrunk.outcome.findings, 10);
    } else if !arguments.json {
        println!("{} hours simulated, nothing is wrong", outcome.simulated.as_secs() / 3600);
    }
    Ok(is_same && is_well)
}

fn print_plan(plan: &Plan) {
    let topology = &plan.topology;
    println!("seed {}: {} nodes of headquarters", plan.seed, topology.nodes);
    for (group, books) in &topology.groups {
        println!("  group {group}, address books {}", books.join(" "));
    }
    for store in &topology.stores {
        println!("  store {} in {}, {} registers", store.id, store.group, store.registers);
    }
    println!("  {:?}", plan.weather);
    let is_fault = |act: &Act| matches!(act, Act::Fault(_));
    let faults = plan.events.iter().filter(|event| is_fault(&event.act)).count();
    println!(
        "  {} operations and {faults} faults in {} minutes; edges act every {} s, nodes every {} s",
        plan.events.len() - faults,
        plan.horizon.as_secs() / 60,
        plan.pace.edge.as_secs(),
        plan.pace.node.as_secs()
    );
}

fn print_story(outcome: &Outcome) {
    println!();
    for line in &outcome.story {
        println!("{line}");
    }
}

fn print_difference(first: &Outcome, second: &Outcome) {
    if first.digest == second.digest && first.story == second.story {
        println!("run twice, the same both times");
        return;
    }
    println!("run twice, NOT the same: the second ended in {}", second.digest);
    let pairs = first.story.iter().zip(&second.story).enumerate();
    let mut different = pairs.filter(|(_, (first, second))| first != second);
    if let Some((line, (first, second))) = different.next() {
        println!("  line {line} of the story:\n  {first}\n  {second}");
    }
}
