//! The Real-time Service as a channel meets it.

use serde_json::{Value, json};
use tillsync_testkit::builders::documents::{DocumentBuilder, by_guid};
use tillsync_testkit::builders::{Rank, addition, address_guid, creation, customer_guid};

use crate::site::{Answer, Site};

fn call(site: &Site, secret: &str, operations: &Value) -> Answer {
    let body = json!({ "operations": operations });
    site.call(("POST", "/realtime/v1/customers"), Some(secret), Some(body))
}

fn rows() -> Value {
    let rows = [creation(1), addition(50, 1, Rank::Primary)];
    serde_json::to_value(rows).expect("rows")
}

#[test]
fn a_customer_is_created_while_the_till_waits() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let created = call(&site, &secret, &rows()).expect(200);
    assert_eq!(created["customer"]["account"], "C-00000001");
    assert_eq!(created["addresses"][0]["content"]["street"], "Main Street 50");
    assert!(created["now"].is_string(), "{created}");
    let again = call(&site, &secret, &rows()).expect(200);
    assert_eq!(again["customer"], created["customer"]);
    let shown = site.get("/api/v1/customers/C-00000001");
    assert_eq!(shown["addresses"].as_array().expect("addresses").len(), 1, "{shown}");
}

#[test]
fn a_refusal_names_the_fields() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let mut rows = rows();
    rows[0]["content"]["first_name"] = "x".repeat(500).into();
    rows[1]["content"]["street"] = "x".repeat(2_000).into();
    let answer = call(&site, &secret, &rows);
    answer.refusal(400, "invalid");
    let fields = answer.json()["fields"].clone();
    let named: Vec<_> = fields.as_array().expect("fields").iter().map(|it| &it["field"]).collect();
    assert_eq!(named, ["FirstName", "Addresses[0].Street"]);
    assert_eq!(site.get("/api/v1/customers?q=")["items"], json!([]));
}

#[test]
fn what_cannot_be_promised_now_is_busy_and_other_stores_are_forbidden() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let other = site.enrol_store("S2");
    call(&site, &other, &rows()).refusal(403, "forbidden");
    call(&site, &secret, &json!([])).refusal(400, "invalid");
    call(&site, &secret, &json!("rows")).refusal(400, "invalid");
    site.operate("POST", "/api/v1/recovery", None).expect(200);
    let answer = call(&site, &secret, &rows());
    answer.refusal(503, "busy");
    assert!(answer.headers.contains_key("retry-after"));
}

#[test]
fn a_call_may_be_as_large_as_its_rows_may_be() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let note = "x".repeat(15 << 10);
    let rows: Vec<Value> = (1..=51)
        .map(|n| {
            let row = if n == 1 { creation(1) } else { addition(n, 1, Rank::Other) };
            let mut row = serde_json::to_value(row).expect("a row");
            row["content"]["name"] = note.clone().into();
            row
        })
        .collect();
    let answer = call(&site, &secret, &rows.into());
    answer.refusal(400, "invalid");
    let fields = answer.json()["fields"].as_array().expect("fields").len();
    assert_eq!(fields, 51, "it was read to its end");
}

#[test]
fn all_stores_are_searched_and_who_is_found_is_taken_in_once() {
    let site = Site::open();
    let here = site.enrol_store("S1");
    site.operate("PUT", "/api/v1/groups/south", Some(json!({"address_books": ["south"]})))
        .expect(200);
    let new = json!({"id": "S2", "kind": "channel", "group": "south"});
    site.operate("POST", "/api/v1/databases", Some(new)).expect(201);
    let there = site.enrol("S2", None).0;
    call(&site, &here, &rows()).expect(200);
    let post = |path: &str, secret: &str, body: Value| {
        let path = format!("/realtime/v1/customers/{path}");
        site.call(("POST", &path), Some(secret), Some(body))
    };
    let found = post("search", &there, json!({"keyword": "Berry", "top": 10})).expect(200);
    assert_eq!(found["customers"][0]["customer"]["account"], "C-00000001", "{found}");
    assert_eq!(found["customers"][0]["is_in_store"], false);
    let answer = post("search", &there, json!({"keyword": "B.rr", "top": 10}));
    answer.refusal(400, "invalid");
    assert!(answer.json()["message"].as_str().is_some_and(|it| it.contains("keyword")));
    post("search", &there, json!({"top": 10})).refusal(400, "invalid");

    let taken = json!({"customer": customer_guid(1).to_string()});
    for _ in 0..2 {
        let answer = post("add-to-store", &there, taken.clone()).expect(200);
        assert_eq!(answer["customer"]["customer"]["account"], "C-00000001", "{answer}");
        let found = post("search", &there, json!({"keyword": "Berry", "top": 10})).expect(200);
        assert_eq!(found["customers"][0]["is_in_store"], true);
    }
    let unknown = json!({"customer": customer_guid(7).to_string()});
    assert_eq!(post("add-to-store", &there, unknown).expect(200)["customer"], Value::Null);
    assert_eq!(site.get("/api/v1/customers?q=")["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_order_is_taken_with_its_customer_while_the_till_waits() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let order = DocumentBuilder::order(1).to(by_guid(1)).ship_to(address_guid(2));
    let document = serde_json::to_value(order.row()).expect("a row");
    let take = |operations: Value| {
        let body = json!({"document": document, "operations": operations});
        site.call(("POST", "/realtime/v1/orders"), Some(&secret), Some(body))
    };
    let refused = take(json!([])).expect(200);
    assert_eq!(refused["reason"], "customer_not_at_headquarters", "{refused}");
    let rows = json!([creation(1), addition(2, 1, Rank::Primary)]);
    let taken = take(rows.clone()).expect(200);
    assert_eq!(taken["customer"]["customer"]["account"], "C-00000001", "{taken}");
    assert_eq!(take(rows).expect(200)["sales_order"], taken["sales_order"]);
    let orders = site.get("/api/v1/orders?status=succeeded");
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1), "{orders}");
    let other = site.enrol_store("S2");
    let body = json!({"document": document, "operations": []});
    site.call(("POST", "/realtime/v1/orders"), Some(&other), Some(body)).refusal(403, "forbidden");
}
