//! `tillsync job schedule`.

use tillsync_domain::job::JobName;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `job schedule`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync job schedule P-0001 \"*/5 * * * *\" --data-dir /srv/tillsync\n  \
    tillsync job schedule P-0001 --none --data-dir /srv/tillsync\n\n\
    A recurrence is a cron pattern in UTC: the first example runs the job every five minutes.")]
pub(crate) struct Arguments {
    /// Which job.
    job: JobName,
    /// When, as a cron pattern in UTC.
    #[arg(required_unless_present = "none", conflicts_with = "none")]
    cron: Option<String>,
    /// Take the recurrence away.
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let cron = arguments.cron.as_deref();
    let hq = arguments.place.open_to_change()?;
    hq.set_schedule(arguments.job, cron)?;
    output::line(&match cron {
        Some(cron) => format!("{} runs at {cron} (UTC)", arguments.job),
        None => format!("{} runs only when it is started", arguments.job),
    });
    Ok(())
}
