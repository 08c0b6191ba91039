//! Staff, from headquarters to the tills, and registers that headquarters revokes.

use jiff::SignedDuration;
use tillsync_channel::sign_in::SignInError;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::{LOCK_OUT, Pin, WRONG_PINS_MAX};
use tillsync_hq::staff::StaffChange;
use tillsync_testkit::world::{Fault, GROUP, World};

/// A store with a register and a cashier `000160` whose PIN is `4711`, who have reached both.
fn staffed() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_register("S1.1", "S1");
    world.add_staff("000160", "4711", GROUP);
    distribute(&mut world);
    world
}

fn distribute(world: &mut World) {
    world.run(JobName::Staff1060);
    for at in world.edges() {
        world.download(&at).unwrap();
    }
}

fn blocked() -> StaffChange {
    StaffChange { is_active: Some(false), ..StaffChange::default() }
}

#[test]
fn before_the_first_is_added_nothing_of_staff_is_sent() {
    let mut world = World::new();
    world.add_store("S1");
    world.run(JobName::Staff1060);
    assert_eq!(world.download("S1").unwrap(), 0, "not even an empty package");
    assert!(world.sign_in("S1", "000160", "4711").is_err());
}

#[test]
fn a_cashier_signs_in_at_a_register_that_is_cut_off() {
    let world = staffed();
    world.line("S1.1").suffer(Fault::Cut);
    let made = world.sign_in("S1.1", "000160", "4711").unwrap();
    assert_eq!(world.who_is("S1.1", &made.token), Some(made.staff));
    assert_eq!(world.who_is("S1", &made.token), None, "it is good at this register only");
    world.line("S1.1").mend();
}

#[test]
fn whoever_is_blocked_is_out_where_the_news_arrives() {
    let mut world = staffed();
    let token = world.sign_in("S1.1", "000160", "4711").unwrap().token;
    world.line("S1.1").suffer(Fault::Cut);
    world.change_staff("000160", &blocked());
    world.run(JobName::Staff1060);
    world.download("S1").unwrap();
    assert!(world.sign_in("S1", "000160", "4711").is_err());
    assert!(world.who_is("S1.1", &token).is_some(), "the register has not heard");
    world.line("S1.1").mend();
    world.download("S1.1").unwrap();
    assert_eq!(world.who_is("S1.1", &token), None);
    assert!(matches!(world.sign_in("S1.1", "000160", "4711"), Err(SignInError::Wrong)));
    let again = StaffChange { is_active: Some(true), ..StaffChange::default() };
    world.change_staff("000160", &again);
    distribute(&mut world);
    assert_eq!(world.who_is("S1.1", &token), None, "a sign-in that ended has ended");
    world.sign_in("S1.1", "000160", "4711").unwrap();
}

#[test]
fn a_new_pin_holds_everywhere_it_has_come_to() {
    let mut world = staffed();
    let token = world.sign_in("S1.1", "000160", "4711").unwrap().token;
    let pin = Some(Pin::parse("0815").unwrap());
    world.change_staff("000160", &StaffChange { pin, ..StaffChange::default() });
    distribute(&mut world);
    assert_eq!(world.who_is("S1.1", &token), None);
    assert!(matches!(world.sign_in("S1.1", "000160", "4711"), Err(SignInError::Wrong)));
    world.sign_in("S1.1", "000160", "0815").unwrap();
}

#[test]
fn staff_of_another_address_book_are_unknown_and_whoever_leaves_is_out() {
    let mut world = staffed();
    world.add_group("outlet", &["outlet"]);
    world.add_store_to("S2", "outlet");
    world.add_staff("000170", "4711", "outlet");
    distribute(&mut world);
    assert!(world.sign_in("S1", "000170", "4711").is_err());
    assert!(world.sign_in("S2", "000160", "4711").is_err());
    let token = world.sign_in("S2", "000170", "4711").unwrap().token;
    let address_books = Some(vec![GROUP.parse().unwrap()]);
    world.change_staff("000170", &StaffChange { address_books, ..StaffChange::default() });
    distribute(&mut world);
    assert_eq!(world.who_is("S2", &token), None);
    assert!(world.sign_in("S2", "000170", "4711").is_err());
    world.sign_in("S1", "000170", "4711").unwrap();
}

#[test]
fn wrong_pins_lock_one_database_until_time_has_passed_whoever_restarts_it() {
    let mut world = staffed();
    for _ in 0..WRONG_PINS_MAX {
        assert!(matches!(world.sign_in("S1.1", "000160", "0000"), Err(SignInError::Wrong)));
    }
    let is_locked = |world: &World, at| match world.sign_in(at, "000160", "4711") {
        Err(SignInError::LockedOut { .. }) => true,
        Err(other) => panic!("{other}"),
        Ok(_) => false,
    };
    world.stop("S1.1");
    world.start("S1.1");
    assert!(is_locked(&world, "S1.1"));
    assert!(!is_locked(&world, "S1"));
    world.pass(LOCK_OUT);
    assert!(!is_locked(&world, "S1.1"));
}

#[test]
fn a_register_that_is_restored_from_a_copy_hears_again_who_is_blocked() {
    let mut world = staffed();
    let copy = world.back_up("S1.1");
    world.change_staff("000160", &blocked());
    distribute(&mut world);
    world.restore("S1.1", &copy);
    world.sign_in("S1.1", "000160", "4711").unwrap();
    world.settle();
    assert!(world.sign_in("S1.1", "000160", "4711").is_err());
}

#[test]
fn a_sign_in_ends_with_its_time() {
    let world = staffed();
    let token = world.sign_in("S1", "000160", "4711").unwrap().token;
    world.pass(SignedDuration::from_hours(11));
    assert!(world.who_is("S1", &token).is_some());
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(world.who_is("S1", &token), None);
}

#[test]
fn a_revoked_register_loses_nothing_and_sends_it_once_it_is_enrolled_again() {
    let mut world = staffed();
    world.hq().revoke_device(&"S1.1".parse().unwrap()).unwrap();
    world.download("S1").unwrap();
    let guid = world.create("S1.1", "Waller");
    let refused = world.upload("S1.1").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let words =
        std::error::Error::source(&refused).map_or(refused.to_string(), |it| it.to_string());
    assert!(words.contains("headquarters has revoked S1.1"), "{words}");
    assert_eq!(world.account_of(guid), None);
    world.enrol_again("S1.1");
    assert!(world.upload("S1.1").is_err(), "its store has not heard yet");
    world.download("S1").unwrap();
    world.upload("S1.1").unwrap();
    world.settle();
    assert!(world.account_of(guid).is_some());
}
