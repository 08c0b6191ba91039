//! One run of a job, from lease to history.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::ids::{GroupId, RunId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};

use crate::access::is_present;
use crate::distribution::{DistributionError, PackageSummary};
use crate::headquarters::Headquarters;
use crate::promote::{PromoteError, PromotionSummary, Whom};
use crate::storage::{
    GroupRecord, Lease, LeaseOutcome, RunOutcome, RunRecord, StorageError, Trigger, WriteTx,
};

/// How long a lease lasts without renewal: longer than any batch, short enough that the jobs of a
/// process that died go on soon. A run that outlives it can be joined by another: promotion is
/// one transaction a batch, and a package is published only where it still continues.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// How often a pull looks whether its channels have answered.
const PULL_LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What is said behind the name of a channel that nobody waits for.
const NOT_CONNECTED: &str = " (not connected)";

/// Runs kept per job.
const RUNS_KEPT: usize = 1_000;

/// What a job run is asked beyond its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobOptions {
    /// 1010 only: send everything to this group once, instead of what changed (F73).
    pub full_sync_of: Option<GroupId>,
    /// 1010 only: make a snapshot for these groups where none serves, besides what changed.
    pub snapshots_for: BTreeSet<GroupId>,
    /// How long P-0001 waits for channels to answer.
    pub patience: Duration,
}

/// Why a job did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another run has the lease (F65).
    #[error(
        "job {} is already running since {} (run {}); it runs one at a time, \
         so wait for it to end, or until {} if its process died",
        lease.job, lease.taken_at, lease.run, lease.expires_at
    )]
    AlreadyRunning {
        /// Who has it.
        lease: Box<Lease>,
    },
    /// A full sync of a group that is not there.
    #[error("there is no channel database group {0}")]
    UnknownGroup(GroupId),
    /// An option of another job.
    #[error("job {0} has no full data sync; only 1010 does")]
    NoFullSync(JobName),
    /// Promotion stopped.
    #[error("synchronize customers")]
    Promote(#[from] PromoteError),
    /// Distribution stopped.
    #[error("make packages")]
    Distribute(#[from] DistributionError),
    /// The database failed.
    #[error("keep the record of a job run")]
    Storage(#[from] StorageError),
}

impl JobError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            JobError::AlreadyRunning { .. } => ErrorKind::Busy,
            JobError::UnknownGroup(_) => ErrorKind::NotFound,
            JobError::NoFullSync(_) => ErrorKind::Invalid,
            JobError::Promote(error) => error.kind(),
            JobError::Distribute(error) => error.kind(),
            JobError::Storage(error) => error.kind(),
        }
    }
}

/// A run that holds its job's lease and has not ended.
pub struct ActiveRun<'a> {
    hq: &'a Headquarters,
    record: RunRecord,
    options: JobOptions,
}

/// What a run came to.
struct Outcome {
    outcome: RunOutcome,
    detail: serde_json::Value,
    error: Option<String>,
}

