//! Staff, whom they are sent to, and which registers are revoked.

use tillsync_domain::ids::{StaffId, Version};
use tillsync_domain::staff::{StaffName, StaffRole};
use tillsync_exchange::pin::PinHash;
use tillsync_hq::storage::{StaffRecord, StaffSelection, Storage};

use super::databases::{add_channel, add_group, add_register};
use crate::builders::{at, database};

fn id(text: &str) -> StaffId {
    text.parse().expect("a staff id")
}

fn record(staff: &str, books: &[&str]) -> StaffRecord {
    StaffRecord {
        id: id(staff),
        name: StaffName { first: Some("Ada".into()), last: None },
        role: StaffRole::Cashier,
        pin: Some(PinHash::stored(format!("hash of {staff}"))),
        is_active: true,
        address_books: books.iter().map(|book| book.parse().expect("a book")).collect(),
        changed_at: at(5),
        changed_by: Some("jo".into()),
        version: Version(0),
    }
}

fn put(storage: &dyn Storage, record: &StaffRecord) -> u64 {
    storage.write(|tx| tx.staff_put(record)).expect("stored").0
}

/// The rows as text: version, number, whether active, and what else they say.
fn rows(storage: &dyn Storage, books: &[&str], after: u64, up_to: Option<u64>) -> Vec<String> {
    let selection = StaffSelection {
        address_books: books.iter().map(|book| book.parse().expect("a book")).collect(),
        after: Version(after),
        up_to: up_to.map(Version),
    };
    let rows = storage.read(|tx| tx.staff_rows(&selection)).expect("readable");
    let text = |row: &tillsync_exchange::rows::staff::StaffRow| {
        let first_name = row.party.as_ref().and_then(|party| party.first_name.as_deref());
        let pin = row.pin.as_ref().map(PinHash::as_str);
        let (name, pin) = (first_name.unwrap_or("nobody"), pin.unwrap_or("no PIN"));
        let active = if row.is_active { "active" } else { "out" };
        format!("{} {} {} {active}, {name}, {pin}", row.version, row.staff, row.role)
    };
    rows.iter().map(text).collect()
}

/// The version is the storage's own, and from the same change log as customers.
pub fn staff_come_back_as_they_were_put_and_in_order(storage: &dyn Storage) {
    assert_eq!(storage.read(|tx| tx.staff_count()).expect("readable"), 0);
    let (one, two) = (record("2", &["north", "south"]), record("10", &["north"]));
    assert_eq!(put(storage, &one), 1);
    assert_eq!(put(storage, &two), 2);
    let changed = StaffRecord {
        name: StaffName { first: None, last: Some("Byron".into()) },
        role: StaffRole::Manager,
        pin: None,
        is_active: false,
        address_books: vec!["west".parse().expect("a book")],
        changed_at: at(9),
        changed_by: None,
        ..one.clone()
    };
    assert_eq!(put(storage, &changed), 3);
    let stored = StaffRecord { version: Version(3), ..changed };
    let other = StaffRecord { version: Version(2), ..two };
    let all = storage.read(|tx| tx.staff_all()).expect("readable");
    assert_eq!(all, [other.clone(), stored.clone()]);
    assert_eq!(storage.read(|tx| tx.staff_get(&id("2"))).expect("readable"), Some(stored));
    assert_eq!(storage.read(|tx| tx.staff_get(&id("10"))).expect("readable"), Some(other));
    assert_eq!(storage.read(|tx| tx.staff_get(&id("3"))).expect("readable"), None);
    assert_eq!(storage.read(|tx| tx.staff_count()).expect("readable"), 2);
}

