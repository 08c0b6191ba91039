//! Functionality profiles as operators set them, and as stores get them.

use serde_json::json;

use crate::site::{Site, wait_for};

#[test]
fn a_profile_is_made_changed_and_given_to_a_channel() {
    let site = Site::open();
    site.enrol_store("S1");
    assert_eq!(site.get("/api/v1/profiles")["items"], json!([]));
    assert_eq!(site.get("/api/v1/configuration")["items"], json!([]));
    let body = json!({ "create_customers_async": true });
    let made = site.operate("PATCH", "/api/v1/profiles/rush", Some(body)).expect(200);
    assert_eq!(made["create_customers_async"], true);
    assert_eq!(made["allow_offline_customer_create"], true, "what is not said has its default");
    let body = json!({ "create_orders_async": false });
    let changed = site.operate("PATCH", "/api/v1/profiles/rush", Some(body)).expect(200);
    assert_eq!(changed["create_customers_async"], true, "what is not said stays");
    assert_eq!(changed["create_orders_async"], false);

    let row = site.get("/api/v1/configuration")["items"][0].clone();
    assert_eq!((&row["channel"], &row["profile"]), (&"S1".into(), &"default".into()));
    let given = |profile: &str| Some(json!({ "profile": profile }));
    let path = "/api/v1/databases/S1/profile";
    site.operate("PUT", path, given("rash")).refusal(404, "not_found");
    site.operate("PUT", path, given("no name")).refusal(400, "invalid");
    site.operate("PUT", "/api/v1/databases/S9/profile", given("rush")).refusal(404, "not_found");
    site.operate("PUT", path, given("rush")).expect(204);
    let row = site.get("/api/v1/configuration")["items"][0].clone();
    assert_eq!(row["profile"], "rush");
    assert_eq!(row["options"]["create_orders_async"], false);
    assert_eq!(row["is_applied"], false);
    let names: Vec<_> = site.get("/api/v1/profiles")["items"]
        .as_array()
        .expect("profiles")
        .iter()
        .map(|profile| profile["name"].clone())
        .collect();
    assert_eq!(names, ["default", "rush"]);
}

#[test]
fn a_changed_profile_travels_at_once_and_is_seen_to_be_applied() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let nothing = site.poll(&secret, "S1", 0).expect(200);
    assert_eq!(nothing["offers"], json!([]), "no profile is in force");
    let body = json!({ "create_customers_async": true });
    site.operate("PATCH", "/api/v1/profiles/default", Some(body)).expect(200);
    let offer = wait_for("a package is offered", || {
        let answer = site.poll(&secret, "S1", 5_000).expect(200);
        let offers = answer["offers"].as_array().expect("offers").clone();
        offers.into_iter().find(|offer| offer["manifest"]["rows"]["profile"] == 1)
    });
    let row = || site.get("/api/v1/configuration")["items"][0].clone();
    assert_eq!(row()["is_applied"], false);
    site.apply(&secret, "S1", &offer).expect(200);
    assert_eq!(row()["is_applied"], true, "{}", row());
    assert_eq!(row()["applied_version"], row()["version"]);
}