impl Headquarters {
    /// Takes the job's lease and opens a run. [`ActiveRun::execute`] does the work.
    ///
    /// # Errors
    /// Busy: another run has the lease. Invalid, NotFound: the options do not fit.
    pub fn begin_run(
        &self,
        job: JobName,
        trigger: Trigger,
        options: JobOptions,
    ) -> Result<ActiveRun<'_>, JobError> {
        if options.full_sync_of.is_some() && job != JobName::Customers1010 {
            return Err(JobError::NoFullSync(job));
        }
        let now = self.now();
        let record = RunRecord {
            id: RunId::from_uuid(self.mint(now)),
            job,
            trigger,
            started_at: now,
            ended_at: None,
            outcome: RunOutcome::Running,
            detail: serde_json::Value::Null,
            error: None,
        };
        let lease = self.lease(&record, now);
        let outcome = self.storage.write(|tx| {
            let before = tx.lease_get(job)?;
            let outcome = tx.lease_take(&lease, now)?;
            if let Some(before) = before.filter(|_| outcome == LeaseOutcome::Taken) {
                end_dead_run(tx, &before.run, now)?;
            }
            if outcome == LeaseOutcome::Taken && trigger != Trigger::Live {
                tx.run_put(&record)?;
            }
            Ok(outcome)
        })?;
        match outcome {
            LeaseOutcome::Taken => Ok(ActiveRun { hq: self, record, options }),
            LeaseOutcome::Held(lease) => Err(JobError::AlreadyRunning { lease: Box::new(lease) }),
        }
    }

    /// Runs a job to its end and returns its record.
    ///
    /// # Errors
    /// As [`Headquarters::begin_run`]; what happens during the run stands in its record.
    pub fn run_job(
        &self,
        job: JobName,
        trigger: Trigger,
        options: JobOptions,
    ) -> Result<RunRecord, JobError> {
        self.begin_run(job, trigger, options)?.execute()
    }

    /// Runs of a job, newest first.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_runs(
        &self,
        job: Option<JobName>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, JobError> {
        Ok(self.storage.read(|tx| tx.runs_list(job, limit))?)
    }

    /// A run.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn show_run(&self, run: &RunId) -> Result<Option<RunRecord>, JobError> {
        Ok(self.storage.read(|tx| tx.run_get(run))?)
    }

    fn lease(&self, record: &RunRecord, now: Timestamp) -> Lease {
        Lease {
            job: record.job,
            holder: self.holder_of(record),
            run: record.id,
            taken_at: record.started_at,
            expires_at: now + LEASE,
        }
    }

    /// A run is the holder, not its process: two runs of one process exclude each other too.
    fn holder_of(&self, record: &RunRecord) -> crate::storage::LeaseHolder {
        crate::storage::LeaseHolder(format!("{}/{}", self.holder.0, record.id))
    }

    fn renew(&self, record: &RunRecord) -> bool {
        let now = self.now();
        let lease = self.lease(record, now);
        matches!(self.storage.write(|tx| tx.lease_take(&lease, now)), Ok(LeaseOutcome::Taken))
    }
}

