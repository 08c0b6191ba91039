//! The development commands of tillsync: `cargo xtask tidy`, `ci`, `generate`,
//! `check-demo`, `sim`, `fuzz`, `api-fuzz`, `crash`, `cluster`, `package-store`, `postgres-faults`,
//! `relocate`, `bench`.
//!
//! This binary must stay quick to build: it never depends on a web framework or a database, and
//! holds no rule of the product. Each command is one module; this file only dispatches.
#![expect(clippy::print_stdout, reason = "a command line program reports on standard output")]

mod api_fuzz;
mod bench;
mod cargo;
mod check_demo;
mod ci;
mod cluster;
mod crash;
mod dependencies;
mod fuzz;
mod generate;
mod package_store;
mod postgres_faults;
mod relocate;
mod sim;
mod tidy;
mod tree;
mod trial;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command found out, apart from not being able to run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is wrong.
    Passed,
    /// Something is wrong, and was printed.
    Failed,
}

/// Development commands of tillsync.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check what the compiler cannot: arrows between crates, limits, documents, conformance.
    Tidy,
    /// Run every check of a change, in order, stopping at the first failure.
    Ci(ci::Arguments),
    /// Check licences, bans and sources of all dependencies against deny.toml.
    Dependencies,
    /// Write a CSV of invented customers, the same for the same seed.
    ///
    /// Example: cargo xtask generate --customers 100000 --seed 1 --out /tmp/big.csv
    Generate(generate::Arguments),
    /// Try to break what must hold of every input, guided by what inputs reach in the code.
    ///
    /// Example: cargo xtask fuzz --seconds 60 --target log-row
    Fuzz(fuzz::Arguments),
    /// Call every operation of each server as its OpenAPI document describes it.
    ///
    /// Example: cargo xtask api-fuzz --only channel --max-examples 100
    ApiFuzz(api_fuzz::Arguments),
    /// Run whole chains on a virtual clock with every fault there is, from seeds.
    ///
    /// Examples: cargo xtask sim --seeds 2000; cargo xtask sim --seed 17;
    /// cargo xtask sim --planted; cargo xtask sim --help
    Sim(sim::Arguments),
    /// Kill real processes under load and check that no customer and no sale is lost or doubled.
    ///
    /// Example: cargo xtask crash --kills 60 --seed 1
    Crash(crash::Arguments),
    /// Run the whole loop with packages on an object store that is killed in the middle.
    ///
    /// Example: cargo xtask package-store --s3
    PackageStore(package_store::Arguments),
    /// Kill and pause nodes of headquarters over one PostgreSQL under load; nothing may be lost.
    ///
    /// Example: cargo xtask cluster --nodes 3 --kills 30
    Cluster(cluster::Arguments),
    /// Move a headquarters of 100,000 customers from SQLite to PostgreSQL; its stores must go on.
    ///
    /// Example: cargo xtask relocate --customers 100000
    Relocate(relocate::Arguments),
    /// Let database servers fail under load: no connections, no room, a lost primary.
    ///
    /// Example: cargo xtask postgres-faults --story failover
    PostgresFaults(postgres_faults::Arguments),
    /// Measure what must be quick, with a program built as it ships.
    ///
    /// Example: cargo xtask bench search --customers 1000000
    Bench(bench::Arguments),
    /// Check the JSON report that `tillsync demo --json` printed.
    CheckDemo(check_demo::Arguments),
}

fn main() -> ExitCode {
    let root = workspace_root();
    let outcome = match Arguments::parse().command {
        Command::Tidy => tidy::run(root),
        Command::Ci(arguments) => ci::run(root, &arguments),
        Command::Dependencies => dependencies::run(root),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(root, &arguments),
        Command::ApiFuzz(arguments) => api_fuzz::run(root, &arguments),
        Command::Sim(arguments) => sim::run(root, &arguments),
        Command::Crash(arguments) => crash::run(root, &arguments),
        Command::PackageStore(arguments) => package_store::run(root, &arguments),
        Command::Cluster(arguments) => cluster::run(root, &arguments),
        Command::Relocate(arguments) => relocate::run(root, &arguments),
        Command::PostgresFaults(arguments) => postgres_faults::run(root, &arguments),
        Command::Bench(arguments) => bench::run(root, &arguments),
        Command::CheckDemo(arguments) => check_demo::run(&arguments),
    };
    match outcome {
        Ok(Verdict::Passed) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn workspace_root() -> &'static Path {
    let manifest_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_folder.parent().expect("xtask lies one folder below the workspace root")
}
