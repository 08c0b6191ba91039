//! The demo, for real: processes, sockets, cut links, and the files they leave.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use rust_decimal::Decimal;
use serde_json::Value;
use tillsync_testkit::cluster::cluster;

fn tillsync(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillsync"));
    command.args(arguments).env_remove("TILLSYNC_DATA_DIR").env_remove("TILLSYNC_DATABASE");
    command.output().expect("the program starts")
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// Thirty people, of whom one has no name and one a postcode that fits no field.
fn write_customers(file: &Path) {
    let header = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, \
                  postcode, state, date_of_birth, soc_sec_id\n";
    let mut text = header.to_owned();
    for number in 1..=30 {
        let (given, surname) = match number {
            7 => (String::new(), String::new()),
            _ => (format!("given{number}"), format!("family{number}")),
        };
        let postcode = if number == 11 { "40110000000" } else { "4011" };
        text += &format!(
            "rec-{number}, {given}, {surname}, {number}, high street, , albury, {postcode}, nsw, \
             19800101, {number:07}\n"
        );
    }
    std::fs::write(file, text).expect("a temporary folder takes a file");
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("a temporary folder has a plain name")
}

#[test]
fn customers_created_behind_cut_links_get_one_account_each_and_every_store_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let report = run_demo(folder.path(), &["--data-dir", path(&data)]);
    check_what_is_left(&data, &report);
}

#[test]
fn the_demo_comes_to_the_same_on_a_postgresql_of_its_own_which_is_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    // The server's user must come through to its own folder.
    for open in [folder.path(), &temporary] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    run_demo_in(&temporary, folder.path(), &["--postgres"]);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn the_demo_takes_an_empty_postgresql_database_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = cluster().new_database();
    run_demo(folder.path(), &["--database", &url]);
    let again = tillsync(&["demo", "--database", &url, "--json"]);
    let stderr = String::from_utf8_lossy(&again.stderr);
    assert!(stderr.contains("already holds a headquarters"), "{stderr}");
    assert_eq!(again.status.code(), Some(1));
    let found = cluster().sql(&url, "SELECT count(*) FROM customer WHERE account IS NOT NULL");
    assert_eq!(found.as_deref(), Ok("30"), "28 people and two default customers");
}

fn run_demo(folder: &Path, options: &[&str]) -> Value {
    run_demo_in(&std::env::temp_dir(), folder, options)
}

/// Runs the demo with 30 people at two stores, and checks its report.
fn run_demo_in(temporary: &Path, folder: &Path, options: &[&str]) -> Value {
    let file = folder.join("people.csv");
    write_customers(&file);
    let output = Command::new(env!("CARGO_BIN_EXE_tillsync"))
        .args(["demo", "--customers", path(&file), "--stores", "2", "--registers", "1", "--json"])
        .args(options)
        .env_remove("TILLSYNC_DATA_DIR")
        .env("TMPDIR", temporary)
        .output()
        .expect("the program starts");
    let report = json(&output);
    assert!(output.status.success(), "{report:#}");
    for (key, expected) in [
        ("customers_in", 30),
        ("refused", 2),
        ("created_async", 27),
        ("created_sync", 1),
        ("promoted", 28),
        ("failed", 0),
        ("accounts_distinct", 28),
        ("pending_after", 0),
        ("aliases", 28),
        ("temporary_ids_in_postings", 0),
    ] {
        assert_eq!(report[key], expected, "{key}: {report:#}");
    }
    check_what_was_sold(&report);
    check_ways(&report);
    let refused: Vec<_> = report["refusals"].as_array().expect("a list").iter().collect();
    assert_eq!((&refused[0]["row"], &refused[0]["field"]), (&7.into(), &"Name".into()));
    assert_eq!(refused[1]["row"], 11);
    assert_eq!(refused[1]["field"], "Addresses[0].ZipCode");
    let stores = report["stores"].as_array().expect("a list");
    let ids: Vec<_> = stores.iter().map(|store| store["id"].as_str().expect("a name")).collect();
    assert_eq!(ids, ["S1", "S2"]);
    for store in stores {
        assert_eq!((&store["customers"], &store["pending"]), (&28.into(), &0.into()));
        assert_eq!(store["registers"][0]["accounts"], 28, "{store:#}");
    }
    assert!(stores[1]["pending_before"].as_u64() >= Some(1), "the link of S2 was not cut");
    report
}

