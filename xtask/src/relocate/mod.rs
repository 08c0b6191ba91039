//! The move test: a headquarters with many customers goes from SQLite to PostgreSQL word for word
//! as `docs/operating.md` says, and its stores go on as if nothing had happened.
//!
//! No customer may be created twice or lose the account it had, nothing may be sent a second time,
//! and new accounts must continue where the old ones ended. This module must see the program as a
//! stranger does.

mod crowd;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tillsync_fleet::{Fleet, FleetPlan, NodeId, Program, Stopwatch, TemporaryPostgres};

use crate::Verdict;
use crate::crash::judge::{self, Dump};
use crate::trial::{self, print_counts};
use crowd::Customers;

/// Uploaded entries that headquarters knew already.
const REPEATED: &str = "tillsync_uploaded_entries_total{result=\"repeated\"}";

/// Arguments of `cargo xtask relocate`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many customers there are before the move.
    #[arg(long, default_value_t = 100_000)]
    customers: u64,
    /// How many are created at each edge while headquarters is away, and again after the move.
    #[arg(long, default_value_t = 250)]
    more: u64,
    /// How many stores, with a register each.
    #[arg(long, default_value_t = 2)]
    stores: usize,
    /// The longest wait for everything to settle, before the move and after it, in seconds.
    #[arg(long, default_value_t = 600)]
    seconds_max: u64,
    /// Test this executable instead of building the program as it ships.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Moves a headquarters and judges what is left.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<Verdict> {
    let executable = match &arguments.program {
        Some(program) => program.clone(),
        None => trial::build_program(root)?,
    };
    trial::in_folder("relocate", None, |folder| {
        Trial { arguments, executable: &executable, folder }.relocate_and_judge()
    })
}

struct Trial<'a> {
    arguments: &'a Arguments,
    executable: &'a Path,
    folder: &'a Path,
}

/// How long each part took, in seconds.
struct Seconds {
    created: f64,
    copied: f64,
    checked: f64,
    settled: f64,
}

/// What is left in the end.
struct Findings {
    customers_before: usize,
    customers_after: usize,
    created_after: u64,
    repeated: f64,
    wrong: Vec<String>,
    has_settled: bool,
    doctor: Vec<String>,
}

impl Trial<'_> {
    fn relocate_and_judge(&self) -> Result<Verdict> {
        let postgres = TemporaryPostgres::start()?;
        let plan = FleetPlan {
            executable: self.executable.to_owned(),
            folder: self.folder.to_owned(),
            stores: self.arguments.stores,
            registers: 1,
            database: None,
            packages: None,
        };
        let mut fleet = Fleet::start(&plan, |name| eprintln!("started {name}"))?;
        let watch = Stopwatch::start();
        let mut told = Customers::create(fleet.edges(), ("before", self.share(&fleet)))?;
        let mut has_settled = self.wait(&fleet, &told);
        let created = watch.seconds();
        let on_sqlite = Program::at(self.executable);
        let before = Dump::read(&on_sqlite, self.folder)?;
        eprintln!("{} customers everywhere after {created:.0} s", before.accounts().count());

        fleet.drain(NodeId::Headquarters)?;
        told.add(Customers::create(fleet.edges(), ("meanwhile", self.arguments.more))?);
        let program = Program::at(self.executable).on_database(Some(postgres.url()));
        let (copied, checked, mut doctor) = self.copy(&fleet, &program)?;
        fleet.move_headquarters(postgres.url())?;
        let watch = Stopwatch::start();
        told.add(Customers::create(fleet.edges(), ("after", self.arguments.more))?);
        has_settled &= self.wait(&fleet, &told);
        let seconds = Seconds { created, copied, checked, settled: watch.seconds() };
        let repeated = fleet.headquarters()?.metric(REPEATED)?;

        let places: Vec<_> = fleet.edges().iter().map(judge::place_of).collect();
        fleet.stop()?;
        let after = Dump::read(&program, self.folder)?;
        let customers = after.judge(&told.keys, &places);
        let mut wrong = judge_accounts(&before.account_of_guid(), &after.account_of_guid());
        wrong.extend(customers.details());
        let unknown = customers.unknown.iter().filter(|(_, count)| **count > 0);
        wrong.extend(unknown.map(|(place, count)| format!("{count} unknown at {place}")));
        doctor.extend(trial::errors_of_doctor(&program, self.folder)?);
        let findings = Findings {
            customers_before: before.accounts().count(),
            customers_after: after.accounts().count(),
            created_after: 2 * self.arguments.more * fleet.edges().len() as u64,
            repeated,
            wrong,
            has_settled,
            doctor,
        };
        findings.print(&seconds);
        Ok(if findings.are_good() { Verdict::Passed } else { Verdict::Failed })
    }

    /// Steps 4, 5 and 7 of the instructions.
    fn copy(&self, fleet: &Fleet, program: &Program) -> Result<(f64, f64, Vec<String>)> {
        let folder = fleet.layout().headquarters();
        let mut from = OsString::from("sqlite:");
        from.push(&folder);
        let arguments = ["hq", "copy", "--from"].map(OsString::from);
        let mut arguments = arguments.to_vec();
        arguments.extend([from, "--to".into(), "postgres:".into()]);
        let watch = Stopwatch::start();
        let said = program.run(&arguments)?;
        let copied = watch.seconds();
        println!("{}", said.lines().find(|line| line.starts_with("copied")).unwrap_or_default());
        let watch = Stopwatch::start();
        let doctor = trial::errors_of_doctor(program, self.folder)?;
        let checked = watch.seconds();
        std::fs::rename(folder.join("hq.db"), folder.join("hq.db.moved"))
            .context("take the old database away")?;
        Ok((copied, checked, doctor))
    }

    /// The customers that each edge creates before the move.
    fn share(&self, fleet: &Fleet) -> u64 {
        self.arguments.customers.div_ceil(fleet.edges().len() as u64)
    }

    fn wait(&self, fleet: &Fleet, told: &Customers) -> bool {
        let limit = Duration::from_secs(self.arguments.seconds_max);
        trial::wait_until_settled(fleet, told.keys.len() as u64, limit)
    }
}

