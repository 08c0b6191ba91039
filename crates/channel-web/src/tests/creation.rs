//! Creating customers through headquarters, and what becomes of it when that does not answer.

use serde_json::{Value, json};
use tillsync_domain::profile::FunctionalityProfile;

use super::commerce::targets;
use super::fake_hq::{CallAnswer, FakeHq};
use super::node::{Node, until};

/// A node to which a profile has come.
fn with_profile(hq: &FakeHq, name: &str, upstream: &str, options: FunctionalityProfile) -> Node {
    let node = Node::start(name, upstream);
    hq.offer_profile(options, &[name]);
    until("the profile", || node.status()["applied"] == json!({"1070": 5}));
    node
}

fn asking(hq: &FakeHq) -> Node {
    with_profile(hq, "S1", &hq.url(), FunctionalityProfile::default())
}

fn create(node: &Node, key: &str) -> (u16, Value) {
    let headers =
        [("Authorization", format!("Bearer {}", node.token)), ("Idempotency-Key", key.to_owned())];
    let body = json!({"FirstName": "Ada", "LastName": "Lovelace"});
    node.call_with("POST", "/Commerce/Customers", &body, &headers)
}

#[test]
fn with_the_profile_that_asks_a_customer_is_answered_with_its_account() {
    let hq = FakeHq::start();
    let node = asking(&hq);
    let (status, customer) = create(&node, "1");
    assert_eq!((status, &customer["IsAsyncCustomer"]), (201, &json!(false)), "{customer}");
    assert_eq!(customer["AccountNumber"], "C-00000");
    assert_eq!(customer["ExtensionProperties"][0]["Value"]["StringValue"], "C-00000");
    assert_eq!(create(&node, "1"), (201, customer));
    assert_eq!(hq.desk().calls.len(), 1, "a repeat asks nobody");
    let entity = json!({"entity": {"LastName": "Hopper"}});
    let (status, customer) = node.call("POST", "/Commerce/Customers/CreateEntity", &entity);
    assert_eq!((status, &customer["AccountNumber"]), (201, &json!("C-00001")));
}

#[test]
fn the_status_says_what_holds_and_where_it_is_from() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let option = &node.status()["configuration"][0];
    assert_eq!(option["from"], "until 1070 was applied");
    assert_eq!((&option["value"], &option["applied_at"]), (&json!(true), &Value::Null));
    hq.offer_profile(FunctionalityProfile::default(), &["S1"]);
    until("the profile", || node.status()["applied"] == json!({"1070": 5}));
    let option = &node.status()["configuration"][0];
    assert_eq!(option["option"], "create_customers_async");
    assert_eq!(option["from"], "profile stores, version 5");
    assert_eq!((&option["value"], &option["version"]), (&json!(false), &json!(5)));
    assert!(option["applied_at"].is_string());
    assert_eq!(node.status()["realtime"], json!({"state": "closed", "failures": 0, "until": null}));
}

#[test]
fn while_a_profile_says_asynchronous_headquarters_is_never_called() {
    let hq = FakeHq::start();
    let node = with_profile(&hq, "S1", &hq.url(), FunctionalityProfile::UNTIL_DISTRIBUTED);
    let (status, customer) = create(&node, "1");
    assert_eq!((status, &customer["IsAsyncCustomer"]), (201, &json!(true)));
    until("the upload", || hq.desk().inbox.len() == 1);
    assert_eq!(hq.desk().calls.len(), 0);
}

#[test]
fn without_an_answer_the_customer_is_created_here_under_the_same_ids() {
    let not_found = json!({"code": "not_found", "message": "there is nothing here"});
    for answer in [
        CallAnswer::Silence,
        CallAnswer::Garbled,
        CallAnswer::Other(503, json!({"code": "busy", "message": "no numbers left"})),
        CallAnswer::Other(500, json!("a bug")),
        CallAnswer::Other(502, json!("a proxy")),
        CallAnswer::Other(400, json!("a proxy that is not headquarters")),
        CallAnswer::Other(404, not_found),
    ] {
        let hq = FakeHq::start();
        let node = asking(&hq);
        hq.desk().call_answer = answer.clone();
        let (status, customer) = create(&node, "1");
        assert_eq!((status, &customer["IsAsyncCustomer"]), (201, &json!(true)), "{answer:?}");
        until("the upload", || hq.desk().inbox.len() == 1);
        let desk = hq.desk();
        let asked = desk.calls[0].operations[0].clone();
        assert_eq!(customer["AccountNumber"], asked.customer.to_string(), "{answer:?}");
        assert_eq!(desk.inbox[0].content_hash(), asked.content_hash(), "{answer:?}");
    }
}