/// One customer each: through headquarters, with an answer that got lost, at a register that was
/// cut off, and none where customer data was kept from it.
fn check_ways(report: &Value) {
    let ways = report["ways"].as_array().expect("a list");
    let answers: Vec<_> = ways.iter().map(|way| (&way["at"], &way["answered"])).collect();
    let pending = Value::from("Pending sync");
    let account = answers[0].1.as_str().expect("a text");
    assert!(account.starts_with("C-"), "{report:#}");
    let refused = Value::from("refused: offline_create_filtered");
    let (store, register) = (Value::from("S1"), Value::from("S1.R1"));
    let rest = [(&store, &pending), (&register, &pending), (&register, &refused)];
    assert_eq!(answers[1..], rest, "{report:#}");
}

/// 28 customers at four tills, seven each, so that every wish occurs.
fn check_what_was_sold(report: &Value) {
    let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key}: {report:#}"));
    let amount = |key: &str| -> Decimal {
        let text = report[key].as_str().unwrap_or_else(|| panic!("{key}: {report:#}"));
        text.parse().unwrap_or_else(|_| panic!("{key} is no decimal: {text}"))
    };
    assert_eq!(count("orders_created"), count("orders_taken"), "{report:#}");
    assert_eq!(count("sales_posted"), count("sales_made"), "{report:#}");
    // An unnamed sale and three of a customer that came back at each till, besides the others.
    assert!(count("sales_made") > 4 * 4, "{report:#}");
    assert!(count("orders_taken") >= 4, "{report:#}");
    assert!(count("sales_voided") >= 1, "{report:#}");
    // Two stores, each with a transactional and a financial statement.
    assert_eq!(count("statements_posted"), 4, "{report:#}");
    assert_eq!(report["amount_sold"], report["amount_posted"]);
    assert!(amount("amount_sold") > Decimal::ZERO && amount("deposits") > Decimal::ZERO);
    assert_eq!(report["over_short"], "-1.00", "one drawer is 1.00 over, another 2.00 short");
    assert_eq!(report["ledger_balanced"], true);
    assert_eq!(report["ledger"]["over-short"], "1.00");
    assert_eq!(
        amount("on_account") - amount("deposits"),
        report["ledger"]["customers"].as_str().expect("an amount").parse().expect("a decimal"),
    );
}

/// The commands for operators, on the databases that a demo left behind.
fn check_what_is_left(data: &Path, report: &Value) {
    let account = report["trace"]["account"].as_str().expect("a customer was traced");
    let guid = report["trace"]["created_as"].as_str().expect("a customer was traced");
    let by_account = tillsync(&["customer", "trace", account, "--data-dir", path(data), "--json"]);
    let by_guid = tillsync(&["customer", "trace", guid, "--data-dir", path(data), "--json"]);
    assert_eq!(json(&by_account), json(&by_guid));
    assert_eq!(json(&by_guid)["stage"], "distributed to every store that gets it");
    let doctor = tillsync(&["doctor", "--data-dir", path(data), "--json"]);
    assert!(doctor.status.success(), "{:#}", json(&doctor));
    assert_eq!(json(&doctor)["databases"].as_array().expect("a list").len(), 4);
    let history = json(&tillsync(&["job", "history", "1010", "--data-dir", path(data), "--json"]));
    assert!(
        history.as_array().expect("a list").iter().any(|run| run["trigger"] == "manual"),
        "{history:#}"
    );
    let found =
        json(&tillsync(&["customer", "find", "family3", "--data-dir", path(data), "--json"]));
    // family3 and family30.
    assert_eq!(found.as_array().expect("a list").len(), 2, "{found:#}");
    let again = tillsync(&["demo", "--data-dir", path(data), "--json"]);
    assert_eq!(again.status.code(), Some(1), "a second demo must not touch the first one's data");
}

#[test]
fn a_column_that_nobody_mapped_ends_the_demo_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "given_name,shoe_size\nanna,39\n").unwrap();
    let output = tillsync(&["demo", "--customers", path(&file), "--json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the CSV does not have") || stderr.contains("shoe_size"), "{stderr}");
    assert!(output.stdout.is_empty());
}
