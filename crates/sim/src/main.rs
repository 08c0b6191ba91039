//! `cargo xtask sim`: runs seeds, replays one, or shows that planted bugs are found.
#![expect(clippy::print_stdout, reason = "a command line program reports on standard output")]

mod commands;

use std::process::ExitCode;

use clap::Parser;

/// Runs whole chains on a virtual clock, with faults, from seeds.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Arguments {
    /// How many seeds to run; with --planted, how many to try at most for each bug.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs this seed alone, twice, and tells its story if it fails, made as small as can be.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Plants bugs, one after another, and shows how many seeds it takes to find each.
    #[arg(long)]
    planted: bool,
    /// Plants this bug: with --seed into that run, with --planted no other.
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// How many runs to spend on making a failing one small.
    #[arg(long, default_value_t = 300)]
    shrink_runs: usize,
    /// Tells the whole story of --seed even if nothing is wrong.
    #[arg(long)]
    story: bool,
    /// Runs at the same time; as many as there are processors unless told otherwise.
    #[arg(long)]
    jobs: Option<usize>,
    /// Prints numbers as JSON instead of tables.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_well = match (arguments.seed, arguments.planted) {
        (Some(seed), _) => commands::one::replay(seed, &arguments),
        (None, true) => commands::planted::find_all(&arguments),
        (None, false) => commands::many::run_seeds(&arguments),
    };
    match is_well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
