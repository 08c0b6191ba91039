//! `tillsync job`: what runs, what ran, when it runs.

mod history;
mod list;
mod run;
mod schedule;

use serde_json::{Value, json};
use tillsync_hq::storage::{RunOutcome, RunRecord};

use crate::failure::{Failure, Verdict};
use crate::output;

/// What to do with jobs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the jobs, their recurrences and last runs.
    List(list::Arguments),
    /// Run a job now and wait for its end.
    Run(run::Arguments),
    /// List past runs, newest first.
    History(history::Arguments),
    /// Give a job a recurrence, or take it away.
    Schedule(schedule::Arguments),
}

pub(super) fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::List(arguments) => list::run(arguments)?,
        Command::Run(arguments) => return run::run(arguments),
        Command::History(arguments) => history::run(arguments)?,
        Command::Schedule(arguments) => schedule::run(arguments)?,
    }
    Ok(Verdict::Good)
}

/// How a run ended, in words.
fn outcome(outcome: RunOutcome) -> String {
    outcome.as_str().replace('_', " ")
}

/// What a run did, as `name count` pairs.
fn detail(run: &RunRecord) -> String {
    let is_idle = run.detail["idle"] == json!(true);
    let counts = run.detail.as_object().into_iter().flatten().filter(|(name, _)| *name != "idle");
    let mut words: Vec<_> = counts
        .filter(|(_, value)| !value.is_null() && **value != json!(0) && **value != json!([]))
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{} {text}", name.replace('_', " ")),
            None => format!("{} {value}", name.replace('_', " ")),
        })
        .collect();
    words.extend(is_idle.then(|| "nothing to do".to_owned()));
    words.extend(run.error.clone());
    words.join(", ")
}

fn run_json(run: &RunRecord) -> Value {
    json!({
        "run": run.id.to_string(),
        "job": run.job.as_str(),
        "trigger": run.trigger.as_str(),
        "started_at": run.started_at.to_string(),
        "ended_at": output::json_time(run.ended_at),
        "outcome": run.outcome.as_str(),
        "detail": run.detail,
        "error": run.error,
    })
}
