//! What clients of the interface rely on besides the customers themselves: states, stores, and
//! what they send along because their types have it.

use serde_json::{Value, json};

use super::commerce::targets;
use super::fake_hq::FakeHq;
use super::node::Node;

fn node() -> (FakeHq, Node) {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    (hq, node)
}

fn path_of(customer: &Value) -> String {
    format!("/Commerce/Customers('{}')", customer["AccountNumber"].as_str().expect("a key"))
}

fn call(
    node: &Node,
    (verb, path): (&str, &str),
    body: &Value,
    header: (&str, &str),
) -> (u16, Value) {
    let headers =
        [("Authorization", format!("Bearer {}", node.token)), (header.0, header.1.to_owned())];
    node.call_with(verb, path, body, &headers)
}

#[test]
fn an_update_may_insist_on_the_state_that_was_read() {
    let (_hq, node) = node();
    let customer = node.create("Ada");
    let path = path_of(&customer);
    let (_, shown, etag) = node.call_for_header("GET", &path, "etag");
    let etag = etag.expect("a state");
    assert_eq!(shown["@odata.etag"], etag.as_str());
    let patch = |street: &str, state: &str| {
        let body = json!({"Addresses": [{"Street": street}]});
        call(&node, ("PATCH", &path), &body, ("If-Match", state))
    };
    let (status, updated) = patch("First", &etag);
    assert_eq!(status, 200, "{updated}");
    assert_ne!(updated["@odata.etag"], etag.as_str(), "it is another state now");
    for state in [etag.as_str(), "\"other\"", "nonsense"] {
        let (status, error) = patch("Second", state);
        assert_eq!((status, &error["error"]["target"]), (412, &json!("If-Match")), "{error}");
        assert_eq!(error["error"]["code"], "conflict");
    }
    let both = format!("{etag}, {}", updated["@odata.etag"].as_str().expect("a state"));
    let (status, updated) = patch("Second", &both);
    assert_eq!(status, 200, "{updated}");
    let (status, updated) = patch("Third", "*");
    assert_eq!((status, updated["Addresses"].as_array().map(Vec::len)), (200, Some(3)));
    let body = json!({"updatedEntity": updated});
    let update = format!("{path}/UpdateEntity");
    let (status, _) = call(&node, ("POST", &update), &body, ("If-Match", &etag));
    assert_eq!(status, 412, "also when nothing is to be changed");
}

#[test]
fn the_org_unit_is_the_store_and_others_are_refused() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let register = Node::start("S1.R1", &channel.url());
    for node in [&channel, &register] {
        let unit = json!({"OrgUnitNumber": "S1", "OrgUnitName": "S1"});
        let (status, found) = node.call("GET", "/Commerce/OrgUnits('S1')", &Value::Null);
        assert_eq!((status, &found), (200, &unit));
        assert_eq!(node.call("GET", "/Commerce/OrgUnits('S2')", &Value::Null).0, 404);
        let search = "/Commerce/OrgUnits/Search";
        for (criteria, count) in [
            (json!({}), 1),
            (json!({"OrgUnitName": "s1", "ZipCode": null}), 1),
            (json!({"OrgUnitNumber": "S2"}), 0),
        ] {
            let body = json!({"searchCriteria": criteria});
            let (status, found) = node.call("POST", search, &body);
            assert_eq!((status, found["value"].as_array().map(Vec::len)), (200, Some(count)));
        }
        let body = json!({"SearchCriteria": {"ZipCode": "00100"}});
        let (status, error) = node.call("POST", search, &body);
        assert_eq!((status, targets(&error)), (400, vec!["SearchCriteria.ZipCode"]));
        for (header, status) in [("S1", 200), ("s1", 200), ("", 200), ("S2", 400)] {
            let path = ("GET", "/Commerce/OrgUnits('S1')");
            let (answered, error) = call(node, path, &Value::Null, ("OUN", header));
            assert_eq!(answered, status, "{header}: {error}");
            if status == 400 {
                assert_eq!(targets(&error), ["OUN"]);
            }
        }
    }
    let path = ("GET", "/Commerce/OrgUnits('S1')");
    assert_eq!(call(&register, path, &Value::Null, ("OUN", "S1.R1")).0, 200);
    assert_eq!(call(&channel, path, &Value::Null, ("OUN", "S1.R1")).0, 400);
}

#[test]
fn what_says_nothing_is_accepted_and_what_would_be_lost_is_refused() {
    let (_hq, node) = node();
    let customer = json!({
        "@odata.type": "#Microsoft.Dynamics.Commerce.Runtime.DataModel.Customer",
        "LastName": "Ada", "Title": "", "RecordId": 0, "Blocked": false, "CreditLimit": 0.0,
        "Payment": {}, "InvoiceAccount": "", "Images": [], "Url": null,
        "Attributes@odata.type": "#Collection(CustomerAttribute)", "Attributes": [],
        "Addresses": [{"Street": "Main", "RecordId": 0, "IsPrivate": false, "TaxGroup": ""}],
    });
    let (status, created) = node.call("POST", "/Commerce/Customers", &customer);
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["Title"], Value::Null);
    let mut back = created.clone();
    back["Blocked"] = json!(false);
    back["Images"] = json!([]);
    assert_eq!(node.call("PATCH", &path_of(&created), &back).0, 200);
    let customer = json!({
        "LastName": "Ada", "Title": "Countess", "RecordId": 7, "Blocked": true, "CreditLimit": 5,
        "Payment": {"Terms": 1}, "Wishes": false,
        "Attributes": [{"Name": "Shoe size", "AttributeValue": {"IntegerValue": 38}}],
        "ExtensionProperties": [{"Key": "Origin", "Value": {"StringValue": "fair"}}],
        "Addresses": [{"Street": "Main", "IsPrivate": true}],
    });
    let (status, error) = node.call("POST", "/Commerce/Customers", &customer);
    let mut refused = targets(&error);
    refused.sort_unstable();
    let expected = [
        "Addresses[0].IsPrivate",
        "Attributes",
        "Blocked",
        "CreditLimit",
        "ExtensionProperties",
        "Payment",
        "RecordId",
        "Title",
        "Wishes",
    ];
    assert_eq!((status, refused.as_slice()), (400, expected.as_slice()));
    back["CreditLimit"] = json!(5);
    let (status, error) = node.call("PATCH", &path_of(&created), &back);
    assert_eq!((status, targets(&error)), (400, vec!["CreditLimit"]));
}

