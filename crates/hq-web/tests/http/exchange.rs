//! Enrolment, uploads and downloads.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tillsync_exchange::package::{Manifest, PackageReader, Span, Verifier};
use tillsync_testkit::builders::database;

use crate::site::{Site, package, wait_for};

/// Polls until a package is offered.
fn offer(site: &Site, secret: &str, id: &str) -> Value {
    wait_for("a package is offered", || {
        let answer = site.poll(secret, id, 5_000).expect(200);
        answer["offers"].as_array().expect("offers").first().cloned()
    })
}

fn package_path(offer: &Value, id: &str) -> String {
    let package = offer["manifest"]["id"].as_str().expect("an id");
    format!("/exchange/v1/packages/{package}?database={id}")
}

#[test]
fn an_upload_is_promoted_and_comes_back_as_a_package() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let hello = json!({
        "protocol": {"min": 1, "max": 9},
        "epoch": "00000004-0000-0000-0000-000000000001",
    });
    let welcome = site.call(("POST", "/exchange/v1/hello"), Some(&secret), Some(hello)).expect(200);
    assert_eq!(welcome["protocol"], 1);
    assert_eq!(welcome["watermark"]["counter"], 0);

    let receipt = site.upload(Some(&secret), &package("S1", 1, 3)).expect(200);
    assert_eq!(receipt["inserted"], 3);
    assert_eq!(receipt["watermark"]["counter"], 3);

    let mut customers = 0;
    while customers < 3 {
        let offer = offer(&site, &secret, "S1");
        let manifest: Manifest =
            serde_json::from_value(offer["manifest"].clone()).expect("a manifest");
        let path = package_path(&offer, "S1");
        let answer = site.call(("GET", path.as_str()), Some(&secret), None);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-length"], manifest.bytes.to_string().as_str());
        Verifier::check(&answer.bytes, &manifest).expect("the bytes that were announced");
        let mut reader = PackageReader::new(answer.bytes.as_slice(), &manifest).expect("readable");
        while let Some(line) = reader.next_line().expect("readable") {
            customers += u32::from(line.row.get().contains("C-0000000"));
        }
        assert_eq!(site.apply(&secret, "S1", &offer).expect(200)["status"], "Applied");
        let late = site.apply(&secret, "S1", &offer).expect(200);
        assert_eq!(late["status"], "Applied", "a repeated report changes nothing");
    }
    assert_eq!(customers, 3);
    let idle = site.poll(&secret, "S1", 0).expect(200);
    assert_eq!(idle["offers"], json!([]));
    let trace = site.get("/api/v1/customers/C-00000001/trace");
    assert_eq!(trace["stage"], "distributed");
    assert_eq!(trace["databases"][0]["database"], "S1");
}

#[test]
fn an_upload_without_a_credential_is_refused_and_nothing_is_stored() {
    let site = Site::open();
    site.enrol_store("S1");
    let package = package("S1", 1, 2);
    let answer = site.upload(None, &package);
    answer.refusal(401, "forbidden");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    site.upload(Some("0123456789abcdef"), &package).refusal(401, "forbidden");
    assert_eq!(site.stored_operations(), 0);
}

#[test]
fn a_damaged_or_foreign_or_future_package_is_refused_and_nothing_is_stored() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    site.enrol_store("S2");
    let (manifest, bytes) = package("S1", 1, 20);

    let truncated = (manifest.clone(), bytes[..bytes.len() - 5].to_vec());
    let message = site.upload(Some(&secret), &truncated).refusal(400, "invalid");
    assert!(message.contains("bytes where its manifest says"), "{message}");

    let mut corrupted = (manifest.clone(), bytes.clone());
    corrupted.1[40] ^= 1;
    let message = site.upload(Some(&secret), &corrupted).refusal(400, "invalid");
    assert!(message.contains("damaged on the way"), "{message}");

    let longer = (manifest.clone(), [bytes.as_slice(), &[0; 100_000]].concat());
    site.upload(Some(&secret), &longer).refusal(400, "invalid");

    site.upload(Some(&secret), &package("S2", 1, 2)).refusal(403, "forbidden");

    let future = Manifest { format: 2, ..manifest.clone() };
    let message = site.upload(Some(&secret), &(future, bytes.clone())).refusal(409, "conflict");
    assert!(message.contains("upgrade this end"), "{message}");

    let huge = Manifest { bytes: u64::MAX, ..manifest.clone() };
    site.upload(Some(&secret), &(huge, bytes.clone())).refusal(400, "invalid");

    let backwards = Manifest {
        span: Span::Upload {
            source: database("S1"),
            epoch: tillsync_testkit::builders::epoch_id(1),
            first: 20,
            last: 1,
        },
        ..manifest.clone()
    };
    site.upload(Some(&secret), &(backwards, bytes.clone())).refusal(400, "invalid");

    assert_eq!(site.stored_operations(), 0);
    assert_eq!(site.get("/api/v1/status")["watermarks"], json!([]));
    let uploads = site.get("/api/v1/sessions?direction=upload&database=S1");
    assert_eq!(uploads["items"][0]["status"], "Apply failed");

    site.upload(Some(&secret), &(manifest, bytes)).expect(200);
    assert_eq!(site.stored_operations(), 20);
    let uploads = site.get("/api/v1/sessions?direction=upload&database=S1");
    assert_eq!(uploads["items"][0]["status"], "Applied");
    assert_eq!(uploads["items"][0]["direction"], "upload");
    assert_eq!(site.get("/api/v1/sessions?direction=upload&database=S2")["items"], json!([]));
}

