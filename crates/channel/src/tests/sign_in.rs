//! Staff as job 1060 brings them, and signing in.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use tillsync_domain::entropy::Entropy;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::{LOCK_OUT, Pin, StaffRole, WRONG_PINS_MAX};
use tillsync_exchange::device::{Secret, SecretHash};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::package::Scope;
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::{StaffParty, StaffRow};

use super::counter::{Row, apply, parsed};
use super::world::{Counting, Shop, at, open, options, shop};
use crate::DbError;
use crate::clients::{ClientName, create_api_token, revoke_api_tokens};
use crate::edge::Edge;
use crate::sign_in::{
    NewSignIn, Presented, SIGN_IN_LASTS, SignInError, SignedIn, find_holder, sign_in, sign_out,
};
use crate::staff::list_staff;

fn pin(text: &str) -> Pin {
    Pin::parse(text).expect("a PIN")
}

/// Somebody whose PIN is `1234`.
fn member(staff: &str, version: u64) -> StaffRow {
    StaffRow {
        staff: parsed(staff),
        role: "cashier".into(),
        is_active: true,
        pin: Some(PinHash::of(&pin("1234"), [7; 16])),
        party: Some(StaffParty { first_name: Some("Ada".into()), last_name: None }),
        version,
    }
}

fn blocked(staff: &str, version: u64) -> StaffRow {
    StaffRow { is_active: false, pin: None, party: None, ..member(staff, version) }
}

fn send(shop: &Shop, scope: Scope, rows: &[StaffRow]) {
    let version = rows.iter().map(|row| row.version).max().unwrap_or(99);
    let rows: Vec<_> = rows.iter().cloned().map(Row::Staff).collect();
    apply(shop, (JobName::Staff1060, scope, version), &rows).expect("is applied");
}

fn client(shop: &Shop, name: &str) -> SecretHash {
    let name = ClientName::parse(name).expect("a name");
    let entropy = Counting::from(u64::from(name.as_str().as_bytes()[0]));
    create_api_token(&shop.edge.db, &name, &*entropy, at(0)).expect("a token").hash()
}

fn try_as(
    shop: &Shop,
    client: SecretHash,
    (staff, typed): (&str, &str),
    now: Timestamp,
) -> Result<NewSignIn, SignInError> {
    let (staff, pin) = (staff.to_owned(), Pin::parse(typed).ok());
    sign_in(&shop.edge, Presented { client, staff, pin, lasts: SIGN_IN_LASTS }, now)
}

fn holder(shop: &Shop, token: &Secret, now: Timestamp) -> Option<SignedIn> {
    find_holder(&shop.edge.db, token.hash(), now).expect("reads").and_then(|it| it.staff)
}

fn hour(hour: i64) -> Timestamp {
    at(hour * 3_600)
}

#[test]
fn whoever_was_sent_signs_in_with_their_pin_until_the_token_ends() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    let unknown = try_as(&shop, till, ("000160", "1234"), hour(0)).expect_err("nobody yet");
    assert!(matches!(unknown, SignInError::Wrong), "{unknown}");
    send(&shop, Scope::Delta, &[StaffRow { role: "manager".into(), ..member("000160", 7) }]);
    let made = try_as(&shop, till, (" 000160 ", "1234"), hour(1)).expect("signs in");
    assert_eq!(made.expires_at, hour(13));
    assert_eq!(made.name.to_string(), "Ada");
    let expected = SignedIn { id: parsed("000160"), role: StaffRole::Manager };
    assert_eq!(holder(&shop, &made.token, hour(2)), Some(expected));
    assert_eq!(holder(&shop, &made.token, hour(13)), None, "it has ended");
    assert_eq!(find_holder(&shop.edge.db, till, hour(2)).expect("reads").expect("it").staff, None);
    sign_out(&shop.edge, made.token.hash()).expect("signs out");
    assert_eq!(holder(&shop, &made.token, hour(2)), None);
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    let no_pin = StaffRow { pin: None, ..member("3", 7) };
    send(&shop, Scope::Delta, &[member("1", 7), blocked("2", 7), no_pin]);
    for (staff, typed) in [
        ("1", "1235"),
        ("1", "no digits"),
        ("2", "1234"),
        ("3", "1234"),
        ("3", "0000"),
        ("9", "1234"),
        ("no number at all!", "1234"),
    ] {
        let refused = try_as(&shop, till, (staff, typed), hour(1)).expect_err(staff);
        assert!(matches!(refused, SignInError::Wrong), "{staff} {typed}: {refused}");
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "wrong_pin"));
    }
    let newer = StaffRow { role: "auditor".into(), ..member("4", 8) };
    send(&shop, Scope::Delta, &[newer]);
    let refused = try_as(&shop, till, ("4", "1234"), hour(1)).expect_err("an unknown role");
    assert_eq!(refused.code(), "unknown_role");
}

