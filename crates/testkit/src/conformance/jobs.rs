//! Leases, runs, schedules and pulls.

use std::sync::atomic::{AtomicUsize, Ordering};

use tillsync_domain::job::JobName;
use tillsync_hq::storage::{
    Lease, LeaseHolder, LeaseOutcome, RunOutcome, RunRecord, ScheduleRecord, Storage, Trigger,
};

use crate::builders::{at, at_micros, run_id};

const JOB: JobName = JobName::SynchronizeCustomers;

fn lease(holder: &str, run: u32, from: i64, until: i64) -> Lease {
    Lease {
        job: JOB,
        holder: LeaseHolder(holder.into()),
        run: run_id(run),
        taken_at: at(from),
        expires_at: at(until),
    }
}

fn take(storage: &dyn Storage, wanted: &Lease) -> LeaseOutcome {
    storage.write(|tx| tx.lease_take(wanted, wanted.taken_at)).expect("an answer")
}

fn present(storage: &dyn Storage, job: JobName) -> Option<Lease> {
    storage.read(|tx| tx.lease_get(job)).expect("readable")
}

/// Single flight (F65).
pub fn a_lease_keeps_others_out_until_it_expires(storage: &dyn Storage) {
    assert_eq!(present(storage, JOB), None);
    let first = lease("a", 1, 0, 30);
    assert_eq!(take(storage, &first), LeaseOutcome::Taken);
    assert_eq!(take(storage, &lease("b", 2, 29, 60)), LeaseOutcome::Held(first.clone()));
    assert_eq!(present(storage, JOB), Some(first), "a refused request changes nothing");
    let second = lease("b", 3, 30, 60);
    assert_eq!(take(storage, &second), LeaseOutcome::Taken, "expired at that very moment");
    assert_eq!(present(storage, JOB), Some(second));
}

/// Renewal is taking it again.
pub fn a_holder_renews_its_own_lease(storage: &dyn Storage) {
    assert_eq!(take(storage, &lease("a", 1, 0, 30)), LeaseOutcome::Taken);
    let renewed = lease("a", 1, 20, 50);
    assert_eq!(take(storage, &renewed), LeaseOutcome::Taken);
    assert_eq!(take(storage, &lease("b", 2, 40, 70)), LeaseOutcome::Held(renewed));
}

/// A process that lost its lease must not release that of its successor.
pub fn only_the_holder_gives_a_lease_up(storage: &dyn Storage) {
    take(storage, &lease("a", 1, 0, 30));
    let release = |holder: &str| {
        let holder = LeaseHolder(holder.into());
        storage.write(|tx| tx.lease_release(JOB, &holder)).expect("an answer");
    };
    release("b");
    assert!(present(storage, JOB).is_some());
    release("a");
    assert_eq!(present(storage, JOB), None);
}

/// Different jobs run side by side.
pub fn leases_of_different_jobs_do_not_mix(storage: &dyn Storage) {
    take(storage, &lease("a", 1, 0, 30));
    let other = Lease { job: JobName::Customers1010, ..lease("b", 2, 0, 30) };
    assert_eq!(take(storage, &other), LeaseOutcome::Taken);
    assert_eq!(present(storage, JobName::P0001), None);
}

/// Two starts at the same moment.
pub fn a_lease_goes_to_one_of_many_at_once(storage: &dyn Storage) {
    let taken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for holder in ["a", "b", "c", "d"] {
            let taken = &taken;
            scope.spawn(move || {
                if take(storage, &lease(holder, 1, 0, 30)) == LeaseOutcome::Taken {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(taken.into_inner(), 1);
}

fn run(n: u32, job: JobName) -> RunRecord {
    RunRecord {
        id: run_id(n),
        job,
        trigger: Trigger::Live,
        started_at: at_micros(i64::from(n), 5),
        ended_at: None,
        outcome: RunOutcome::Running,
        detail: serde_json::json!({}),
        error: None,
    }
}

fn ended(n: u32, job: JobName) -> RunRecord {
    RunRecord {
        ended_at: Some(at(i64::from(n) + 1)),
        outcome: RunOutcome::CompletedWithErrors,
        detail: serde_json::json!({"promoted": 7, "failed": 1}),
        error: Some("one customer failed".into()),
        ..run(n, job)
    }
}

fn put(storage: &dyn Storage, runs: &[RunRecord]) {
    for run in runs {
        storage.write(|tx| tx.run_put(run)).expect("stored");
    }
}

/// From running to its end.
pub fn a_run_is_replaced_by_its_identity(storage: &dyn Storage) {
    let get = || storage.read(|tx| tx.run_get(&run_id(1))).expect("readable");
    assert_eq!(get(), None);
    for stage in [run(1, JOB), ended(1, JOB)] {
        put(storage, std::slice::from_ref(&stage));
        assert_eq!(get(), Some(stage));
    }
}

/// Of one job or of all.
pub fn runs_are_listed_newest_first(storage: &dyn Storage) {
    let other = JobName::Customers1010;
    put(storage, &[run(1, JOB), run(2, other), run(3, JOB), ended(1, JOB)]);
    let list = |job, limit| {
        let runs = storage.read(|tx| tx.runs_list(job, limit)).expect("readable");
        runs.iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10), [run_id(3), run_id(2), run_id(1)]);
    assert_eq!(list(None, 2), [run_id(3), run_id(2)]);
    assert_eq!(list(Some(JOB), 10), [run_id(3), run_id(1)]);
}

/// Each job keeps its own newest runs.
pub fn old_runs_are_forgotten_but_running_ones_stay(storage: &dyn Storage) {
    let other = JobName::Customers1010;
    put(storage, &[ended(1, other), run(2, JOB), ended(3, JOB), ended(4, JOB), ended(5, JOB)]);
    assert_eq!(storage.write(|tx| tx.runs_forget(2)).expect("a count"), 1);
    let left = storage.read(|tx| tx.runs_list(None, 10)).expect("readable");
    let left: Vec<_> = left.iter().map(|run| run.id).collect();
    assert_eq!(left, [run_id(5), run_id(4), run_id(2), run_id(1)]);
}

/// One recurrence a job.
pub fn schedules_are_replaced_by_job(storage: &dyn Storage) {
    let schedule = |job, cron: Option<&str>, fired_at| ScheduleRecord {
        job,
        cron: cron.map(str::to_owned),
        fired_at,
    };
    let customers = schedule(JobName::Customers1010, Some("*/5 * * * *"), Some(at(60)));
    let upload = schedule(JobName::P0001, None, None);
    for stored in
        [schedule(JobName::P0001, Some("0 * * * *"), None), customers.clone(), upload.clone()]
    {
        storage.write(|tx| tx.schedule_put(&stored)).expect("stored");
    }
    let found = storage.read(|tx| tx.schedules_all()).expect("readable");
    assert_eq!(found, [upload, customers]);
}

/// A pull that began is never forgotten.
pub fn pulls_count_up(storage: &dyn Storage) {
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("readable"), 0);
    for expected in 1..=3 {
        assert_eq!(storage.write(|tx| tx.pull_next()).expect("a number"), expected);
    }
    assert_eq!(storage.read(|tx| tx.pull_get()).expect("readable"), 3);
}