#[test]
fn a_manifest_that_is_missing_or_too_long_is_refused() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let answer = site.call(("POST", "/exchange/v1/uploads"), Some(&secret), None);
    assert!(answer.refusal(400, "invalid").contains("tillsync-manifest"));
    let (mut manifest, bytes) = package("S1", 1, 1);
    manifest.sha256 = "0".repeat(17_000);
    site.upload(Some(&secret), &(manifest, bytes)).refusal(400, "invalid");
}

#[test]
fn the_same_package_twice_changes_nothing_and_a_gap_says_where_to_go_on() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    site.upload(Some(&secret), &package("S1", 1, 2)).expect(200);
    let again = site.upload(Some(&secret), &package("S1", 1, 2)).expect(200);
    assert_eq!((&again["inserted"], &again["repeated"]), (&json!(0), &json!(2)));
    let gap = site.upload(Some(&secret), &package("S1", 5, 6));
    gap.refusal(409, "conflict");
    assert_eq!(gap.json()["watermark"]["counter"], 2);
    assert_eq!(site.stored_operations(), 2);
}

#[test]
fn a_package_whose_file_is_gone_is_reported_as_such_and_another_takes_its_place() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let lost = offer(&site, &secret, "S1");
    std::fs::remove_dir_all(site.packages()).expect("removed");
    let path = package_path(&lost, "S1");
    let fetch = || site.call(("GET", path.as_str()), Some(&secret), None);
    let answer = fetch();
    let message = answer.refusal(503, "busy");
    assert!(message.contains("there is no such object"), "{message}");
    assert_eq!(answer.headers["retry-after"], "1");
    // A young file may be one that another machine has just written.
    site.pass(SignedDuration::from_mins(2));
    for _ in 0..2 {
        let message = fetch().refusal(404, "not_found");
        assert!(message.contains("is lost") && message.contains("snapshot"), "{message}");
    }
    let sessions = site.get("/api/v1/sessions?database=S1");
    assert_eq!(sessions["items"][0]["status"], "Create failed");
    let found = offer(&site, &secret, "S1");
    assert_ne!(found["manifest"]["id"], lost["manifest"]["id"]);
    let path = package_path(&found, "S1");
    assert_eq!(site.call(("GET", path.as_str()), Some(&secret), None).status, 200);
    site.apply(&secret, "S1", &found).expect(200);
}

#[test]
fn packages_and_sessions_of_a_stranger_are_refused() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let stranger = site.enrol_store("S2");
    let offer = offer(&site, &secret, "S1");
    let path = package_path(&offer, "S1");
    site.call(("GET", path.as_str()), Some(&stranger), None).refusal(403, "forbidden");
    let session = offer["session"].as_str().expect("an id");
    let path = format!("/exchange/v1/downloads/{session}");
    for (id, status) in [("S1", 403), ("S2", 404)] {
        let body = json!({"database": id, "result": "applied"});
        let answer = site.call(("POST", path.as_str()), Some(&stranger), Some(body));
        assert_eq!(answer.status, status, "as {id}");
    }
}

#[test]
fn a_register_enrols_only_through_its_channel() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let stranger = site.enrol_store("S2");
    let new = json!({"id": "S1.R1", "kind": "register", "channel": "S1"});
    site.operate("POST", "/api/v1/databases", Some(new)).expect(201);
    site.enrol("S1.R1", None).1.refusal(403, "forbidden");
    site.enrol("S1.R1", Some(&stranger)).1.refusal(403, "forbidden");
    site.enrol("S1.R1", Some("nobody")).1.refusal(401, "forbidden");
    let enrolled = site.enrol("S1.R1", Some(&secret)).1.expect(200);
    assert_eq!(enrolled["parent"], "S1");
    assert_eq!(enrolled["group"], "retail");
}

#[test]
fn a_device_from_the_future_is_told_which_end_to_upgrade() {
    let site = Site::open();
    let secret = site.enrol_store("S1");
    let hello = json!({
        "protocol": {"min": 7, "max": 9},
        "epoch": "00000004-0000-0000-0000-000000000001",
    });
    let answer = site.call(("POST", "/exchange/v1/hello"), Some(&secret), Some(hello));
    assert!(answer.refusal(409, "conflict").contains("upgrade the older end"));
}
