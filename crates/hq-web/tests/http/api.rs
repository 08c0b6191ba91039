//! What operators see.

use serde_json::{Value, json};
use tillsync_exchange::device::Secret;

use crate::site::{Site, package};

/// A job as the list of jobs shows it.
fn job(site: &Site, name: &str) -> Value {
    let jobs = site.get("/api/v1/jobs");
    let mut jobs = jobs["items"].as_array().expect("jobs").iter();
    jobs.find(|job| job["name"] == name).expect("it is listed").clone()
}

#[test]
fn the_jobs_run_by_either_published_name_and_leave_a_history() {
    let (site, secret) = Site::open_scheduled();
    site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    let name = "Synchronize%20customers%20and%20channel%20requests";
    let run_of_it = site.run(name, json!({}));
    assert_eq!(run_of_it["job"], "synchronize-customers");
    assert_eq!(run_of_it["trigger"], "manual");
    assert_eq!(run_of_it["outcome"], "succeeded", "{run_of_it}");
    let other = "Synchronize%20customers%20and%20business%20partners%20from%20async%20mode";
    assert_eq!(site.run(other, json!({}))["job"], "synchronize-customers");
    let history = site.get("/api/v1/jobs/synchronize-customers/runs?limit=1");
    assert_eq!(history["items"].as_array().expect("runs").len(), 1);
    assert_eq!(site.get("/api/v1/status")["customers"], 3);

    assert_eq!(site.get("/api/v1/jobs")["items"].as_array().expect("jobs").len(), 13);
    let customers = job(&site, "synchronize-customers");
    assert_eq!(customers["aliases"].as_array().expect("aliases").len(), 2);
    assert_eq!(customers["last_run"]["outcome"], "succeeded");
    assert_eq!(customers["running"], Value::Null);
    site.operate("POST", "/api/v1/jobs/1234/runs", Some(json!({}))).refusal(404, "not_found");
}

