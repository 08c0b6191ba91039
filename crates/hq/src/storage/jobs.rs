//! Runs of jobs, the leases that keep them single, and their schedules.

use jiff::Timestamp;
use tillsync_domain::ids::RunId;
use tillsync_domain::job::JobName;

use super::StorageError;

/// Who holds a lease: a process, unique over restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseHolder(pub String);

/// The right to run a job alone, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// For which job.
    pub job: JobName,
    /// Who has it.
    pub holder: LeaseHolder,
    /// In which run.
    pub run: RunId,
    /// Since when.
    pub taken_at: Timestamp,
    /// Until when, unless renewed.
    pub expires_at: Timestamp,
}

/// The answer to a request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is the caller's.
    Taken,
    /// Somebody else has it and it has not expired (F65).
    Held(Lease),
}

/// Why a run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A person asked.
    Manual,
    /// Its schedule.
    Schedule,
    /// Something arrived, in live mode.
    Live,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Trigger; 3] = [Trigger::Manual, Trigger::Schedule, Trigger::Live];

    /// The name in databases and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Manual => "manual",
            Trigger::Schedule => "schedule",
            Trigger::Live => "live",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// Still going, or its process died.
    Running,
    /// Everything was done.
    Succeeded,
    /// It ran to its end, but something needs a person: the detail says what.
    CompletedWithErrors,
    /// It stopped.
    Failed,
}

impl RunOutcome {
    /// Every outcome.
    pub const ALL: [RunOutcome; 4] = [
        RunOutcome::Running,
        RunOutcome::Succeeded,
        RunOutcome::CompletedWithErrors,
        RunOutcome::Failed,
    ];

    /// The name in databases and lists.
    pub fn as_str(self) -> &'static str {
        match self {
            RunOutcome::Running => "running",
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::CompletedWithErrors => "completed_with_errors",
            RunOutcome::Failed => "failed",
        }
    }
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its identity.
    pub id: RunId,
    /// Which job.
    pub job: JobName,
    /// Why.
    pub trigger: Trigger,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What it did, as counts by name.
    pub detail: serde_json::Value,
    /// What stopped it.
    pub error: Option<String>,
}

/// When a job runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRecord {
    /// Which job.
    pub job: JobName,
    /// The recurrence as a cron pattern in UTC; absent when the job has none.
    pub cron: Option<String>,
    /// The last time it was due and started.
    pub fired_at: Option<Timestamp>,
}

/// Reading jobs.
pub trait JobReads {
    /// The present lease of a job, expired or not.
    fn lease_get(&mut self, job: JobName) -> Result<Option<Lease>, StorageError>;

    /// Runs of a job (of all, when absent), newest first.
    fn runs_list(
        &mut self,
        job: Option<JobName>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, StorageError>;

    /// A run.
    fn run_get(&mut self, run: &RunId) -> Result<Option<RunRecord>, StorageError>;

    /// The schedules that exist, by job.
    fn schedules_all(&mut self) -> Result<Vec<ScheduleRecord>, StorageError>;

    /// The number of the latest pull; zero before the first.
    fn pull_get(&mut self) -> Result<u64, StorageError>;
}

/// Running jobs.
pub trait JobWrites {
    /// Takes the lease for its job if it is free, expired, or the holder's own. One that expires
    /// more than ten minutes ahead counts as expired: a clock was wrong when it was taken.
    fn lease_take(&mut self, lease: &Lease, now: Timestamp) -> Result<LeaseOutcome, StorageError>;

    /// Gives the lease up, if the holder still has it.
    fn lease_release(&mut self, job: JobName, holder: &LeaseHolder) -> Result<(), StorageError>;

    /// Inserts or replaces a run.
    fn run_put(&mut self, run: &RunRecord) -> Result<(), StorageError>;

    /// Deletes runs that ended, beyond the newest `keep` of each job.
    fn runs_forget(&mut self, keep: usize) -> Result<u64, StorageError>;

    /// Inserts or replaces a schedule.
    fn schedule_put(&mut self, schedule: &ScheduleRecord) -> Result<(), StorageError>;

    /// Begins a new pull and returns its number.
    fn pull_next(&mut self) -> Result<u64, StorageError>;
}
