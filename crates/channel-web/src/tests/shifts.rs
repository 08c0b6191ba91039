//! Shifts over HTTP.

use serde_json::{Value, json};

use super::commerce::targets;
use super::fake_hq::FakeHq;
use super::node::Node;

#[test]
fn a_shift_is_opened_blind_closed_and_counted() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    assert_eq!(node.call("GET", "/Commerce/Shifts('Current')", &Value::Null).0, 404);
    let float = json!({"StartingAmounts": [{"Amount": 100.00}], "StaffId": "anna"});
    let opened = node.call("POST", "/Commerce/Shifts", &float);
    assert_eq!((opened.0, &opened.1["StatusValue"]), (201, &json!(1)), "{}", opened.1);
    let expected = json!([{"TenderTypeId": "1", "CurrencyCode": "EUR", "Amount": 100.00}]);
    assert_eq!(opened.1["StartingAmounts"], expected);
    assert_eq!(node.call("POST", "/Commerce/Shifts", &float), opened);
    let (status, error) = node.call("POST", "/Commerce/Shifts", &Value::Null);
    assert_eq!((status, &error["error"]["code"]), (409, &json!("conflict")), "{error}");
    let path = format!("/Commerce/Shifts('{}')", opened.1["ShiftId"].as_str().expect("an id"));
    for path in [path.as_str(), "/Commerce/Shifts('Current')"] {
        assert_eq!(node.call("GET", path, &Value::Null), (200, opened.1.clone()));
    }
    let blind = node.call("POST", &format!("{path}/BlindClose"), &Value::Null).1;
    assert_eq!((&blind["StatusValue"], &blind["Status"]), (&json!(3), &json!("BlindClosed")));
    for (verb, path) in [("GET", "Shifts('Current')"), ("POST", "Shifts('Current')/Close")] {
        let (status, error) = node.call(verb, &format!("/Commerce/{path}"), &Value::Null);
        let message = error["error"]["message"].as_str().expect("a message");
        assert_eq!((status, message.contains("no shift is open")), (404, true), "{message}");
    }
    let count = json!({"TenderLines": [
        {"TenderTypeId": "1", "CurrencyCode": "EUR", "Amount": "101.50"},
        {"TenderTypeId": 3, "Amount": 0},
    ]});
    for _ in 0..2 {
        let (status, closed) = node.call("POST", &format!("{path}/Close"), &count);
        assert_eq!((status, &closed["StatusValue"]), (200, &json!(2)), "{closed}");
        assert_eq!(closed["TenderLines"][0]["Amount"], 101.50);
    }
    let (status, error) = node.call("POST", &format!("{path}/Close"), &json!({}));
    assert_eq!((status, &error["error"]["target"]), (409, &json!("ShiftId")), "{error}");
}

#[test]
fn refusals_of_counts_name_their_fields() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let float = json!({"StartingAmounts": [
        {"TenderTypeId": "3", "Amount": 1}, {"Amount": -1}, {"CurrencyCode": "EUR"},
    ]});
    let (status, error) = node.call("POST", "/Commerce/Shifts", &float);
    assert_eq!((status, targets(&error)), (400, vec!["StartingAmounts[2].Amount"]));
    let float = json!({"StartingAmounts": [{"TenderTypeId": "3", "Amount": 1}, {"Amount": -1}]});
    let (status, error) = node.call("POST", "/Commerce/Shifts", &float);
    let expected = vec!["StartingAmounts[0].TenderTypeId", "StartingAmounts[1].Amount"];
    assert_eq!((status, targets(&error)), (400, expected));
    for path in ["('S9')/Close", "('%3F')/BlindClose", "('S9')/Burn"] {
        let path = format!("/Commerce/Shifts{path}");
        assert_eq!(node.call("POST", &path, &Value::Null).0, 404, "{path}");
    }
}
