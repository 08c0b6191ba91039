//! A client of the Commerce Scale Unit API, unchanged, with a real store and a real headquarters
//! behind it: what it sends is what that API documents, and what it reads is in its answers.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tillsync_fleet::{EdgeDoor, Fleet, FleetPlan, Program, wait_until};
use ureq::http::{Request, Response};

/// How long the way to headquarters and back may take.
const SETTLED_MAX: Duration = Duration::from_secs(30);

/// A client that knows the address, a token and its org unit.
struct Client {
    agent: ureq::Agent,
    door: EdgeDoor,
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    etag: Option<String>,
    body: Value,
}

impl Client {
    fn of(door: &EdgeDoor) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        Client { agent: config.build().new_agent(), door: door.clone() }
    }

    fn send(&self, (verb, path): (&str, &str), body: &Value, headers: &[(&str, &str)]) -> Answer {
        let address = self.door.address.get().expect("the store listens");
        let mut request = Request::builder()
            .method(verb)
            .uri(format!("http://{address}/Commerce/{path}"))
            .header("Authorization", format!("Bearer {}", self.door.token.reveal()))
            .header("OUN", "S1")
            .header("Accept", "application/json")
            .header("Content-Type", "application/json;odata.metadata=minimal");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = request.body(body).expect("a request");
        let mut response: Response<ureq::Body> = self.agent.run(request).expect("an answer");
        let etag = response.headers().get("etag").map(|tag| tag.to_str().expect("text").to_owned());
        let body = response.body_mut().read_json().expect("JSON");
        Answer { status: response.status().as_u16(), etag, body }
    }

    fn get(&self, path: &str) -> Answer {
        self.send(("GET", path), &Value::Null, &[])
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(("POST", path), body, &[])
    }

    fn customer(&self, key: &str) -> Answer {
        let answer = self.get(&format!("Customers('{key}')"));
        assert_eq!(answer.status, 200, "{key}: {}", answer.body);
        answer
    }
}

fn start(folder: &Path) -> Fleet {
    let plan = FleetPlan {
        executable: env!("CARGO_BIN_EXE_tillsync").into(),
        folder: folder.to_owned(),
        stores: 1,
        registers: 0,
        database: None,
        packages: None,
    };
    Fleet::start(&plan, |_| {}).expect("the fleet starts")
}

/// Gives the store one thing to sell, without tax.
fn bring_goods(fleet: &Fleet, client: &Client) {
    let items = fleet.layout().root().join("items.csv");
    std::fs::write(&items, "number,name,tax_rate,EUR\n0001,Gift card holder,0,5.00\n")
        .expect("a file");
    let import = ["item".into(), "import".into(), items.into(), "--data-dir".into()];
    let mut import = import.to_vec();
    import.push(fleet.layout().root().into());
    Program::at(Path::new(env!("CARGO_BIN_EXE_tillsync"))).run(&import).expect("imported");
    let headquarters = fleet.headquarters().expect("a token");
    headquarters.run_job(tillsync_fleet::JobName::Products1040).expect("distributed");
    let search = json!({"ProductSearchCriteria": {"SearchCondition": "0001"}});
    let has_goods = || {
        let found = client.post("Products/Search", &search);
        (found.body["value"].as_array().map(Vec::len) == Some(1)).then_some(())
    };
    wait_until(SETTLED_MAX, has_goods).expect("the goods arrive");
}

fn search(keyword: &str) -> Value {
    json!({
        "CustomerSearchCriteria": {"Keyword": keyword, "SearchOnlyCurrentCompany": null},
        "QueryResultSettings": {"Paging": {"Top": 10, "Skip": 0}, "Sorting": {"Columns": []}},
    })
}

fn sell(client: &Client, key: &str) -> Value {
    let sale = json!({"entity": {
        "@odata.type": "#Microsoft.Dynamics.Commerce.Runtime.DataModel.SalesOrder",
        "CustomerId": key, "CurrencyCode": "EUR", "TotalAmount": 5.00,
        "SalesLines": [{"ItemId": "0001", "Quantity": 1}],
        "TenderLines": [{"TenderTypeId": "1", "Amount": 5.00}],
    }});
    let sold = client.post("SalesOrders/CreateEntity", &sale);
    assert_eq!(sold.status, 201, "{}", sold.body);
    sold.body
}

