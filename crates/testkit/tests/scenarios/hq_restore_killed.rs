//! A restored headquarters killed at every single commit of its recovery.

use jiff::SignedDuration;
use tillsync_domain::ids::CustomerGuid;
use tillsync_domain::job::JobName;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::Trigger;
use tillsync_testkit::world::World;

use super::hq_restore::{account, accounts, back_up, chain, is_recovering};

/// A chain that has just been restored, with customers that only its stores remember.
fn restored() -> (World, Vec<CustomerGuid>, Vec<String>) {
    let mut world = chain();
    let copy = back_up(&mut world);
    let guids: Vec<_> = (0..3).map(|n| world.create("S1", &format!("Given {n}"))).collect();
    world.settle();
    let given = accounts(&world, &guids);
    world.pass(SignedDuration::from_mins(5));
    world.restore_headquarters(&copy);
    (world, guids, given)
}

fn recover(world: &mut World) {
    for at in ["S1", "S2"] {
        world.upload(at).ok();
        world.download(at).ok();
    }
    world.hq().run_job(JobName::SynchronizeCustomers, Trigger::Manual, JobOptions::default()).ok();
}

#[test]
fn headquarters_killed_at_any_commit_of_a_recovery_goes_on_with_it() {
    for commits in 0.. {
        let (mut world, guids, given) = restored();
        world.kill_headquarters_after(commits);
        recover(&mut world);
        let was_killed = world.is_headquarters_dead();
        world.restart_headquarters();
        // The leases of the dead are over.
        world.pass(SignedDuration::from_mins(1));
        let fresh = world.create("S2", "Fresh");
        world.settle();
        assert_eq!(accounts(&world, &guids), given, "killed after {commits} commits");
        assert_eq!(account(&world, fresh), "C-00000005", "killed after {commits} commits");
        assert!(!is_recovering(&world));
        if !was_killed {
            assert!(commits > 8, "a recovery has more commits than {commits}");
            return;
        }
    }
}
