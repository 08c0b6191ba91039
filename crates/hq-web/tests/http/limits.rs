//! What becomes of an address whose callers fail too often, and of the others there.

use serde_json::json;

use crate::site::{Site, package};

#[test]
fn wrong_credentials_are_told_to_wait_while_a_store_at_the_same_address_goes_on() {
    let site = Site::open_strictly(3);
    let store = site.enrol_store("S1");
    for _ in 0..3 {
        site.call(("GET", "/api/v1/status"), Some("wrong"), None).refusal(401, "forbidden");
    }
    for path in ["/api/v1/status", "/exchange/v1/packages/00000000-0000-0000-0000-000000000001"] {
        let answer = site.call(("GET", path), Some("wrong"), None);
        let message = answer.refusal(429, "busy");
        assert!(message.contains("try again in 60 s"), "{message}");
        assert_eq!(answer.headers["retry-after"], "60");
    }
    site.upload(Some(&store), &package("S1", 1, 3)).expect(200);
    site.operate("GET", "/api/v1/status", None).expect(200);
}

#[test]
fn activation_codes_cannot_be_tried_out() {
    let site = Site::open_strictly(3);
    for store in ["S1", "S2", "S3", "S4", "S5"] {
        site.enrol_store(store);
    }
    let guess = || {
        let request = json!({
            "code": "AAAAA-AAAAA",
            "credential_hash": "00".repeat(32),
            "protocol": {"min": 1, "max": 1},
        });
        site.call(("POST", "/exchange/v1/enrol"), None, Some(request))
    };
    for _ in 0..3 {
        guess().refusal(403, "forbidden");
    }
    assert_eq!(guess().headers["retry-after"], "60");
    guess().refusal(429, "busy");
}
