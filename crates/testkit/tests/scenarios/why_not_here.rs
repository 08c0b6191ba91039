//! Why a store does not see a customer: one story for each cause, and how its advice helps.

use expect_test::{Expect, expect};
use jiff::SignedDuration;
use tillsync_domain::ids::{CustomerGuid, CustomerKey, DatabaseId, SessionId};
use tillsync_domain::job::JobName;
use tillsync_hq::access::Addition;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::storage::SessionFilter;
use tillsync_testkit::world::{Fault, GROUP, World};

use super::upload::send_operation;

fn stores() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world.add_store("S2");
    world.settle();
    world
}

fn promoted(world: &mut World) -> CustomerGuid {
    let guid = world.create("S1", "Waller");
    world.upload("S1").unwrap();
    world.run(JobName::SynchronizeCustomers);
    guid
}

/// The causes at a store, each as its code and what is said of it.
fn check(world: &World, key: &CustomerKey, store: &str, expected: Expect) {
    let found = world.hq().why_not_here(key, &store.parse().unwrap()).unwrap();
    let causes = found.causes.iter().map(|cause| {
        assert!(!cause.advice().is_empty());
        format!("{}: {}\n", cause.code(), cause.what())
    });
    let known = matches!(world.find(store, key), Some(view) if view.account.is_some());
    assert_eq!(found.is_here, known, "what is said is what is the case");
    expected.assert_eq(&hidden(&causes.collect::<String>()));
}

/// Without ids, times and digests, which are not what is tested, and in short lines.
fn hidden(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let mut length = 0;
        for word in line.split(' ') {
            let bare = word.trim_end_matches([':', ';', ',', ')']);
            let is_digest = bare.len() == 64 && bare.chars().all(|c| c.is_ascii_hexdigit());
            let is_id = bare.len() == 36 && bare.matches('-').count() == 4;
            let is_time = bare.starts_with("2026-") && bare.ends_with('Z');
            let shown = if is_digest || is_id || is_time { "…" } else { bare };
            if length > 70 && shown != "…" {
                lines += "\n   ";
                length = 0;
            }
            lines +=
                if length == 0 && lines.ends_with('\n') || lines.is_empty() { "" } else { " " };
            lines += shown;
            lines += &word[bare.len()..];
            length += shown.len() + 1;
        }
        lines.push('\n');
    }
    lines
}

fn latest(world: &World, store: &str) -> SessionId {
    let database = Some(store.parse().unwrap());
    let filter = SessionFilter { database, limit: 1, ..SessionFilter::default() };
    world.hq().list_sessions(&filter).unwrap()[0].id
}

fn suspend(world: &mut World, store: &str) {
    world.line(store).suffer(Fault::DamagePackages(3));
    for _ in 0..3 {
        assert!(world.download(store).is_err());
        world.pass(SignedDuration::from_mins(2));
    }
}

