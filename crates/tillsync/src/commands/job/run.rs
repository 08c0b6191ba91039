//! `tillsync job run`.

use std::time::Duration;

use tillsync_domain::ids::GroupId;
use tillsync_domain::job::JobName;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{RunOutcome, Trigger};

use super::{detail, outcome, run_json};
use crate::failure::{Failure, Verdict};
use crate::headquarters::Place;
use crate::output::Format;

/// Arguments of `job run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync job run synchronize-customers --data-dir /srv/tillsync\n  \
    tillsync job run 1010 --full default --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// P-0001, synchronize-customers (or either of its published names) or 1010.
    job: JobName,
    /// 1010 only: send everything to this group once, instead of what changed.
    #[arg(long, value_name = "GROUP")]
    full: Option<GroupId>,
    /// P-0001 only: how long to wait for stores to send what they have.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let hq = arguments.place.open_to_change()?;
    let options = JobOptions {
        full_sync_of: arguments.full.clone(),
        patience: Duration::from_secs(arguments.patience),
        ..JobOptions::default()
    };
    let record = hq.run_job(arguments.job, Trigger::Manual, options)?;
    arguments.format.print(&run_json(&record), || {
        format!("{} {}: {}", record.job, outcome(record.outcome), detail(&record))
    });
    Ok(match record.outcome {
        RunOutcome::Running | RunOutcome::Succeeded => Verdict::Good,
        RunOutcome::CompletedWithErrors | RunOutcome::Failed => Verdict::Bad,
    })
}
