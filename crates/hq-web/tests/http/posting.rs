//! Items, statements, the ledger and what customers owe.

use serde_json::{Value, json};
use tillsync_domain::shift::ShiftAct;
use tillsync_exchange::rows::Table;
use tillsync_testkit::builders::documents::{DocumentBuilder, by_account, by_guid, cash};
use tillsync_testkit::builders::{creation, customer_guid};

use crate::site::{Site, package_of};

/// A headquarters that received a day of S1: customer 1, two sales to them of 23.85 each, one of
/// which under an account as a later till would write it, and one to nobody.
fn open_with_day() -> Site {
    let (site, secret) = Site::open_scheduled();
    let items = json!({"items": [{
        "number": "I-001", "name": "Coffee", "tax_rate": "25.5",
        "prices": [{"amount": "10.00", "currency": "EUR"}],
    }]});
    site.operate("PUT", "/api/v1/items", Some(items)).expect(200);
    let numbered = tillsync_domain::ids::AccountNumber::parse("C-00000001").expect("an account");
    let numbered = tillsync_domain::ids::CustomerKey::Numbered(numbered);
    assert_ne!(numbered, by_account(1), "headquarters numbers with eight digits");
    let documents = [
        DocumentBuilder::shift(2, 1, ShiftAct::Opened { float: vec![cash(5_000)] }),
        DocumentBuilder::sale(3).to(by_guid(1)),
        DocumentBuilder::sale(4).to(numbered),
        DocumentBuilder::sale(5),
        DocumentBuilder::shift(6, 1, ShiftAct::Closed { counted: vec![cash(12_000)] }),
    ];
    let package = package_of("S1", (1, 6), |writer| {
        writer.row(Table::Operation, &creation(1)).expect("a vector takes everything");
        for document in &documents {
            writer.row(Table::Document, &document.row()).expect("a vector takes everything");
        }
    });
    site.upload(Some(&secret), &package).expect(200);
    site.run("synchronize-customers", json!({}));
    assert_eq!(site.run("validate-transactions", json!({}))["outcome"], "succeeded");
    site
}

fn only(page: &Value) -> Value {
    let items = page["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{page}");
    items[0].clone()
}

#[test]
fn a_statement_that_stopped_is_retried_once_its_store_has_a_default_customer() {
    let site = open_with_day();
    let run = site.run("transactional-statements", json!({"store": "S1"}));
    assert_eq!(run["outcome"], "completed_with_errors", "{run}");
    let stopped = only(&site.get("/api/v1/statements?failed=true&store=S1"));
    assert!(stopped["error"].as_str().expect("an error").contains("default-customer"));
    assert_eq!(site.metric("tillsync_statements_failed"), Some(1.0));
    assert_eq!(site.get("/api/v1/status")["failed_statements"][0]["id"], stopped["id"]);
    let number = stopped["number"].as_str().expect("a number");
    let retry = || site.operate("POST", &format!("/api/v1/statements/{number}/retry"), None);
    retry().refusal(409, "conflict");

    let path = "/api/v1/databases/S1/default-customer";
    let put = |body: Value| site.operate("PUT", path, Some(body));
    put(json!({})).refusal(400, "invalid");
    put(json!({"create": "Walk-in", "customer": "C-00000001"})).refusal(400, "invalid");
    put(json!({"customer": "C-99999999"})).refusal(404, "not_found");
    let account = put(json!({"create": "Walk-in"})).expect(200)["account"].clone();
    assert_eq!(account, "C-00000002");
    put(json!({"create": "Walk-in"})).refusal(409, "conflict");
    assert_eq!(site.get("/api/v1/databases")["items"][0]["default_customer"], account);

    assert_eq!(retry().expect(200)["state"], "Posted");
    let id = stopped["id"].as_str().expect("an id");
    let first = site.get(&format!("/api/v1/statements/{id}?limit=1"));
    assert_eq!(first["statement"]["amounts"], json!([{"amount": "71.55", "currency": "EUR"}]));
    let sum = &first["aggregates"][0];
    assert_eq!(sum["account"], "C-00000001", "GUID and account are one customer");
    assert_eq!(sum["transactions"], 2);
    assert_eq!(sum["net"], "38.00");
    assert_eq!(sum["lines"][0]["quantity"], "4");
    let next = first["next"].as_str().expect("another page");
    let second = site.get(&format!("/api/v1/statements/{id}?limit=1&after={next}"));
    assert_eq!(second["aggregates"][0]["account"], account);
    assert_eq!(second["next"], Value::Null);
    let release = format!("/api/v1/statements/{id}/release");
    site.operate("POST", &release, None).refusal(409, "conflict");
    site.operate("GET", "/api/v1/statements/ST-99999999", None).refusal(404, "not_found");
}

#[test]
fn a_statement_that_is_released_leaves_its_transactions_free() {
    let site = open_with_day();
    site.run("transactional-statements", json!({}));
    let id = only(&site.get("/api/v1/statements"))["id"].clone();
    let id = id.as_str().expect("an id");
    let taken = site.get(&format!("/api/v1/transactions?statement={id}"));
    assert_eq!(taken["items"].as_array().expect("transactions").len(), 3);
    site.operate("POST", &format!("/api/v1/statements/{id}/release"), None).expect(200);
    assert_eq!(site.get("/api/v1/statements")["items"], json!([]));
    assert_eq!(site.get("/api/v1/status")["transactions"]["ready"], 3);
}

