//! Feature switches as operators set them, and as stores get them.

use serde_json::json;

use crate::site::{Site, wait_for};

#[test]
fn a_feature_travels_at_once_and_the_configuration_says_who_has_it() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    assert_eq!(site.get("/api/v1/features"), json!({"features": [], "channels": []}));
    let set = |name: &str, is_enabled: bool| {
        let path = format!("/api/v1/features/{name}");
        site.operate("PATCH", &path, Some(json!({ "is_enabled": is_enabled })))
    };
    set("async_address_creation", false).refusal(409, "conflict");
    set("customer_performance", false).refusal(409, "conflict");
    set("cloud_search", true).refusal(400, "invalid");
    let changed = set("async_customer_editing", false).expect(200);
    assert_eq!(
        (&changed["is_enabled"], &changed["needs"][1]),
        (&json!(false), &json!("enhanced_async_creation"))
    );
    assert!(changed["changed_by"].is_string(), "{changed}");

    let offer = wait_for("a package is offered", || {
        let answer = site.poll(&secret, "S1", 5_000).expect(200);
        let offers = answer["offers"].as_array().expect("offers").clone();
        offers.into_iter().find(|offer| offer["manifest"]["rows"]["feature"] == 5)
    });
    let path = "/api/v1/databases/S1/configuration";
    let job = || site.get(path)["items"][0]["jobs"][0].clone();
    assert_eq!((&job()["job"], &job()["is_behind"]), (&json!("1110"), &json!(true)));
    site.apply(&secret, "S1", &offer).expect(200);
    assert_eq!(job()["is_behind"], false, "{}", job());
    assert_eq!(job()["session"], offer["session"]);
    assert_eq!(site.get("/api/v1/features")["channels"][0]["is_applied"], true);
    site.operate("GET", "/api/v1/databases/S9/configuration", None).refusal(404, "not_found");
}
