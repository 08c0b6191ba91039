//! Jobs: one at a time, with history, by schedule.

use jiff::SignedDuration;
use tillsync_domain::job::JobName;
use tillsync_exchange::messages::ExchangeMode;
use tillsync_hq::check::CheckDepth;
use tillsync_hq::jobs::{JobError, JobOptions};
use tillsync_hq::storage::{RunOutcome, Trigger};
use tillsync_testkit::world::{GROUP, World};

fn store() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world
}

#[test]
fn a_second_start_is_refused_until_the_first_ends_or_its_lease_expires() {
    let world = store();
    for job in JobName::ALL {
        let options = JobOptions::default();
        let first = world.hq().begin_run(job, Trigger::Manual, options.clone()).unwrap();
        let elsewhere = world.second_headquarters();
        match elsewhere.begin_run(job, Trigger::Manual, options.clone()) {
            Err(JobError::AlreadyRunning { lease }) => assert_eq!(lease.run, first.id()),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{job} ran twice at once"),
        }
        assert!(world.hq().begin_run(job, Trigger::Manual, options.clone()).is_err());
        world.pass(SignedDuration::from_mins(5));
        let heir = elsewhere.begin_run(job, Trigger::Manual, options.clone()).unwrap();
        heir.execute().unwrap();
        drop(first);
    }
}

#[test]
fn a_lease_taken_under_a_clock_that_was_ahead_blocks_nobody_for_long() {
    let world = store();
    let options = JobOptions::default();
    let job = JobName::SynchronizeCustomers;
    world.pass(SignedDuration::from_hours(24 * 365));
    let dead = world.hq().begin_run(job, Trigger::Manual, options.clone()).unwrap().id();
    world.pass(SignedDuration::from_hours(-24 * 365));
    let elsewhere = world.second_headquarters();
    elsewhere.run_job(job, Trigger::Manual, options).unwrap();
    let ended = world.hq().show_run(&dead).unwrap().unwrap();
    assert_eq!(ended.outcome, RunOutcome::Failed, "nobody takes it for running");
}

#[test]
fn every_run_leaves_a_record() {
    let mut world = store();
    world.create("S1", "Waller");
    world.upload("S1").unwrap();
    let run = world.run(JobName::SynchronizeCustomers);
    assert_eq!(run.outcome, RunOutcome::Succeeded);
    assert_eq!(run.detail["promoted"], 1);
    let listed = world.hq().list_runs(Some(JobName::SynchronizeCustomers), 10).unwrap();
    assert_eq!(listed, [run]);
}

#[test]
fn a_pull_makes_channels_that_work_by_schedule_send_what_they_have() {
    let mut world = store();
    world.hq().set_mode(&GROUP.parse().unwrap(), ExchangeMode::Scheduled).unwrap();
    world.download("S1").unwrap();
    let guid = world.create("S1", "Waller");
    let run = world.run(JobName::P0001);
    assert_eq!((&run.detail["asked"], &run.detail["answered"]), (&1.into(), &0.into()));
    assert!(run.error.unwrap().contains("no answer yet from S1"));
    world.download("S1").unwrap();
    assert!(world.hq().trace_customer(&tillsync_domain::ids::CustomerKey::Temporary(guid)).is_ok());
    world.download("S1").unwrap();
    let database = world.hq().list_databases().unwrap().remove(0);
    assert_eq!(database.pulled, 1, "the channel has answered");
}

#[test]
fn a_schedule_fires_in_the_order_of_the_data() {
    let world = store();
    for job in JobName::ALL.into_iter().rev() {
        world.hq().set_schedule(job, Some("*/15 * * * *")).unwrap();
    }
    assert!(world.hq().take_due_jobs().unwrap().is_empty());
    world.pass(SignedDuration::from_mins(16));
    assert_eq!(world.hq().take_due_jobs().unwrap(), JobName::ALL);
    assert!(world.hq().take_due_jobs().unwrap().is_empty(), "once is enough");
    assert!(world.hq().set_schedule(JobName::P0001, Some("every tuesday")).is_err());
}

#[test]
fn an_unscheduled_job_raises_a_health_warning() {
    let world = store();
    let warnings = || {
        let report = world.hq().check(CheckDepth::Counts).unwrap();
        report.findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    assert!(warnings().is_empty());
    world.hq().set_mode(&GROUP.parse().unwrap(), ExchangeMode::Scheduled).unwrap();
    assert_eq!(warnings().len(), 3);
    for job in JobName::ALL {
        world.hq().set_schedule(job, Some("*/5 * * * *")).unwrap();
    }
    assert!(warnings().is_empty());
}