#[test]
fn the_books_balance_and_hold_no_temporary_id() {
    let site = open_with_day();
    let path = "/api/v1/databases/S1/default-customer";
    site.operate("PUT", path, Some(json!({"create": "Walk-in"}))).expect(200);
    for job in ["transactional-statements", "financial-statements"] {
        let run = site.run(job, json!({}));
        assert_eq!(run["outcome"], "succeeded", "{run}");
    }
    let balance = only(&site.get("/api/v1/ledger?store=S1"));
    let sum: f64 = balance["accounts"]
        .as_object()
        .expect("accounts")
        .values()
        .map(|amount| amount.as_str().expect("text").parse::<f64>().expect("a number"))
        .sum();
    assert!(sum.abs() < 0.001, "{balance}");
    // 50.00 float and 71.55 of sales make 121.55; 120.00 were counted.
    assert_eq!(balance["accounts"]["over-short"], "1.55", "{balance}");
    assert_eq!(balance["accounts"]["cash"], "70.00", "{balance}");
    assert_eq!(site.get("/api/v1/ledger?store=S2")["items"], json!([]));

    let vouchers = site.get("/api/v1/vouchers?limit=1");
    let next = vouchers["next"].as_str().expect("another page");
    assert_eq!(vouchers["items"][0]["number"], next);
    let following = site.get(&format!("/api/v1/vouchers?after={next}"));
    assert!(following["items"].as_array().is_some_and(|items| !items.is_empty()));
    let text = vouchers.to_string() + &following.to_string();
    assert!(!text.contains(&customer_guid(1).to_string()), "{text}");

    let postings = site.get("/api/v1/postings");
    assert_eq!(postings["sales_posted"], 3);
    assert_eq!(postings["statements_posted"], 2);
    assert_eq!(postings["amounts_posted"], json!([{"amount": "71.55", "currency": "EUR"}]));
    assert_eq!(postings["temporary_ids_in_postings"], 0);
}

#[test]
fn a_customers_history_and_balance_are_the_same_by_either_key() {
    let site = open_with_day();
    let guid = customer_guid(1).to_string();
    let history = |key: &str| site.get(&format!("/api/v1/customers/{key}/orders"));
    let by_account = history("C-00000001");
    assert_eq!(by_account, history(&guid));
    let bought = by_account["items"].as_array().expect("transactions");
    assert_eq!(bought.len(), 2);
    assert_eq!(bought[1]["customer"], guid, "the oldest was written with the GUID");
    let first = site.get(&format!("/api/v1/customers/{guid}/orders?limit=1"));
    let next = first["next"].as_str().expect("another page");
    let rest = site.get(&format!("/api/v1/customers/{guid}/orders?limit=1&before={next}"));
    assert_eq!(rest["items"][0], bought[1]);

    let balance = site.get(&format!("/api/v1/customers/{guid}/balance"));
    assert_eq!(balance, site.get("/api/v1/customers/C-00000001/balance"));
    assert_eq!(balance["unposted_transactions"], 2);
    assert_eq!(balance["unposted"], json!([{"amount": "0.00", "currency": "EUR"}]));
    site.operate("GET", "/api/v1/customers/C-77777777/orders", None).refusal(404, "not_found");
    let trace = site.get(&format!("/api/v1/customers/{guid}/trace"));
    assert_eq!(trace["transactions"], 2);
    assert_eq!(trace["has_more_transactions"], false);
}

#[test]
fn items_are_set_whole_or_not_at_all() {
    let (site, _) = Site::open_scheduled();
    let item = |number: &str, price: &str| {
        json!({
            "number": number, "name": "Tea", "tax_rate": "14",
            "prices": [{"amount": price, "currency": "EUR"}],
        })
    };
    let put = |items: Value| site.operate("PUT", "/api/v1/items", Some(json!({"items": items})));
    put(json!([item("1", "2.90"), item("2", "2.999")])).refusal(400, "invalid");
    put(json!([item("1", "2,90")])).refusal(400, "invalid");
    put(json!([item("../1", "2.90")])).refusal(400, "invalid");
    put(json!([item("1", "2.90"), item("1", "3.90")])).refusal(400, "invalid");
    let mut misspelt = item("1", "2.90");
    misspelt["prices"][0]["currfncy"] = "SEK".into();
    put(json!([misspelt])).refusal(400, "invalid");
    assert_eq!(site.get("/api/v1/items")["items"], json!([]));
    let set = put(json!([item("1", "2.90"), item("2", "3")])).expect(200);
    assert!(set["version"].is_u64());
    let again = put(json!([item("1", "2.90"), item("2", "3.00")])).expect(200);
    assert_eq!(again["version"], Value::Null, "nothing changed");
    let page = site.get("/api/v1/items?limit=1");
    assert_eq!(page["items"][0]["is_active"], true);
    let rest = site.get("/api/v1/items?limit=1&after=1");
    assert_eq!(rest["items"][0]["number"], "2");
    let many = (0..900).map(|n| item(&format!("M-{n}"), "1.00")).collect();
    put(Value::Array(many)).expect(200);
    let found = only(&site.get("/api/v1/items?text=M-777"));
    assert_eq!(found["prices"], json!([{"amount": "1.00", "currency": "EUR"}]));
    let run = site.run("1040", json!({}));
    assert_eq!(run["outcome"], "succeeded", "{run}");
    assert_eq!(only(&site.get("/api/v1/packages?group=retail&job=1040"))["job"], "1040");
    site.operate("GET", "/api/v1/packages?group=retail&job=P-0001", None).refusal(400, "invalid");
}
