//! What the tests with real processes have in common: the program as it ships, a folder that
//! outlives a failure, the wait for the end, what doctor says, and figures in columns.
//!
//! It must decide nothing about who suffers what.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tillsync_fleet::{CommerceClient, Deadline, Fleet, Program, pause};

use crate::Verdict;
use crate::cargo::cargo_command;

/// How many details are printed at most.
const DETAILS_MAX: usize = 40;

/// The seed that was asked for, or another one each time; it is printed.
pub(crate) fn seed(asked: Option<u64>) -> u64 {
    let seed = asked.unwrap_or_else(seed_of_the_moment);
    println!("seed {seed} (repeat the choices with --seed {seed})");
    seed
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose; it is printed")]
fn seed_of_the_moment() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos())
}

/// Runs a trial in the folder that was asked for, or in a temporary one that stays when the trial
/// finds something.
pub(crate) fn in_folder(
    name: &str,
    asked: Option<&Path>,
    trial: impl FnOnce(&Path) -> Result<Verdict>,
) -> Result<Verdict> {
    if let Some(folder) = asked {
        return trial(folder);
    }
    let temporary = tempfile::Builder::new().prefix(&format!("tillsync-{name}-")).tempdir()?;
    let verdict = trial(temporary.path());
    if !matches!(verdict, Ok(Verdict::Passed)) {
        println!("databases and logs are kept in {}", temporary.keep().display());
    }
    verdict
}

/// Builds the program as it ships and says where it is.
pub(crate) fn build_program(root: &Path) -> Result<PathBuf> {
    build(root, &["--release"])
}

/// Builds the program as tests run it, which is there already as a rule.
pub(crate) fn build_test_program(root: &Path) -> Result<PathBuf> {
    build(root, &[])
}

fn build(root: &Path, profile: &[&str]) -> Result<PathBuf> {
    let output = cargo_command(root)
        .args(["build", "--package", "tillsync"])
        .args(profile)
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

/// The errors that `tillsync doctor` finds in a data directory.
pub(crate) fn errors_of_doctor(program: &Program, folder: &Path) -> Result<Vec<String>> {
    let mut arguments: Vec<OsString> =
        ["doctor", "--json", "--data-dir"].map(OsString::from).to_vec();
    arguments.push(folder.into());
    let report = program.run_judge(&arguments)?;
    if report["ok"] == true {
        return Ok(Vec::new());
    }
    let databases = report["databases"].as_array().into_iter().flatten();
    let all = std::iter::once(&report["headquarters"]).chain(databases);
    let findings = all.flat_map(|part| part["findings"].as_array().into_iter().flatten());
    let errors = findings.filter(|finding| finding["severity"] == "error");
    Ok(errors.map(|finding| format!("doctor: {}", finding["message"])).collect())
}

/// Prints a title and figures in columns.
pub(crate) fn print_counts(
    title: &str,
    counts: impl IntoIterator<Item = (impl Display, impl Display)>,
) {
    println!("{title}");
    for (name, count) in counts {
        // A width counts for texts only.
        println!("  {:<20}{:>9}", name.to_string(), count.to_string());
    }
}

/// Prints how a trial ended, and what is wrong one by one.
pub(crate) fn print_end(
    has_settled: bool,
    doctor: &[String],
    details: impl Iterator<Item = String>,
) {
    println!("settled in time: {}", if has_settled { "yes" } else { "NO" });
    println!("doctor: {}", if doctor.is_empty() { "all is well" } else { "ERRORS" });
    for line in details.chain(doctor.iter().cloned()).take(DETAILS_MAX) {
        println!("  {line}");
    }
}
