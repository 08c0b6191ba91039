//! Runs, leases, schedules and the pull number.

use jiff::SignedDuration;
use tillsync_domain::ids::RunId;
use tillsync_domain::job::JobName;
use tillsync_hq::storage::{
    JobReads, JobWrites, Lease, LeaseHolder, LeaseOutcome, RunOutcome, RunRecord, ScheduleRecord,
    StorageError, Trigger,
};

use crate::columns::{Columns, Read, bounded, micros, storable_or_none, to_json};
use crate::tx::{PgTx, Values};

const RUN: &str = "SELECT id, job, trigger, started_at, ended_at, outcome, detail, error
    FROM job_run";

/// A lease that runs further ahead was taken under a clock that has been corrected since: it holds
/// nobody up.
const LEASE_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

impl JobReads for PgTx<'_> {
    fn lease_get(&mut self, job: JobName) -> Result<Option<Lease>, StorageError> {
        let sql = "SELECT holder, run, taken_at, expires_at FROM job_lease WHERE job = $1";
        self.read_one(sql, &[&job.as_str()], "read a job's lease", |row| {
            Ok(Lease {
                job,
                holder: LeaseHolder(row.value()?),
                run: row.id(RunId::from_uuid)?,
                taken_at: row.time()?,
                expires_at: row.time()?,
            })
        })
    }

    fn runs_list(
        &mut self,
        job: Option<JobName>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, StorageError> {
        let (doing, limit) = ("list job runs", bounded(limit));
        match job {
            Some(job) => {
                let sql = format!("{RUN} WHERE job = $1 ORDER BY ordinal DESC LIMIT $2");
                self.read_all(&sql, &[&job.as_str(), &limit], doing, run)
            }
            None => {
                let sql = format!("{RUN} ORDER BY ordinal DESC LIMIT $1");
                self.read_all(&sql, &[&limit], doing, run)
            }
        }
    }

    fn run_get(&mut self, id: &RunId) -> Result<Option<RunRecord>, StorageError> {
        let sql = format!("{RUN} WHERE id = $1");
        self.read_one(&sql, &[&id.as_uuid()], "read a job run", run)
    }

    fn schedules_all(&mut self) -> Result<Vec<ScheduleRecord>, StorageError> {
        let sql = "SELECT job, cron, fired_at FROM job_schedule ORDER BY job";
        let mut schedules =
            self.read_all(sql, &[], "read the schedules", |row: &mut Columns<'_>| {
                Ok(ScheduleRecord {
                    job: row.named(&JobName::ALL, JobName::as_str)?,
                    cron: row.value()?,
                    fired_at: row.time_or_none()?,
                })
            })?;
        schedules.sort_by_key(|schedule| schedule.job);
        Ok(schedules)
    }

    fn pull_get(&mut self) -> Result<u64, StorageError> {
        self.count("SELECT number FROM pull", "read the pull number")
    }
}

impl JobWrites for PgTx<'_> {
    fn lease_take(
        &mut self,
        lease: &Lease,
        now: jiff::Timestamp,
    ) -> Result<LeaseOutcome, StorageError> {
        if let Some(held) = self.lease_get(lease.job)?
            && held.holder != lease.holder
            && held.expires_at > now
            && held.expires_at <= now + LEASE_AHEAD_MAX
        {
            return Ok(LeaseOutcome::Held(held));
        }
        let sql = "INSERT INTO job_lease (job, holder, run, taken_at, expires_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, run = excluded.run,
                taken_at = excluded.taken_at, expires_at = excluded.expires_at";
        let values: Values<'_> = &[
            &lease.job.as_str(),
            &lease.holder.0,
            &lease.run.as_uuid(),
            &lease.taken_at.as_microsecond(),
            &lease.expires_at.as_microsecond(),
        ];
        self.change(sql, values, "take a job's lease")?;
        Ok(LeaseOutcome::Taken)
    }

    fn lease_release(&mut self, job: JobName, holder: &LeaseHolder) -> Result<(), StorageError> {
        let sql = "DELETE FROM job_lease WHERE job = $1 AND holder = $2";
        self.change(sql, &[&job.as_str(), &holder.0], "release a job's lease")?;
        Ok(())
    }

    fn run_put(&mut self, run: &RunRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO job_run
            (id, job, trigger, started_at, ended_at, outcome, detail, error)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (id) DO UPDATE SET job = excluded.job, trigger = excluded.trigger,
                started_at = excluded.started_at, ended_at = excluded.ended_at,
                outcome = excluded.outcome, detail = excluded.detail, error = excluded.error";
        let values: Values<'_> = &[
            &run.id.as_uuid(),
            &run.job.as_str(),
            &run.trigger.as_str(),
            &run.started_at.as_microsecond(),
            &micros(run.ended_at),
            &run.outcome.as_str(),
            &to_json(&run.detail),
            &storable_or_none(run.error.as_ref()),
        ];
        self.change(sql, values, "store a job run")?;
        Ok(())
    }

    fn runs_forget(&mut self, keep: usize) -> Result<u64, StorageError> {
        let sql = "DELETE FROM job_run WHERE ended_at IS NOT NULL AND ordinal IN (
            SELECT ordinal FROM (
                SELECT ordinal, row_number() OVER (PARTITION BY job ORDER BY ordinal DESC) AS age
                FROM job_run) AS aged
            WHERE age > $1)";
        self.change(sql, &[&bounded(keep)], "forget old job runs")
    }

    fn schedule_put(&mut self, schedule: &ScheduleRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO job_schedule (job, cron, fired_at) VALUES ($1, $2, $3)
            ON CONFLICT (job) DO UPDATE SET cron = excluded.cron, fired_at = excluded.fired_at";
        let values: Values<'_> =
            &[&schedule.job.as_str(), &schedule.cron, &micros(schedule.fired_at)];
        self.change(sql, values, "store a schedule")?;
        Ok(())
    }

    fn pull_next(&mut self) -> Result<u64, StorageError> {
        let sql = "UPDATE pull SET number = number + 1 RETURNING number";
        self.count(sql, "begin a pull")
    }
}

fn run(row: &mut Columns<'_>) -> Read<RunRecord> {
    Ok(RunRecord {
        id: row.id(RunId::from_uuid)?,
        job: row.named(&JobName::ALL, JobName::as_str)?,
        trigger: row.named(&Trigger::ALL, Trigger::as_str)?,
        started_at: row.time()?,
        ended_at: row.time_or_none()?,
        outcome: row.named(&RunOutcome::ALL, RunOutcome::as_str)?,
        detail: row.json()?,
        error: row.value()?,
    })
}