#[test]
fn a_customer_that_nobody_knows_and_an_account_that_nobody_has() {
    let world = stores();
    let guid = "0190a8f0-0000-7000-8000-00000000dead".parse().unwrap();
    check(
        &world,
        &guid,
        "S2",
        expect![[r#"
        not_uploaded: nothing about it has arrived at headquarters
    "#]],
    );
    check(
        &world,
        &"C-404".parse().unwrap(),
        "S2",
        expect![[r#"
        no_such_account: headquarters has given nobody this account
    "#]],
    );
    let nowhere = world.hq().why_not_here(&guid, &"S9".parse().unwrap());
    assert!(nowhere.unwrap_err().to_string().contains("S9"));
}

#[test]
fn a_customer_that_waits_at_its_store_and_then_at_headquarters() {
    let mut world = stores();
    let guid = world.create("S1", "Waller");
    let key = CustomerKey::Temporary(guid);
    world.download("S1").unwrap();
    world.pass(SignedDuration::from_mins(1));
    world.download("S1").unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        not_uploaded: nothing about it has arrived at headquarters; S1 had 1 unsent
            entries at …
    "#]],
    );
    world.upload("S1").unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        not_promoted: it came from S1 at … and has no account yet
    "#]],
    );
    check(
        &world,
        &key,
        "S1",
        expect![[r#"
        pending_here: the customer was created here and is found as "Pending sync";
            its account has not come back
        not_promoted: it came from S1 at … and has no account yet
    "#]],
    );
    world.run(JobName::SynchronizeCustomers);
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        not_packed: job 1010 has not packed it: it appeared in version 1, packages
            have come to version 0
    "#]],
    );
    world.run(JobName::Customers1010);
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        not_fetched: its package is ready; the store was last seen at … and has
            not asked for it
    "#]],
    );
    world.download("S2").unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        here: it is there: the store has known the account since …
    "#]],
    );
}

#[test]
fn a_failed_promotion_names_its_last_error() {
    let world = stores();
    let guid = send_operation(&world, "S1", r#"{"customer_type":1,"shoe_size":44}"#);
    world.run(JobName::SynchronizeCustomers);
    check(
        &world,
        &CustomerKey::Temporary(guid),
        "S2",
        expect![[r#"
        failed: headquarters could not give it an account (operation …): the content
            cannot be read: unknown field `shoe_size`, expected one of `customer_type`,
            `name`, `first_name`, `middle_name`, `last_name`, `group`, `currency`, `language`,
            `email`, `receipt_email`, `phone`, `cellphone`, `identification_number`, `vat_number`
            at line 1 column 30
    "#]],
    );
}

#[test]
fn stores_without_a_shared_address_book_are_told_before_promotion_and_after() {
    let mut world = stores();
    world.add_group("outlets", &["bargains"]);
    world.add_store_to("S3", "outlets");
    let guid = world.create("S1", "Waller");
    let key = CustomerKey::Temporary(guid);
    world.upload("S1").unwrap();
    check(
        &world,
        &key,
        "S3",
        expect![[r#"
        not_promoted: it came from S1 at … and has no account yet
        no_shared_book: they share no address book: the customer is in retail, group
            outlets gets bargains
    "#]],
    );
    world.settle();
    check(
        &world,
        &key,
        "S3",
        expect![[r#"
        no_shared_book: they share no address book: the customer is in retail, group
            outlets gets bargains
    "#]],
    );
    check(
        &world,
        &key,
        "S1",
        expect![[r#"
        here: it is there: the store has known the account since …
    "#]],
    );
}

#[test]
fn a_suspended_session_then_a_canceled_one_then_a_rerun() {
    let mut world = stores();
    let guid = promoted(&mut world);
    let key = CustomerKey::Temporary(guid);
    world.run(JobName::Customers1010);
    suspend(&mut world, "S2");
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        session_suspended: the package with it is not applied: session … is Suspended:
            the package's SHA-256 is …, its manifest says …: it was damaged on the
            way
    "#]],
    );
    let second = CustomerKey::Temporary(promoted(&mut world));
    check(
        &world,
        &second,
        "S2",
        expect![[r#"
        not_packed: job 1010 has not packed it: it appeared in version 2, packages
            have come to version 1
        session_suspended: an earlier package is not applied: session … is Suspended:
            the package's SHA-256 is …, its manifest says …: it was damaged on the
            way
    "#]],
    );
    let session = latest(&world, "S2");
    world.hq().command_session(&session, SessionCommand::Cancel).unwrap();
    world.run(JobName::Customers1010);
    world.download("S2").unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        session_canceled: the package with it was given up: session … is canceled
    "#]],
    );
    check(
        &world,
        &second,
        "S2",
        expect![[r#"
        here: it is there: the store has known the account since …
    "#]],
    );
    world.hq().command_session(&session, SessionCommand::Rerun).unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        session_open: the package with it is not applied: session … is Available
    "#]],
    );
    world.download("S2").unwrap();
    check(
        &world,
        &key,
        "S2",
        expect![[r#"
        here: it is there: the store has known the account since …
    "#]],
    );
}

#[test]
fn a_store_that_was_revoked_gets_nothing_more() {
    let mut world = stores();
    let guid = promoted(&mut world);
    world.hq().revoke_device(&"S2".parse().unwrap()).unwrap();
    world.run(JobName::Customers1010);
    check(
        &world,
        &CustomerKey::Temporary(guid),
        "S2",
        expect![[r#"
        revoked: the store's credential was revoked at …
    "#]],
    );
}

#[test]
fn a_store_whose_device_was_never_activated() {
    let mut world = stores();
    let guid = promoted(&mut world);
    let id: DatabaseId = "S7".parse().unwrap();
    let addition = Addition::Channel { id, group: GROUP.parse().unwrap() };
    world.hq().add_database(&addition).unwrap();
    world.run(JobName::Customers1010);
    let key = CustomerKey::Temporary(guid);
    let found = world.hq().why_not_here(&key, &"S7".parse().unwrap()).unwrap();
    let codes: Vec<_> = found.causes.iter().map(|cause| cause.code()).collect();
    assert_eq!(codes, ["not_enrolled"]);
}
