//! Headquarters killed at every single commit of a day, from the upload to the last statement: it
//! goes on where it stood, and the books are those of a day on which nothing happened.

use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::trade::{Delivery, Tender};
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::Trigger;
use tillsync_testkit::world::{Basket, World};

/// A day that is recorded at a store and its register, and that headquarters knows nothing of.
fn recorded() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.stock();
    world.default_customer("S1");
    let (ann, bob) = (world.create("S1", "Ann"), world.create("S1.R1", "Bob"));
    let address = world.add_address("S1", CustomerKey::Temporary(ann), "Main Street");
    let sale = world.sell("S1", ann, Basket::of("coffee", 2).off("0.55").and("gum", 1));
    world.sell("S1.R1", bob, Basket::of("tea", 2).paid(Tender::GiftCard, "4.00"));
    world.sell_unnamed("S1.R1", Basket::of("tea", 1).rest_by(Tender::Card));
    let deposit = Basket::of("coffee", 9).paid(Tender::Card, "20.00");
    world.order("S1", ann, Delivery::Ship(address), deposit.clone());
    world.order("S1.R1", bob, Delivery::Pickup, deposit);
    world.return_of("S1", &sale, Some(CustomerKey::Temporary(ann)), 1).unwrap();
    world.close_shift("S1", "1.00");
    world.close_shift("S1.R1", "-2.00");
    world.upload("S1.R1").unwrap();
    world
}

/// Everything that headquarters does in a day, as far as it lives.
fn work(world: &mut World) {
    world.upload("S1").ok();
    for job in [
        JobName::SynchronizeOrders,
        JobName::SynchronizeCustomers,
        JobName::ValidateTransactions,
        JobName::TransactionalStatements,
        JobName::FinancialStatements,
    ] {
        world.hq().run_job(job, Trigger::Manual, JobOptions::default()).ok();
    }
}

fn books(world: &World) -> [String; 4] {
    [
        world.render_transactions(),
        world.render_statements(),
        world.render_ledger(),
        world.trial_balance(),
    ]
}

/// Kills at every third commit, beginning with one.
fn kill_at_each_third(first: i64) {
    let mut quiet = recorded();
    work(&mut quiet);
    let expected = books(&quiet);
    for commits in (first..).step_by(3) {
        let mut world = recorded();
        world.kill_headquarters_after(commits);
        work(&mut world);
        let was_killed = world.is_headquarters_dead();
        world.restart_headquarters();
        // The leases of the dead are over.
        world.pass(jiff::SignedDuration::from_mins(1));
        work(&mut world);
        assert_eq!(books(&world), expected, "killed after {commits} commits");
        if !was_killed {
            assert!(commits > 40, "a day has more commits than {commits}");
            return;
        }
    }
}

#[test]
fn headquarters_killed_at_any_commit_goes_on_the_first_third() {
    kill_at_each_third(0);
}

#[test]
fn headquarters_killed_at_any_commit_goes_on_the_second_third() {
    kill_at_each_third(1);
}

#[test]
fn headquarters_killed_at_any_commit_goes_on_the_last_third() {
    kill_at_each_third(2);
}
