//! A register that hangs on its channel over HTTP.

use jiff::Timestamp;
use serde_json::{Value, json};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::PackageWriter;
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::CustomerContent;
use uuid::Uuid;

use super::fake_hq::FakeHq;
use super::node::{Node, enrol_at, until};

/// Offers one customer to all these databases, in one package with a session for each.
pub(super) fn offer(hq: &FakeHq, databases: &[&str]) {
    let row = CustomerRow {
        guid: "01980a5e-7c1f-7000-8000-000000000001".parse().expect("a guid"),
        account: "C-00001".to_owned(),
        party_number: "P-00001".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        version: 5,
        content: CustomerContent {
            customer_type: 1,
            last_name: Some("Downloaded".to_owned()),
            ..CustomerContent::default()
        },
    };
    let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
    writer.row(Table::Customer, &row).expect("a row");
    hq.offer(JobName::Customers1010, writer.finish().expect("a package"), databases);
}

#[test]
fn a_customer_travels_from_the_register_over_the_channel_to_headquarters() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = Node::start("S1.R1", &channel.url());
    let created = register.create("Till");
    until("the upload", || hq.desk().inbox.len() == 1);
    let LogRow::Operation(row) = hq.desk().inbox[0].clone() else { panic!("an operation") };
    assert_eq!(row.origin.as_str(), "S1.R1");
    assert!(row.relayed_at.is_some());
    let key = created["AccountNumber"].as_str().expect("a key");
    let found = channel.call("GET", &format!("/Commerce/Customers('{key}')"), &Value::Null);
    assert_eq!(found.0, 200);
    assert_eq!(register.status()["kind"], "register");
    until("the acknowledgement", || register.status()["unsent"] == 0);
}

#[test]
fn registers_get_their_packages_and_the_channel_fetches_once_for_all() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let registers = ["S1.R1", "S1.R2"].map(|name| Node::start(name, &channel.url()));
    offer(&hq, &["S1.R1", "S1.R2"]);
    for register in &registers {
        until("the download", || register.status()["applied"] == json!({"1010": 5}));
        let (status, customer) =
            register.call("GET", "/Commerce/Customers('C-00001')", &Value::Null);
        assert_eq!((status, &customer["IsAsyncCustomer"]), (200, &json!(false)));
        assert_eq!(customer["ExtensionProperties"][0]["Value"]["StringValue"], "C-00001");
    }
    assert_eq!(hq.desk().fetches.len(), 1);
    let applied = hq.desk().reports.iter().filter(|report| report.error.is_none()).count();
    assert_eq!(applied, 4, "each says downloaded and applied");
}

#[test]
fn a_register_of_another_store_or_a_wrong_code_is_refused() {
    let mut hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let dir = tempfile::tempdir().expect("a directory");
    let error = enrol_at(dir.path(), "S2.R1", &channel.url()).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let error = enrol_at(dir.path(), "not a code.", &channel.url()).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    hq.stop();
    let error = enrol_at(dir.path(), "S1.R1", &channel.url()).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

#[test]
fn a_register_cannot_speak_for_another() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = Node::start("S1.R1", &channel.url());
    let path = register.dir.path().join("offline.db");
    let identity = tillsync_channel::inspect::inspect_database(&path).expect("inspects").identity;
    let credential = identity.expect("is enrolled").credential;
    let bearer = [("Authorization", format!("Bearer {}", credential.reveal()))];
    let poll = json!({
        "database": "S1.R2", "wait_ms": 0, "pulled": 0, "mode": "live",
        "health": {"pending": 0, "oldest_pending_at": null, "unsent": 0,
                   "now": "2026-01-01T00:00:00Z"},
    });
    let (status, refusal) = channel.call_with("POST", "/exchange/v1/poll", &poll, &bearer);
    assert_eq!((status, &refusal["code"]), (403, &json!("forbidden")));
    let report = json!({"database": "S1", "result": "applied"});
    let session = format!("/exchange/v1/downloads/{}", Uuid::from_u128(100));
    assert_eq!(channel.call_with("POST", &session, &report, &bearer).0, 403);
    // A register has no registers.
    assert_eq!(register.call_with("POST", "/exchange/v1/hello", &Value::Null, &bearer).0, 404);
}

#[test]
fn a_sale_travels_from_the_register_over_the_channel_to_headquarters() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = Node::start("S1.R1", &channel.url());
    hq.offer_items(&["S1.R1"]);
    until("the items", || register.status()["applied"] == json!({"1040": 5}));
    assert_eq!(register.call("POST", "/Commerce/Shifts", &Value::Null).0, 201);
    let customer = register.create("Till");
    let sale = json!({
        "Id": "till-1", "CustomerId": customer["AccountNumber"], "StoreId": "S1",
        "SalesLines": [{"ItemId": "coffee"}],
        "TenderLines": [{"TenderTypeId": 1, "Amount": 12.54}],
    });
    let (status, sold) = register.call("POST", "/Commerce/SalesOrders", &sale);
    assert_eq!((status, &sold["TerminalId"]), (201, &json!("S1.R1")), "{sold}");
    until("the upload", || hq.desk().inbox.len() == 3);
    let LogRow::Document(row) = hq.desk().inbox[2].clone() else { panic!("a document") };
    assert_eq!((row.number.as_str(), row.origin.as_str()), ("till-1", "S1.R1"));
    assert!(row.relayed_at.is_some());
    // The till is connected again and repeats at the channel what it sold alone.
    assert_eq!(channel.call("POST", "/Commerce/SalesOrders", &sale), (201, sold));
    let history = format!(
        "/Commerce/Customers('{}')/GetOrderHistory",
        customer["AccountNumber"].as_str().expect("a key")
    );
    let (status, found) = channel.call("GET", &history, &Value::Null);
    assert_eq!((status, &found["value"][0]["Id"]), (200, &json!("till-1")));
}
