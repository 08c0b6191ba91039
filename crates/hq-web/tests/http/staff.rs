//! Staff as operators keep them, and as stores get them.

use serde_json::{Value, json};

use crate::site::{Site, wait_for};

fn new_staff(staff: &str) -> Value {
    json!({
        "id": staff, "first_name": "Ada", "role": "cashier", "address_books": ["retail"],
        "pin": "4711",
    })
}

#[test]
fn staff_are_added_changed_and_blocked_and_nothing_shows_a_pin() {
    let site = Site::open();
    site.enrol_store("S1");
    let add = |body: Value| site.operate("POST", "/api/v1/staff", Some(body));
    let added = add(new_staff("000160")).expect(201);
    assert_eq!((&added["has_pin"], &added["is_active"]), (&json!(true), &json!(true)));
    add(new_staff("000160")).refusal(409, "conflict");
    let path = "/api/v1/staff/000160";
    let change = |body: Value| site.operate("PATCH", path, Some(body));
    let changed = change(json!({"role": "manager", "pin": "0815"})).expect(200);
    assert_eq!((&changed["role"], &changed["first_name"]), (&json!("manager"), &json!("Ada")));
    assert_ne!(changed["changed_by"], Value::Null);
    assert_eq!(change(json!({"is_active": false})).expect(200)["is_active"], false);
    let shown = site.get(path);
    assert_eq!(site.get("/api/v1/staff")["items"], json!([shown]));
    for secret in ["4711", "0815", "argon2"] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
}

#[test]
fn what_breaks_a_rule_is_refused_and_nothing_is_kept() {
    let site = Site::open();
    site.enrol_store("S1");
    for (field, value) in [
        ("id", json!("1".repeat(26))),
        ("id", json!("no number")),
        ("first_name", json!("x".repeat(26))),
        ("first_name", json!(" ")),
        ("role", json!("admin")),
        ("address_books", json!([])),
        ("address_books", json!(["nowhere"])),
        ("pin", json!("123")),
        ("pin", json!("12345678901234567")),
        ("pin", json!("12x4")),
    ] {
        let mut body = new_staff("000160");
        body[field] = value;
        site.operate("POST", "/api/v1/staff", Some(body)).refusal(400, "invalid");
    }
    let none = Some(json!({"is_active": false}));
    site.operate("PATCH", "/api/v1/staff/000160", none).refusal(404, "not_found");
    assert_eq!(site.get("/api/v1/staff")["items"], json!([]));
}

#[test]
fn staff_travel_at_once_to_a_store_that_shares_a_book() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    assert_eq!(site.poll(&secret, "S1", 0).expect(200)["offers"], json!([]));
    site.operate("POST", "/api/v1/staff", Some(new_staff("000160"))).expect(201);
    wait_for("a package is offered", || {
        let answer = site.poll(&secret, "S1", 5_000).expect(200);
        let offers = answer["offers"].as_array().expect("offers").clone();
        offers.into_iter().find(|offer| offer["manifest"]["rows"]["staff"] == 1)
    });
}

#[test]
fn a_channel_that_waits_hears_at_once_of_a_register_that_is_revoked() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    site.operate(
        "POST",
        "/api/v1/databases",
        Some(json!({
            "id": "S1.1", "kind": "register", "channel": "S1",
        })),
    )
    .expect(201);
    let poll = |known: Value, wait_ms: u64| {
        let mut body = site.poll_body("S1", wait_ms);
        body["revoked"] = known;
        let path = ("POST", "/exchange/v1/poll");
        site.call(path, Some(&secret), Some(body)).expect(200)
    };
    assert_eq!(poll(json!([]), 0)["revoked"], json!([]));
    site.operate("POST", "/api/v1/databases/S1.1/revoke", None).expect(204);
    assert_eq!(poll(json!([]), 20_000)["revoked"], json!(["S1.1"]));
    assert_eq!(poll(json!(["S1.1"]), 0)["revoked"], json!(["S1.1"]));
    let silent = poll(Value::Null, 0);
    assert_eq!(silent.get("revoked"), None, "an older channel is told nothing: {silent}");
}
