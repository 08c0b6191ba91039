//! Sales and orders over HTTP: shapes, exact amounts, repeats, refusals, receipts, history.

use serde_json::{Value, json};
use tillsync_domain::job::JobName;
use tillsync_exchange::package::PackageWriter;
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_exchange::rows::operation::CustomerContent;

use super::commerce::targets;
use super::fake_hq::FakeHq;
use super::node::{Node, until};

const ORDERS: &str = "/Commerce/SalesOrders";

/// A channel with coffee on the shelf and an open shift.
fn counter() -> (FakeHq, Node) {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    hq.offer_items(&["S1"]);
    until("the items", || node.status()["applied"] == json!({"1040": 5}));
    assert_eq!(node.call("POST", "/Commerce/Shifts", &Value::Null).0, 201);
    (hq, node)
}

fn coffee() -> Value {
    json!({
        "SalesLines": [{"ItemId": "coffee", "Quantity": 1}],
        "TenderLines": [{"TenderTypeId": "1", "Amount": 12.54}],
    })
}

fn with(mut sale: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().expect("an object") {
        sale[name] = value.clone();
    }
    sale
}

fn receipt(node: &Node, sold: &Value) -> String {
    let path = format!("{ORDERS}('{}')/Receipt", sold["Id"].as_str().expect("an id"));
    let (status, text) = node.call("GET", &path, &Value::Null);
    assert_eq!(status, 200, "{text}");
    text.as_str().expect("plain text").to_owned()
}

fn history(node: &Node, key: &str) -> Vec<Value> {
    let path = format!("/Commerce/Customers('{key}')/GetOrderHistory");
    let (status, found) = node.call("GET", &path, &Value::Null);
    assert_eq!(status, 200, "{found}");
    assert_eq!(node.call("POST", &path, &json!({})), (200, found.clone()));
    found["value"].as_array().expect("a list").clone()
}

#[test]
fn a_sale_is_recorded_read_back_found_and_printed() {
    let (_hq, node) = counter();
    let customer = node.create("Ada");
    let key = customer["AccountNumber"].as_str().expect("a key");
    let sale = json!({"entity": {
        "Id": "web-1", "TransactionTypeValue": 2, "CustomerId": key, "CurrencyCode": "EUR",
        "TotalAmount": "34.47", "StaffId": "anna", "StoreId": "S1", "@odata.type": "#SalesOrder",
        "ReceiptId": "", "ShippingAddress": null,
        "SalesLines": [{
            "ItemId": "coffee", "Quantity": 3.0, "Price": 9.99, "DiscountAmount": "2.50",
            "TaxAmount": 7.00, "TaxRatePercent": 25.5, "TotalAmount": 34.47,
        }],
        "TenderLines": [{"TenderTypeId": 3, "Amount": 34.47}],
    }});
    let (status, sold) = node.call("POST", &format!("{ORDERS}/CreateEntity"), &sale);
    assert_eq!(status, 201, "{sold}");
    for (field, value) in [
        ("Id", json!("web-1")),
        ("TransactionTypeValue", json!(2)),
        ("ReceiptId", json!("S1-000001")),
        ("CustomerId", json!(key)),
        ("IsAsyncCustomer", json!(true)),
        ("TotalAmount", json!(34.47)),
        ("NetAmount", json!(27.47)),
        ("TaxAmount", json!(7.0)),
        ("StaffId", json!("anna")),
    ] {
        assert_eq!(sold[field], value, "{field}");
    }
    assert_eq!(sold["ExtensionProperties"][0]["Value"]["StringValue"], "Pending sync");
    assert_eq!(sold["SalesLines"][0]["Description"], "Coffee");
    let again = node.call("POST", ORDERS, &sale["entity"]);
    assert_eq!(again, (201, sold.clone()), "a repeat answers what was recorded first");
    let path = format!("{ORDERS}('web-1')");
    assert_eq!(node.call("GET", &path, &Value::Null), (200, sold.clone()));
    for criteria in [
        json!({"TransactionIds": ["web-1"]}),
        json!({"ReceiptId": "S1-000001", "CustomerAccountNumber": key}),
        json!({"StartDateTime": "2001-01-01T00:00:00Z"}),
    ] {
        let search = json!({"salesOrderSearchCriteria": criteria});
        let (status, found) = node.call("POST", &format!("{ORDERS}/Search"), &search);
        assert_eq!((status, &found["value"]), (200, &json!([sold])), "{search}");
    }
    for criteria in [json!({"ReceiptId": "?"}), json!({"EndDateTime": "2001-01-01T00:00:00Z"})] {
        let search = json!({"SalesOrderSearchCriteria": criteria});
        let (_, found) = node.call("POST", &format!("{ORDERS}/Search"), &search);
        assert_eq!(found["value"], json!([]), "{search}");
    }
    let text = receipt(&node, &sold);
    assert!(text.contains("Customer: Pending sync\n") && !text.contains(key), "{text}");
}