impl Findings {
    fn are_good(&self) -> bool {
        self.wrong.is_empty()
            && self.customers_before > 0
            && self.customers_after == self.customers_before + self.expected_more()
            && self.repeated == 0.0
            && self.has_settled
            && self.doctor.is_empty()
    }

    fn expected_more(&self) -> usize {
        usize::try_from(self.created_after).expect("a small number")
    }

    fn print(&self, seconds: &Seconds) {
        let (before, after) = (self.customers_before, self.customers_after);
        let new = after.saturating_sub(before);
        let counts = [
            ("before the copy", before.to_string()),
            ("created since", self.created_after.to_string()),
            ("after it", after.to_string()),
            ("re-created", new.abs_diff(self.expected_more()).to_string()),
            ("sent twice", self.repeated.to_string()),
            ("wrong", self.wrong.len().to_string()),
        ];
        print_counts("customers", counts);
        let seconds = [
            ("created, everywhere", seconds.created),
            ("copied", seconds.copied),
            ("checked by doctor", seconds.checked),
            ("new ones everywhere", seconds.settled),
        ];
        print_counts("seconds", seconds.map(|(what, seconds)| (what, format!("{seconds:.1}"))));
        trial::print_end(self.has_settled, &self.doctor, self.wrong.iter().cloned());
    }
}

/// Whoever had an account has the same one, and the new ones follow without a gap.
fn judge_accounts(before: &BTreeMap<&str, &str>, after: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (guid, account) in before {
        match after.get(guid) {
            Some(same) if same == account => {}
            other => wrong.push(format!("{guid} had {account} and has {other:?}")),
        }
    }
    let last = before.values().filter_map(|account| number_of(account)).max().unwrap_or(0);
    let new = after.iter().filter(|(guid, _)| !before.contains_key(*guid));
    let mut numbers: Vec<_> = new.map(|(_, account)| number_of(account)).collect();
    numbers.sort_unstable();
    let expected = (last + 1..).map(Some).take(numbers.len());
    if !numbers.iter().copied().eq(expected) {
        let first = numbers.first().copied().flatten();
        let count = numbers.len();
        wrong.push(format!("after {last} come {count} accounts from {first:?}, not without gaps"));
    }
    wrong
}

fn number_of(account: &str) -> Option<u64> {
    let digits: String = account.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(after: &[(&'static str, &'static str)]) -> usize {
        let before = BTreeMap::from([("a", "C-1"), ("b", "C-2")]);
        judge_accounts(&before, &after.iter().copied().collect()).len()
    }

    #[test]
    fn accounts_stay_and_new_ones_follow() {
        assert_eq!(judge(&[("a", "C-1"), ("b", "C-2")]), 0);
        assert_eq!(judge(&[("a", "C-1"), ("b", "C-2"), ("d", "C-4"), ("c", "C-3")]), 0);
        assert_eq!(judge(&[("a", "C-1")]), 1, "one is gone");
        assert_eq!(judge(&[("a", "C-2"), ("b", "C-1")]), 2, "they were changed");
        assert_eq!(judge(&[("a", "C-1"), ("b", "C-2"), ("c", "C-4")]), 1, "a gap");
        assert_eq!(judge(&[("a", "C-1"), ("b", "C-2"), ("c", "C-2")]), 1, "given twice");
    }
}
