//! A restored headquarters as its stores and operators see it.

use serde_json::{Value, json};

use crate::site::{Site, package, wait_for};

/// A poll of a store that has learnt something.
fn poll(site: &Site, secret: &str, learnt: u64, testimony: Value) -> Value {
    let mut poll = site.poll_body("S1", 0);
    poll["learnt"] = learnt.into();
    poll["testimony"] = testimony;
    site.call(("POST", "/exchange/v1/poll"), Some(secret), Some(poll)).expect(200)
}

fn page(asked: &Value, customers: &Value) -> Value {
    json!({ "asked": asked, "customers": customers, "customers_version": 9, "items_version": 0 })
}

#[test]
fn a_store_that_knows_more_is_asked_and_its_numbers_are_promised() {
    let (site, secret) = Site::open_scheduled();
    let asked = poll(&site, &secret, 9, Value::Null)["testify"].clone();
    let recovery = site.get("/api/v1/recovery");
    assert_eq!((&recovery["recovering"], &recovery["waiting_for"]), (&true.into(), &json!(["S1"])));
    assert!(recovery["reason"].as_str().expect("a text").starts_with("S1 has learnt version 9"));
    assert_eq!(site.get("/api/v1/status")["recovering"], true);
    assert_eq!(site.metric("tillsync_recovering"), Some(1.0));
    site.upload(Some(&secret), &package("S1", 1, 1)).expect(200);
    let run = site.run("synchronize-customers", json!({}));
    assert!(run["error"].as_str().expect("a text").contains("waits for S1"), "{run}");

    let guid = "00000000-0000-7000-8000-00000000000a";
    let customers = json!([{ "guid": guid, "account": "C-00000041", "version": 9 }]);
    let many: Value = vec![customers[0].clone(); 251].into();
    let refused = page(&asked, &many);
    let mut body = site.poll_body("S1", 0);
    body["learnt"] = 9.into();
    body["testimony"] = refused;
    let answer = site.call(("POST", "/exchange/v1/poll"), Some(&secret), Some(body));
    assert!(answer.refusal(400, "invalid").contains("customers on a page 251"));

    let answer = poll(&site, &secret, 9, page(&asked, &customers));
    assert_eq!(answer.get("testify"), None, "it was heard");
    let recovery = site.get("/api/v1/recovery");
    assert_eq!((&recovery["recovering"], &recovery["promises_open"]), (&false.into(), &1.into()));
    assert_eq!(recovery["databases"][0]["told"], 1);
    wait_for("a fresh scrape", || site.metric("tillsync_recovering").filter(|now| *now == 0.0));
    assert_eq!(site.get("/api/v1/number-sequences/customer-account")["next"], 42);
    site.run("synchronize-customers", json!({}));
    // The promised number and those before it are nobody else's.
    site.get("/api/v1/customers/C-00000042");
}

#[test]
fn an_operator_declares_a_restore_and_goes_on_without_a_store() {
    let site = Site::open();
    site.enrol_store("S1");
    site.operate("POST", "/api/v1/recovery/finish", None).refusal(409, "conflict");
    let declared = site.operate("POST", "/api/v1/recovery", None).expect(200);
    assert_eq!((&declared["recovering"], &declared["waiting_for"]), (&true.into(), &json!(["S1"])));
    let ended = site.operate("POST", "/api/v1/recovery/finish", None).expect(200);
    assert_eq!(ended["recovering"], false);
    assert!(ended["ended_by"].is_string() && ended["databases"][0]["heard_at"].is_null());
    let nothing = json!({ "guid": "00000000-0000-7000-8000-00000000000a", "account": "C-1" });
    site.operate("POST", "/api/v1/recovery/settle", Some(nothing)).refusal(404, "not_found");
}
