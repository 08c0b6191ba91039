//! Customers created through headquarters while a till waits, and everything that can come between.

use jiff::SignedDuration;
use tillsync_channel::create::CreateError;
use tillsync_channel::remote_search::search_all_stores;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::number_sequence::SequenceChange;
use tillsync_domain::profile::NotHere;
use tillsync_exchange::realtime::SearchCall;
use tillsync_testkit::world::{Fault, World};

/// Two stores, one with a register, whose profile asks headquarters.
fn chain() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.R1", "S1");
    world.add_store("S2");
    world.set_profile(|profile| profile.create_customers_async = false);
    world
}

fn customers_at_headquarters(world: &World) -> usize {
    let report = world.hq().check(tillsync_hq::check::CheckDepth::EveryRow).unwrap();
    usize::try_from(report.customers).unwrap()
}

#[test]
fn a_customer_created_through_headquarters_has_its_account_at_once_and_is_in_every_store_by_1010() {
    let mut world = chain();
    let view = world.create_at_till("S1", "Lovelace").unwrap();
    assert_eq!(view.account_for_people(), "C-00000001");
    assert_eq!(world.account_at("S2", view.guid), "unknown");
    world.run(JobName::Customers1010);
    world.download("S2").unwrap();
    assert_eq!(world.account_at("S2", view.guid), "C-00000001");
    world.settle();
    assert_eq!(customers_at_headquarters(&world), 1);
}

#[test]
fn once_1070_has_run_a_store_asks_by_default_and_every_store_can_search_for_the_answer_at_once() {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.run(JobName::ChannelConfiguration1070);
    world.download("S1").unwrap();
    world.download("S2").unwrap();
    let view = world.create_at_till("S1", "Lovelace").unwrap();
    assert_eq!(view.account_for_people(), "C-00000001");
    let call = SearchCall { keyword: "lovelace".to_owned(), top: 10, skip: 0 };
    let upstream = world.upstream("S2");
    let found = search_all_stores(world.edge("S2"), upstream.as_ref(), &call, world.now()).unwrap();
    let accounts: Vec<_> = found.customers.into_iter().map(|it| it.customer.account).collect();
    assert_eq!(accounts, ["C-00000001"], "before 1010 has run");
}

#[test]
fn before_1070_nobody_is_asked_and_afterwards_a_profile_may_say_so_again() {
    let mut world = World::new();
    world.add_store("S1");
    assert_eq!(world.create_at_till("S1", "Before").unwrap().account, None);
    world.set_profile(|profile| profile.create_customers_async = false);
    assert!(world.create_at_till("S1", "Asked").unwrap().account.is_some());
    world.set_profile(|profile| profile.create_customers_async = true);
    assert_eq!(world.create_at_till("S1", "After").unwrap().account, None);
    world.settle();
    assert_eq!(customers_at_headquarters(&world), 3);
}

#[test]
fn an_answer_that_is_lost_makes_a_pending_customer_and_no_second_one_at_headquarters() {
    let mut world = chain();
    world.line("S1").suffer(Fault::LoseAnswers(1));
    let lost = world.create_at_till("S1", "Lost").unwrap();
    world.line("S1").suffer(Fault::Cut);
    let cut = world.create_at_till("S1", "Cut").unwrap();
    world.line("S1").mend();
    assert_eq!((&lost.account, &cut.account), (&None, &None));
    assert_eq!(customers_at_headquarters(&world), 1, "headquarters had the first one");
    world.settle();
    assert_eq!(customers_at_headquarters(&world), 2);
    assert_eq!(world.account_at("S1", lost.guid), "C-00000001");
    assert_eq!(world.account_at("S2", cut.guid), "C-00000002");
}

#[test]
fn a_headquarters_without_numbers_is_no_refusal() {
    let mut world = chain();
    world.change_sequence(&SequenceChange { largest: Some(1), ..SequenceChange::default() });
    assert!(world.create_at_till("S1", "Last").unwrap().account.is_some());
    let pending = world.create_at_till("S1", "Pending").unwrap();
    assert_eq!(pending.account, None);
    world.change_sequence(&SequenceChange { largest: Some(9), ..SequenceChange::default() });
    world.settle();
    assert_eq!(world.account_at("S1", pending.guid), "C-00000002");
    assert_eq!(customers_at_headquarters(&world), 2);
}

#[test]
fn a_register_asks_through_its_store_and_alone_it_does_what_its_profile_allows() {
    let mut world = chain();
    let asked = world.create_at_till("S1.R1", "Asked").unwrap();
    assert_eq!(asked.account_for_people(), "C-00000001");
    assert_eq!(world.account_at("S1", asked.guid), "C-00000001", "the store has it at once");
    // Its store is cut off: that is not the register's line.
    world.line("S1").suffer(Fault::Cut);
    assert_eq!(world.create_at_till("S1.R1", "Cut off").unwrap().account, None);
    world.line("S1").mend();
    world.line("S1.R1").suffer(Fault::Cut);
    world.upload("S1.R1").unwrap_err();
    assert_eq!(world.create_at_till("S1.R1", "Alone").unwrap().account, None);
    world.settle();
    assert_eq!(customers_at_headquarters(&world), 3);
    world.set_profile(|profile| profile.allow_offline_customer_create = false);
    world.line("S1.R1").suffer(Fault::Cut);
    world.upload("S1.R1").ok();
    world.download("S1.R1").unwrap_err();
    let error = world.create_at_till("S1.R1", "Refused").unwrap_err();
    assert!(matches!(error, CreateError::NotHere(NotHere::OfflineForbidden)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    world.settle();
    assert_eq!(customers_at_headquarters(&world), 3);
}

#[test]
fn a_headquarters_that_was_restored_gets_the_customer_again_with_the_account_it_gave() {
    for uploads_before in [false, true] {
        let mut world = chain();
        world.create_at_till("S2", "Known").unwrap();
        world.settle();
        let copy = world.back_up_headquarters();
        world.pass(SignedDuration::from_secs(1));
        let view = world.create_at_till("S1", "Forgotten").unwrap();
        assert_eq!(view.account_for_people(), "C-00000002");
        if uploads_before {
            world.upload("S1").unwrap();
        }
        world.pass(SignedDuration::from_secs(1));
        world.restore_headquarters(&copy);
        assert_eq!(world.account_of(view.guid), None);
        // Its poll proves the restore, although no package ever told it of the customer; until
        // every store was heard, nobody gets a number that may be given.
        world.download("S1").unwrap();
        let fresh = world.create_at_till("S2", "Fresh").unwrap();
        assert_eq!(fresh.account, None, "{uploads_before}");
        world.settle();
        assert_eq!(world.account_at("S2", view.guid), "C-00000002", "{uploads_before}");
        assert_ne!(world.account_at("S2", fresh.guid), "C-00000002");
        assert_eq!(customers_at_headquarters(&world), 3);
    }
}

#[test]
fn a_store_that_was_restored_from_a_copy_finds_again_whom_it_created_through_headquarters() {
    let mut world = chain();
    let copy = world.back_up("S1");
    let view = world.create_at_till("S1", "Gone").unwrap();
    world.settle();
    world.restore("S1", &copy);
    assert_eq!(world.account_at("S1", view.guid), "unknown");
    world.settle();
    assert_eq!(world.account_at("S1", view.guid), "C-00000001");
    assert_eq!(customers_at_headquarters(&world), 1);
}
