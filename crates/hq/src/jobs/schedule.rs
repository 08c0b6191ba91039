//! Recurrences: cron patterns in UTC, and the warning when one is missing (F118).

use std::str::FromStr;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::statement::PostingMode;
use tillsync_exchange::messages::ExchangeMode;

use crate::features::features_are_in_force;
use crate::headquarters::Headquarters;
use crate::offline_profiles::offline_profiles_are_in_force;
use crate::profiles::profiles_are_in_force;
use crate::staff::staff_are_in_use;
use crate::storage::{GroupRecord, ReadTx, ScheduleRecord, StorageError};

/// The warning about a job that nothing starts.
const HEALTH_WITHOUT_SCHEDULE: &str = "has no recurrence, and a group works by schedule";

/// Why a recurrence was not set.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// No cron pattern.
    #[error("{pattern:?} is not a recurrence; write a cron pattern such as \"*/5 * * * *\"")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What the parser said.
        #[source]
        source: croner::errors::CronError,
    },
    /// The database failed.
    #[error("keep the schedule")]
    Storage(#[from] StorageError),
}

impl ScheduleError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ScheduleError::Pattern { .. } => ErrorKind::Invalid,
            ScheduleError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Sets or removes the recurrence of a job.
    ///
    /// # Errors
    /// Invalid: not a cron pattern.
    pub fn set_schedule(&self, job: JobName, cron: Option<&str>) -> Result<(), ScheduleError> {
        if let Some(pattern) = cron {
            parse(pattern)?;
        }
        let now = self.now();
        let schedule = ScheduleRecord { job, cron: cron.map(str::to_owned), fired_at: Some(now) };
        Ok(self.storage.write(|tx| tx.schedule_put(&schedule))?)
    }

    /// The recurrences, by job.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn list_schedules(&self) -> Result<Vec<ScheduleRecord>, ScheduleError> {
        Ok(self.storage.read(|tx| tx.schedules_all())?)
    }

    /// Takes the jobs whose time has come, each once however long nobody looked.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn take_due_jobs(&self) -> Result<Vec<JobName>, ScheduleError> {
        let now = self.now();
        let schedules = self.storage.read(|tx| tx.schedules_all())?;
        let is_ahead = |s: &ScheduleRecord| s.fired_at.is_some_and(|fired| fired > now);
        if !schedules.iter().any(|schedule| is_due(schedule, now) || is_ahead(schedule)) {
            return Ok(vec![]);
        }
        Ok(self.storage.write(|tx| {
            let due: Vec<_> = tx.schedules_all()?.into_iter().filter(|s| is_due(s, now)).collect();
            // What fired in the future was started by a clock that has been corrected since.
            let ahead = schedules.iter().filter(|schedule| is_ahead(schedule));
            for schedule in due.iter().chain(ahead) {
                tx.schedule_put(&ScheduleRecord { fired_at: Some(now), ..schedule.clone() })?;
            }
            let mut jobs: Vec<_> = due.into_iter().map(|schedule| schedule.job).collect();
            // In one instant, the way of the data: pull, promote, distribute.
            jobs.sort_unstable_by_key(|job| JobName::ALL.iter().position(|known| known == job));
            Ok(jobs)
        })?)
    }
}

/// What a headquarters has that needs jobs beyond those of customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InUse {
    /// There are items that tills must get.
    pub items: bool,
    /// There are functionality profiles in force that tills must get.
    pub profiles: bool,
    /// There are offline profiles in force that registers must get.
    pub registers: bool,
    /// There are feature switches in force that tills must get.
    pub features: bool,
    /// There are staff that tills must get.
    pub staff: bool,
    /// There are sales, orders or shifts.
    pub documents: bool,
    /// How sales are posted.
    pub posting_mode: PostingMode,
}

