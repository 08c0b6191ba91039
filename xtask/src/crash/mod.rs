//! The crash test: headquarters, stores and registers as real processes, customers created
//! through all of them, and SIGKILL at random moments.
//!
//! Every acknowledged customer must end with exactly one account, known everywhere. This module
//! must see the program as a stranger does: its commands, its HTTP, its files.

mod judge;
mod load;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tillsync_fleet::{CommerceClient, Deadline, Fleet, FleetPlan, Killed, NodeId, Program, pause};

use crate::Verdict;
use crate::generate::random::Random;
use judge::{Dump, Judgement};
use load::{Acknowledged, Load};

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
    let verdict = kill_and_judge(arguments, seed, &executable, &folder);
    let is_evidence_at_risk = arguments.data_dir.is_none();
    if is_evidence_at_risk && !matches!(verdict, Ok(Verdict::Passed)) {
        println!("databases and logs are kept in {}", temporary.keep().display());
    }
    verdict
}

fn kill_and_judge(
    arguments: &Arguments,
    seed: u64,
    executable: &Path,
    folder: &Path,
) -> Result<Verdict> {
    let plan = FleetPlan {
        executable: executable.to_owned(),
        folder: folder.to_owned(),
        stores: arguments.stores,
        registers: arguments.registers,
    };
    let mut fleet = Fleet::start(&plan, |name| eprintln!("started {name}"))?;
    let load = Load::start(fleet.edges())?;
    let killed = kill_at_random(&mut fleet, arguments.kills, seed, &load);
    let outcome = load.stop()?;
    let kills = killed?;
    eprintln!("{} customers acknowledged; waiting for all of them to settle", outcome.count());
    let limit = Duration::from_secs(arguments.seconds_max);
    let has_settled = wait_until_settled(&fleet, outcome.count(), limit);
    fleet.stop()?;
    let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
    let judgement = Dump::read(&Program::at(executable), folder)?.judge(&outcome, &places);
    let doctor = run_doctor(executable, folder)?;
    print_table(&kills, &outcome, &judgement, has_settled, &doctor);
    let is_good = judgement.is_clean()
        && outcome.unanswered.is_empty()
        && outcome.count() > 0
        && has_settled
        && kills.ended_alone.is_empty()
        && doctor.findings.is_empty();
    Ok(if is_good { Verdict::Passed } else { Verdict::Failed })
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
fn wait_until_settled(fleet: &Fleet, customers: u64, limit: Duration) -> bool {
    let deadline = Deadline::after(limit);
    let clients: Vec<_> = fleet.edges().iter().map(|e| CommerceClient::new(&e.door)).collect();
    loop {
        let is_settled = clients.iter().all(|client| {
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

fn print_table(
    kills: &Kills,
    outcome: &Acknowledged,
    judgement: &Judgement,
    has_settled: bool,
    doctor: &Doctor,
) {
    println!("\nkilled with SIGKILL");
    for (name, count) in &kills.counts {
        println!("  {name:<14}{count:>7}");
    }
    for one in &kills.ended_alone {
        println!("  ENDED BY ITSELF: {one}");
    }
    println!("customers");
    for (name, count) in [
        ("acknowledged", outcome.count()),
        ("promoted", judgement.promoted),
        ("lost", judgement.lost.len() as u64),
        ("doubled", judgement.doubled.len() as u64),
        ("unanswered", outcome.unanswered.len() as u64),
    ] {
        println!("  {name:<14}{count:>7}");
    }
    println!("accounts unknown or wrong at");
    for (place, count) in &judgement.unknown {
        println!("  {place:<14}{count:>7}");
    }
    println!("settled in time: {}", if has_settled { "yes" } else { "NO" });
    println!("doctor: {}", if doctor.findings.is_empty() { "all is well" } else { "ERRORS" });
    let details = judgement.lost.iter().map(|one| format!("lost: {one}"));
    let details = details.chain(judgement.doubled.iter().map(|one| format!("doubled: {one}")));
    let details = details.chain(outcome.unanswered.iter().map(|one| format!("unanswered: {one}")));
    for line in details.chain(doctor.findings.iter().cloned()).take(40) {
        println!("  {line}");
    }
}

/// Builds the program as it ships and says where it is.
fn build_program(root: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
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
fn seed_of_the_day() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos())
}