#[test]
fn amounts_keep_every_digit_on_their_way_in_and_out() {
    let (_hq, node) = counter();
    // As text, since the test's own JSON would round it.
    let body = r#"{"SalesLines": [{"ItemId": "coffee", "Quantity": 1, "Price": 699999999.95,
        "TaxAmount": 178499999.99}], "TenderLines": [{"TenderTypeId": "1",
        "Amount": 878499999.9400000000000000}]}"#;
    let sold = node.call_text("POST", ORDERS, body);
    assert_eq!(sold.0, 201, "{}", sold.1);
    assert!(sold.1.contains(r#""TotalAmount":878499999.94,"#), "{}", sold.1);
    assert!(sold.1.contains(r#""Price":699999999.95,"#), "{}", sold.1);
    let body = body.replace("878499999.9400000000000000", "878499999.9400000000000001");
    let refused = node.call_text("POST", ORDERS, &body);
    assert_eq!(refused.0, 400, "a hundred-trillionth of a cent too much: {}", refused.1);
}

#[test]
fn an_order_is_taken_for_pickup_or_to_be_sent_to_an_address() {
    let (_hq, node) = counter();
    let body = json!({"LastName": "Ada", "Addresses": [{"Street": "Main", "IsPrimary": true}]});
    let (_, customer) = node.call("POST", "/Commerce/Customers", &body);
    let address = customer["Addresses"][0]["AddressId"].clone();
    let deposit = json!([{"TenderTypeId": "1", "Amount": 5}]);
    let base =
        with(coffee(), &json!({"CustomerId": customer["AccountNumber"], "TenderLines": deposit}));
    let ship = json!({"DeliveryMode": "Ship", "ShippingAddress": {"AddressId": address}});
    let (status, order) = node.call("POST", ORDERS, &with(base.clone(), &ship));
    assert_eq!(status, 201, "{order}");
    assert_eq!((&order["TransactionTypeValue"], &order["AmountPaid"]), (&json!(14), &json!(5)));
    assert_eq!(order["ShippingAddress"]["AddressId"], address);
    let text = receipt(&node, &order);
    assert!(!text.contains(address.as_str().expect("an id")), "{text}");
    let pickup = json!({"TransactionTypeValue": 14});
    let (status, order) = node.call("POST", ORDERS, &with(base.clone(), &pickup));
    assert_eq!((status, &order["DeliveryMode"]), (201, &json!("Pickup")), "{order}");
    for (fields, target) in [
        (json!({"DeliveryMode": "Ship"}), "ShippingAddress.AddressId"),
        (json!({"DeliveryMode": "Drone"}), "DeliveryMode"),
        (json!({"DeliveryMode": "Pickup", "TransactionTypeValue": 2}), "DeliveryMode"),
        (json!({"DeliveryMode": "Pickup", "CustomerId": ""}), "CustomerId"),
        (json!({"DeliveryMode": "Pickup", "IsVoided": true}), "IsVoided"),
        (json!({"TransactionTypeValue": 19}), "TransactionTypeValue"),
    ] {
        let (status, error) = node.call("POST", ORDERS, &with(base.clone(), &fields));
        assert_eq!((status, targets(&error)), (400, vec![target]), "{fields}: {error}");
    }
}

#[test]
fn refusals_name_every_field_and_nothing_is_dropped_silently() {
    let (_hq, node) = counter();
    let sale = json!({
        "Id": "no/number", "CustomerId": "x".repeat(21), "CurrencyCode": "euro", "Mood": "good",
        "Comment": "hello", "ReceiptId": "R-1", "StoreId": "S2", "TotalAmount": true,
        "SalesLines": [{"ItemId": "coffee", "Quantity": "many", "Colour": "red",
                        "ReturnTransactionId": "S1-1"}, 7],
        "TenderLines": [{"TenderTypeId": "1"}],
    });
    let (status, error) = node.call("POST", ORDERS, &sale);
    assert_eq!(status, 400, "{error}");
    let mut found = targets(&error);
    found.sort_unstable();
    let expected = [
        "Comment",
        "CurrencyCode",
        "CustomerId",
        "Id",
        "Mood",
        "ReceiptId",
        "SalesLines[0].Colour",
        "SalesLines[0].Quantity",
        "SalesLines[0].ReturnLineNumber",
        "SalesLines[1]",
        "StoreId",
        "TenderLines[0].Amount",
        "TotalAmount",
    ];
    assert_eq!(found, expected);
    let lines = json!([{"ItemId": "tea"}, {"ItemId": "coffee", "TaxRatePercent": 24}]);
    let (status, error) = node.call("POST", ORDERS, &with(coffee(), &json!({"SalesLines": lines})));
    assert_eq!((status, targets(&error)), (400, vec!["SalesLines[0].ItemId"]));
    let lines = json!([{"ItemId": "coffee", "TaxRatePercent": 24, "TotalAmount": 12.39}]);
    let (_, error) = node.call("POST", ORDERS, &with(coffee(), &json!({"SalesLines": lines})));
    let expected = ["SalesLines[0].TaxRatePercent", "SalesLines[0].TotalAmount"];
    assert_eq!(targets(&error), expected);
    for body in [json!([]), json!({"entity": {}}), Value::Null] {
        assert_eq!(node.call("POST", ORDERS, &body).0, 400, "{body}");
    }
    let large = json!({"Comment": "x".repeat(300 << 10)});
    assert_eq!(node.call("POST", ORDERS, &large).0, 400, "more than a customer may have");
    let large = json!({"Comment": "x".repeat(600 << 10)});
    assert_eq!(node.call("POST", ORDERS, &large).0, 413);
    for path in ["('none')", "('%3F')", "('none')/Receipt", "('none')/Invoice"] {
        assert_eq!(node.call("GET", &format!("{ORDERS}{path}"), &Value::Null).0, 404, "{path}");
    }
    assert_eq!(node.call("PATCH", &format!("{ORDERS}('web-1')"), &json!({})).0, 405);
}

#[test]
fn a_used_number_and_a_closed_drawer_are_conflicts() {
    let (_hq, node) = counter();
    let sale = with(coffee(), &json!({"Id": "web-1"}));
    assert_eq!(node.call("POST", ORDERS, &sale).0, 201);
    let other = with(sale.clone(), &json!({"StaffId": "anna"}));
    let (status, error) = node.call("POST", ORDERS, &other);
    assert_eq!((status, &error["error"]["target"]), (409, &json!("Id")), "{error}");
    let close = node.call("POST", "/Commerce/Shifts('Current')/Close", &Value::Null);
    assert_eq!(close.0, 200, "{}", close.1);
    assert_eq!(node.call("POST", ORDERS, &sale).0, 201, "a repeat needs no open shift");
    let (status, error) = node.call("POST", ORDERS, &coffee());
    assert_eq!((status, &error["error"]["target"]), (409, &json!("ShiftId")), "{error}");
}

#[test]
fn an_idempotency_key_makes_a_repeat_of_a_sale_without_number_harmless() {
    let (_hq, node) = counter();
    let sell = |sale: &Value| {
        let headers = [
            ("Authorization", format!("Bearer {}", node.token)),
            ("Idempotency-Key", "till-7-0001".to_owned()),
        ];
        node.call_with("POST", ORDERS, sale, &headers)
    };
    let first = sell(&coffee());
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(sell(&coffee()), first);
    assert_eq!(sell(&with(coffee(), &json!({"StaffId": "anna"}))).0, 409);
    let second = node.call("POST", ORDERS, &coffee());
    assert_eq!(second.1["ReceiptId"], "S1-000002");
}

#[test]
fn history_is_found_by_either_key_and_shows_the_account_once_it_came() {
    let (hq, node) = counter();
    let customer = node.create("Ada");
    let guid = customer["AccountNumber"].as_str().expect("a key");
    let sold = node.call("POST", ORDERS, &with(coffee(), &json!({"CustomerId": guid}))).1;
    assert_eq!(history(&node, guid), std::slice::from_ref(&sold));
    let row = CustomerRow {
        guid: guid.parse().expect("a guid"),
        account: "C-00001".to_owned(),
        party_number: "P-00001".to_owned(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        version: 5,
        content: CustomerContent {
            customer_type: 1,
            last_name: Some("Ada".to_owned()),
            ..CustomerContent::default()
        },
    };
    let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
    writer.row(Table::Customer, &row).expect("a row");
    hq.offer(JobName::Customers1010, writer.finish().expect("a package"), &["S1"]);
    until("the account", || node.status()["pending"] == 0);
    let later = node.call("POST", ORDERS, &with(coffee(), &json!({"CustomerId": "C-00001"}))).1;
    for key in [guid, "C-00001"] {
        let found = history(&node, key);
        assert_eq!(found[0], later);
        let first = &found[1];
        assert_eq!((&first["Id"], &first["CustomerId"]), (&sold["Id"], &json!("C-00001")));
        assert_eq!(first["ExtensionProperties"][0]["Value"]["StringValue"], "C-00001");
        assert_eq!(first["ExtensionProperties"][1]["Value"]["StringValue"], guid);
    }
    assert!(receipt(&node, &sold).contains("Customer: C-00001\n"));
    let page = "/Commerce/Customers('C-00001')/GetOrderHistory?$top=1&$skip=1";
    let (_, found) = node.call("GET", page, &Value::Null);
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["value"][0]["Id"], sold["Id"]);
    for (path, status) in [
        ("/Commerce/Customers('C-404')/GetOrderHistory", 404),
        ("/Commerce/Customers('C-00001')/GetOrderHistory?$filter=1", 400),
    ] {
        assert_eq!(node.call("GET", path, &Value::Null).0, status, "{path}");
    }
}

#[test]
fn what_can_be_sold_is_found_with_its_price() {
    let (_hq, node) = counter();
    let search = |text: &str| {
        let body = json!({"productSearchCriteria": {"SearchCondition": text}});
        node.call("POST", "/Commerce/Products/Search", &body).1["value"].clone()
    };
    let found = search("cof");
    assert_eq!((&found[0]["ItemId"], &found[0]["Price"]), (&json!("coffee"), &json!(9.99)));
    assert_eq!(found[0]["Prices"], json!([{"CurrencyCode": "EUR", "Price": 9.99}]));
    assert_eq!(search("tea"), json!([]));
}

#[test]
fn sales_travel_up_and_are_counted() {
    let (hq, node) = counter();
    node.call("POST", ORDERS, &coffee());
    until("the upload", || hq.desk().inbox.len() == 2);
    until("the acknowledgement", || node.status()["unsent"] == 0);
    let metrics = node.call_with("GET", "/metrics", &Value::Null, &[]).1;
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("tillsync_transactions_recorded_total 1"), "{metrics}");
}
