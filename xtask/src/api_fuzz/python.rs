//! Schemathesis in a Python environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::plan::Server;
use super::report::Report;

/// The exact version, so that a run means the same everywhere.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What Schemathesis does besides.
const HOOKS: &str = include_str!("hooks.py");

/// Where the token of a server is handed over.
const TOKEN_VARIABLE: &str = "TILLSYNC_API_FUZZ_TOKEN";

/// What is tried. Not among it is following what one answer names into the next request: it would
/// revoke the channel and retire the operators' own work in the first seconds of a run.
const PHASES: &str = "examples,coverage,fuzzing";

/// How long one answer may take, in seconds: nothing that is described here waits on purpose.
const ANSWER_SECONDS: &str = "60";

/// An installed Schemathesis.
pub(super) struct Schemathesis {
    executable: PathBuf,
}

/// How much is tried.
pub(super) struct Settings {
    /// Goes on inventing requests for so long; once through when absent.
    pub(super) seconds: Option<u32>,
    pub(super) max_examples: u32,
    pub(super) seed: u64,
}

impl Schemathesis {
    /// Installs it unless that version is there already.
    pub(super) fn install(root: &Path) -> Result<Self> {
        let folder = root.join("target/api-fuzz");
        let (environment, mark) = (folder.join("venv"), folder.join("installed"));
        let executable = environment.join("bin/schemathesis");
        let is_there = executable.exists()
            && fs::read_to_string(&mark).is_ok_and(|installed| installed == REQUIREMENTS);
        if !is_there {
            fs::create_dir_all(&folder).context("make the folder of the environment")?;
            let requirements = folder.join("requirements.txt");
            fs::write(&requirements, REQUIREMENTS).context("write the requirements")?;
            let venv = ["-m", "venv", "--clear"];
            done(Command::new("python3").args(venv).arg(&environment))
                .context("make a Python environment (Debian: python3-venv)")?;
            let pip = environment.join("bin/pip");
            done(Command::new(pip).args(["install", "--quiet", "-r"]).arg(&requirements))
                .context("install Schemathesis")?;
            fs::write(&mark, REQUIREMENTS).context("note what is installed")?;
        }
        Ok(Schemathesis { executable })
    }

    /// Tries one server.
    pub(super) fn run(
        &self,
        folder: &Path,
        server: &Server,
        settings: &Settings,
    ) -> Result<Report> {
        let folder = folder.join("api-fuzz").join(server.name);
        fs::create_dir_all(&folder).context("make the folder of the report")?;
        let configuration = folder.join("schemathesis.toml");
        fs::write(&configuration, server.configuration(TOKEN_VARIABLE))
            .context("write the configuration")?;
        fs::write(folder.join("hooks.py"), HOOKS).context("write the hooks")?;
        let (report, said) = (folder.join("report.json"), folder.join("said.txt"));
        let output = fs::File::create(&said).context("open the file for the output")?;
        let errors = output.try_clone().context("open the file for the output")?;
        let seconds = settings.seconds.map(|seconds| seconds.to_string());
        let budget = seconds.iter().flat_map(|seconds| ["--max-time", seconds.as_str()]);
        let status = Command::new(&self.executable)
            .current_dir(&folder)
            .arg("--config-file")
            .arg(&configuration)
            .args(["run", &format!("{}{}", server.url, server.description), "--url", &server.url])
            .args(["--continue-on-failure", "--no-color"])
            .args(["--phases", PHASES, "--request-timeout", ANSWER_SECONDS])
            .args(["--max-examples", &settings.max_examples.to_string()])
            .args(["--seed", &settings.seed.to_string()])
            .args(budget)
            .args(["--report", "json", "--report-json-path"])
            .arg(&report)
            .env(TOKEN_VARIABLE, &server.token)
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status()
            .context("start Schemathesis")?;
        let text = fs::read_to_string(&report).with_context(|| {
            format!("Schemathesis ended ({status}) without a report; see {}", said.display())
        })?;
        let found: Value = serde_json::from_str(&text).context("read the report")?;
        Report::read(server.name, &found, &said)
    }
}

fn done(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    Ok(())
}
