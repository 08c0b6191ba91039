//! Many seeds: is anything wrong, how fast does it go, and what really happened?

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use tillsync_sim::coverage::Coverage;
use tillsync_sim::faults;
use tillsync_sim::operations;
use tillsync_sim::plan::Plan;
use tillsync_sim::run::{Outcome, run};
use tillsync_sim::turns::hush_panics;

use super::{now, print_findings, side_by_side};
use crate::Arguments;

const SEEDS: u64 = 200;

/// From so many seeds on, every kind of event must have occurred.
const SEEDS_FOR_ALL_KINDS: u64 = 200;

/// What the network does; see `net.rs`, which counts it.
const NETWORK: [&str; 6] = [
    "lost request",
    "late request",
    "doubled request",
    "lost answer",
    "damaged package",
    "broken-off package",
];

/// Runs many seeds. Says whether all is well.
pub(crate) fn run_seeds(arguments: &Arguments) -> Result<bool> {
    if arguments.bug.is_some() {
        bail!("--bug goes with --seed or --planted");
    }
    hush_panics();
    let count = arguments.seeds.unwrap_or(SEEDS);
    let seeds: Vec<u64> = (arguments.from..).take(usize::try_from(count)?).collect();
    let (started, done) = (now(), AtomicU64::new(0));
    let outcomes = side_by_side(arguments, &seeds, |seed| {
        let mut outcome = run(&Plan::of(*seed), None);
        // Thousands of stories would fill the memory.
        outcome.story = vec![];
        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
        if done.is_multiple_of(25) || !outcome.findings.is_empty() {
            let finding = if outcome.findings.is_empty() { "" } else { "; this one fails" };
            eprintln!("{done} of {count} seeds, seed {seed}{finding}");
        }
        outcome
    });
    let report = Report::of(&seeds, outcomes, started.elapsed());
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(report.failed.is_empty() && (count < SEEDS_FOR_ALL_KINDS || report.never().is_empty()))
}

struct Report {
    seeds: usize,
    failed: Vec<(u64, Outcome)>,
    coverage: Coverage,
    simulated: Duration,
    /// The seed that came to rest last, and how long it took.
    slowest: Option<(u64, Duration)>,
    took: Duration,
}

impl Report {
    fn of(seeds: &[u64], outcomes: Vec<Outcome>, took: Duration) -> Self {
        let mut coverage = Coverage::default();
        let mut simulated = Duration::ZERO;
        for outcome in &outcomes {
            coverage.add(&outcome.coverage);
            simulated += outcome.simulated;
        }
        let rested = seeds.iter().zip(&outcomes).filter(|(_, it)| it.findings.is_empty());
        let slowest = rested.map(|(seed, it)| (*seed, it.rested_after)).max_by_key(|it| it.1);
        let outcomes = seeds.iter().copied().zip(outcomes);
        let failed = outcomes.filter(|(_, outcome)| !outcome.findings.is_empty()).collect();
        Report { seeds: seeds.len(), failed, coverage, simulated, slowest, took }
    }

    /// Every kind there is, with how often it occurred.
    fn kinds(&self) -> Vec<(&'static str, String, u64)> {
        let operations = operations::ALL.iter().map(|it| ("operation", it.kind(), it.share()));
        let faults = faults::ALL.iter().map(|it| ("fault", it.kind(), it.share()));
        let network = NETWORK.iter().map(|kind| ("network", *kind, 1));
        let drawn = |(_, _, share): &(_, _, u32)| *share > 0;
        let known = operations.chain(faults).chain(network).filter(drawn);
        let mut kinds: Vec<_> = known
            .map(|(what, kind, _)| (what, kind.to_owned(), self.coverage.of(what, kind)))
            .collect();
        let others = self.coverage.rows();
        let others = others.filter(|(what, kind, _)| {
            !kinds.iter().any(|known| known.0 == *what && known.1 == *kind)
        });
        let others: Vec<_> =
            others.map(|(what, kind, count)| (what, kind.to_owned(), count)).collect();
        kinds.extend(others);
        kinds
    }

    fn never(&self) -> Vec<String> {
        let kinds = self.kinds().into_iter().filter(|(_, _, count)| *count == 0);
        kinds.map(|(what, kind, _)| format!("{what} {kind}")).collect()
    }

    fn seeds_per_second(&self) -> f64 {
        self.seeds as f64 / self.took.as_secs_f64()
    }

    fn simulated_hours(&self) -> f64 {
        self.simulated.as_secs_f64() / 3600.0
    }

    fn json(&self) -> serde_json::Value {
        let kinds = self
            .kinds()
            .into_iter()
            .map(|(what, kind, count)| json!({ "what": what, "kind": kind, "count": count }));
        let failed = self.failed.iter().map(|(seed, outcome)| {
            let finding = &outcome.findings[0];
            json!({ "seed": seed, "checker": finding.checker, "sentence": finding.sentence })
        });
        json!({
            "seeds": self.seeds,
            "seconds": self.took.as_secs_f64(),
            "seeds_per_second": self.seeds_per_second(),
            "simulated_hours": self.simulated_hours(),
            "slowest_to_rest": self.slowest.map(|(seed, after)| json!({
                "seed": seed, "minutes": after.as_secs() / 60
            })),
            "failed": failed.collect::<Vec<_>>(),
            "never": self.never(),
            "coverage": kinds.collect::<Vec<_>>(),
        })
    }

    fn print(&self) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["what", "kind", "times"]);
        for (what, kind, count) in self.kinds() {
            let count = if count == 0 { "NEVER".to_owned() } else { count.to_string() };
            table.add_row([what, &kind, &count]);
        }
        if let Some(times) = table.column_mut(2) {
            times.set_cell_alignment(CellAlignment::Right);
        }
        println!("{table}");
        println!(
            "\n{} seeds in {:.1} s, {:.2} seeds per second; {:.0} hours simulated",
            self.seeds,
            self.took.as_secs_f64(),
            self.seeds_per_second(),
            self.simulated_hours()
        );
        if let Some((seed, after)) = self.slowest {
            let minutes = after.as_secs() / 60;
            println!("last to come to rest: seed {seed}, {minutes} minutes after all faults ended");
        }
        for kind in self.never() {
            println!("never occurred: {kind}");
        }
        for (seed, outcome) in &self.failed {
            println!("\nseed {seed} fails:");
            print_findings(&outcome.findings, 3);
            println!("  replay: cargo xtask sim --seed {seed}");
        }
        match self.failed.len() {
            0 => println!("nothing is wrong"),
            failed => println!("\n{failed} of {} seeds fail", self.seeds),
        }
    }
}
