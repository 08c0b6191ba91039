//! Every check of a change, in one order, on the developer's machine as in the pipeline.
//!
//! This module must never install anything: `.ci/run` does.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cargo::cargo_command;
use crate::{Verdict, api_fuzz, cluster, dependencies, package_store, sim, tidy, trial};

/// What `cargo xtask ci` is asked.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run what takes many minutes as well: more seeds, servers that are killed.
    #[arg(long)]
    long: bool,
}

/// Runs the steps, printing each with its time, and stops at the first that fails.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let started = now();
    let long = if arguments.long { LONG_STEPS } else { &[] };
    for step in STEPS.iter().chain(long) {
        println!("--- {}", step.name);
        let step_started = now();
        let verdict = perform(root, step.action)?;
        let seconds = step_started.elapsed().as_secs_f64();
        match verdict {
            Verdict::Passed => println!("--- {}: ok, {seconds:.1} s", step.name),
            Verdict::Failed => {
                println!("--- {}: FAILED after {seconds:.1} s", step.name);
                return Ok(Verdict::Failed);
            }
        }
    }
    println!("--- all passed, {:.1} s", started.elapsed().as_secs_f64());
    Ok(Verdict::Passed)
}

struct Step {
    name: &'static str,
    action: Action,
}

#[derive(Clone, Copy)]
enum Action {
    Cargo(&'static [&'static str]),
    Tidy,
    Tests,
    Simulator(&'static [&'static str]),
    Conformance,
    Cluster,
    PackageStore,
    ApiFuzz,
    Dependencies,
    Deny,
}

/// What the runner of one process a test leaves to those that share a server.
const WITHOUT_SERVER: &str =
    "not package(tillsync-hq-postgres) and not binary_id(tillsync-hq-sqlite::conformance)";

/// Every backend, with the test target that runs the suite of the storage contract on it.
const BACKENDS: [(&str, &str); 2] =
    [("SQLite", "conformance"), ("PostgreSQL", "conformance-postgres")];

const POSTGRES: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "encryption",
    "--test",
    "faults",
    "--test",
    "news",
    "--test",
    "pooler",
    "--test",
    "whole",
    "--test",
    "guards",
    "--test",
    "many_writers",
    "--test",
    "server",
    "--test",
    "restart",
];

/// Mounts a small file system, which not every machine lets one do.
const FULL_DISK: &[&str] =
    &["test", "--package", "tillsync-hq-postgres", "--test", "faults", "--", "--ignored"];

const STEPS: &[Step] = &[
    Step { name: "format", action: Action::Cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", action: Action::Tidy },
    Step {
        name: "clippy",
        action: Action::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "tests", action: Action::Tests },
    Step { name: "conformance of the storage backends", action: Action::Conformance },
    Step { name: "tests on PostgreSQL", action: Action::Cargo(POSTGRES) },
    Step { name: "simulator", action: Action::Simulator(sim::CI_SEEDS) },
    Step { name: "planted bugs", action: Action::Simulator(sim::PLANTED) },
    Step {
        name: "documentation tests",
        action: Action::Cargo(&["test", "--workspace", "--doc", "--quiet"]),
    },
    Step { name: "dependencies", action: Action::Dependencies },
    Step { name: "cargo deny", action: Action::Deny },
];

/// What does not fit into the minutes that every change may take.
const LONG_STEPS: &[Step] = &[
    Step { name: "a disk that is full", action: Action::Cargo(FULL_DISK) },
    Step { name: "many seeds", action: Action::Simulator(sim::LONG_SEEDS) },
    Step { name: "nodes that are killed, in short", action: Action::Cluster },
    Step { name: "a package store that is killed, in short", action: Action::PackageStore },
    Step { name: "requests made from the OpenAPI documents", action: Action::ApiFuzz },
];

fn perform(root: &Path, action: Action) -> Result<Verdict> {
    match action {
        Action::Cargo(arguments) => cargo(root, arguments),
        Action::Tidy => tidy::run(root),
        Action::Tests if has_cargo_command(root, "nextest") => {
            cargo(root, &["nextest", "run", "--workspace", "-E", WITHOUT_SERVER])
        }
        Action::Tests => {
            println!("cargo-nextest is missing; falling back to cargo test");
            cargo(root, &["test", "--workspace", "--all-targets"])
        }
        Action::Simulator(arguments) => sim::run_as_tested(root, arguments),
        Action::Conformance => conformance(root),
        Action::Cluster => {
            let program = trial::build_test_program(root)?;
            cluster::run(root, &cluster::Arguments::short(program))
        }
        Action::PackageStore => {
            let program = trial::build_test_program(root)?;
            package_store::run(root, &package_store::Arguments::short(program))
        }
        Action::ApiFuzz => {
            let program = trial::build_test_program(root)?;
            api_fuzz::run(root, &api_fuzz::Arguments::usual(program))
        }
        Action::Dependencies => dependencies::run(root),
        Action::Deny if has_cargo_command(root, "deny") => cargo(root, &["deny", "check"]),
        Action::Deny => {
            println!("cargo-deny is missing: advisories were not checked");
            Ok(Verdict::Passed)
        }
    }
}

/// Runs the suite on each backend; a backend that runs fewer cases than another has failed.
fn conformance(root: &Path) -> Result<Verdict> {
    let mut counts = Vec::new();
    for (backend, target) in BACKENDS {
        let arguments = ["test", "--workspace", "--test", target];
        let ran = cargo_command(root)
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("start cargo {}", arguments.join(" ")))?;
        let said = String::from_utf8_lossy(&ran.stdout);
        let Some(count) = passed(&said).filter(|_| ran.status.success()) else {
            println!("{said}");
            return Ok(Verdict::Failed);
        };
        println!("{backend}: {count} cases of the storage contract passed");
        counts.push(count);
    }
    let is_equal = counts.windows(2).all(|pair| pair[0] == pair[1]);
    if !is_equal {
        println!("the backends did not run the same number of cases");
    }
    Ok(if is_equal { Verdict::Passed } else { Verdict::Failed })
}

/// How many tests passed, by the last line of the test runner; nothing when any was left out.
fn passed(said: &str) -> Option<u32> {
    let summary = said.lines().rev().find_map(|line| line.strip_prefix("test result: ok. "))?;
    let (passed, rest) = summary.split_once(" passed; ")?;
    rest.starts_with("0 failed; 0 ignored;").then(|| passed.parse().ok())?
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<Verdict> {
    let status = cargo_command(root)
        .args(arguments)
        .status()
        .with_context(|| format!("start cargo {}", arguments.join(" ")))?;
    Ok(if status.success() { Verdict::Passed } else { Verdict::Failed })
}

fn has_cargo_command(root: &Path, name: &str) -> bool {
    cargo_command(root)
        .args([name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[expect(clippy::disallowed_methods, reason = "how long a step took, for people to read")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_counted_and_none_may_be_left_out() {
        let line = |ignored| {
            format!(
                "running 9 tests\n\ntest result: ok. 139 passed; 0 failed; {ignored} ignored; \
                 0 measured; 0 filtered out; finished in 3.20s\n"
            )
        };
        assert_eq!(passed(&line(0)), Some(139));
        assert_eq!(passed(&line(1)), None);
        assert_eq!(passed("error: could not compile"), None);
    }
}
