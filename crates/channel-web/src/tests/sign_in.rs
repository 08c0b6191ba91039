//! Signing in over HTTP, and what whoever signed in may do.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tillsync_channel::Db;
use tillsync_channel::clients::{ClientName, revoke_api_tokens};
use tillsync_domain::clock::Clock;
use tillsync_domain::staff::Pin;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::pin::PinHash;
use tillsync_exchange::rows::staff::{StaffParty, StaffRow};

use super::fake_hq::FakeHq;
use super::node::{MachineClock, MachineEntropy, Node, until};
use crate::routes::Access;
use crate::{Allowance, AttemptLimits, SignInPolicy, create_api_token};

type Headers = Vec<(&'static str, String)>;

fn bearer(token: &str) -> Headers {
    vec![("Authorization", format!("Bearer {token}"))]
}

/// Somebody whose PIN is `1234`.
fn member(staff: &str, role: &str, version: u64) -> StaffRow {
    let pin = Pin::parse("1234").expect("a PIN");
    StaffRow {
        staff: staff.parse().expect("an id"),
        role: role.to_owned(),
        is_active: true,
        pin: Some(PinHash::of(&pin, [7; 16])),
        party: Some(StaffParty { first_name: Some("Ada".into()), last_name: Some("Byron".into()) }),
        version,
    }
}

fn try_to_sign_in(node: &Node, program: &str, staff: &str, pin: &str) -> (u16, Value) {
    let body = json!({"grant_type": "password", "username": staff, "password": pin});
    node.call_with("POST", "/auth/token", &body, &bearer(program))
}

fn sign_in(node: &Node, program: &str, staff: &str) -> String {
    let (status, answer) = try_to_sign_in(node, program, staff, "1234");
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// A node to which a cashier `1` and a manager `2` have come.
fn staffed(hq: &FakeHq) -> Node {
    let node = Node::start("S1", &hq.url());
    hq.offer_staff(&[member("1", "cashier", 5), member("2", "manager", 5)], &["S1"]);
    until("the staff", || node.status()["applied"]["1060"] == 5);
    node
}

fn restart(node: &mut Node, sign_in: SignInPolicy) {
    node.stop();
    node.sign_in = sign_in;
    node.serve();
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Stranger(&'static str),
    Program,
    Cashier,
    Manager,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A node and everybody who might call it.
pub(super) struct People {
    pub(super) node: Node,
    cashier: String,
    manager: String,
    strangers: Vec<(&'static str, Headers)>,
}

impl People {
    pub(super) fn at_a_node_of(hq: &FakeHq, is_required: bool) -> Self {
        let mut node = staffed(hq);
        node.attempts.credentials =
            Allowance { at_once: 10_000, one_every: Duration::from_secs(1) };
        hq.offer_staff(&[member("3", "manager", 5)], &["S1"]);
        restart(&mut node, SignInPolicy { lasts: SignedDuration::ZERO, ..SignInPolicy::default() });
        let expired = sign_in(&node, &node.token, "1");
        restart(&mut node, SignInPolicy { is_required, ..SignInPolicy::default() });
        let clocks = (&MachineClock as &dyn Clock, &MachineEntropy as _);
        let kiosk = create_api_token(node.dir.path(), DatabaseKind::Channel, "kiosk", clocks);
        let kiosk = kiosk.expect("a token").reveal().to_owned();
        let at_kiosk = sign_in(&node, &kiosk, "1");
        until("the third", || try_to_sign_in(&node, &node.token, "3", "1234").0 == 200);
        let blocked = sign_in(&node, &node.token, "3");
        let db = Db::open(&node.dir.path().join("channel.db")).expect("opens");
        revoke_api_tokens(&db, &ClientName::parse("kiosk").expect("a name")).expect("revokes");
        let out =
            StaffRow { is_active: false, pin: None, party: None, ..member("3", "manager", 6) };
        hq.offer_staff(&[out], &["S1"]);
        let path = "/Commerce/Customers('C-1')";
        until("the block", || {
            node.call_with("GET", path, &Value::Null, &bearer(&blocked)).0 == 401
        });
        let strangers = vec![
            ("nobody", vec![]),
            ("an empty token", bearer("")),
            ("a guess", bearer("guess")),
            ("another scheme", vec![("Authorization", "Basic eA==".to_owned())]),
            ("a token that has ended", bearer(&expired)),
            ("a revoked program", bearer(&kiosk)),
            ("staff at a revoked program", bearer(&at_kiosk)),
            ("staff who are blocked", bearer(&blocked)),
        ];
        let (cashier, manager) =
            (sign_in(&node, &node.token, "1"), sign_in(&node, &node.token, "2"));
        People { node, cashier, manager, strangers }
    }

    /// Everybody with what they present to a row.
    pub(super) fn all(&self, access: Access) -> Vec<(Who, Headers)> {
        // Whoever signs out needs a token to lose.
        let anew = |token: &String, staff: &str| match access {
            Access::Staff => bearer(&sign_in(&self.node, &self.node.token, staff)),
            _ => bearer(token),
        };
        let strangers = self.strangers.iter().cloned();
        let mut all: Vec<_> =
            strangers.map(|(name, headers)| (Who::Stranger(name), headers)).collect();
        all.push((Who::Program, bearer(&self.node.token)));
        all.push((Who::Cashier, anew(&self.cashier, "1")));
        all.push((Who::Manager, anew(&self.manager, "2")));
        all
    }
}

#[test]
fn whoever_signs_in_is_named_on_what_they_do_and_nobody_else_can_be() {
    let hq = FakeHq::start();
    let node = staffed(&hq);
    hq.offer_items(&["S1"]);
    until("the items", || node.status()["applied"]["1040"] == 5);
    let (status, answer) = try_to_sign_in(&node, &node.token, "1", "1234");
    assert_eq!((status, &answer["token_type"]), (200, &json!("bearer")), "{answer}");
    let staff = json!({"id": "1", "name": "Ada Byron", "role": "cashier"});
    assert_eq!(answer["staff"], staff);
    assert_eq!(answer["expires_in"], 12 * 3_600);
    let token = bearer(answer["access_token"].as_str().expect("a token"));
    let shift = json!({"StaffId": "2"});
    let (status, refused) = node.call_with("POST", "/Commerce/Shifts", &shift, &token);
    assert_eq!((status, &refused["error"]["target"]), (400, &json!("StaffId")), "{refused}");
    assert_eq!(node.call_with("POST", "/Commerce/Shifts", &Value::Null, &token).0, 201);
    let sale = |staff: Value, quantity: i32| {
        let lines = json!([{"ItemId": "coffee", "Quantity": quantity}]);
        let paid = json!([{"TenderTypeId": "1", "Amount": 12.54 * f64::from(quantity)}]);
        json!({"SalesLines": lines, "TenderLines": paid, "StaffId": staff})
    };
    let sell = |body: &Value| node.call_with("POST", "/Commerce/SalesOrders", body, &token);
    let (status, sold) = sell(&sale(Value::Null, 1));
    assert_eq!((status, &sold["StaffId"]), (201, &json!("1")), "{sold}");
    assert_eq!(sell(&sale(json!("1"), 1)).0, 201);
    assert_eq!(sell(&sale(json!("2"), 1)).0, 400);
    let (status, refused) = sell(&sale(Value::Null, -1));
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("role_required")), "{refused}");
    let manager = bearer(&sign_in(&node, &node.token, "2"));
    let back = sale(Value::Null, -1);
    let (status, given) = node.call_with("POST", "/Commerce/SalesOrders", &back, &manager);
    assert_eq!((status, &given["StaffId"]), (201, &json!("2")), "{given}");
    let (status, sold) = node.call("POST", "/Commerce/SalesOrders", &sale(json!("9"), -1));
    assert_eq!((status, &sold["StaffId"]), (201, &json!("9")), "a program answers for itself");
}

#[test]
fn a_cashier_takes_back_what_is_known_to_have_been_sold_and_a_manager_anything() {
    let hq = FakeHq::start();
    let node = staffed(&hq);
    hq.offer_items(&["S1"]);
    until("the items", || node.status()["applied"]["1040"] == 5);
    let cashier = bearer(&sign_in(&node, &node.token, "1"));
    let manager = bearer(&sign_in(&node, &node.token, "2"));
    assert_eq!(node.call_with("POST", "/Commerce/Shifts", &Value::Null, &manager).0, 201);
    let trade = |quantity: i32, of: &Value| {
        let line = json!({"ItemId": "coffee", "Quantity": quantity, "ReturnTransactionId": of,
            "ReturnLineNumber": if of.is_null() { Value::Null } else { json!(1) }});
        let paid = json!([{"TenderTypeId": "1", "Amount": 12.54 * f64::from(quantity)}]);
        json!({"SalesLines": [line], "TenderLines": paid})
    };
    let ask = |body: &Value, token: &Headers| {
        let (status, answer) = node.call_with("POST", "/Commerce/SalesOrders", body, token);
        (status, answer["error"]["code"].clone(), answer["Id"].clone())
    };
    let sold = ask(&trade(1, &Value::Null), &cashier).2;
    assert_eq!(ask(&trade(-1, &sold), &cashier).0, 201);
    let invented = trade(-1, &json!("T-000000-NEVER"));
    assert_eq!(ask(&invented, &cashier).1, "role_required");
    assert_eq!(ask(&invented, &manager).0, 201);
}

#[test]
fn a_sign_in_is_good_at_one_node_until_it_is_given_up() {
    let hq = FakeHq::start();
    let (node, other) = (staffed(&hq), Node::start("S2", &hq.url()));
    let token = bearer(&sign_in(&node, &node.token, "1"));
    let path = "/Commerce/Customers('C-1')";
    let read = |node: &Node| node.call_with("GET", path, &Value::Null, &token).0;
    assert_eq!((read(&node), read(&other)), (404, 401));
    assert_eq!(node.call_with("POST", "/auth/revoke", &Value::Null, &token).0, 204);
    assert_eq!(read(&node), 401);
    assert_eq!(node.call_with("POST", "/auth/revoke", &Value::Null, &token).0, 401);
}

#[test]
fn wrong_pins_are_counted_and_never_repeated_in_an_answer() {
    let hq = FakeHq::start();
    let node = staffed(&hq);
    for number in 0..5 {
        let (status, refused) = try_to_sign_in(&node, &node.token, "1", "9137");
        let code = &refused["error"]["code"];
        assert_eq!((status, code), (401, &json!("wrong_pin")), "{number}: {refused}");
    }
    let (status, refused) = try_to_sign_in(&node, &node.token, "1", "1234");
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("locked_out")), "{refused}");
    assert_eq!(try_to_sign_in(&node, &node.token, "2", "1234").0, 200);
    for body in [
        json!({"grant_type": "password", "username": "2", "password": 9137}),
        json!({"grant_type": "pin", "username": "2", "password": "9137"}),
        json!({"password": "9137"}),
        json!("9137"),
    ] {
        let (status, refused) = node.call_with("POST", "/auth/token", &body, &bearer(&node.token));
        assert_eq!(status, 400, "{refused}");
        assert!(!refused.to_string().contains("9137"), "{refused}");
    }
    let form = "grant_type=password&username=2&password=1234";
    let mut headers = bearer(&node.token);
    headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
    let (status, answer) = node.call_form("/auth/token", form, &headers);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn an_address_that_guesses_is_slowed_down() {
    let hq = FakeHq::start();
    let mut node = staffed(&hq);
    node.attempts = AttemptLimits {
        credentials: Allowance { at_once: 2, one_every: Duration::from_secs(3_600) },
        ..AttemptLimits::default()
    };
    restart(&mut node, SignInPolicy::default());
    let tries = ["1", "2", "9"].map(|staff| try_to_sign_in(&node, &node.token, staff, "0000").0);
    assert_eq!(tries, [401, 401, 429]);
    // Or the answer to a right guess would still tell it from a wrong one.
    assert_eq!(try_to_sign_in(&node, &node.token, "1", "1234").0, 429);
    restart(&mut node, SignInPolicy::default());
    let right = [0; 4].map(|_| try_to_sign_in(&node, &node.token, "1", "1234").0);
    assert_eq!(right, [200; 4], "who signs in has not guessed");
}
