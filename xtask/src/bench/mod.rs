//! Measurements that are worth repeating: `cargo xtask bench search`.
//!
//! What is measured is a program of its own, built as it ships, so that this binary stays quick to
//! build and names no database.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Verdict;
use crate::cargo::cargo_command;
use crate::generate;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Time searches by kind in a channel database on disk; the 99th of 100 must take under 10 ms.
    Search(Search),
}

#[derive(clap::Args)]
struct Search {
    /// How many customers, each with an address.
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,
    /// The same seed makes the same customers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the database is made; removed afterwards. Absent: the folder for temporary files.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Measures, and fails when a goal is missed.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    match &arguments.what {
        What::Search(search) => time_searches(root, search),
    }
}

fn time_searches(root: &Path, search: &Search) -> Result<Verdict> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("tillsync-bench-");
    let folder = match &search.folder {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    };
    let folder = folder.context("make a folder for the database")?;
    let customers = folder.path().join("customers.csv");
    generate::write_file(&customers, search.customers, search.seed)?;
    let build_and_run =
        ["run", "--quiet", "--release", "--package", "tillsync-channel", "--example"];
    let status = cargo_command(root)
        .args(build_and_run)
        .args(["bench_search", "--"])
        .arg(&customers)
        .arg(folder.path())
        .status()
        .context("start the measurement")?;
    Ok(if status.success() { Verdict::Passed } else { Verdict::Failed })
}
