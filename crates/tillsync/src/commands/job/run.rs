//! `tillsync job run`.

use std::time::Duration;

use tillsync_domain::ids::{DatabaseId, GroupId};
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
    tillsync job run 1010 --full default --data-dir /srv/tillsync\n  \
    tillsync job run transactional-statements --store S1 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Which one, as `job list` names it; synchronize-customers also by either published name.
    job: JobName,
    /// 1010, 1040 and 1070 only: send everything to this group once, instead of what changed.
    #[arg(long, value_name = "GROUP")]
    full: Option<GroupId>,
    /// Orders, validation and statements only: only this store's, instead of every store's.
    #[arg(long, value_name = "ID")]
    store: Option<DatabaseId>,
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
        store: arguments.store.clone(),
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
