//! Failed operations over HTTP: found, understood, repaired, completed, and who did it.

use serde_json::{Value, json};
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_testkit::builders::{
    Rank, addition, creation, customer_guid, operation_id, upload_at,
};

use crate::site::Site;

/// A site where operation 1 of three failed.
fn site_with_a_failure() -> Site {
    let (site, _) = Site::open_scheduled();
    let content = json!({"customer_type": 1, "first_name": "Ann", "last_name": "x".repeat(26)});
    let content = serde_json::value::to_raw_value(&content).expect("JSON");
    let rows = [OperationRow { content, ..creation(1) }, creation(2), addition(3, 2, Rank::Other)];
    let taken = site.hq.storage().write(|tx| tx.operations_insert_once(&upload_at(1), &rows));
    taken.expect("taken in");
    site.run("synchronize-customers", json!({}));
    site
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

#[test]
fn a_failed_operation_is_found_repaired_and_completed() {
    let site = site_with_a_failure();
    let id = operation_id(1).to_string();
    let listed = site.get("/api/v1/synchronization-status?status=failed");
    assert_eq!(ids(&listed), [id.as_str()]);
    let mut columns: Vec<_> = listed["items"][0].as_object().expect("a line").keys().collect();
    columns.sort_unstable();
    let expected = [
        "async_account",
        "change_description",
        "channel_name",
        "customer_account",
        "id",
        "kind",
        "operation_timestamp",
        "synchronization_status",
    ];
    assert_eq!(columns, expected);
    assert_eq!(listed["items"][0]["channel_name"], "S1");
    let description = "Customer created; failed: LastName: 26 characters, but at most 25 fit";
    assert_eq!(listed["items"][0]["change_description"], description);
    assert_eq!(listed["counts"]["by_status"]["Failed"], 1);

    let path = format!("/api/v1/operations/{id}");
    let shown = site.get(&path);
    assert_eq!(
        (&shown["operation"]["tries"], &shown["log"][0]["what"]),
        (&json!(1), &json!("failed"))
    );
    let line = json!({"property": "last_name", "old_value": null, "new_value": "x".repeat(26),
        "is_repaired": false, "sent_value": null});
    assert_eq!(shown["grid"][2], line);

    let repair = format!("{path}/repair");
    let set = |field: &str, value: Value| json!({"set": [{"field": field, "value": value}]});
    let refused = site.operate("POST", &repair, Some(set("email", json!("none"))));
    assert!(refused.refusal(400, "invalid").contains("LastName"), "what was wrong still is");
    let fields: Vec<_> = refused.json()["fields"].as_array().expect("fields").clone();
    assert_eq!(fields.len(), 2, "{fields:?}");
    site.operate("POST", &repair, Some(json!({"set": []}))).refusal(400, "invalid");
    site.operate("POST", &repair, Some(set("shoe", json!(1)))).refusal(400, "invalid");
    let good = set("last_name", json!("Berry"));
    let repaired = site.operate("POST", &repair, Some(good.clone())).expect(200);
    assert_eq!(repaired["operation"]["status"], "Pending");
    assert_eq!(repaired["grid"][2]["sent_value"], "x".repeat(26));
    assert_eq!(repaired["operation"]["content"]["last_name"], "x".repeat(26), "as it was sent");
    assert_eq!(repaired["content"]["last_name"], "Berry");
    let again = site.operate("POST", &repair, Some(good.clone())).expect(200);
    assert_eq!(again["log"], repaired["log"], "a repeat changes nothing");

    let done = site.operate("POST", &format!("{path}/synchronize"), None).expect(200);
    assert_eq!(done["operation"]["status"], "Succeeded");
    let account = done["operation"]["account"].as_str().expect("an account").to_owned();
    let customer = site.get(&format!("/api/v1/customers/{account}"));
    assert_eq!(customer["customer"]["name"], "Ann Berry");
    site.operate("POST", &repair, Some(good)).refusal(409, "conflict");

    let audit = site.get(&format!("/api/v1/customers/{account}/audit"));
    let entries = audit["entries"].as_array().expect("a list");
    let of = |what: &str| entries.iter().find(|it| it["what"] == what).expect("it stands there");
    assert_eq!(of("repaired")["new"], "Berry");
    assert_eq!(of("repaired")["old"], "x".repeat(26));
    assert!(of("repaired")["who"].is_string() && of("synchronized")["who"].is_string());
    assert!(of("failed")["error"].as_str().expect("an error").starts_with("LastName"));
    assert_eq!(of("applied")["who"], Value::Null);
}

#[test]
fn operations_are_filtered_by_what_is_known_and_paged() {
    let site = site_with_a_failure();
    let path = "/api/v1/synchronization-status";
    let all = site.get(path);
    let (one, two, three) =
        (operation_id(1).to_string(), operation_id(2).to_string(), operation_id(3).to_string());
    assert_eq!(ids(&all), [one.as_str(), &two, &three]);
    let account = all["items"][1]["customer_account"].as_str().expect("promoted").to_owned();
    let guid = customer_guid(2);
    for (filter, expected) in [
        (format!("account={account}"), vec![two.as_str(), &three]),
        (format!("guid={guid}"), vec![&two, &three]),
        (format!("guid={guid}&kind=add_address"), vec![&three]),
        (format!("operation={one}"), vec![&one]),
        ("name=ANN%20xxx".to_owned(), vec![&one]),
        ("channel=S2".to_owned(), vec![]),
        ("channel=S1&status=succeeded".to_owned(), vec![&two, &three]),
        ("since=2999-01-01T00:00:00Z".to_owned(), vec![]),
        ("until=2999-01-01T00:00:00Z&limit=9".to_owned(), vec![&one, &two, &three]),
        ("email=nobody@nowhere.fi".to_owned(), vec![]),
    ] {
        assert_eq!(ids(&site.get(&format!("{path}?{filter}"))), expected, "{filter}");
    }
    let first = site.get(&format!("{path}?limit=2"));
    let next = first["next"].as_str().expect("another page");
    let second = site.get(&format!("{path}?limit=2&after={next}"));
    assert_eq!((ids(&second), &second["next"]), (vec![three.as_str()], &Value::Null));
    for wrong in [
        "status=lost",
        "guid=x",
        "since=yesterday",
        "account=C-1&guid=00000000-0000-0000-0000-000000000001",
    ] {
        site.operate("GET", &format!("{path}?{wrong}"), None).refusal(400, "invalid");
    }
    let unknown = "/api/v1/operations/00000000-0000-0000-0000-0000000000ff";
    site.operate("GET", unknown, None).refusal(404, "not_found");
    site.operate("GET", "/api/v1/customers/C-9/audit", None).refusal(404, "not_found");
    let failed = site.get("/api/v1/operations");
    assert_eq!(
        failed["items"][0]["id"],
        one.as_str(),
        "failed ones unless something else is asked"
    );
}