/// By version, and by number within one.
pub fn a_row_that_is_sent_is_that_of_the_books_asked_for(storage: &dyn Storage) {
    put(storage, &record("2", &["north", "south"]));
    put(storage, &record("1", &["north"]));
    put(storage, &record("3", &["west"]));
    let one = "2 1 cashier active, Ada, hash of 1";
    let two = "1 2 cashier active, Ada, hash of 2";
    let three = "3 3 cashier active, Ada, hash of 3";
    assert_eq!(rows(storage, &["north"], 0, None), [two, one]);
    assert_eq!(rows(storage, &["north", "south"], 0, None), [two, one], "nobody comes twice");
    assert_eq!(rows(storage, &["south"], 0, None), [two]);
    assert_eq!(rows(storage, &["north", "west"], 1, None), [one, three]);
    assert_eq!(rows(storage, &["north", "west"], 1, Some(2)), [one]);
    assert_eq!(rows(storage, &["east"], 0, None), [""; 0]);
    assert_eq!(rows(storage, &[], 0, None), [""; 0]);
}

/// Those who got them must hear of it; those who never did, hear nothing.
pub fn whoever_is_out_of_a_book_or_blocked_is_sent_without_name_and_pin(storage: &dyn Storage) {
    put(storage, &record("1", &["north", "south"]));
    put(storage, &record("1", &["south"]));
    assert_eq!(rows(storage, &["north"], 1, None), ["2 1 cashier out, nobody, no PIN"]);
    let there = ["2 1 cashier active, Ada, hash of 1"];
    assert_eq!(rows(storage, &["south"], 1, None), there);
    assert_eq!(rows(storage, &["north", "south"], 1, None), there, "one of the books is enough");
    assert_eq!(rows(storage, &["west"], 0, None), [""; 0]);
    put(storage, &StaffRecord { is_active: false, ..record("1", &["south"]) });
    let blocked = ["3 1 cashier out, nobody, no PIN"];
    assert_eq!(rows(storage, &["north"], 0, None), blocked);
    assert_eq!(rows(storage, &["south"], 0, None), blocked);
    put(storage, &record("1", &["north", "south"]));
    assert_eq!(rows(storage, &["north"], 3, None), ["4 1 cashier active, Ada, hash of 1"]);
}

/// All get the same next version; where there are none, the change log stays.
pub fn staff_that_are_renewed_are_sent_again(storage: &dyn Storage) {
    let renew = || storage.write(|tx| tx.staff_renew()).expect("renewed");
    let horizon = || storage.read(|tx| tx.change_horizon()).expect("readable").0;
    renew();
    assert_eq!(horizon(), 0);
    put(storage, &record("1", &["north"]));
    put(storage, &record("2", &["north"]));
    renew();
    assert_eq!(horizon(), 3);
    let again = ["3 1 cashier active, Ada, hash of 1", "3 2 cashier active, Ada, hash of 2"];
    assert_eq!(rows(storage, &["north"], 2, Some(3)), again);
}

/// Until they are enrolled again.
pub fn the_revoked_registers_of_a_channel_are_its_own(storage: &dyn Storage) {
    add_group(storage, "G1", &["north"]);
    for channel in ["S1", "S2"] {
        add_channel(storage, channel, "G1");
    }
    for (register, channel) in [("S1.2", "S1"), ("S1.1", "S1"), ("S1.3", "S1"), ("S2.1", "S2")] {
        add_register(storage, register, channel);
    }
    for register in ["S1.2", "S1.1", "S2.1"] {
        let id = database(register);
        storage.write(|tx| tx.database_revoke(&id, at(7))).expect("revoked");
    }
    let revoked = |channel: &str| {
        let id = database(channel);
        let found = storage.read(|tx| tx.revoked_registers(&id)).expect("readable");
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(revoked("S1"), ["S1.1", "S1.2"]);
    assert_eq!(revoked("S2"), ["S2.1"]);
    assert_eq!(revoked("S1.1"), [""; 0]);
    let hash = tillsync_exchange::device::Secret::presented("again").hash();
    storage.write(|tx| tx.database_enrol(&database("S1.2"), &hash, at(8))).expect("enrolled");
    assert_eq!(revoked("S1"), ["S1.1"]);
}
