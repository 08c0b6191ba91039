//! Number sequences at work: gapless, in blocks, running out.

use std::collections::BTreeSet;

use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::job::JobName;
use tillsync_domain::number_sequence::{SequenceChange, SequenceMode};
use tillsync_hq::storage::{RunOutcome, SequenceName};
use tillsync_testkit::world::World;

fn uploaded(count: usize) -> (World, Vec<CustomerGuid>) {
    let mut world = World::new();
    world.add_store("S1");
    let guids = (0..count).map(|n| world.create("S1", &format!("Customer {n}"))).collect();
    world.upload("S1").unwrap();
    (world, guids)
}

fn accounts(world: &World, guids: &[CustomerGuid]) -> Vec<String> {
    guids.iter().filter_map(|guid| world.account_of(*guid)).map(|a| a.to_string()).collect()
}

#[test]
fn a_sequence_that_runs_out_leaves_the_rest_pending_until_it_is_extended() {
    let (mut world, guids) = uploaded(15);
    world.change_sequence(&SequenceChange {
        format: Some("C-#".parse().unwrap()),
        ..SequenceChange::default()
    });
    let run = world.run(JobName::SynchronizeCustomers);
    assert_eq!(run.outcome, RunOutcome::CompletedWithErrors);
    assert!(run.error.unwrap().contains("has been exceeded: 6 customers stay pending"));
    assert_eq!(accounts(&world, &guids).len(), 9);
    let again = world.run(JobName::SynchronizeCustomers);
    assert_eq!(again.detail["failed"], 0, "running out is nobody's fault");
    world.change_sequence(&SequenceChange {
        format: Some("C-##".parse().unwrap()),
        ..SequenceChange::default()
    });
    world.settle();
    let accounts = accounts(&world, &guids);
    assert_eq!(accounts.len(), 15);
    assert_eq!(accounts[14], "C-15");
}

#[test]
fn a_continuous_sequence_has_no_gaps_whatever_fails() {
    let (mut world, _) = uploaded(3);
    super::upload::send_operation(&world, "S1", r#"{"customer_type":7}"#);
    world.run(JobName::SynchronizeCustomers);
    world.create("S1", "Late");
    world.settle();
    let sequence = world.hq().show_sequence(SequenceName::CustomerAccount).unwrap();
    assert_eq!(sequence.next, 5, "four customers, four numbers");
}

#[test]
fn a_sequence_in_blocks_may_have_gaps_after_a_crash_and_never_repeats() {
    let (mut world, mut guids) = uploaded(3);
    world.change_sequence(&SequenceChange {
        mode: Some(SequenceMode::Blocks { size: 100 }),
        ..SequenceChange::default()
    });
    world.run(JobName::SynchronizeCustomers);
    guids.push(world.create("S1", "After a crash"));
    world.upload("S1").unwrap();
    // Another process knows nothing of the numbers that this one holds in memory.
    let reborn = world.second_headquarters();
    let (job, options) = (JobName::SynchronizeCustomers, Default::default());
    reborn.run_job(job, tillsync_hq::storage::Trigger::Manual, options).unwrap();
    guids.push(world.create("S1", "Here again"));
    world.settle();
    let accounts = accounts(&world, &guids);
    assert_eq!(accounts.iter().collect::<BTreeSet<_>>().len(), 5);
    assert_eq!(accounts[3], "C-00000101", "the gap of a crash");
    assert_eq!(accounts[4], "C-00000004", "the block of the process that lived on");
}

#[test]
fn numbers_that_are_in_use_already_are_passed_over() {
    let (mut world, mut guids) = uploaded(3);
    world.run(JobName::SynchronizeCustomers);
    world.change_sequence(&SequenceChange {
        format: Some("C-0000000#".parse().unwrap()),
        next: Some(2),
        ..SequenceChange::default()
    });
    guids.push(world.create("S1", "Fourth"));
    world.settle();
    assert_eq!(accounts(&world, &guids)[3], "C-00000004");
}
