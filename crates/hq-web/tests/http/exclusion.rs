//! What is kept from offline databases, and offline profiles, as operators set them.

use serde_json::{Value, json};

use crate::site::Site;

fn excluded(site: &Site, list: &str, key: &str) -> Vec<String> {
    let overview = site.get("/api/v1/exclusion");
    let rows = overview[list].as_array().expect("rows").clone();
    let is_excluded = |row: &&Value| row["excluded_from_offline"] == true;
    let name = |row: &Value| row[key].as_str().expect("a name").to_owned();
    rows.iter().filter(is_excluded).map(name).collect()
}

#[test]
fn a_new_headquarters_has_the_schema_ax7_and_keeps_nothing_back() {
    let site = Site::open();
    let overview = site.get("/api/v1/exclusion");
    let schema = json!({ "name": "AX7", "filter_shared_customer_data": false });
    assert_eq!(overview["channel_schema"], schema);
    assert_eq!(excluded(&site, "jobs", "job"), [""; 0]);
    assert_eq!(excluded(&site, "subjobs", "subjob"), [""; 0]);
    assert_eq!((&overview["version"], &overview["changes"]), (&json!(0), &json!([])));
    let jobs = overview["jobs"].as_array().expect("jobs");
    let customers = jobs.iter().find(|job| job["job"] == "1010").expect("1010");
    assert_eq!(customers["subjobs"], json!(["party", "customer", "address"]));
}

#[test]
fn the_filter_is_refused_until_it_is_confirmed_or_1010_is_excluded() {
    let site = Site::open();
    let path = "/api/v1/exclusion/filter";
    let on =
        |confirmed| Some(json!({ "filter_shared_customer_data": true, "confirmed": confirmed }));
    let refused = site.operate("PUT", path, on(false));
    let message = refused.refusal(409, "confirmation_required");
    assert!(message.contains("1010 (Customers)"), "{message}");
    let moved = site.operate("PUT", path, on(true)).expect(200);
    assert_eq!((&moved["is_change"], &moved["canceled_sessions"]), (&json!(true), &json!(0)));
    let off = Some(json!({ "filter_shared_customer_data": false }));
    site.operate("PUT", path, off).expect(200);

    let on_job = Some(json!({ "excluded_from_offline": true }));
    let moved = site.operate("PUT", "/api/v1/exclusion/jobs/1010", on_job).expect(200);
    assert!(moved["warnings"][0].as_str().expect("a warning").contains("--full"), "{moved}");
    site.operate("PUT", path, on(false)).expect(200);
    let overview = site.get("/api/v1/exclusion");
    assert_eq!(overview["channel_schema"]["filter_shared_customer_data"], true);
    let levers: Vec<_> = overview["changes"].as_array().expect("changes").iter().collect();
    let levers: Vec<_> = levers.iter().map(|it| (&it["lever"], &it["is_on"])).collect();
    let (filter, job) = (json!("filter:AX7"), json!("job:1010"));
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(levers, [(&filter, &yes), (&job, &yes), (&filter, &no), (&filter, &yes)]);
    assert!(overview["changes"][0]["changed_by"].is_string());
}

#[test]
fn jobs_and_subjobs_are_excluded_one_by_one() {
    let site = Site::open();
    let put = |path: &str, is_on: bool| {
        let body = Some(json!({ "excluded_from_offline": is_on }));
        site.operate("PUT", &format!("/api/v1/exclusion/{path}"), body)
    };
    let moved = put("subjobs/party", true).expect(200);
    assert!(moved["warnings"][0].as_str().expect("a warning").contains("staff"), "{moved}");
    put("subjobs/price", true).expect(200);
    assert_eq!(put("subjobs/price", true).expect(200)["is_change"], false);
    assert_eq!(excluded(&site, "subjobs", "subjob"), ["party", "price"]);
    put("subjobs/party", false).expect(200);
    assert_eq!(excluded(&site, "subjobs", "subjob"), ["price"]);
    put("subjobs/partys", true).refusal(400, "invalid");
    put("subjobs/register", true).refusal(400, "invalid");
    put("jobs/1090", true).refusal(400, "invalid");
    put("jobs/P-0001", true).refusal(400, "invalid");
    let misspelt = Some(json!({ "excluded": true }));
    site.operate("PUT", "/api/v1/exclusion/jobs/1010", misspelt).refusal(400, "invalid");
}

#[test]
fn an_offline_profile_is_made_changed_and_given_to_a_register() {
    let site = Site::open();
    site.enrol_store("S1");
    site.operate(
        "POST",
        "/api/v1/databases",
        Some(json!({ "id": "S1-R1", "kind": "register", "channel": "S1" })),
    )
    .expect(201);
    assert_eq!(site.get("/api/v1/offline-profiles")["items"], json!([]));
    let path = "/api/v1/offline-profiles/slow";
    let made = site.operate("PATCH", path, Some(json!({ "request_timeout_ms": 9_000 })));
    let made = made.expect(200);
    assert_eq!(
        (&made["request_timeout_ms"], &made["health_check_interval_s"]),
        (&json!(9_000), &json!(60))
    );
    let refused = site.operate("PATCH", path, Some(json!({ "health_check_interval_s": 0 })));
    let message = refused.refusal(400, "invalid");
    assert!(message.contains("between 1 and 3600 seconds"), "{message}");
    let changed = site.operate("PATCH", path, Some(json!({ "pause_offline_sync": true })));
    assert_eq!(changed.expect(200)["request_timeout_ms"], 9_000, "what is not said stays");
    let given = |profile: &str| Some(json!({ "offline_profile": profile }));
    let path = |id: &str| format!("/api/v1/databases/{id}/offline-profile");
    site.operate("PUT", &path("S1"), given("slow")).refusal(400, "invalid");
    site.operate("PUT", &path("S9"), given("slow")).refusal(404, "not_found");
    site.operate("PUT", &path("S1-R1"), given("quick")).refusal(404, "not_found");
    site.operate("PUT", &path("S1-R1"), given("slow")).expect(204);
    let row = site.get("/api/v1/register-configuration")["items"][0].clone();
    assert_eq!((&row["register"], &row["offline_profile"]), (&json!("S1-R1"), &json!("slow")));
    assert_eq!((&row["is_applied"], &row["applied_version"]), (&json!(false), &json!(null)));
}
