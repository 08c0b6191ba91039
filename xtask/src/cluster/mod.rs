//! The cluster test: several nodes of headquarters over one PostgreSQL, stores under load, nodes
//! killed, paused and drained at random, PostgreSQL restarted twice.
//!
//! Every acknowledged customer must end with exactly one account, known at every store, the account
//! numbers must have no gap, and every acknowledged sale and order must be in the books once. This
//! module must see the program as a stranger does.

mod trouble;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tillsync_fleet::{Fleet, FleetPlan, Program, TemporaryPostgres};

use crate::Verdict;
use crate::crash::books::{Books, BooksJudgement};
use crate::crash::judge::{self, Dump, Judgement};
use crate::crash::load::{Acknowledged, Load, Pace};
use crate::crash::operator::{self, Operator};
use crate::trial;
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
    /// Test this executable instead of building the program as it ships.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What one store is asked to do: there are many of them.
const PACE: Pace = Pace { clients: 1, between: Duration::from_millis(200) };

impl Arguments {
    /// A trial of less than a minute, for every change.
    pub(crate) fn short(program: PathBuf) -> Self {
        Arguments {
            nodes: 2,
            kills: 2,
            stores: 3,
            seed: None,
            long_pause: 1,
            seconds_max: 60,
            data_dir: None,
            program: Some(program),
        }
    }
}

/// Makes trouble under load and judges what is left.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let seed = trial::seed(arguments.seed);
    let executable = match &arguments.program {
        Some(program) => program.clone(),
        None => trial::build_program(root)?,
    };
    trial::in_folder("cluster", arguments.data_dir.as_deref(), |folder| {
        Trial { arguments, seed, executable: &executable, folder }
            .trouble_and_judge(&root.join("data/items.csv"))
    })
}

/// What one trial is about.
struct Trial<'a> {
    arguments: &'a Arguments,
    seed: u64,
    executable: &'a Path,
    folder: &'a Path,
}

impl Trial<'_> {
    fn trouble_and_judge(&self, items: &Path) -> Result<Verdict> {
        let postgres = TemporaryPostgres::start()?;
        let plan = FleetPlan {
            executable: self.executable.to_owned(),
            folder: self.folder.to_owned(),
            stores: self.arguments.stores,
            registers: 0,
            database: Some(postgres.url()),
            packages: None,
        };
        let nodes = usize::try_from(self.arguments.nodes).expect("a small number");
        let mut fleet = Fleet::start_nodes(&plan, nodes, |name| eprintln!("started {name}"))?;
        let program = Program::at(self.executable).on_database(Some(postgres.url()));
        let unnamed = operator::set_up(&fleet, &program, items)?;
        let load = Load::start(fleet.edges(), PACE)?;
        let operator = Operator::start(fleet.headquarters()?)?;
        let long_pause = Duration::from_secs(self.arguments.long_pause);
        let mut troubles = Troubles::new(self.seed, long_pause);
        let made = troubles.make(&mut fleet, &postgres, (self.arguments.kills, &load));
        let told = load.stop()?;
        let posting_runs = operator.stop()?;
        made?;
        eprintln!(
            "{} customers and {} sales and orders acknowledged; waiting for all of them to settle",
            told.count(),
            told.sold.trades.len()
        );
        let limit = Duration::from_secs(self.arguments.seconds_max);
        let has_settled = trial::wait_until_settled(&fleet, told.count(), limit);
        let hq = fleet.headquarters()?;
        operator::end_day(&hq)?;
        let books = Books::read(&hq)?.judge(&told.sold);
        fleet.stop()?;
        let dump = Dump::read(&program, self.folder)?;
        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        let customers = dump.judge(&told.customers, &places);
        // Those customers are in no address book, and so in no dump.
        let gaps = gaps_of(dump.accounts().chain(unnamed.iter().map(String::as_str)));
        let doctor = trial::errors_of_doctor(&program, self.folder)?;
        let findings = Findings { told, customers, gaps, books, posting_runs, has_settled, doctor };
        troubles.print();
        findings.print();
        Ok(if findings.are_good() { Verdict::Passed } else { Verdict::Failed })
    }
}

/// What is left in the end.
struct Findings {
    told: Acknowledged,
    customers: Judgement,
    gaps: u64,
    books: BooksJudgement,
    posting_runs: u64,
    has_settled: bool,
    doctor: Vec<String>,
}

impl Findings {
    fn are_good(&self) -> bool {
        self.customers.is_clean()
            && self.books.findings().next().is_none()
            && self.told.unanswered.is_empty()
            && self.told.count() > 0
            && !self.told.sold.trades.is_empty()
            && self.gaps == 0
            && self.has_settled
            && self.doctor.is_empty()
    }

    fn print(&self) {
        let unknown: u64 = self.customers.unknown.values().sum();
        let further = [("sequence gaps", self.gaps), ("unknown at a store", unknown)];
        self.customers.print(self.told.count(), &further);
        self.books.print(&self.told.sold, self.posting_runs);
        println!("unanswered: {}", self.told.unanswered.len());
        let unanswered = self.told.unanswered.iter().map(|one| format!("unanswered: {one}"));
        let details = self.customers.details().chain(self.books.findings()).chain(unanswered);
        trial::print_end(self.has_settled, &self.doctor, details);
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
