//! The crash test: headquarters, stores and registers as real processes, customers created and
//! sold to through all of them, and SIGKILL at random moments.
//!
//! Every acknowledged customer must end with exactly one account, known everywhere, and every
//! acknowledged sale and order once in the books. This module must see the program as a stranger
//! does: its commands, its HTTP, its files.

pub(crate) mod books;
mod clerk;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod operator;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tillsync_fleet::{Fleet, FleetPlan, Killed, NodeId, Program, pause};

use crate::Verdict;
use crate::generate::random::Random;
use crate::trial::{self, print_counts};
use books::{Books, BooksJudgement};
use judge::{Dump, Judgement};
use load::{Acknowledged, Load, Pace};
use operator::Operator;

/// Arguments of `cargo xtask crash`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many processes to kill.
    #[arg(long, default_value_t = 60)]
    kills: u32,
    /// Draws which process is killed when; without it, another seed each time.
    #[arg(long)]
    seed: Option<u64>,
    /// The longest wait for everything to settle after the last kill, in seconds.
    #[arg(long, default_value_t = 180)]
    seconds_max: u64,
    /// How many stores.
    #[arg(long, default_value_t = 2)]
    stores: usize,
    /// How many registers each store has.
    #[arg(long, default_value_t = 1)]
    registers: usize,
    /// Keep the databases and logs in this folder.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Kills processes under load and judges what is left.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let seed = trial::seed(arguments.seed);
    let executable = trial::build_program(root)?;
    trial::in_folder("crash", arguments.data_dir.as_deref(), |folder| {
        let trial = Trial { arguments, seed, executable: &executable, folder };
        trial.kill_and_judge(&root.join("data/items.csv"))
    })
}

/// What one trial is about.
struct Trial<'a> {
    arguments: &'a Arguments,
    seed: u64,
    executable: &'a Path,
    folder: &'a Path,
}

/// What a trial found.
struct Findings {
    kills: Kills,
    posting_runs: u64,
    told: Acknowledged,
    customers: Judgement,
    books: BooksJudgement,
    has_settled: bool,
    doctor: Vec<String>,
}

impl Trial<'_> {
    fn kill_and_judge(&self, items: &Path) -> Result<Verdict> {
        let plan = FleetPlan {
            executable: self.executable.to_owned(),
            folder: self.folder.to_owned(),
            stores: self.arguments.stores,
            registers: self.arguments.registers,
            database: None,
            packages: None,
        };
        let mut fleet = Fleet::start(&plan, |name| eprintln!("started {name}"))?;
        let program = Program::at(self.executable);
        operator::set_up(&fleet, &program, items)?;
        let load = Load::start(fleet.edges(), Pace::default())?;
        let operator = Operator::start(fleet.headquarters()?)?;
        let killed = kill_at_random(&mut fleet, self.arguments.kills, self.seed, &load);
        let told = load.stop()?;
        let posting_runs = operator.stop()?;
        let kills = killed?;
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
        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        let customers = Dump::read(&program, self.folder)?.judge(&told.customers, &places);
        let doctor = trial::errors_of_doctor(&program, self.folder)?;
        let findings =
            Findings { kills, posting_runs, told, customers, books, has_settled, doctor };
        findings.print();
        Ok(if findings.are_good() { Verdict::Passed } else { Verdict::Failed })
    }
}

impl Findings {
    fn are_good(&self) -> bool {
        self.customers.is_clean()
            && self.books.findings().next().is_none()
            && self.told.unanswered.is_empty()
            && self.told.count() > 0
            && !self.told.sold.trades.is_empty()
            && self.has_settled
            && self.kills.ended_alone.is_empty()
            && self.doctor.is_empty()
    }

    fn print(&self) {
        let Findings { kills, told, customers, books, doctor, .. } = self;
        print_counts("killed with SIGKILL", kills.counts.iter().map(|(name, count)| (name, count)));
        for one in &kills.ended_alone {
            println!("  ENDED BY ITSELF: {one}");
        }
        customers.print(told.count(), &[]);
        print_counts("accounts unknown or wrong at", &customers.unknown);
        books.print(&told.sold, self.posting_runs);
        println!("unanswered: {}", told.unanswered.len());
        let unanswered = told.unanswered.iter().map(|one| format!("unanswered: {one}"));
        let details = customers.details().chain(books.findings()).chain(unanswered);
        trial::print_end(self.has_settled, doctor, details);
    }
}

/// What became of the processes that were to be killed.
struct Kills {
    /// How often each was killed, by name.
    counts: Vec<(String, u32)>,
    /// Those that had ended by themselves before, which none may do.
    ended_alone: Vec<String>,
}

/// Kills until there are `kills`, or until a process turns out to have ended by itself: what it
/// left behind is then worth more than further kills.
fn kill_at_random(fleet: &mut Fleet, kills: u32, seed: u64, load: &Load) -> Result<Kills> {
    let mut random = Random::from_seed(seed);
    let nodes = fleet.nodes();
    let counts = nodes.iter().map(|node| (fleet.name(*node).to_owned(), 0)).collect();
    let mut outcome = Kills { counts, ended_alone: Vec::new() };
    let mut done = 0;
    while done < kills && outcome.ended_alone.is_empty() {
        pause(Duration::from_millis(50 + random.below(700)));
        // Sometimes two go down at once.
        let is_double = kills - done > 1 && nodes.len() > 1 && random.percent(20);
        let mut down: Vec<NodeId> = Vec::new();
        for _ in 0..if is_double { 2 } else { 1 } {
            let node = draw_running(&mut random, &nodes, &down);
            down.push(node);
            let index = nodes.iter().position(|other| *other == node);
            let (name, count) = &mut outcome.counts[index.expect("it was drawn from the list")];
            match fleet.kill(node) {
                Killed::Now => {
                    *count += 1;
                    done += 1;
                }
                Killed::HadEnded { status, log } => {
                    let log = log.display();
                    outcome.ended_alone.push(format!("{name} with {status}; its log is {log}"));
                }
                Killed::DidNotRun => bail!("{name} should run, but was never started again"),
            }
        }
        pause(Duration::from_millis(random.below(400)));
        for node in down {
            let name = fleet.name(node).to_owned();
            fleet.restart(node).with_context(|| format!("start {name} after kill {done}"))?;
        }
        if done % 10 == 0 {
            eprintln!("{done} of {kills} kills, {} customers acknowledged", load.acknowledged());
        }
    }
    Ok(outcome)
}

/// Draws a process that is not down; there must be one.
fn draw_running(random: &mut Random, nodes: &[NodeId], down: &[NodeId]) -> NodeId {
    loop {
        let node = draw(random, nodes);
        if !down.contains(&node) {
            return node;
        }
    }
}

/// Draws headquarters as often as all edges together.
fn draw(random: &mut Random, nodes: &[NodeId]) -> NodeId {
    if random.percent(50) {
        return NodeId::Headquarters;
    }
    let index = random.below(nodes.len() as u64);
    nodes[usize::try_from(index).expect("an index of a slice fits in usize")]
}