impl InUse {
    /// Looks at what there is, without reading the history.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn read(tx: &mut dyn ReadTx) -> Result<Self, StorageError> {
        Ok(InUse {
            items: tx.items_count()? > 0,
            profiles: profiles_are_in_force(tx)?,
            registers: offline_profiles_are_in_force(tx)?,
            features: features_are_in_force(tx)?,
            staff: staff_are_in_use(tx)?,
            documents: tx.transaction_counts()?.by_validation.values().any(|count| *count > 0),
            posting_mode: tx.parameters_get()?.posting_mode,
        })
    }

    fn needs(self, job: JobName) -> bool {
        match job {
            JobName::P0001 | JobName::SynchronizeCustomers | JobName::Customers1010 => true,
            JobName::Products1040 => self.items,
            JobName::ChannelConfiguration1070 => self.profiles,
            JobName::Registers1090 => self.registers,
            JobName::GlobalConfiguration1110 => self.features,
            JobName::Staff1060 => self.staff,
            JobName::SynchronizeOrders | JobName::ValidateTransactions => self.documents,
            JobName::TransactionalStatements | JobName::FinancialStatements => {
                self.documents && self.posting_mode == PostingMode::TrickleFeed
            }
            JobName::ClassicStatements => {
                self.documents && self.posting_mode == PostingMode::Classic
            }
        }
    }
}

/// The jobs that need a recurrence and have none: without them, what was created at the edge stays
/// there, or is never posted.
pub fn schedule_warnings(
    groups: &[GroupRecord],
    schedules: &[ScheduleRecord],
    in_use: &InUse,
) -> Vec<String> {
    if groups.iter().all(|group| group.mode == ExchangeMode::Live) {
        return vec![];
    }
    let has_recurrence = |job: JobName| schedules.iter().any(|s| s.job == job && s.cron.is_some());
    JobName::ALL
        .into_iter()
        .filter(|job| in_use.needs(*job) && !has_recurrence(*job))
        .map(|job| format!("job {job} {HEALTH_WITHOUT_SCHEDULE}"))
        .collect()
}

fn parse(pattern: &str) -> Result<Cron, ScheduleError> {
    Cron::from_str(pattern)
        .map_err(|source| ScheduleError::Pattern { pattern: pattern.to_owned(), source })
}

fn is_due(schedule: &ScheduleRecord, now: Timestamp) -> bool {
    let Some(cron) = schedule.cron.as_deref().and_then(|pattern| parse(pattern).ok()) else {
        return false;
    };
    let since = schedule.fired_at.unwrap_or(now).to_zoned(TimeZone::UTC);
    cron.find_next_occurrence(&since, false).is_ok_and(|next| next.timestamp() <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn a_recurrence_fires_once_however_long_nobody_looked() {
        let fired = |at: Timestamp| ScheduleRecord {
            job: JobName::P0001,
            cron: Some("*/5 * * * *".into()),
            fired_at: Some(at),
        };
        let schedule = fired(at("2026-01-01T10:02:00Z"));
        assert!(!is_due(&schedule, at("2026-01-01T10:04:59Z")));
        assert!(is_due(&schedule, at("2026-01-01T10:05:00Z")));
        assert!(is_due(&schedule, at("2026-01-03T00:00:00Z")));
        assert!(!is_due(&fired(at("2026-01-03T00:00:00Z")), at("2026-01-03T00:01:00Z")));
    }

    #[test]
    fn a_job_without_recurrence_raises_a_warning_where_a_group_works_by_schedule() {
        let group = |mode| GroupRecord {
            id: "retail".parse().expect("a group"),
            address_books: vec![],
            mode,
        };
        let schedules = [ScheduleRecord {
            job: JobName::P0001,
            cron: Some("0 * * * *".into()),
            fired_at: None,
        }];
        let unused = InUse::default();
        assert!(schedule_warnings(&[group(ExchangeMode::Live)], &[], &unused).is_empty());
        let groups = [group(ExchangeMode::Scheduled)];
        let warnings = schedule_warnings(&groups, &schedules, &unused);
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].starts_with("job synchronize-customers has no recurrence"));
    }

    #[test]
    fn jobs_that_have_nothing_to_do_need_no_recurrence() {
        let needed = |in_use: InUse| -> Vec<&str> {
            let jobs = JobName::ALL.into_iter().filter(|job| in_use.needs(*job));
            jobs.map(JobName::as_str).collect()
        };
        let customers = ["P-0001", "synchronize-customers", "1010"];
        assert_eq!(needed(InUse::default()), customers);
        let everything = InUse {
            items: true,
            profiles: true,
            registers: true,
            features: true,
            staff: true,
            documents: true,
            ..InUse::default()
        };
        assert_eq!(needed(everything).len(), JobName::ALL.len() - 1);
        let classic = InUse { posting_mode: PostingMode::Classic, ..everything };
        assert!(needed(classic).contains(&"classic-statements"));
        assert!(!needed(classic).contains(&"financial-statements"));
    }
}