#[test]
fn wrong_pins_lock_and_time_unlocks_but_a_restart_does_not() {
    let mut shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    send(&shop, Scope::Delta, &[member("1", 7), member("2", 7)]);
    for _ in 0..WRONG_PINS_MAX {
        let refused = try_as(&shop, till, ("1", "0000"), hour(1)).expect_err("wrong");
        assert_eq!(refused.code(), "wrong_pin");
    }
    let locked = |shop: &Shop, now| match try_as(shop, till, ("1", "1234"), now) {
        Err(SignInError::LockedOut { until, .. }) => Some(until),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    };
    assert_eq!(locked(&shop, hour(1)), Some(hour(1) + LOCK_OUT), "even with the right PIN");
    shop.edge = open(shop.dir.path(), DatabaseKind::Channel, 2);
    let just_before = hour(1) + LOCK_OUT - SignedDuration::from_micros(1);
    assert_eq!(locked(&shop, just_before), Some(hour(1) + LOCK_OUT));
    try_as(&shop, till, ("2", "1234"), just_before).expect("others are not locked");
    assert_eq!(locked(&shop, hour(1) + LOCK_OUT), None);
}

#[test]
fn a_right_pin_does_not_excuse_the_wrong_ones_and_is_none() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    send(&shop, Scope::Delta, &[member("1", 7)]);
    let wrong = || try_as(&shop, till, ("1", "0000"), hour(1)).expect_err("wrong").code();
    for _ in 1..WRONG_PINS_MAX {
        assert_eq!(wrong(), "wrong_pin");
        try_as(&shop, till, ("1", "1234"), hour(1)).expect("right");
    }
    assert_eq!(wrong(), "wrong_pin");
    assert_eq!(wrong(), "locked_out");
}

#[test]
fn a_clock_that_is_set_back_neither_locks_nor_signs_in_for_longer() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    send(&shop, Scope::Delta, &[member("1", 7), member("2", 7)]);
    let made = try_as(&shop, till, ("2", "1234"), hour(10)).expect("signs in");
    assert!(holder(&shop, &made.token, hour(20)).is_some());
    assert_eq!(holder(&shop, &made.token, hour(11)), None, "set back behind its last use");
    let a_little = hour(20) - SignedDuration::from_mins(1);
    assert!(holder(&shop, &made.token, a_little).is_some(), "set right by a little");
    for _ in 0..WRONG_PINS_MAX {
        try_as(&shop, till, ("1", "0000"), hour(20)).expect_err("wrong");
    }
    let refused = try_as(&shop, till, ("1", "1234"), hour(5)).expect_err("still locked");
    let SignInError::LockedOut { until, .. } = refused else { panic!("{refused}") };
    assert_eq!(until, hour(5) + LOCK_OUT);
    try_as(&shop, till, ("1", "1234"), until).expect("unlocked");
}

#[test]
fn a_sign_in_ends_with_its_member_its_pin_and_its_program() {
    let shop = shop("S1", None, 1);
    let (till, kiosk) = (client(&shop, "till"), client(&shop, "kiosk"));
    send(&shop, Scope::Delta, &[member("1", 7), member("2", 7), member("3", 7), member("4", 7)]);
    let token =
        |client, staff| try_as(&shop, client, (staff, "1234"), hour(1)).expect("signs in").token;
    let tokens = [token(till, "1"), token(till, "2"), token(till, "3"), token(kiosk, "4")];
    let is_in = || tokens.clone().map(|token| holder(&shop, &token, hour(1)).is_some());
    let same = StaffRow { role: "manager".into(), ..member("3", 8) };
    let new_pin = StaffRow { pin: Some(PinHash::of(&pin("9876"), [8; 16])), ..member("2", 8) };
    send(&shop, Scope::Delta, &[blocked("1", 8), new_pin, same]);
    assert_eq!(is_in(), [false, false, true, true]);
    let three = holder(&shop, &tokens[2], hour(1)).expect("is in");
    assert_eq!(three.role, StaffRole::Manager, "a role holds at once");
    try_as(&shop, till, ("2", "9876"), hour(1)).expect("with the new one");
    send(&shop, Scope::Delta, &[member("1", 8)]);
    assert_eq!(is_in(), [false, false, true, true], "the same version again changes nothing");
    let name = ClientName::parse("kiosk").expect("a name");
    assert_eq!(revoke_api_tokens(&shop.edge.db, &name).expect("revokes"), 1);
    assert_eq!(is_in(), [false, false, true, false]);
    let refused = try_as(&shop, kiosk, ("3", "1234"), hour(1)).expect_err("no program");
    assert!(matches!(refused, SignInError::NoClient), "{refused}");
}

