//! One run of a job, from lease to history.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::ids::{DatabaseId, GroupId, RunId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::StatementKind;
use tillsync_exchange::messages::DatabaseKind;

use crate::distribution::{DistributionError, Download};
use crate::headquarters::Headquarters;
use crate::promote::PromoteError;
use crate::statements::StatementError;
use crate::storage::{Lease, LeaseOutcome, RunOutcome, RunRecord, StorageError, Trigger, WriteTx};
use crate::synchronize_orders::SynchronizeError;
use crate::validate::ValidateError;

/// How long a lease lasts without renewal: longer than any batch, short enough that the jobs of a
/// process that died go on soon. A run that outlives it can be joined by another: promotion is
/// one transaction a batch, and a package is published only where it still continues.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// Runs kept per job.
const RUNS_KEPT: usize = 1_000;

/// What a job run is asked beyond its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobOptions {
    /// 1010, 1040 and 1070 only: send everything to this group once, instead of what changed (F73).
    pub full_sync_of: Option<GroupId>,
    /// 1010, 1040 and 1070 only: make a snapshot for these groups where none serves, besides what
    /// changed.
    pub snapshots_for: BTreeSet<GroupId>,
    /// Orders, validation and statements only: only this store's, instead of every store's.
    pub store: Option<DatabaseId>,
    /// validate-transactions only: look at those in error again as well.
    pub errors_too: bool,
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
    #[error("job {0} has no full data sync; only 1010, 1040 and 1070 do")]
    NoFullSync(JobName),
    /// A store that is not there, or a register.
    #[error("there is no channel {0}; `tillsync hq add-channel` adds one")]
    UnknownStore(DatabaseId),
    /// One store of a job that has no stores.
    #[error(
        "job {0} always runs for all stores; only synchronize-orders, validate-transactions and \
         the statements run for one"
    )]
    NoStoreScope(JobName),
    /// Another look at errors by a job that finds none.
    #[error("job {0} does not look at errors again; only validate-transactions does")]
    NoSecondLook(JobName),
    /// Promotion stopped.
    #[error("synchronize customers")]
    Promote(#[from] PromoteError),
    /// Distribution stopped.
    #[error("make packages")]
    Distribute(#[from] DistributionError),
    /// Synchronizing orders stopped.
    #[error("synchronize orders")]
    Orders(#[from] SynchronizeError),
    /// Validation stopped.
    #[error("validate transactions")]
    Validate(#[from] ValidateError),
    /// Posting stopped.
    #[error("post statements")]
    Statements(#[source] Box<StatementError>),
    /// The database failed.
    #[error("keep the record of a job run")]
    Storage(#[from] StorageError),
}

impl From<StatementError> for JobError {
    fn from(error: StatementError) -> Self {
        JobError::Statements(Box::new(error))
    }
}

impl JobError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            JobError::AlreadyRunning { .. } => ErrorKind::Busy,
            JobError::UnknownGroup(_) | JobError::UnknownStore(_) => ErrorKind::NotFound,
            JobError::NoFullSync(_) | JobError::NoStoreScope(_) | JobError::NoSecondLook(_) => {
                ErrorKind::Invalid
            }
            JobError::Promote(error) => error.kind(),
            JobError::Distribute(error) => error.kind(),
            JobError::Orders(error) => error.kind(),
            JobError::Validate(error) => error.kind(),
            JobError::Statements(error) => error.kind(),
            JobError::Storage(error) => error.kind(),
        }
    }
}

/// A run that holds its job's lease and has not ended.
pub struct ActiveRun<'a> {
    pub(super) hq: &'a Headquarters,
    pub(super) record: RunRecord,
    pub(super) options: JobOptions,
}

/// What a run came to.
pub(super) struct Outcome {
    pub(super) outcome: RunOutcome,
    pub(super) detail: serde_json::Value,
    pub(super) error: Option<String>,
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
        self.check_options(job, &options)?;
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

    fn check_options(&self, job: JobName, options: &JobOptions) -> Result<(), JobError> {
        if options.full_sync_of.is_some() && Download::of(job).is_none() {
            return Err(JobError::NoFullSync(job));
        }
        if options.errors_too && job != JobName::ValidateTransactions {
            return Err(JobError::NoSecondLook(job));
        }
        let Some(store) = &options.store else { return Ok(()) };
        match job {
            JobName::P0001
            | JobName::SynchronizeCustomers
            | JobName::Customers1010
            | JobName::Products1040
            | JobName::ChannelConfiguration1070
            | JobName::Registers1090
            | JobName::Staff1060
            | JobName::GlobalConfiguration1110 => return Err(JobError::NoStoreScope(job)),
            JobName::SynchronizeOrders
            | JobName::ValidateTransactions
            | JobName::TransactionalStatements
            | JobName::FinancialStatements
            | JobName::ClassicStatements => {}
        }
        let found = self.storage.read(|tx| tx.database_get(store))?;
        match found.filter(|record| record.database.kind == DatabaseKind::Channel) {
            Some(_) => Ok(()),
            None => Err(JobError::UnknownStore(store.clone())),
        }
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
        crate::storage::LeaseHolder(format!("{}/{}", self.node, record.id))
    }

    /// Whether a run may go on: its lease is still its own, and its node does not end.
    pub(super) fn renew(&self, record: &RunRecord) -> bool {
        if self.signals().is_stopping() {
            return false;
        }
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
            JobName::Customers1010 => self.distribute(Download::Customers),
            JobName::Products1040 => self.distribute(Download::Products),
            JobName::ChannelConfiguration1070 => self.distribute(Download::Profiles),
            JobName::Registers1090 => self.distribute(Download::Registers),
            JobName::Staff1060 => self.distribute(Download::Staff),
            JobName::GlobalConfiguration1110 => self.distribute(Download::Features),
            JobName::SynchronizeOrders => self.synchronize_orders(),
            JobName::ValidateTransactions => self.validate(),
            JobName::TransactionalStatements => self.post(StatementKind::Transactional),
            JobName::FinancialStatements => self.post(StatementKind::Financial),
            JobName::ClassicStatements => self.post(StatementKind::Classic),
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
}

/// A run whose lease was taken over has ended, although nobody said so.
pub(crate) fn end_dead_run(
    tx: &mut dyn WriteTx,
    run: &RunId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let dead = tx.run_get(run)?.filter(|run| run.outcome == RunOutcome::Running);
    let Some(dead) = dead else { return Ok(()) };
    tx.run_put(&RunRecord {
        outcome: RunOutcome::Failed,
        ended_at: Some(now),
        error: Some("its process ended without finishing it; later runs go on".to_owned()),
        ..dead
    })
}

pub(super) fn outcome_of(is_clean: bool) -> RunOutcome {
    if is_clean { RunOutcome::Succeeded } else { RunOutcome::CompletedWithErrors }
}

pub(super) fn detail(summary: &impl serde::Serialize, is_idle: bool) -> serde_json::Value {
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
