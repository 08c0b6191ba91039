//! Orders and transactions as operators see and repair them.

use serde_json::{Value, json};
use tillsync_exchange::rows::Table;
use tillsync_testkit::builders::documents::{
    DocumentBuilder, by_account, by_guid, cash, transaction_number,
};
use tillsync_testkit::builders::{creation, customer_guid};

use crate::site::{Site, package_of};

/// A headquarters that received from S1: customer 1, an order of customer 9 who has not arrived,
/// a sale to customer 1, a sale to an account that nobody has.
fn open_with_orders() -> (Site, String) {
    let (site, secret) = Site::open_scheduled();
    let items = json!({"items": [{
        "number": "I-001", "name": "Coffee", "tax_rate": "25.5",
        "prices": [{"amount": "10.00", "currency": "EUR"}],
    }]});
    site.operate("PUT", "/api/v1/items", Some(items)).expect(200);
    let float = tillsync_domain::shift::ShiftAct::Opened { float: vec![cash(5_000)] };
    let documents = [
        DocumentBuilder::shift(2, 1, float),
        DocumentBuilder::order(3).to(by_guid(9)),
        DocumentBuilder::sale(4).to(by_guid(1)),
        DocumentBuilder::sale(5).to(by_account(999)),
    ];
    let package = package_of("S1", (1, 5), |writer| {
        writer.row(Table::Operation, &creation(1)).expect("a vector takes everything");
        for document in &documents {
            writer.row(Table::Document, &document.row()).expect("a vector takes everything");
        }
    });
    assert_eq!(site.upload(Some(&secret), &package).expect(200)["inserted"], 5);
    (site, secret)
}

fn post(site: &Site, path: &str) -> crate::site::Answer {
    site.operate("POST", path, None)
}

fn numbers(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["number"].as_str().expect("a number")).collect()
}

#[test]
fn an_order_waits_for_its_customer_and_after_a_repair_is_created_on_hold() {
    let (site, _) = open_with_orders();
    let run = site.run("synchronize-orders", json!({"store": "S1"}));
    assert_eq!(run["detail"]["waiting"], 1, "{run}");
    let waiting = site.get("/api/v1/orders?status=waiting&store=S1");
    assert_eq!(numbers(&waiting), ["T-000003"]);
    assert_eq!(waiting["items"][0]["order"]["tries"], 0);
    assert!(waiting["items"][0]["order"]["error"].is_string(), "it says what it waits for");
    assert_eq!(numbers(&site.get("/api/v1/orders?status=failed")), [""; 0]);
    let blocked = site.get("/api/v1/status")["transactions"]["blocked_by_customer"].clone();
    assert_eq!(blocked, 1);
    assert_eq!(site.metric("tillsync_transactions_blocked_by_customer"), Some(1.0));
    assert_eq!(site.metric("tillsync_orders{status=\"Waiting\"}"), Some(1.0));

    let order = "/api/v1/orders/T-000003";
    let locked = post(&site, &format!("{order}/lock")).expect(200);
    assert_eq!(locked["order"]["status"], "Editing");
    assert_eq!(locked["order"]["editor"], "test", "the operator is the token's name");
    post(&site, &format!("{order}/synchronize")).refusal(409, "conflict");
    assert_eq!(post(&site, &format!("{order}/unlock")).expect(200)["order"]["status"], "Waiting");
    post(&site, &format!("{order}/unlock")).refusal(409, "conflict");

    let guid = customer_guid(1).to_string();
    let repair = |changes: Value| {
        let body = json!({"changes": changes});
        site.operate("POST", &format!("{order}/repair"), Some(body))
    };
    repair(json!([{"pointer": "/trade/currency"}])).refusal(400, "invalid");
    repair(json!([])).refusal(400, "invalid");
    let change = json!([{"pointer": "/trade/customer", "value": guid}]);
    assert_eq!(repair(change.clone()).expect(200)["order"]["status"], "New");
    let shown = site.get(order);
    assert_eq!(shown["edits"][0]["operator"], "test");
    assert_eq!(shown["edits"][0]["field"], "/trade/customer");
    assert_eq!(shown["edits"][0]["old"], customer_guid(9).to_string());
    assert_eq!(shown["content"]["trade"]["customer"], guid);
    assert_eq!(shown["sent"]["trade"]["customer"], customer_guid(9).to_string());

    let created = post(&site, &format!("{order}/synchronize")).expect(200);
    assert_eq!(created["order"]["status"], "Succeeded", "{created}");
    assert_eq!(created["account"], "C-00000001", "its customer was promoted for it");
    assert_eq!(created["customer"], guid, "the key it was written with stays");
    assert_eq!(created["order"]["hold"], "ORDERSYNC");
    repair(change).refusal(409, "conflict");
    assert_eq!(numbers(&site.get("/api/v1/orders?on_hold=true")), ["T-000003"]);
    post(&site, &format!("{order}/lift-hold")).expect(200);
    assert_eq!(numbers(&site.get("/api/v1/orders?on_hold=true")), [""; 0]);
    post(&site, &format!("{order}/lift-hold")).refusal(409, "conflict");
}