fn new_customer() -> Value {
    json!({"entity": {
        "@odata.type": "#Microsoft.Dynamics.Commerce.Runtime.DataModel.Customer",
        "AccountNumber": "", "RecordId": 0, "CustomerTypeValue": 1,
        "FirstName": "Grace", "LastName": "Hopper", "Email": "grace@example.com",
        "Phone": "555-0100", "Language": "en-us", "CurrencyCode": "EUR",
        "CustomerAffiliations": [], "Attributes": [], "Contacts": [], "Images": [],
        "ExtensionProperties": [],
        "Addresses": [{
            "RecordId": 0, "Name": "Home", "Street": "Main Street 1", "City": "Arlington",
            "ZipCode": "22201", "State": "VA", "ThreeLetterISORegionName": "USA",
            "AddressTypeValue": 6, "IsPrimary": true, "Deactivate": false,
        }],
    }})
}

#[test]
fn an_unchanged_client_creates_finds_changes_and_reads_a_customer_before_and_after_promotion() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut fleet = start(folder.path());
    let client = Client::of(&fleet.edges()[0].door);
    bring_goods(&fleet, &client);
    assert_eq!(client.post("Shifts", &Value::Null).status, 201);
    let stores = client.post("OrgUnits/Search", &json!({"searchCriteria": {}}));
    assert_eq!(stores.body["value"][0]["OrgUnitNumber"], "S1", "{}", stores.body);
    let other = client.send(("GET", "OrgUnits('S1')"), &Value::Null, &[("OUN", "S2")]);
    assert_eq!((other.status, &other.body["error"]["target"]), (400, &json!("OUN")));

    // Nobody upstream hears of it until the wire is mended.
    fleet.edges()[0].link.cut();
    let created = client.post("Customers/CreateEntity", &new_customer());
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["IsAsyncCustomer"], true);
    let guid = created.body["AccountNumber"].as_str().expect("a key").to_owned();
    let pending = change(&client, &guid, "Second Street 2");
    let found = client.post("Customers/Search", &search("hopper"));
    assert_eq!(found.body["value"], json!([pending.body]));
    sell(&client, &guid);

    fleet.edges()[0].link.mend();
    let promoted = || {
        let shown = client.customer(&guid);
        (shown.body["IsAsyncCustomer"] == false).then_some(shown)
    };
    let promoted = wait_until(SETTLED_MAX, promoted).expect("it gets its account");
    let account = promoted.body["AccountNumber"].as_str().expect("an account").to_owned();
    assert_ne!(account, guid);
    assert_eq!(client.customer(&account).body, promoted.body, "either key shows the same");
    for field in ["FirstName", "LastName", "Email", "Phone", "Language", "CurrencyCode"] {
        assert_eq!(promoted.body[field], new_customer()["entity"][field], "{field}");
    }
    change(&client, &account, "Third Street 3");
    let after = change(&client, &guid, "Fourth Street 4");
    let streets = after.body["Addresses"].as_array().expect("a list").iter();
    let streets: Vec<_> = streets.filter_map(|address| address["Street"].as_str()).collect();
    let expected = ["Main Street 1", "Second Street 2", "Third Street 3", "Fourth Street 4"];
    assert_eq!(streets, expected);
    sell(&client, &account);
    for key in [&guid, &account] {
        let history = client.get(&format!("Customers('{key}')/GetOrderHistory?$top=10"));
        let sales = history.body["value"].as_array().expect("a list");
        assert_eq!(sales.len(), 2, "sold before and after, under either key: {key}");
        let found = client.post("Customers/Search", &search(key));
        assert_eq!(found.body["value"].as_array().map(Vec::len), Some(1), "{key}");
        let keys = json!({"accountNumbers": [key]});
        let found = client.post("Customers/GetByAccountNumbers", &keys);
        assert_eq!(found.body["value"][0]["AccountNumber"], account.as_str());
    }
    fleet.stop().expect("ends well");
}

/// Adds an address as a client does: reads, sends all of it back with one more, insists on what it
/// read; and is refused what the store cannot change.
fn change(client: &Client, key: &str, street: &str) -> Answer {
    let read = client.customer(key);
    let state = read.etag.expect("a state");
    assert_eq!(read.body["@odata.etag"], state.as_str());
    let mut entity = read.body;
    let addresses = entity["Addresses"].as_array_mut().expect("a list");
    addresses.push(json!({"Street": street, "City": "Arlington", "AddressTypeValue": 2}));
    let path = format!("Customers('{key}')/UpdateEntity");
    let insist = [("If-Match", state.as_str())];
    let update =
        |entity: &Value| client.send(("POST", &path), &json!({"updatedEntity": entity}), &insist);
    let mut renamed = entity.clone();
    renamed["LastName"] = json!("Murray");
    let refused = update(&renamed);
    assert_eq!((refused.status, &refused.body["error"]["target"]), (409, &json!("LastName")));
    let changed = update(&entity);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let stale = update(&entity);
    assert_eq!((stale.status, &stale.body["error"]["target"]), (412, &json!("If-Match")));
    let shown = client.customer(key);
    assert_eq!(shown.body, changed.body);
    shown
}
