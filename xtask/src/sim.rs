//! The simulator: `cargo xtask sim`. It is built and run as a program of its own, so that this
//! binary stays quick to build.

use std::path::Path;

use anyhow::{Context, Result};

use crate::Verdict;
use crate::cargo::cargo_command;

/// Arguments of `cargo xtask sim`, which the simulator itself reads.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    passed_on: Vec<String>,
}

/// Seeds that every change must pass.
pub(crate) const CI_SEEDS: &[&str] = &["--seeds", "200"];

/// Seeds for the night.
pub(crate) const LONG_SEEDS: &[&str] = &["--seeds", "2000", "--from", "1000"];

/// Bugs that must stay findable.
pub(crate) const PLANTED: &[&str] = &["--planted"];

/// Builds the simulator to run fast, runs it, and says what it said.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let passed_on: Vec<&str> = arguments.passed_on.iter().map(String::as_str).collect();
    simulate(root, "sim", &passed_on)
}

/// The same with what the tests have built already: building it anew takes longer than it saves.
pub(crate) fn run_as_tested(root: &Path, arguments: &[&str]) -> Result<Verdict> {
    simulate(root, "dev", arguments)
}

fn simulate(root: &Path, profile: &str, arguments: &[&str]) -> Result<Verdict> {
    let build_and_run = ["run", "--quiet", "--package", "tillsync-sim", "--profile", profile, "--"];
    let status = cargo_command(root)
        .args(build_and_run)
        .args(arguments)
        .status()
        .context("start the simulator")?;
    Ok(if status.success() { Verdict::Passed } else { Verdict::Failed })
}
