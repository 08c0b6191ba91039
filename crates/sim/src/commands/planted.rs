//! Planted bugs: how many seeds it takes to find each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;
use tillsync_sim::plan::Plan;
use tillsync_sim::planted::{self, Bug};
use tillsync_sim::run::{Finding, run};
use tillsync_sim::turns::hush_panics;

use super::{now, shortened, side_by_side};
use crate::Arguments;

/// In so many seeds each bug must be found.
const SEEDS_MAX: u64 = 50;

/// Plants each bug and looks for it. Says whether all were found.
pub(crate) fn find_all(arguments: &Arguments) -> Result<bool> {
    hush_panics();
    let is_asked = |bug: &&dyn Bug| arguments.bug.as_ref().is_none_or(|name| bug.name() == name);
    let bugs: Vec<&dyn Bug> = planted::all().filter(is_asked).collect();
    if bugs.is_empty() {
        bail!("there is no such planted bug");
    }
    let started = now();
    let ground = Ground::of(arguments);
    let hunts = side_by_side(arguments, &bugs, |bug| {
        let hunt = hunt(*bug, &ground);
        let found = if hunt.found.is_some() { "found" } else { "NOT FOUND" };
        eprintln!("{}: {found} after {} seeds", bug.name(), hunt.seeds);
        hunt
    });
    let took = started.elapsed();
    match arguments.json {
        true => println!("{}", to_json(&bugs, &hunts, took)),
        false => print(&bugs, &hunts, took),
    }
    Ok(hunts.iter().all(|hunt| hunt.found.is_some()))
}

struct Hunt {
    seeds: u64,
    found: Option<Finding>,
    /// How often checkers spoke up that the bug does not name.
    others: BTreeMap<&'static str, u64>,
}

/// The seeds that are tried, with the checkers that speak up there without any bug: these prove
/// nothing.
struct Ground(Vec<(u64, OnceLock<BTreeSet<&'static str>>)>);

impl Ground {
    fn of(arguments: &Arguments) -> Self {
        let seeds = 0..arguments.seeds.unwrap_or(SEEDS_MAX);
        Ground(seeds.map(|seed| (arguments.from + seed, OnceLock::new())).collect())
    }
}

fn hunt(bug: &dyn Bug, ground: &Ground) -> Hunt {
    let mut hunt = Hunt { seeds: 0, found: None, others: BTreeMap::new() };
    for (seed, loud) in &ground.0 {
        let plan = Plan::of(*seed);
        hunt.seeds += 1;
        let findings = run(&plan, Some(bug)).findings.into_iter();
        let is_named = |it: &Finding| bug.found_by().contains(&it.checker);
        let (named, others): (Vec<_>, Vec<_>) = findings.partition(is_named);
        for finding in others {
            *hunt.others.entry(finding.checker).or_default() += 1;
        }
        if named.is_empty() {
            continue;
        }
        let without = || run(&plan, None).findings.iter().map(|it| it.checker).collect();
        let loud = loud.get_or_init(without);
        if let Some(found) = named.into_iter().find(|it| !loud.contains(it.checker)) {
            hunt.found = Some(found);
            break;
        }
    }
    hunt
}

fn print(bugs: &[&dyn Bug], hunts: &[Hunt], took: Duration) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(120).set_header(["planted bug", "seeds", "found by", "what it says"]);
    for (bug, hunt) in bugs.iter().zip(hunts) {
        let seeds = hunt.seeds.to_string();
        match &hunt.found {
            Some(found) => {
                table.add_row([bug.name(), &seeds, found.checker, &shortened(&found.sentence)])
            }
            None => {
                let others = format!("others spoke up: {:?}", hunt.others);
                table.add_row([bug.name(), &seeds, "NOBODY", &others])
            }
        };
    }
    if let Some(seeds) = table.column_mut(1) {
        seeds.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    let found = hunts.iter().filter(|hunt| hunt.found.is_some()).count();
    let seconds = took.as_secs_f64();
    println!("\n{found} of {} planted bugs found, {seconds:.1} s", hunts.len());
}

fn to_json(bugs: &[&dyn Bug], hunts: &[Hunt], took: Duration) -> serde_json::Value {
    let rows = bugs.iter().zip(hunts).map(|(bug, hunt)| {
        json!({
            "bug": bug.name(),
            "seeds": hunt.seeds,
            "found_by": hunt.found.as_ref().map(|found| found.checker),
            "sentence": hunt.found.as_ref().map(|found| &found.sentence),
        })
    });
    json!({ "planted": rows.collect::<Vec<_>>(), "seconds": took.as_secs_f64() })
}
