//! `tillsync job history`.

use tillsync_domain::job::JobName;

use super::{detail, outcome, run_json};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `job history`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync job history --data-dir /srv/tillsync\n  \
    tillsync job history 1010 --limit 5 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only runs of this job.
    job: Option<JobName>,
    /// How many runs to show.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runs = arguments.place.open_to_look()?.list_runs(arguments.job, arguments.limit)?;
    let value = runs.iter().map(run_json).collect::<Vec<_>>().into();
    arguments.format.print(&value, || {
        if runs.is_empty() {
            return "no job has run yet".to_owned();
        }
        let header = ["Started (UTC)", "Job", "Why", "Took", "Outcome", "What it did"];
        output::table(
            header,
            runs.iter().map(|run| {
                let took = run.ended_at.map(|end| end.duration_since(run.started_at));
                [
                    output::time(run.started_at),
                    run.job.to_string(),
                    run.trigger.as_str().to_owned(),
                    took.map_or_else(|| "-".to_owned(), output::duration),
                    outcome(run.outcome),
                    detail(run),
                ]
            }),
        )
    });
    Ok(())
}
