//! The threads of a headquarters server: promote at once, distribute at once, keep schedules.
//!
//! They hold no state that matters: stopping or killing them at any point loses nothing.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::job::JobName;
use tillsync_exchange::messages::ExchangeMode;

use crate::headquarters::Headquarters;
use crate::jobs::{JobError, JobOptions};
use crate::promote::PromoteError;
use crate::storage::{DueOperations, RunOutcome, StorageError, Trigger};
use tillsync_domain::promotion::InboxPosition;

/// How long a worker sleeps when nobody wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a worker waits after a failure or while another process runs the job.
const AFTER_FAILURE: Duration = Duration::from_millis(250);

/// How long a scheduled P-0001 waits for channels.
const PULL_PATIENCE: Duration = Duration::from_secs(30);

/// The running threads.
#[derive(Debug)]
pub struct Workers {
    hq_threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// Broken: the machine gives no threads.
    pub fn start(hq: &Arc<Headquarters>) -> std::io::Result<Workers> {
        let spawn = |name: &str, work: fn(&Headquarters)| {
            let hq = Arc::clone(hq);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&hq))
        };
        Ok(Workers {
            hq_threads: vec![
                spawn("promote", promote_live)?,
                spawn("distribute", distribute_live)?,
                spawn("schedule", keep_schedules)?,
            ],
        })
    }

    /// Whether every thread still runs: none has panicked or ended.
    pub fn are_running(&self) -> bool {
        self.hq_threads.iter().all(|thread| !thread.is_finished())
    }

    /// Asks the threads to end after their present batch and waits for them.
    pub fn stop(self, hq: &Headquarters) {
        hq.signals().stop();
        for thread in self.hq_threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

fn promote_live(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        let wake = hq.signals().wait(LOOK_AGAIN, |wake| {
            wake.changes = false;
            wake.snapshots.clear();
            wake.operations
        });
        if wake.stop {
            return;
        }
        let ran = works_live(hq).and_then(|is_live| {
            if !is_live || !(wake.operations || is_anything_due(hq)?) {
                return Ok(());
            }
            hq.run_job(JobName::SynchronizeCustomers, Trigger::Live, JobOptions::default())?;
            Ok(())
        });
        if let Err(error) = ran {
            log_unless_busy(JobName::SynchronizeCustomers, &error);
            hq.signals().pause(AFTER_FAILURE);
            hq.signals().operations_arrived();
        }
    }
}

fn distribute_live(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        let wake = hq.signals().wait(LOOK_AGAIN, |wake| {
            wake.operations = false;
            wake.changes || !wake.snapshots.is_empty()
        });
        if wake.stop {
            return;
        }
        let options = JobOptions { snapshots_for: wake.snapshots, ..JobOptions::default() };
        let is_asked = wake.changes || !options.snapshots_for.is_empty();
        let ran = is_distribution_due(hq).and_then(|is_due| {
            if is_asked || is_due {
                let run = hq.run_job(JobName::Customers1010, Trigger::Live, options)?;
                if run.outcome != RunOutcome::Succeeded {
                    // A full disk or a store that is away: polls ask again soon enough.
                    hq.signals().pause(LOOK_AGAIN);
                }
            }
            Ok(())
        });
        if let Err(error) = ran {
            log_unless_busy(JobName::Customers1010, &error);
            hq.signals().pause(AFTER_FAILURE);
            hq.signals().customers_changed();
        }
    }
}

fn keep_schedules(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        hq.signals().pause(Duration::from_secs(1));
        let jobs = hq.take_due_jobs().unwrap_or_else(|error| {
            tracing::error!(%error, "look for jobs that are due");
            vec![]
        });
        for job in jobs {
            let options = JobOptions { patience: PULL_PATIENCE, ..JobOptions::default() };
            match hq.run_job(job, Trigger::Schedule, options) {
                Ok(run) => tracing::info!(%job, outcome = run.outcome.as_str(), "scheduled run"),
                Err(error) => log_unless_busy(job, &error),
            }
        }
    }
}

fn works_live(hq: &Headquarters) -> Result<bool, JobError> {
    let groups = hq.storage().read(|tx| tx.groups_all())?;
    Ok(groups.iter().any(|group| group.mode == ExchangeMode::Live))
}

fn is_anything_due(hq: &Headquarters) -> Result<bool, JobError> {
    let now = hq.now();
    let only: Option<Vec<CustomerGuid>> = None;
    let due = DueOperations { after: InboxPosition(0), limit: 1, now, only };
    Ok(!hq.storage().read(|tx| tx.operations_due(&due))?.is_empty())
}

fn is_distribution_due(hq: &Headquarters) -> Result<bool, JobError> {
    let is_due = hq.storage().read(|tx| {
        let horizon = tx.change_horizon()?;
        for group in tx.groups_all()? {
            let position = tx.row_version_get(&group.id, JobName::Customers1010)?;
            if group.mode == ExchangeMode::Live && position.version < horizon {
                return Ok(true);
            }
        }
        Ok::<_, StorageError>(false)
    })?;
    Ok(is_due)
}

fn log_unless_busy(job: JobName, error: &JobError) {
    match error {
        // Another process does the work, or will be done in a moment.
        JobError::AlreadyRunning { .. } | JobError::Promote(PromoteError::LeaseLost) => {
            tracing::debug!(%job, %error, "the job runs elsewhere");
        }
        error => tracing::error!(%job, %error, "a job failed; it is tried again"),
    }
}
