//! Failed operations on customers as operators find, understand, repair and complete them.

use expect_test::expect;
use serde_json::Value;
use tempfile::TempDir;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_hq::storage::Storage;
use tillsync_hq_sqlite::SqliteStorage;
use tillsync_testkit::builders::{Rank, addition, creation, operation_id, upload_at};

use crate::site::{check, headquarters, tillsync};

/// A headquarters at which the creation of customer 1 failed and its address waits.
fn headquarters_with_a_failure() -> TempDir {
    let folder = headquarters();
    let content = serde_json::json!({
        "customer_type": 1, "first_name": "Ann", "last_name": "Berry-Longstocking-Windowshade",
    });
    let content = serde_json::value::to_raw_value(&content).expect("JSON");
    let rows = [OperationRow { content, ..creation(1) }, addition(2, 1, Rank::Primary)];
    let storage = SqliteStorage::open(&folder.path().join("hq.db")).expect("a database");
    let storage: &dyn Storage = &storage;
    storage.write(|tx| tx.operations_insert_once(&upload_at(10), &rows)).expect("taken in");
    run(&folder, &["job", "run", "synchronize-customers"]);
    folder
}

/// The exit code and what was said.
fn run(folder: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = tillsync(folder.path(), arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn json(folder: &TempDir, arguments: &[&str]) -> Value {
    let (code, said) = run(folder, &[arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).expect("JSON")
}

#[test]
fn a_failed_operation_is_found_repaired_and_completed() {
    let folder = headquarters_with_a_failure();
    let id = operation_id(1).to_string();
    let failed = json(&folder, &["customer", "status", "--failed"]);
    assert_eq!(failed["operations"].as_array().expect("a list").len(), 1);
    assert_eq!(failed["operations"][0]["operation"], id.as_str());
    assert_eq!(
        (&failed["operations"][0]["channel_name"], &failed["next"]),
        (&"S1".into(), &Value::Null)
    );
    let (_, said) = run(&folder, &["customer", "status", "--failed"]);
    assert!(said.contains(&id) && said.contains("failed: LastName: 30 characters"), "{said}");

    let (code, said) = run(&folder, &["customer", "show", &id]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["Old value", "New value", "last_name", "Berry-Longstocking-Windowshade", "Tries"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said) = run(&folder, &["customer", "repair", &id, "--set", "email=none"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("LastName: 30 characters") && said.contains("Email"), "{said}");
    assert_eq!(said.matches("LastName").count(), 1, "the reason stands there once: {said}");
    let (code, said) = run(&folder, &["customer", "synchronize", &id]);
    assert_eq!(code, Some(1), "it still fails: {said}");

    let settings = ["--set", "LastName=Berry", "--set", "email=ann@berry.fi", "--operator", "otto"];
    let (code, said) = run(&folder, &[&["customer", "repair", &id][..], &settings].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("last_name: \"Berry-Longstocking-Windowshade\" -> \"Berry\""), "{said}");
    let (code, said) = run(&folder, &["customer", "synchronize", &id]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Succeeded") && said.contains("C-00000001"), "{said}");
    let customer = json(&folder, &["customer", "show", "C-00000001"]);
    assert_eq!(customer["fields"]["last_name"], "Berry");
    assert_eq!(customer["addresses"].as_array().expect("a list").len(), 1);
    let (code, said) = run(&folder, &["customer", "repair", &id, "--set", "email="]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is completed and cannot be repaired"), "{said}");

    let audit = json(&folder, &["customer", "audit", "C-00000001"]);
    let entries = audit["entries"].as_array().expect("a list");
    let repaired: Vec<_> = entries.iter().filter(|it| it["what"] == "repaired").collect();
    assert_eq!(repaired.len(), 2);
    assert_eq!((&repaired[0]["who"], &repaired[0]["new"]), (&"otto".into(), &"Berry".into()));
    let (_, said) = run(&folder, &["customer", "audit", "C-00000001"]);
    for part in ["recorded", "received", "failed", "repaired", "synchronized", "applied", "otto"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_is_unknown_or_wrong_is_said() {
    let folder = headquarters_with_a_failure();
    check(
        &folder,
        "customer repair 00000000-0000-0000-0000-0000000000ff --set email=a@b.fi",
        expect![[r#"
            error: headquarters knows no operation 00000000-0000-0000-0000-0000000000ff; ⏎
            `tillsync customer status` lists those that arrived
            hint: check the name and --data-dir; `customer find` and the `list` commands ⏎
            show what there is
            exit 1
        "#]],
    );
    let (code, said) = run(&folder, &["customer", "status", "--status", "lost"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("it is one of Pending, Succeeded, Failed"), "{said}");
    let (code, said) = run(&folder, &["customer", "repair", &operation_id(1).to_string()]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn a_list_of_operations_is_filtered_and_says_that_there_is_more() {
    let folder = headquarters_with_a_failure();
    let list = |filter: &[&str]| {
        let all = [&["customer", "status", "--status", "all"], filter].concat();
        let list = json(&folder, &all);
        let operations = list["operations"].as_array().expect("a list");
        operations
            .iter()
            .map(|it| it["kind"].as_str().expect("a kind").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), ["create_customer", "add_address"]);
    assert_eq!(list(&["--name", "longstock", "--kind", "add_address"]), ["add_address"]);
    assert_eq!(list(&["--channel", "S2"]), [""; 0]);
    assert_eq!(list(&["--limit", "1"]), ["create_customer"]);
    let (_, said) = run(&folder, &["customer", "status", "--status", "all", "--limit", "1"]);
    assert!(said.contains("there are more; add --after 1"), "{said}");
    assert_eq!(list(&["--after", "1"]), ["add_address"]);
}
