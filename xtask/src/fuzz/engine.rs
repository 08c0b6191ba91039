//! Building and starting libFuzzer. It must never read what it says: [`super::report`] does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::report::Report;
use crate::cargo::cargo_command;

/// Every function is given counters that the engine reads, and every comparison tells it what was
/// compared. These are options of stable Rust; `sancov-module` is a pass of LLVM.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input that takes longer is a finding, in seconds.
const INPUT_SECONDS_MAX: u32 = 5;

/// More memory than this is a finding, in MiB: every format is bounded.
const MEMORY_MIB_MAX: u32 = 512;

/// The engine with all targets, ready to run.
pub(super) struct Engine {
    program: PathBuf,
}

/// One run of one target.
pub(super) struct Run<'a> {
    pub(super) target: &'a str,
    /// Folders of inputs; new ones are written to the first.
    pub(super) corpora: Vec<PathBuf>,
    /// Where an input that breaks a promise is written.
    pub(super) crashes: PathBuf,
    pub(super) options: Vec<String>,
}

impl Engine {
    /// Compiles the engine and, with counters, everything that the targets use.
    pub(super) fn build(root: &Path) -> Result<Engine> {
        if !starts("c++") {
            bail!("the engine is C++: install a compiler, such as `apt-get install g++`");
        }
        let folder = root.join("fuzz/engine");
        // The very versions that the product is built with.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))
            .context("copy Cargo.lock to fuzz/engine")?;
        let (host, output) = (host()?, root.join("target/fuzz"));
        println!("building the engine; minutes the first time");
        // With a target named, build scripts and macros get no counters.
        let status = cargo_command(root)
            .current_dir(&folder)
            .args(["build", "--release", "--quiet", "--target", &host])
            .env("RUSTFLAGS", FLAGS)
            .env("CARGO_TARGET_DIR", &output)
            .status()
            .context("start cargo build")?;
        if !status.success() {
            bail!("the engine cannot be built");
        }
        Ok(Engine { program: output.join(host).join("release/tillsync-fuzz-engine") })
    }

    /// Runs to the end and reads what the engine says.
    pub(super) fn run(&self, run: &Run<'_>) -> Result<Report> {
        let output = Command::new(&self.program)
            .args(&run.options)
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-artifact_prefix={}/", run.crashes.display()))
            .arg("-print_final_stats=1")
            .args(&run.corpora)
            .env("TILLSYNC_FUZZ_TARGET", run.target)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("start {}", self.program.display()))?;
        Ok(Report::read(&String::from_utf8_lossy(&output.stderr), output.status.success()))
    }
}

fn starts(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = Command::new(rustc).arg("-vV").output().context("start rustc -vV")?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}
