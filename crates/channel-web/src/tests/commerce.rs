//! The customer interface: creating, finding, adding addresses, refusals.

use serde_json::{Value, json};

use super::fake_hq::FakeHq;
use super::node::{Node, options, until};
use crate::{ServeError, serve_blocking};

fn node() -> (FakeHq, Node) {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    (hq, node)
}

pub(super) fn targets(error: &Value) -> Vec<&str> {
    let details = error["error"]["details"].as_array().expect("details");
    details.iter().filter_map(|detail| detail["target"].as_str()).collect()
}

#[test]
fn a_created_customer_can_be_read_by_its_key_and_found_by_its_name() {
    let (_hq, node) = node();
    let body = json!({"entity": {
        "FirstName": "Ada", "LastName": "Lovelace", "CustomerTypeValue": 1,
        "Email": "ada@example.com", "Phone": "123-456-7890", "Contacts": [],
        "ExtensionProperties": null, "@odata.type": "#Customer",
        "Addresses": [{"Street": "Main", "City": "London", "IsPrimary": true}],
    }});
    let (status, created) = node.call("POST", "/Commerce/Customers/CreateEntity", &body);
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["IsAsyncCustomer"], true);
    assert_eq!(created["ExtensionProperties"][0]["Value"]["StringValue"], "Pending sync");
    assert_eq!(created["Addresses"][0]["City"], "London");
    let key = created["AccountNumber"].as_str().expect("a key");
    for path in [
        format!("/Commerce/Customers('{key}')"),
        format!("/Commerce/Customers(%27{}%27)", key.to_uppercase()),
    ] {
        assert_eq!(node.call("GET", &path, &Value::Null), (200, created.clone()));
    }
    let search = json!({
        "CustomerSearchCriteria": {"Keyword": "lovelace 	ada"},
        "QueryResultSettings": {"Paging": {"Top": 10, "Skip": 0}},
    });
    let (status, found) = node.call("POST", "/Commerce/Customers/Search", &search);
    assert_eq!((status, &found["value"]), (200, &json!([created])));
    let keys = json!({"AccountNumbers": [key, "C-404"]});
    let (_, found) = node.call("POST", "/Commerce/Customers/GetByAccountNumbers", &keys);
    assert_eq!(found["value"], json!([created]));
}

#[test]
fn refusals_name_every_field_and_nothing_is_dropped_silently() {
    let (_hq, node) = node();
    let body = json!({"LastName": "x".repeat(26), "Addresses": [{"Street": "A"}, {}]});
    let (status, error) = node.call("POST", "/Commerce/Customers", &body);
    assert_eq!((status, &error["error"]["code"]), (400, &json!("invalid")));
    assert_eq!(targets(&error), ["LastName", "Addresses[1].Street"]);
    let body = json!({
        "LastName": "Ok", "ShoeSize": 44, "Nothing": null, "Phone": 123, "PartyNumber": "P-1",
        "Contacts": [{"Email": "a@b.example"}], "Addresses": [{"Street": "A", "Planet": "Mars"}],
    });
    let (status, error) = node.call("POST", "/Commerce/Customers", &body);
    assert_eq!(status, 400);
    let mut found = targets(&error);
    found.sort_unstable();
    assert_eq!(found, ["Addresses[0].Planet", "Contacts", "PartyNumber", "Phone", "ShoeSize"]);
    for (path, body) in [
        ("/Commerce/Customers", json!([])),
        ("/Commerce/Customers", Value::Null),
        ("/Commerce/Customers/CreateEntity", json!({"customer": {}})),
        ("/Commerce/Customers/Search", json!({"CustomerSearchCriteria": {"Keyword": " "}})),
    ] {
        assert_eq!(node.call("POST", path, &body).0, 400, "{path} {body}");
    }
    let large = json!({"LastName": "x".repeat(300 << 10)});
    assert_eq!(node.call("POST", "/Commerce/Customers", &large).0, 413);
    for path in ["/Commerce/Customers('C-404')", "/Commerce/Orders('1')", "/elsewhere"] {
        assert_eq!(node.call("GET", path, &Value::Null).0, 404, "{path}");
    }
    assert_eq!(node.status()["customers"], 0);
}

#[test]
fn an_idempotency_key_makes_a_repeat_harmless() {
    let (_hq, node) = node();
    let create = |name: &str| {
        let headers = [
            ("Authorization", format!("Bearer {}", node.token)),
            ("Idempotency-Key", "till-7-0001".to_owned()),
        ];
        node.call_with("POST", "/Commerce/Customers", &json!({"LastName": name}), &headers)
    };
    let first = create("Once");
    assert_eq!(first.0, 201);
    assert_eq!(create("Once"), first);
    let (status, error) = create("Twice");
    assert_eq!((status, &error["error"]["target"]), (409, &json!("Idempotency-Key")));
    assert_eq!(node.status()["customers"], 1);
}

