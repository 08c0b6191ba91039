//! The cluster test: several nodes of headquarters over one PostgreSQL, stores under load, nodes
//! killed, paused and drained at random, PostgreSQL restarted twice.
//!
//! Every acknowledged customer must end with exactly one account, known at every store, and the
//! account numbers must have no gap. This module must see the program as a stranger does.

mod load;
mod trouble;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tillsync_fleet::{Fleet, FleetPlan, Program, TemporaryPostgres};

use crate::Verdict;
use crate::crash::judge::{self, Dump, Judgement};
use crate::trial;
use load::Load;
use trouble::Troubles;

/// Arguments of `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many nodes of headquarters; two at least.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..=16))]
    nodes: u64,
    /// How many times a node is killed, paused or drained.
    #[arg(long, default_value_t = 30)]
    kills: u32,
    /// How many stores.
    #[arg(long, default_value_t = 20)]
    stores: usize,
    /// Draws which node suffers what and when; without it, another seed each time.
    #[arg(long)]
    seed: Option<u64>,
    /// How long one node sleeps, once, to wake with leases that have expired, in seconds.
    #[arg(long, default_value_t = 60)]
    long_pause: u64,
    /// The longest wait for everything to settle in the end, in seconds.
    #[arg(long, default_value_t = 180)]
    seconds_max: u64,
    /// Keep the databases of the stores and the logs in this folder.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Makes trouble under load and judges what is left.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let seed = trial::seed(arguments.seed);
    let executable = trial::build_program(root)?;
    trial::in_folder("cluster", arguments.data_dir.as_deref(), |folder| {
        trouble_and_judge(arguments, seed, &executable, folder)
    })
}

fn trouble_and_judge(
    arguments: &Arguments,
    seed: u64,
    executable: &Path,
    folder: &Path,
) -> Result<Verdict> {
    let postgres = TemporaryPostgres::start()?;
    let plan = FleetPlan {
        executable: executable.to_owned(),
        folder: folder.to_owned(),
        stores: arguments.stores,
        registers: 0,
        database: Some(postgres.url()),
        packages: None,
    };
    let nodes = usize::try_from(arguments.nodes).expect("a small number");
    let mut fleet = Fleet::start_nodes(&plan, nodes, |name| eprintln!("started {name}"))?;
    let load = Load::start(fleet.edges())?;
    let long_pause = Duration::from_secs(arguments.long_pause);
    let mut troubles = Troubles::new(seed, long_pause);
    let made = troubles.make(&mut fleet, &postgres, (arguments.kills, &load));
    let told = load.stop()?;
    made?;
    eprintln!("{} customers acknowledged; waiting for all of them to settle", told.len());
    let limit = Duration::from_secs(arguments.seconds_max);
    let has_settled = trial::wait_until_settled(&fleet, told.len() as u64, limit);
    fleet.stop()?;
    let program = Program::at(executable).on_database(Some(postgres.url()));
    let dump = Dump::read(&program, folder)?;
    let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
    let findings = Findings {
        acknowledged: told.len(),
        customers: dump.judge(&told, &places),
        gaps: gaps_of(dump.accounts()),
        has_settled,
        doctor: trial::errors_of_doctor(&program, folder)?,
    };
    troubles.print();
    findings.print();
    Ok(if findings.are_good() { Verdict::Passed } else { Verdict::Failed })
}

/// What is left in the end.
struct Findings {
    acknowledged: usize,
    customers: Judgement,
    gaps: u64,
    has_settled: bool,
    doctor: Vec<String>,
}

impl Findings {
    fn are_good(&self) -> bool {
        self.customers.is_clean()
            && self.acknowledged > 0
            && self.gaps == 0
            && self.has_settled
            && self.doctor.is_empty()
    }

    fn print(&self) {
        let unknown: u64 = self.customers.unknown.values().sum();
        let further = [("sequence gaps", self.gaps), ("unknown at a store", unknown)];
        self.customers.print(self.acknowledged as u64, &further);
        trial::print_end(self.has_settled, &self.doctor, self.customers.details());
    }
}

/// How many numbers between the first and the last belong to nobody; the sequence begins with 1.
fn gaps_of<'a>(accounts: impl Iterator<Item = &'a str>) -> u64 {
    let digits =
        |account: &str| -> String { account.chars().filter(char::is_ascii_digit).collect() };
    let numbers = accounts.filter_map(|account| digits(account).parse::<u64>().ok());
    let numbers: std::collections::BTreeSet<u64> = numbers.collect();
    numbers.last().map_or(0, |last| last - numbers.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_nobody_has_are_gaps() {
        assert_eq!(gaps_of([].into_iter()), 0);
        assert_eq!(gaps_of(["C-00000002", "C-00000001"].into_iter()), 0);
        assert_eq!(gaps_of(["C-00000001", "C-00000004"].into_iter()), 2);
        assert_eq!(gaps_of(["C-00000002"].into_iter()), 1);
    }
}