#[test]
fn orders_and_sales_are_not_confused() {
    let (site, _) = open_with_orders();
    site.operate("GET", "/api/v1/orders/T-000004", None).refusal(404, "not_found");
    site.operate("GET", "/api/v1/orders/T-999999", None).refusal(404, "not_found");
    site.operate("GET", "/api/v1/transactions/T-999999", None).refusal(404, "not_found");
    post(&site, "/api/v1/orders/T-000004/lock").refusal(400, "invalid");
    assert_eq!(numbers(&site.get("/api/v1/orders")), ["T-000003"]);
    assert_eq!(numbers(&site.get("/api/v1/transactions?kind=sale")), ["T-000004", "T-000005"]);
    site.operate("GET", "/api/v1/orders?status=lost", None).refusal(400, "invalid");
    let first = site.get("/api/v1/transactions?limit=2");
    assert_eq!(numbers(&first), ["T-000003", "T-000004"]);
    let next = first["next"].as_str().expect("another page");
    let second = site.get(&format!("/api/v1/transactions?limit=2&after={next}"));
    assert_eq!(numbers(&second), ["T-000005"]);
    assert_eq!(second["next"], Value::Null);
}

#[test]
fn validation_says_which_rule_is_broken_and_a_repair_begins_anew() {
    let (site, _) = open_with_orders();
    let run = site.run("validate-transactions", json!({}));
    assert_eq!(run["outcome"], "completed_with_errors", "{run}");
    let wrong = site.get("/api/v1/transactions?validation=error");
    assert_eq!(numbers(&wrong), ["T-000005"]);
    assert_eq!(wrong["items"][0]["findings"][0]["rule"], "customer-exists");
    assert_eq!(site.metric("tillsync_transactions{validation=\"Error\"}"), Some(1.0));
    assert_eq!(numbers(&site.get("/api/v1/transactions?validation=waiting")), ["T-000003"]);
    let good = site.get("/api/v1/transactions?validation=successful");
    assert_eq!(numbers(&good), ["T-000004"]);
    assert_eq!(good["items"][0]["account"], "C-00000001");
    assert_eq!(good["items"][0]["total"], json!({"amount": "23.85", "currency": "EUR"}));

    let path = "/api/v1/transactions/T-000005";
    let body = json!({"changes": [{"pointer": "/trade/customer", "value": "C-00000001"}]});
    let repaired = site.operate("POST", &format!("{path}/repair"), Some(body)).expect(200);
    assert_eq!(repaired["validation"], "New");
    assert_eq!(repaired["is_repaired"], true);
    let validated = post(&site, &format!("{path}/validate")).expect(200);
    assert_eq!(validated["validation"], "Successful", "{validated}");
    assert_eq!(validated["findings"], json!([]));
}

#[test]
fn a_rule_that_is_switched_off_lets_its_transactions_pass() {
    let (site, _) = open_with_orders();
    let mut parameters = site.get("/api/v1/parameters");
    assert_eq!(parameters["rules_off"], json!([]));
    assert_eq!(parameters["posting_mode"], "trickle-feed");
    let put = |body: &Value| site.operate("PUT", "/api/v1/parameters", Some(body.clone()));
    let mut wrong = parameters.clone();
    wrong["rules_off"] = json!(["customer-exist"]);
    put(&wrong).refusal(400, "invalid");
    wrong = parameters.clone();
    wrong["order_workers"] = json!(0);
    put(&wrong).refusal(400, "invalid");
    put(&json!({"posting_mode": "classic"})).refusal(400, "invalid");
    parameters["rules_off"] = json!(["shift-known"]);
    parameters["order_hold_code"] = Value::Null;
    assert_eq!(put(&parameters).expect(200), parameters);
    assert_eq!(site.get("/api/v1/parameters"), parameters);
}

#[test]
fn one_store_is_only_for_jobs_that_have_stores() {
    let (site, _) = open_with_orders();
    let start = |job: &str, store: &str| {
        site.operate("POST", &format!("/api/v1/jobs/{job}/runs"), Some(json!({"store": store})))
    };
    start("1010", "S1").refusal(400, "invalid");
    start("validate-transactions", "S9").refusal(404, "not_found");
    start("validate-transactions", "../S1").refusal(400, "invalid");
}

#[test]
fn the_same_number_with_other_content_is_set_aside() {
    let (site, secret) = open_with_orders();
    let other = package_of("S1", (6, 6), |writer| {
        let mut row = DocumentBuilder::sale(6).row();
        row.number = transaction_number(4);
        writer.row(Table::Document, &row).expect("a vector takes everything");
    });
    assert_eq!(site.upload(Some(&secret), &other).expect(200)["quarantined"], 1);
    let aside = site.get("/api/v1/quarantine/documents");
    assert_eq!(numbers(&aside), ["T-000004"]);
    assert_eq!(aside["items"][0]["content"]["trade"]["receipt"], "R-000006");
    let kept = site.get("/api/v1/transactions/T-000004");
    assert_eq!(kept["sent"]["trade"]["receipt"], "R-000004");
    assert_eq!(site.metric("tillsync_documents_quarantined"), Some(1.0));
    let shifts = site.get("/api/v1/shifts?status=open");
    assert_eq!(numbers(&shifts), ["SH-1"]);
    assert_eq!(shifts["items"][0]["float"][0]["amount"], "50.00");
}
