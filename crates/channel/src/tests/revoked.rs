//! Registers that headquarters revokes and takes back, and their credentials.

use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::device::{Secret, SecretHash};

use super::world::{Shop, at, shop};
use crate::clients::{
    KnownRegisters, find_register, known_registers, remember_register, revoked_write,
};
use crate::receive::refuse_revoked;

const TILL: &str = "S1.R1";

fn id(name: &str) -> DatabaseId {
    name.parse().expect("a database id")
}

fn credential(of: u8) -> SecretHash {
    Secret::from_random([of; 32]).hash()
}

fn enrol(shop: &Shop, name: &str, with: u8) {
    remember_register(shop.edge.db(), &id(name), credential(with), at(0)).expect("kept");
}

fn asked(shop: &Shop) -> KnownRegisters {
    shop.edge.db().read(known_registers).expect("reads")
}

/// Headquarters answers who asked then.
fn answer(shop: &Shop, asked: KnownRegisters, revoked: &[&str]) -> bool {
    let revoked: Vec<_> = revoked.iter().map(|name| id(name)).collect();
    let taken = shop.edge.db().write(move |connection| revoked_write(connection, &asked, &revoked));
    taken.expect("writes")
}

/// Whether a credential opens the channel.
fn opens(shop: &Shop, with: u8) -> bool {
    let found = find_register(shop.edge.db(), credential(with)).expect("reads");
    found.is_some_and(|register| refuse_revoked(&shop.edge, &register).is_ok())
}

#[test]
fn the_credential_of_a_revoked_register_stays_dead_though_its_enrolment_went_unheard() {
    let shop = shop("S1", None, 1);
    enrol(&shop, TILL, 1);
    enrol(&shop, "S1.R2", 9);
    assert!(opens(&shop, 1));
    assert!(answer(&shop, asked(&shop), &[TILL]));
    assert!(!opens(&shop, 1));
    let known = find_register(shop.edge.db(), credential(1)).expect("reads");
    assert_eq!(known, Some(id(TILL)), "it is told that it is revoked");
    // Headquarters has enrolled it again, and the answer to that got lost.
    assert!(answer(&shop, asked(&shop), &[]));
    assert!(!opens(&shop, 1), "whoever stole it has it still");
    enrol(&shop, TILL, 2);
    assert!(opens(&shop, 2) && !opens(&shop, 1));
    assert!(opens(&shop, 9), "the other was never concerned");
}

#[test]
fn a_late_answer_takes_no_credential_away_that_came_meanwhile() {
    let shop = shop("S1", None, 1);
    enrol(&shop, TILL, 1);
    assert!(answer(&shop, asked(&shop), &[TILL]));
    let before = asked(&shop);
    enrol(&shop, TILL, 2);
    assert!(!answer(&shop, before, &[]));
    assert!(opens(&shop, 2));
    let before = asked(&shop);
    enrol(&shop, TILL, 3);
    assert!(!answer(&shop, before, &[TILL]), "this was revoked before it was enrolled");
    assert!(opens(&shop, 3));
    assert!(answer(&shop, asked(&shop), &[TILL]));
    assert!(!opens(&shop, 3));
}