#[test]
fn a_page_is_asked_for_in_the_settings_and_nothing_else_is_ignored() {
    let (_hq, node) = node();
    for name in ["Adam", "Adele", "Adria"] {
        node.create(name);
    }
    let search = |settings: Value| {
        let criteria = json!({"Keyword": "ad"});
        let body = json!({"CustomerSearchCriteria": criteria, "QueryResultSettings": settings});
        node.call("POST", "/Commerce/Customers/Search", &body)
    };
    let paging = json!({"Top": 2, "Skip": 2, "CalculateRecordCount": true});
    let sorting = json!({"Columns": []});
    let (status, found) = search(json!({"Paging": paging, "Sorting": sorting}));
    assert_eq!((status, found["value"].as_array().map(Vec::len)), (200, Some(1)), "{found}");
    for (settings, target) in [
        (json!({"Paging": {"Top": -1}}), "QueryResultSettings.Paging.Top"),
        (json!({"Paging": {"Page": 2}}), "QueryResultSettings.Paging.Page"),
        (json!({"Sorting": {"Columns": [1]}}), "QueryResultSettings.Sorting"),
    ] {
        let (status, error) = search(settings);
        assert_eq!((status, targets(&error)), (400, vec![target]), "{error}");
    }
}

#[test]
fn a_criterion_that_is_not_known_is_refused_since_it_would_have_narrowed_the_result() {
    let (_hq, node) = node();
    for (path, criteria, known) in [
        ("Customers/Search", "CustomerSearchCriteria", json!({"Keyword": "ada"})),
        ("SalesOrders/Search", "SalesOrderSearchCriteria", json!({})),
        ("Products/Search", "ProductSearchCriteria", json!({})),
    ] {
        let path = format!("/Commerce/{path}");
        let mut known = known;
        known["Region"] = Value::Null;
        assert_eq!(node.call("POST", &path, &json!({criteria: known})).0, 200, "{path}");
        known["Region"] = json!("north");
        let (status, error) = node.call("POST", &path, &json!({criteria: known}));
        let target = format!("{criteria}.Region");
        assert_eq!((status, targets(&error)), (400, vec![target.as_str()]), "{error}");
        for list in [json!([known]), json!({criteria: ["ada"]})] {
            assert_eq!(node.call("POST", &path, &list).0, 400, "a list is no object: {list}");
        }
    }
    let body = json!({"AccountNumbers": [], "Region": "north"});
    assert_eq!(node.call("POST", "/Commerce/Customers/GetByAccountNumbers", &body).0, 400);
    let nothing = json!({"ProductSearchCriteria": null});
    assert_eq!(node.call("POST", "/Commerce/Products/Search", &nothing).0, 200);
    for path in ["/Commerce/OrgUnits/Search", "/Commerce/Customers('C-1')/GetOrderHistory"] {
        assert_ne!(node.call_text("POST", path, "null").0, 400, "null says nothing: {path}");
    }
}

#[test]
fn every_field_that_is_described_is_read() {
    let (_hq, node) = node();
    let description: Value = serde_json::from_str(&crate::openapi_json()).expect("JSON");
    for (schema, path, list) in [
        ("NewCustomer", "Customers", None),
        ("NewAddress", "Customers", Some("Addresses")),
        ("NewSalesOrder", "SalesOrders", None),
        ("NewSalesLine", "SalesOrders", Some("SalesLines")),
        ("NewTenderLine", "SalesOrders", Some("TenderLines")),
        ("ShiftOpening", "Shifts", None),
        ("CountedAmount", "Shifts", Some("StartingAmounts")),
        ("ShiftBlindClosing", "Shifts('S9')/BlindClose", None),
        ("ShiftClosing", "Shifts('S9')/Close", None),
    ] {
        let fields = &description["components"]["schemas"][schema]["properties"];
        let fields = fields.as_object().expect("fields");
        assert!(!fields.is_empty(), "{schema}");
        for field in fields.keys().map(String::as_str).chain(["Unheard"]) {
            // Half of anything is refused nearly everywhere, but not as unknown.
            let body = json!({field: 0.5});
            let body = list.map_or(body.clone(), |list| json!({list: [body]}));
            let (_, error) = node.call("POST", &format!("/Commerce/{path}"), &body);
            let is_unknown = error.to_string().contains("is not a field that can be kept");
            assert_eq!(is_unknown, field == "Unheard", "{schema}.{field}: {error}");
        }
    }
}
