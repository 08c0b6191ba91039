//! Every check of a change, in one order, on the developer's machine as in the pipeline.
//!
//! This module must never install anything: `.ci/run` does.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{Verdict, dependencies, tidy};

/// Runs the steps, printing each with its time, and stops at the first that fails.
pub(crate) fn run(root: &Path) -> Result<Verdict> {
    let started = now();
    for step in STEPS {
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
    Dependencies,
    Deny,
}

const STEPS: &[Step] = &[
    Step { name: "format", action: Action::Cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", action: Action::Tidy },
    Step {
        name: "clippy",
        action: Action::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "tests", action: Action::Tests },
    Step {
        name: "documentation tests",
        action: Action::Cargo(&["test", "--workspace", "--doc", "--quiet"]),
    },
    Step { name: "dependencies", action: Action::Dependencies },
    Step { name: "cargo deny", action: Action::Deny },
];

fn perform(root: &Path, action: Action) -> Result<Verdict> {
    match action {
        Action::Cargo(arguments) => cargo(root, arguments),
        Action::Tidy => tidy::run(root),
        Action::Tests if has_cargo_command(root, "nextest") => {
            cargo(root, &["nextest", "run", "--workspace"])
        }
        Action::Tests => {
            println!("cargo-nextest is missing; falling back to cargo test");
            cargo(root, &["test", "--workspace", "--all-targets"])
        }
        Action::Dependencies => dependencies::run(root),
        Action::Deny if has_cargo_command(root, "deny") => cargo(root, &["deny", "check"]),
        Action::Deny => {
            println!("cargo-deny is missing: advisories were not checked");
            Ok(Verdict::Passed)
        }
    }
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

fn cargo_command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

#[expect(clippy::disallowed_methods, reason = "how long a step took, for people to read")]
fn now() -> Instant {
    Instant::now()
}