impl ActiveRun<'_> {
    /// The run's identity.
    pub fn id(&self) -> RunId {
        self.record.id
    }

    /// Does the work, records how it ended, and gives the lease back.
    ///
    /// # Errors
    /// Busy, Broken: the record could not be kept. Failures of the work stand in the record.
    pub fn execute(self) -> Result<RunRecord, JobError> {
        let outcome = match self.record.job {
            JobName::P0001 => self.pull(),
            JobName::SynchronizeCustomers => self.synchronize(),
            JobName::Customers1010 => self.distribute(),
        };
        let Outcome { outcome, detail, error } = outcome.unwrap_or_else(|error| Outcome {
            outcome: RunOutcome::Failed,
            detail: serde_json::Value::Null,
            error: Some(chain(&error)),
        });
        let did_nothing = error.is_none() && detail.get("idle") == Some(&true.into());
        let ended_at = Some(self.hq.now());
        let record = RunRecord { outcome, detail, error, ended_at, ..self.record.clone() };
        let holder = self.hq.holder_of(&record);
        self.hq.storage.write(|tx| {
            tx.lease_release(record.job, &holder)?;
            if record.trigger == Trigger::Live && did_nothing {
                return Ok(());
            }
            tx.run_put(&record)?;
            tx.runs_forget(RUNS_KEPT).map(drop)
        })?;
        Ok(record)
    }

    fn synchronize(&self) -> Result<Outcome, JobError> {
        let mut keep_going = |_: &PromotionSummary| self.hq.renew(&self.record);
        let summary = self.hq.promote_customers(&Whom::Due, self.record.id, &mut keep_going)?;
        let error = (summary.without_number > 0).then(|| {
            format!(
                "the number sequence customer-account has been exceeded: {} customers stay \
                 pending until it is extended (`tillsync number-sequence set`)",
                summary.without_number
            )
        });
        let is_clean = summary.failed == 0 && error.is_none();
        let is_idle = summary.completed == 0 && is_clean;
        Ok(Outcome { outcome: outcome_of(is_clean), detail: detail(&summary, is_idle), error })
    }

    fn distribute(&self) -> Result<Outcome, JobError> {
        let groups = self.hq.storage.read(|tx| tx.groups_all())?;
        let summary = match &self.options.full_sync_of {
            Some(group) => self.distribute_everything(&groups, group)?,
            None => {
                let snapshot_groups: Vec<GroupRecord> = groups
                    .iter()
                    .filter(|group| self.options.snapshots_for.contains(&group.id))
                    .cloned()
                    .collect();
                let concerned: Vec<GroupRecord> = match self.record.trigger {
                    Trigger::Live => {
                        groups.into_iter().filter(|g| g.mode == ExchangeMode::Live).collect()
                    }
                    Trigger::Manual | Trigger::Schedule => groups,
                };
                let mut summary =
                    self.hq.make_deltas(&concerned, self.record.id, self.record.trigger);
                for group in snapshot_groups {
                    if self.hq.snapshot_is_missing(&group.id)? {
                        let made = self.hq.make_snapshot(&group, self.record.id);
                        summary.count_snapshot(&group.id, made);
                    }
                }
                summary
            }
        };
        let is_clean = summary.failed.is_empty();
        let is_idle = summary.packages == 0 && is_clean;
        Ok(Outcome {
            outcome: outcome_of(is_clean),
            detail: detail(&summary, is_idle),
            error: summary.failed.first().map(|f| format!("group {}: {}", f.group, f.error)),
        })
    }

    fn distribute_everything(
        &self,
        groups: &[GroupRecord],
        wanted: &GroupId,
    ) -> Result<PackageSummary, JobError> {
        let Some(group) = groups.iter().find(|group| group.id == *wanted) else {
            return Err(JobError::UnknownGroup(wanted.clone()));
        };
        let mut summary = PackageSummary::default();
        let made = self.hq.make_snapshot(group, self.record.id);
        if let Ok(snapshot) = &made {
            self.hq.offer_to_all(group, snapshot)?;
        }
        summary.count_snapshot(wanted, made);
        Ok(summary)
    }

    /// Asks every channel to send what it has, and waits for those that are present.
    fn pull(&self) -> Result<Outcome, JobError> {
        let pull = self.hq.storage.write(|tx| tx.pull_next())?;
        self.hq.signals().offers_changed();
        let deadline = self.hq.now()
            + SignedDuration::try_from(self.options.patience).unwrap_or(SignedDuration::MAX);
        loop {
            let (asked, missing) = self.channels_missing(pull)?;
            let now = self.hq.now();
            // A process that ends does not wait: pauses are over at once then.
            let is_over = now >= deadline || self.hq.signals().is_stopping();
            let waits_for_nobody = missing.iter().all(|channel| channel.ends_with(NOT_CONNECTED));
            if waits_for_nobody || is_over || !self.hq.renew(&self.record) {
                let is_clean = missing.is_empty();
                let error = (!is_clean).then(|| {
                    format!(
                        "no answer yet from {}; they send when they are back",
                        missing.join(", ")
                    )
                });
                let answered = asked - missing.len();
                let detail = serde_json::json!({
                    "pull": pull, "asked": asked, "answered": answered, "missing": missing,
                });
                return Ok(Outcome { outcome: outcome_of(is_clean), detail, error });
            }
            self.hq.signals().pause(PULL_LOOK_AGAIN);
        }
    }

    /// How many channels are enrolled, and which of them have not answered the pull.
    fn channels_missing(&self, pull: u64) -> Result<(usize, Vec<String>), JobError> {
        let now = self.hq.now();
        let databases = self.hq.storage.read(|tx| tx.databases_all())?;
        let channels: Vec<_> = databases
            .into_iter()
            .filter(|record| record.database.kind == DatabaseKind::Channel)
            .filter(|record| record.enrolled_at.is_some() && record.revoked_at.is_none())
            .collect();
        let missing = channels
            .iter()
            .filter(|record| record.pulled < pull)
            .map(|record| {
                let id = &record.database.id;
                if is_present(record, now) {
                    id.to_string()
                } else {
                    format!("{id}{NOT_CONNECTED}")
                }
            })
            .collect();
        Ok((channels.len(), missing))
    }
}

/// A run whose lease was taken over has ended, although nobody said so.
fn end_dead_run(tx: &mut dyn WriteTx, run: &RunId, now: Timestamp) -> Result<(), StorageError> {
    let dead = tx.run_get(run)?.filter(|run| run.outcome == RunOutcome::Running);
    let Some(dead) = dead else { return Ok(()) };
    tx.run_put(&RunRecord {
        outcome: RunOutcome::Failed,
        ended_at: Some(now),
        error: Some("its process ended without finishing it; later runs go on".to_owned()),
        ..dead
    })
}

fn outcome_of(is_clean: bool) -> RunOutcome {
    if is_clean { RunOutcome::Succeeded } else { RunOutcome::CompletedWithErrors }
}

fn detail(summary: &impl serde::Serialize, is_idle: bool) -> serde_json::Value {
    let mut detail = serde_json::to_value(summary).expect("a summary is a plain struct");
    detail["idle"] = is_idle.into();
    detail
}

/// An error with its causes, for the run's record.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
