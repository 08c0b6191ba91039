//! Requests to sell that no till sends: nested without end, halves of characters, fields twice.

use serde_json::{Value, json};

use super::commerce::targets;
use super::fake_hq::FakeHq;
use super::node::Node;

const ORDERS: &str = "/Commerce/SalesOrders";

fn refused(node: &Node, path: &str, body: &str) -> Value {
    let (status, text) = node.call_text("POST", path, body);
    assert_eq!(status, 400, "{}: {text}", &body[..body.len().min(200)]);
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_field_that_only_looks_like_json_is_refused_by_name() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for value in [deep.as_str(), "1e999", r#""\ud800""#, r#"{"a": "\udc00"}"#] {
        for name in ["Id", "StoreId", "IsVoided", "Comment", "Mood", "SalesLines", "TotalAmount"] {
            let error = refused(&node, ORDERS, &format!(r#"{{"{name}": {value}}}"#));
            assert!(targets(&error).contains(&name), "{name} {value}: {error}");
        }
        let line = format!(r#"{{"SalesLines": [{{"Quantity": {value}, "ItemId": {value}}}]}}"#);
        refused(&node, ORDERS, &line);
        let error = refused(&node, "/Commerce/Shifts", &format!(r#"{{"StaffId": {value}}}"#));
        assert_eq!(targets(&error), ["StaffId"]);
    }
}

#[test]
fn a_field_that_is_given_twice_is_refused() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let line = r#"{"ItemId": "coffee", "Quantity": 1, "Quantity": 5}"#;
    let error = refused(&node, ORDERS, &format!(r#"{{"SalesLines": [{line}]}}"#));
    assert!(targets(&error).contains(&"SalesLines[0].Quantity"), "{error}");
}

#[test]
fn a_hostile_request_is_not_answered_by_a_much_larger_text() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let body = json!({"SalesLines": vec![0; 200_000]}).to_string();
    let (status, text) = node.call_text("POST", ORDERS, &body);
    assert_eq!(status, 400);
    assert!(text.len() < 200_000, "{} bytes", text.len());
}