fn execute(edge: &Edge, sql: &'static str) {
    let done = edge.db.write(move |connection| Ok::<_, DbError>(connection.execute_batch(sql)?));
    done.expect("is carried out");
}

/// Lets something happen when a token is drawn: the PIN was compared, and nothing is written yet.
#[derive(Default)]
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Entropy for Meanwhile {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(5);
        if let Some(happens) = self.0.lock().expect("no panic").take() {
            happens();
        }
    }
}

#[test]
fn what_changes_while_a_pin_is_compared_holds_at_once() {
    for (sql, code) in [
        ("UPDATE staff SET pin = 'of another PIN'", "wrong_pin"),
        ("UPDATE staff SET is_active = 0, pin = NULL", "wrong_pin"),
        ("DELETE FROM staff", "wrong_pin"),
        ("DELETE FROM api_token", SignInError::NoClient.code()),
    ] {
        let mut shop = shop("S1", None, 1);
        let till = client(&shop, "till");
        send(&shop, Scope::Delta, &[member("1", 7)]);
        let entropy = Arc::new(Meanwhile::default());
        let ports = options(Arc::clone(&entropy) as Arc<dyn Entropy>, None);
        let edge = Edge::open(shop.dir.path(), DatabaseKind::Channel, ports).expect("opens");
        shop.edge = Arc::new(edge);
        let edge = Arc::clone(&shop.edge);
        let happens = Box::new(move || execute(&edge, sql));
        *entropy.0.lock().expect("no panic") = Some(happens);
        let refused = try_as(&shop, till, ("1", "1234"), hour(1)).expect_err(sql);
        assert_eq!(refused.code(), code, "{sql}");
        let kept = shop.edge.db.read(|connection| {
            let count = connection.query_row("SELECT count(*) FROM sign_in", [], |row| row.get(0));
            Ok::<u64, DbError>(count?)
        });
        assert_eq!(kept.expect("reads"), 0, "{sql}");
    }
}

#[test]
fn right_pins_lock_nobody_out_whatever_else_is_wrong() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    let newer = StaffRow { role: "auditor".into(), ..member("1", 7) };
    send(&shop, Scope::Delta, &[newer, member("2", 7)]);
    execute(
        &shop.edge,
        "CREATE TRIGGER full BEFORE INSERT ON sign_in BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    for _ in 0..=WRONG_PINS_MAX {
        let refused = try_as(&shop, till, ("1", "1234"), hour(1)).expect_err("an unknown role");
        assert_eq!(refused.code(), "unknown_role");
        let failed = try_as(&shop, till, ("2", "1234"), hour(1)).expect_err("nothing is kept");
        assert!(matches!(failed, SignInError::Db(_)), "{failed}");
    }
    execute(&shop.edge, "DROP TRIGGER full");
    try_as(&shop, till, ("2", "1234"), hour(1)).expect("signs in");
}

#[test]
fn a_number_that_is_locked_is_known_or_is_not() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    send(&shop, Scope::Delta, &[member("1", 7)]);
    for (staff, expected) in [("1", true), ("1234", false)] {
        for _ in 0..WRONG_PINS_MAX {
            try_as(&shop, till, (staff, "0000"), hour(1)).expect_err("wrong");
        }
        match try_as(&shop, till, (staff, "0000"), hour(1)) {
            Err(SignInError::LockedOut { is_known, .. }) => assert_eq!(is_known, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_snapshot_takes_away_who_is_not_in_it() {
    let shop = shop("S1", None, 1);
    let till = client(&shop, "till");
    send(&shop, Scope::Delta, &[member("1", 7), member("2", 7)]);
    let token = try_as(&shop, till, ("1", "1234"), hour(1)).expect("signs in").token;
    send(&shop, Scope::Snapshot, &[member("2", 7), member("3", 9)]);
    let staff = list_staff(&shop.edge).expect("reads");
    assert_eq!(staff.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2 Ada", "3 Ada"]);
    assert_eq!(holder(&shop, &token, hour(1)), None);
    send(&shop, Scope::Delta, &[member("2", 6)]);
    assert_eq!(list_staff(&shop.edge).expect("reads")[0].version, 7, "an older one is old");
}