#[test]
fn job_1010_makes_a_package_then_finds_no_data_which_lists_hide() {
    let (site, secret) = Site::open_scheduled();
    site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    site.run("synchronize-customers", json!({}));
    assert_eq!(site.run("1010", json!({}))["detail"]["packages"], 1);
    assert_eq!(site.run("1010", json!({}))["outcome"], "succeeded");
    let shown = site.get("/api/v1/packages?group=retail");
    let statuses = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("packages");
        items.iter().map(|item| item["status"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(statuses(&shown), ["Available"]);
    assert_eq!(shown["items"][0]["rows"], 3);
    let all = site.get("/api/v1/packages?group=retail&no_data=true");
    assert_eq!(statuses(&all), ["No data", "Available"]);
}

#[test]
fn a_full_sync_is_for_1010_and_a_group_that_exists_and_never_recurs() {
    let (site, _) = Site::open_scheduled();
    let full = |group: &str| Some(json!({"full_sync_of": group}));
    let path = "/api/v1/jobs/1010/runs";
    site.operate("POST", path, full("nowhere")).refusal(404, "not_found");
    let other = "/api/v1/jobs/P-0001/runs";
    site.operate("POST", other, full("retail")).refusal(400, "invalid");
    let run = site.run("1010", json!({"full_sync_of": "retail"}));
    assert_eq!(run["detail"]["packages"], 1, "{run}");
    let sessions = site.get("/api/v1/sessions?status=available");
    assert_eq!(sessions["items"][0]["database"], "S1");
    assert_eq!(sessions["items"][0]["direction"], "download");
    assert_eq!(sessions["items"][0]["status"], "Available");

    let schedule = "/api/v1/jobs/1010/schedule";
    let recurring = json!({"cron": "0 * * * *", "full_sync_of": "retail"});
    site.operate("PUT", schedule, Some(recurring)).refusal(400, "invalid");
    site.operate("PUT", schedule, Some(json!({"cron": "soon"}))).refusal(400, "invalid");
    site.operate("PUT", schedule, Some(json!({"cron": "0 * * * *"}))).expect(200);
    assert_eq!(job(&site, "1010")["cron"], "0 * * * *");
    site.operate("PUT", schedule, Some(json!({"cron": null}))).expect(200);
    assert_eq!(job(&site, "1010")["cron"], Value::Null);
}

#[test]
fn a_session_is_cancelled_and_rerun_and_refuses_what_its_status_forbids() {
    let (site, _) = Site::open_scheduled();
    site.run("1010", json!({"full_sync_of": "retail"}));
    let listed = site.get("/api/v1/sessions?database=S1");
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    let command = |what: &str| site.operate("POST", &format!("/api/v1/sessions/{id}/{what}"), None);
    command("retry").refusal(409, "conflict");
    assert_eq!(command("cancel").expect(200)["status"], "Canceled");
    let again = command("rerun").expect(200);
    assert_eq!(again["rerun_of"], id.as_str());
    let shown = site.get(&format!("/api/v1/sessions/{id}"));
    assert_eq!(shown["session"]["status_value"], 5);
    assert_eq!(shown["package"]["scope"], "snapshot");

    let first = site.get("/api/v1/sessions?limit=1");
    assert_eq!(first["items"][0]["id"], again["id"]);
    let next = first["next"].as_str().expect("another page");
    let second = site.get(&format!("/api/v1/sessions?limit=1&before={next}"));
    assert_eq!(second["items"][0]["id"], id.as_str());
    assert_eq!(second["next"], Value::Null);
    let unknown = "/api/v1/sessions/00000000-0000-0000-0000-000000000009";
    site.operate("GET", unknown, None).refusal(404, "not_found");
}

#[test]
fn a_sequence_that_ran_out_is_extended_and_what_waited_goes_through() {
    let (site, secret) = Site::open_scheduled();
    let path = "/api/v1/number-sequences/customer-account";
    let narrow = json!({"format": "K#", "largest": 2, "mode": "continuous"});
    let narrowed = site.operate("PATCH", path, Some(narrow)).expect(200);
    assert_eq!(narrowed["remaining"], 2);
    site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    let run_of_it = site.run("synchronize-customers", json!({}));
    assert_eq!(run_of_it["outcome"], "completed_with_errors");
    let pending = site.get("/api/v1/operations?status=pending");
    assert_eq!(pending["counts"]["by_status"]["Pending"], 1, "{pending}");
    assert_eq!(pending["counts"]["by_status"]["Failed"], 0);
    assert_eq!(pending["items"][0]["kind"], "create_customer");
    assert_eq!(pending["items"][0]["source"], "S1");

    site.operate("PATCH", path, Some(json!({"next": 1}))).refusal(400, "invalid");
    site.operate("PATCH", path, Some(json!({"largest": 10}))).refusal(400, "invalid");
    let wide = json!({"largest": 9, "mode": {"blocks": 4}});
    let widened = site.operate("PATCH", path, Some(wide)).expect(200);
    assert_eq!(widened["mode"], json!({"blocks": 4}));
    site.run("synchronize-customers", json!({}));
    assert_eq!(site.get("/api/v1/status")["customers"], 3);
    site.operate("GET", "/api/v1/number-sequences/none", None).refusal(404, "not_found");
}

#[test]
fn customers_are_found_by_page_by_text_and_by_either_key() {
    let (site, secret) = Site::open_scheduled();
    site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    site.run("synchronize-customers", json!({}));
    let first = site.get("/api/v1/customers?limit=2");
    assert_eq!(first["items"].as_array().expect("customers").len(), 2);
    let next = first["next"].as_str().expect("another page");
    let second = site.get(&format!("/api/v1/customers?limit=2&after={next}"));
    assert_eq!(second["items"].as_array().expect("customers").len(), 1);
    assert_eq!(second["next"], Value::Null);

    let found = site.get("/api/v1/customers?text=Berry%202");
    let customer = &found["items"][0];
    assert_eq!(customer["name"], "Ann Berry 2");
    let guid = customer["guid"].as_str().expect("a GUID");
    let by_guid = site.get(&format!("/api/v1/customers/{guid}"));
    assert_eq!(by_guid["customer"]["account"], customer["account"]);
    assert_eq!(by_guid["address_books"], json!(["retail"]));
    let trace = site.get(&format!("/api/v1/customers/{guid}/trace"));
    assert_eq!(trace["account"], customer["account"]);
    assert_eq!(trace["stage"], "promoted");
    assert_eq!(trace["databases"][0]["since"], Value::Null);
    let why = site.get(&format!("/api/v1/customers/{guid}/why-not-here?channel=S1"));
    assert_eq!((&why["channel"], &why["is_here"]), (&json!("S1"), &json!(false)));
    assert_eq!(why["causes"][0]["code"], "not_packed");
    assert_eq!(why["causes"][0]["advice"], "`tillsync job run 1010`");
    let path = format!("/api/v1/customers/{guid}/why-not-here?channel=S9");
    site.operate("GET", &path, None).refusal(404, "not_found");

    site.operate("GET", "/api/v1/customers/C-9", None).refusal(404, "not_found");
    site.operate("GET", "/api/v1/customers?limit=0", None).refusal(400, "invalid");
    site.operate("GET", "/api/v1/customers?limit=1001", None).refusal(400, "invalid");
    site.operate("GET", "/api/v1/customers?limit=many", None).refusal(400, "invalid");
}

#[test]
fn the_fleet_is_added_activated_and_revoked() {
    let site = Site::open();
    let add = |new: Value| site.operate("POST", "/api/v1/databases", Some(new));
    add(json!({"id": "S1", "kind": "channel", "group": "retail"})).expect(201);
    add(json!({"id": "S1", "kind": "channel", "group": "retail"})).refusal(409, "conflict");
    add(json!({"id": "S2", "kind": "channel", "group": "nowhere"})).refusal(404, "not_found");
    add(json!({"id": "../S2", "kind": "channel", "group": "retail"})).refusal(400, "invalid");
    add(json!({"id": "S2", "kind": "channel"})).refusal(400, "invalid");
    add(json!({"id": "S1.R1", "kind": "register", "channel": "S9"})).refusal(400, "invalid");
    add(json!({"id": "S1.R1", "kind": "register", "channel": "S1"})).expect(201);
    add(json!({"id": "S3", "kind": "channel", "group": "retail", "x": 1})).refusal(400, "invalid");

    let code = site.operate("POST", "/api/v1/databases/S1/activation-code", None).expect(201);
    assert_eq!(code["code"].as_str().expect("a code").len(), 11);
    assert!(code["expires_at"].is_string());
    site.operate("POST", "/api/v1/databases/S7/activation-code", None).refusal(404, "not_found");

    let list = site.get("/api/v1/databases");
    assert_eq!(list["items"][1]["id"], "S1.R1");
    assert_eq!(list["items"][1]["channel"], "S1");
    assert_eq!(list["items"][1]["group"], "retail");
    assert_eq!(list["items"][0]["is_present"], false);
    let secret = site.enrol("S1", None).0;
    site.poll(&secret, "S1", 0).expect(200);
    let list = site.get("/api/v1/databases");
    assert_eq!(list["items"][0]["is_present"], true);
    assert_eq!(list["items"][0]["health"]["unsent"], 0);

    let books = |books: Value| Some(json!({"address_books": books}));
    let put = site.operate("PUT", "/api/v1/groups/web", books(json!(["web", "vip", "web"])));
    assert_eq!(put.expect(200)["address_books"], json!(["vip", "web"]));
    site.operate("PUT", "/api/v1/groups/web", books(json!([]))).refusal(400, "invalid");
    site.operate("PUT", "/api/v1/groups/web", books(json!(["a b"]))).refusal(400, "invalid");
    let groups = site.get("/api/v1/groups");
    assert_eq!(groups["items"][2]["address_books"], json!(["vip", "web"]));
}

#[test]
fn a_spent_code_brings_back_no_credential_that_was_revoked_or_replaced() {
    let site = Site::open();
    let new = json!({"id": "S1", "kind": "channel", "group": "retail"});
    site.operate("POST", "/api/v1/databases", Some(new)).expect(201);
    let enrol = |code: &Value, byte: u8| {
        let hash = Secret::from_random([byte; 32]).hash().to_string();
        let protocol = json!({"min": 1, "max": 1});
        let body = json!({"code": code, "credential_hash": hash, "protocol": protocol});
        site.call(("POST", "/exchange/v1/enrol"), None, Some(body))
    };
    let code = || {
        let path = "/api/v1/databases/S1/activation-code";
        site.operate("POST", path, None).expect(201)["code"].clone()
    };
    let first = code();
    for _ in 0..2 {
        enrol(&first, 1).expect(200);
    }
    site.operate("POST", "/api/v1/databases/S1/revoke", None);
    enrol(&first, 1).refusal(403, "forbidden");
    let second = code();
    enrol(&second, 2).expect(200);
    enrol(&first, 1).refusal(403, "forbidden");
    enrol(&second, 2).expect(200);
}

#[test]
fn a_body_that_is_no_json_or_too_large_is_refused_like_any_other() {
    let site = Site::open();
    let large = json!({"id": "S1", "kind": "channel", "group": "x".repeat(70_000)});
    let answer = site.operate("POST", "/api/v1/databases", Some(large));
    answer.refusal(400, "invalid");
    site.operate("POST", "/api/v1/databases", Some(json!([1]))).refusal(400, "invalid");
    site.operate("POST", "/api/v1/databases", None).refusal(400, "invalid");
}
