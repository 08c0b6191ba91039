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
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tillsync_fleet::{CommerceClient, Deadline, Fleet, FleetPlan, Killed, NodeId, Program, pause};

use crate::Verdict;
use crate::cargo::cargo_command;
use crate::generate::random::Random;
use books::{Books, BooksJudgement};
use judge::{Dump, Judgement};
use load::{Acknowledged, Load};
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
    let seed = arguments.seed.unwrap_or_else(seed_of_the_day);
    println!("seed {seed} (repeat the choices with --seed {seed})");
    let executable = build_program(root)?;
    let temporary = tempfile::Builder::new().prefix("tillsync-crash-").tempdir()?;
    let folder = arguments.data_dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let trial = Trial { arguments, seed, executable: &executable, folder: &folder };
    let verdict = trial.kill_and_judge(&root.join("data/items.csv"));
    let is_evidence_at_risk = arguments.data_dir.is_none();
    if is_evidence_at_risk && !matches!(verdict, Ok(Verdict::Passed)) {
        println!("databases and logs are kept in {}", temporary.keep().display());
    }
    verdict
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
    doctor: Doctor,
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
        let load = Load::start(fleet.edges())?;
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
        let has_settled = wait_until_settled(&fleet, told.count(), limit);
        let hq = fleet.headquarters()?;
        operator::end_day(&hq)?;
        let books = Books::read(&hq)?.judge(&told.sold);
        fleet.stop()?;
        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        let customers = Dump::read(&program, self.folder)?.judge(&told.customers, &places);
        let doctor = run_doctor(self.executable, self.folder)?;
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
            && self.doctor.findings.is_empty()
    }

    fn print(&self) {
        let Findings { kills, told, customers, books, doctor, .. } = self;
        println!("\nkilled with SIGKILL");
        for (name, count) in &kills.counts {
            println!("  {name:<14}{count:>9}");
        }
        for one in &kills.ended_alone {
            println!("  ENDED BY ITSELF: {one}");
        }
        println!("customers");
        for (name, count) in [
            ("acknowledged", told.count()),
            ("promoted", customers.promoted),
            ("lost", customers.lost.len() as u64),
            ("doubled", customers.doubled.len() as u64),
        ] {
            println!("  {name:<14}{count:>9}");
        }
        println!("accounts unknown or wrong at");
        for (place, count) in &customers.unknown {
            println!("  {place:<14}{count:>9}");
        }
        let orders = told.sold.trades.iter().filter(|trade| trade.is_order).count();
        println!("sales and orders");
        for (name, count) in [
            ("sales", (told.sold.trades.len() - orders).to_string()),
            ("orders", orders.to_string()),
            ("shifts", told.sold.shifts_closed.to_string()),
            ("lost", books.lost.len().to_string()),
            ("doubled", books.doubled.len().to_string()),
            ("not posted", books.not_posted.len().to_string()),
            ("sold, EUR", format!("{:.2}", books.amount_told)),
            ("posted, EUR", format!("{:.2}", books.amount_posted)),
            ("statements", books.statements.to_string()),
            ("posting runs", self.posting_runs.to_string()),
        ] {
            println!("  {name:<14}{count:>9}");
        }
        println!("unanswered: {}", told.unanswered.len());
        println!("settled in time: {}", if self.has_settled { "yes" } else { "NO" });
        println!("doctor: {}", if doctor.findings.is_empty() { "all is well" } else { "ERRORS" });
        let details = customers.lost.iter().map(|one| format!("lost: {one}"));
        let details = details.chain(customers.doubled.iter().map(|one| format!("doubled: {one}")));
        let details = details.chain(books.findings());
        let details = details.chain(told.unanswered.iter().map(|one| format!("unanswered: {one}")));
        for line in details.chain(doctor.findings.iter().cloned()).take(40) {
            println!("  {line}");
        }
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

/// Waits until every edge knows every acknowledged customer by its account.
pub(crate) fn wait_until_settled(fleet: &Fleet, customers: u64, limit: Duration) -> bool {
    let deadline = Deadline::after(limit);
    let clients: Vec<_> = fleet.edges().iter().map(|e| CommerceClient::new(&e.door)).collect();
    loop {
        // Registers before their store: what they have sent is then counted there.
        let is_settled = clients.iter().rev().all(|client| {
            client.status().is_ok_and(|edge| {
                edge.pending == 0 && edge.unsent == 0 && edge.customers >= customers
            })
        });
        if is_settled || deadline.is_over() {
            return is_settled;
        }
        pause(Duration::from_millis(100));
    }
}

/// What `tillsync doctor` says at the end.
struct Doctor {
    findings: Vec<String>,
}

fn run_doctor(executable: &Path, folder: &Path) -> Result<Doctor> {
    let output = Command::new(executable)
        .args(["doctor", "--json", "--data-dir"])
        .arg(folder)
        .output()
        .context("start tillsync doctor")?;
    let report: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("read what tillsync doctor says: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    if report["ok"] == true {
        return Ok(Doctor { findings: Vec::new() });
    }
    let empty = Vec::new();
    let databases = report["databases"].as_array().unwrap_or(&empty);
    let all = std::iter::once(&report["headquarters"]).chain(databases);
    let findings = all.flat_map(|part| part["findings"].as_array().into_iter().flatten());
    let errors = findings.filter(|finding| finding["severity"] == "error");
    Ok(Doctor { findings: errors.map(|finding| finding["message"].to_string()).collect() })
}

/// Builds the program as it ships and says where it is.
pub(crate) fn build_program(root: &Path) -> Result<PathBuf> {
    let output = cargo_command(root)
        .args(["build", "--release", "--package", "tillsync"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("start cargo build")?;
    if !output.status.success() {
        bail!("the program does not build");
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = messages.filter(|message| message["target"]["name"] == "tillsync");
    let path = executables.filter_map(|m| m["executable"].as_str().map(PathBuf::from)).next_back();
    path.context("cargo did not say where the program is")
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose; it is printed")]
pub(crate) fn seed_of_the_day() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos())
}