#[test]
fn an_update_adds_addresses_and_refuses_to_change_anything_else() {
    let (_hq, node) = node();
    let mut customer = node.create("Mover");
    let path =
        format!("/Commerce/Customers('{}')", customer["AccountNumber"].as_str().expect("a key"));
    let address = json!({"Street": "First", "IsPrimary": false});
    for _ in 0..2 {
        let body = json!({"Addresses": [address]});
        let (status, updated) = node.call("PATCH", &path, &body);
        assert_eq!(status, 200, "{updated}");
        assert_eq!(updated["Addresses"].as_array().map(Vec::len), Some(1), "a repeat adds nothing");
        customer = updated;
    }
    // What was read is sent back with one address more, as programs do.
    let addresses = customer["Addresses"].as_array_mut().expect("a list");
    addresses.push(json!({"Street": "Second", "IsPrimary": true}));
    let body = json!({"updatedEntity": customer});
    let (status, updated) = node.call("POST", &format!("{path}/UpdateEntity"), &body);
    assert_eq!(status, 200, "{updated}");
    let primary: Vec<_> = updated["Addresses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|address| (address["Street"].as_str(), address["IsPrimary"].as_bool()))
        .collect();
    assert_eq!(primary, [(Some("First"), Some(false)), (Some("Second"), Some(true))]);
    let (status, error) = node.call("PATCH", &path, &json!({"LastName": "Other"}));
    assert_eq!(status, 409);
    assert_eq!(error["error"]["details"][0]["message"], "editing LastName is not enabled");
    let mut edited = updated.clone();
    edited["Addresses"][0]["City"] = json!("Elsewhere");
    let (status, error) = node.call("PATCH", &path, &edited);
    assert_eq!((status, targets(&error)), (409, vec!["Addresses[0].City"]));
    let (status, _) = node.call("PATCH", "/Commerce/Customers('C-404')", &json!({}));
    assert_eq!(status, 404);
}

#[test]
fn customers_travel_up_and_the_status_says_so() {
    let (hq, node) = node();
    node.create("Traveller");
    until("the upload", || hq.desk().inbox.len() == 1);
    until("the acknowledgement", || node.status()["unsent"] == 0);
    let status = node.status();
    assert_eq!((&status["database"], &status["kind"]), (&json!("S1"), &json!("channel")));
    assert_eq!((&status["pending"], &status["mode"]), (&json!(1), &json!("live")));
    assert_eq!(status["upstream"]["state"], "connected");
    assert_eq!(status["upstream"]["clock_is_off"], true, "its clock stands in 1970");
    let metrics = node.call_with("GET", "/metrics", &Value::Null, &[]).1;
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("tillsync_customers_created_total 1"), "{metrics}");
    assert!(metrics.contains("tillsync_operations_unsent 0"), "{metrics}");
}

#[test]
fn a_node_works_without_its_upstream_and_after_a_restart() {
    let (mut hq, mut node) = node();
    hq.stop();
    let created = node.create("Offline");
    let key = created["AccountNumber"].as_str().expect("a key").to_owned();
    assert_eq!(node.status()["unsent"], 1);
    node.stop();
    assert!(!node.dir.path().join("channel.db-wal").metadata().is_ok_and(|wal| wal.len() > 0));
    node.serve();
    let found = node.call("GET", &format!("/Commerce/Customers('{key}')"), &Value::Null);
    assert_eq!(found, (200, created));
}

#[test]
fn two_processes_cannot_serve_one_folder() {
    let (_hq, node) = node();
    let kind = tillsync_exchange::messages::DatabaseKind::Channel;
    let second = serve_blocking(options(node.dir.path(), kind), |_| (), async {});
    assert!(matches!(second, Err(ServeError::InUse(_))), "{second:?}");
}

#[test]
fn plain_http_is_not_served_to_the_network_unasked() {
    let (_hq, node) = node();
    let kind = tillsync_exchange::messages::DatabaseKind::Channel;
    let mut public = options(node.dir.path(), kind);
    public.listen = "0.0.0.0:0".parse().expect("an address");
    let refused = serve_blocking(public, |_| (), async {});
    assert!(matches!(refused, Err(ServeError::PlainHttp(_))), "{refused:?}");
}