#[test]
fn a_refusal_by_headquarters_is_passed_on_with_its_fields_and_nothing_is_created() {
    let hq = FakeHq::start();
    let node = asking(&hq);
    let refusal = json!({
        "code": "invalid", "message": "VatNumber is in use",
        "fields": [{"field": "VatNumber", "message": "is in use"}],
    });
    hq.desk().call_answer = CallAnswer::Other(400, refusal);
    let (status, error) = create(&node, "1");
    assert_eq!((status, &error["error"]["code"]), (400, &json!("invalid")), "{error}");
    assert_eq!(error["error"]["target"], "VatNumber");
    assert_eq!(targets(&error), ["VatNumber"]);
    let older = json!({"code": "conflict", "message": "another customer has this GUID"});
    hq.desk().call_answer = CallAnswer::Other(409, older);
    let (status, error) = create(&node, "2");
    assert_eq!((status, &error["error"]["code"]), (409, &json!("conflict")), "{error}");
    assert_eq!(
        (node.status()["customers"].clone(), node.status()["unsent"].clone()),
        (json!(0), json!(0))
    );
}

#[test]
fn after_three_calls_without_answer_tills_wait_no_longer() {
    let hq = FakeHq::start();
    let node = asking(&hq);
    hq.desk().call_answer = CallAnswer::Silence;
    for key in ["1", "2", "3", "4", "5"] {
        assert_eq!(create(&node, key).0, 201);
    }
    assert_eq!(hq.desk().calls.len(), 3);
    let realtime = &node.status()["realtime"];
    assert_eq!((&realtime["state"], &realtime["failures"]), (&json!("open"), &json!(3)));
    assert!(realtime["until"].is_string());
}

#[test]
fn a_register_asks_through_its_store() {
    let hq = FakeHq::start();
    let channel = asking(&hq);
    let register = with_profile(&hq, "S1.R1", &channel.url(), FunctionalityProfile::default());
    let (status, customer) = create(&register, "1");
    assert_eq!((status, &customer["IsAsyncCustomer"]), (201, &json!(false)), "{customer}");
    let path = "/Commerce/Customers('C-00000')";
    assert_eq!(channel.call("GET", path, &Value::Null).0, 200, "the store has it as well");
    let fields = json!([{"field": "Email", "message": "no"}]);
    let refusal = json!({"code": "invalid", "message": "no", "fields": fields});
    hq.desk().call_answer = CallAnswer::Other(400, refusal);
    let (status, error) = create(&register, "2");
    assert_eq!((status, targets(&error)), (400, vec!["Email"]), "{error}");
    hq.desk().call_answer = CallAnswer::Silence;
    let (status, customer) = create(&register, "3");
    assert_eq!((status, &customer["IsAsyncCustomer"]), (201, &json!(true)));
    let realtime = &channel.status()["realtime"];
    assert_eq!(realtime["failures"], 1, "the store knows why");
    assert_eq!(hq.desk().calls.len(), 3);
}

#[test]
fn a_register_speaks_for_itself_only() {
    let hq = FakeHq::start();
    let channel = asking(&hq);
    let register = Node::start("S1.R1", &channel.url());
    let path = register.dir.path().join("offline.db");
    let identity = tillsync_channel::inspect::inspect_database(&path).expect("inspects").identity;
    let credential = identity.expect("is enrolled").credential;
    let bearer = [("Authorization", format!("Bearer {}", credential.reveal()))];
    let id = "01980a5e-7c1f-7000-8000-000000000001";
    let operation = |origin: &str| {
        json!({
            "id": id, "counter": 0, "customer": id, "kind": "create_customer", "origin": origin,
            "created_at": "2026-01-01T00:00:00Z",
            "content": {"customer_type": 1, "last_name": "Ada"},
        })
    };
    let call = |operations: Vec<Value>| {
        let call = json!({"operations": operations});
        channel.call_with("POST", "/realtime/v1/customers", &call, &bearer).0
    };
    assert_eq!(call(vec![operation("S1")]), 403);
    assert_eq!(call(vec![operation("S1.R1"), operation("S1.R2")]), 403);
    assert_eq!(call(vec![]), 400);
    assert_eq!(call(vec![operation("S1.R1"); 52]), 400);
    assert_eq!(hq.desk().calls.len(), 0);
    assert_eq!(call(vec![operation("S1.R1")]), 200);
}

#[test]
fn a_register_that_is_offline_creates_alone_or_says_why_not() {
    for (allowed, expected) in
        [(true, (201, json!(null))), (false, (409, json!("offline_create_forbidden")))]
    {
        let hq = FakeHq::start();
        let mut channel = asking(&hq);
        let options = FunctionalityProfile {
            allow_offline_customer_create: allowed,
            ..FunctionalityProfile::default()
        };
        let register = with_profile(&hq, "S1.R1", &channel.url(), options);
        channel.stop();
        until("the cut", || register.status()["upstream"]["state"] == "cut");
        let (status, answer) = create(&register, "1");
        assert_eq!((status, answer["error"]["code"].clone()), expected, "{answer}");
        let created = u8::from(allowed);
        assert_eq!(register.status()["customers"], created);
        assert_eq!(hq.desk().calls.len(), 0);
    }
}
