//! Two nodes of one headquarters over one database.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tillsync_exchange::device::Secret;
use tillsync_fleet::{
    CommerceClient, CreateAnswer, CustomerKey, EdgeDoor, HeadquartersClient, IdempotencyKey,
    wait_until,
};
use tillsync_testkit::cluster::{PgBouncer, cluster};

use crate::site::Site;

/// How long news may take from one node's stores to another's.
const LIMIT: Duration = Duration::from_secs(60);

/// Shorter than a poll waits, longer than a node goes without looking.
const POLL_LIMIT: Duration = Duration::from_secs(20);

/// A server that ends with the test.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(site: &Site, arguments: &str) -> Self {
        let mut command = site.tillsync(arguments);
        command.args(["--listen", "127.0.0.1:0", "--stop-with-stdin"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).expect("a line of JSON");
        let url = said["listening"].as_str().expect("a URL");
        let address = url.strip_prefix("http://").expect("plain HTTP").parse().expect("an address");
        Running { child, address }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(site: &Site, arguments: &str) -> String {
    let output = site.tillsync(arguments).output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A store that knows one node only, and a till's way to it.
fn store(site: &Site, id: &str, node: &Running) -> (Running, CommerceClient) {
    run(site, &format!("hq add-channel {id} --data-dir ."));
    let code = run(site, &format!("hq activation-code {id} --data-dir ."));
    let (folder, hq) = (format!("stores/{id}"), format!("http://{}", node.address));
    run(site, &format!("channel enrol --data-dir {folder} --hq {hq} --code {code}"));
    let token = run(site, &format!("channel token --data-dir {folder} --name till"));
    let serve = format!("channel serve --data-dir {folder} --reconnect-max 1");
    let store = Running::start(site, &serve);
    let door = EdgeDoor { address: store.address.into(), token: Secret::presented(&token) };
    (store, CommerceClient::new(&door))
}

fn create(till: &CommerceClient, name: &str) -> CustomerKey {
    let customer = json!({"CustomerTypeValue": 1, "Name": name}).to_string();
    let key = IdempotencyKey(name.to_owned());
    match till.create_customer(customer.as_bytes(), &key).expect("an answer") {
        CreateAnswer::Created(key) => key,
        CreateAnswer::Refused(reasons) => panic!("{reasons:?}"),
    }
}

/// The account of every customer that each place knows.
fn accounts(site: &Site) -> BTreeMap<String, Vec<String>> {
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in run(site, "inspect --data-dir .").lines() {
        let known: Value = serde_json::from_str(line).expect("a line of JSON");
        let account = known["account"].as_str().unwrap_or("none").to_owned();
        accounts
            .entry(known["place"].as_str().expect("a place").to_owned())
            .or_default()
            .push(account);
    }
    accounts.values_mut().for_each(|accounts| accounts.sort());
    accounts
}

fn wait_for(site: &Site, expected: &[&str]) {
    let everywhere: BTreeMap<_, _> = ["hq", "S1", "S2"]
        .map(|place| (place.to_owned(), expected.iter().map(ToString::to_string).collect()))
        .into();
    let reached = wait_until(LIMIT, || (accounts(site) == everywhere).then_some(()));
    assert!(reached.is_some(), "{:?}", accounts(site));
}

#[test]
fn two_nodes_serve_one_chain_and_one_goes_on_without_the_other() {
    serve_with_two_nodes(&Site::new());
}

/// Nobody hears anybody there: whoever waits for something has to look.
#[test]
fn two_nodes_serve_one_chain_behind_a_pooler_of_transactions() {
    let mut site = Site::new();
    let pooler = PgBouncer::start(cluster(), 20);
    site.url = pooler.url_of(&site.url);
    serve_with_two_nodes(&site);
}

fn serve_with_two_nodes(site: &Site) {
    let serve = "hq serve --data-dir hq";
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| Running::start(site, serve));
        (Running::start(site, serve), other.join().expect("the other node starts"))
    });
    let token =
        std::fs::read_to_string(site.folder.path().join("hq/operator.token")).expect("a token");
    for node in [&first, &second] {
        let token = Secret::presented(token.trim());
        HeadquartersClient::new(node.address.into(), token).status().expect("a token for both");
    }
    let (_one, till_of_one) = store(site, "S1", &first);
    let (_two, till_of_two) = store(site, "S2", &second);
    create(&till_of_one, "Anna");
    create(&till_of_two, "Bert");
    wait_for(site, &["C-00000001", "C-00000002"]);
    // The poll of S2 waits at a node where nothing happens.
    create(&till_of_one, "Dora");
    let told = wait_until(POLL_LIMIT, || (accounts(site)["S2"].len() == 3).then_some(()));
    assert!(told.is_some(), "{:?}", accounts(site));
    wait_for(site, &["C-00000001", "C-00000002", "C-00000003"]);
    drop(first);
    create(&till_of_two, "Cleo");
    let promoted =
        wait_until(LIMIT, || accounts(site)["S2"].contains(&"C-00000004".to_owned()).then_some(()));
    assert!(promoted.is_some(), "{:?}", accounts(site));
    let doctor = site.tillsync("doctor --data-dir . --json").output().expect("it runs");
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

#[test]
fn a_node_with_a_data_directory_of_its_own_leaves_the_tokens_of_others_alone() {
    let site = Site::new();
    let folders = ["one", "two"];
    let serve = |folder: &str| Running::start(&site, &format!("hq serve --data-dir {folder}"));
    let nodes = folders.map(serve);
    for folder in folders {
        let file = site.folder.path().join(folder).join("operator.token");
        let token = std::fs::read_to_string(file).unwrap();
        for node in &nodes {
            let token = Secret::presented(token.trim());
            let client = HeadquartersClient::new(node.address.into(), token);
            client.status().expect("good at every node");
        }
    }
}
