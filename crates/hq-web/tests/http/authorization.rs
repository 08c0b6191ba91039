//! The authorization table, walked.

use serde_json::json;
use tillsync_hq_web::routes::{AUTHORIZATION, Access, Route};

use crate::site::{Answer, Site};

/// A path with its variable segment filled in.
fn path_of(route: &Route) -> String {
    let mut path = String::new();
    for segment in route.path.split('/').skip(1) {
        let filled = match segment {
            "{key}" => "C-99999999",
            "{job}" => "1010",
            "{name}" => "party",
            "{number}" => "S1-000001-260301100000",
            "{id}" | "{session}" if route.path.contains("databases") => "S1",
            "{id}" if route.path.contains("groups") => "retail",
            "{id}" | "{session}" => "00000000-0000-0000-0000-000000000001",
            literal => literal,
        };
        path.push('/');
        path.push_str(filled);
    }
    path
}

fn call(site: &Site, route: &Route, secret: Option<&str>) -> Answer {
    let path = path_of(route);
    let body = (route.verb.as_str() != "GET").then(|| json!({}));
    site.call((route.verb.as_str(), path.as_str()), secret, body)
}

#[test]
fn every_route_refuses_whoever_it_is_not_for() {
    let site = Site::open();
    let device = site.enrol_store("S1");
    let revoked = site.enrol_store("S2");
    site.operate("POST", "/api/v1/databases/S2/revoke", None).expect(204);
    let operator = site.operator.clone();
    for route in AUTHORIZATION {
        let wrong = match route.access {
            Access::Public => continue,
            Access::Device => [&operator, &revoked],
            Access::Operator => [&device, &revoked],
        };
        let name = format!("{} {}", route.verb.as_str(), route.path);
        let answer = call(&site, route, None);
        assert_eq!(answer.status, 401, "{name} without a credential");
        answer.refusal(401, "forbidden");
        for secret in wrong {
            assert_eq!(call(&site, route, Some(secret)).status, 401, "{name}, wrong kind");
        }
        for malformed in ["", " ", &"x".repeat(5_000)] {
            assert_eq!(call(&site, route, Some(malformed)).status, 401, "{name}, malformed");
        }
    }
}

#[test]
fn every_route_lets_through_whom_it_is_for() {
    let site = Site::open();
    let device = site.enrol_store("S1");
    let operator = site.operator.clone();
    // Revoking ends the device's part, so it comes last.
    let (revoke, others): (Vec<_>, Vec<_>) =
        AUTHORIZATION.iter().partition(|route| route.path.ends_with("/revoke"));
    for route in others.into_iter().chain(revoke) {
        let secret = match route.access {
            Access::Public => None,
            Access::Device => Some(device.as_str()),
            Access::Operator => Some(operator.as_str()),
        };
        let answer = call(&site, route, secret);
        let name = format!("{} {}", route.verb.as_str(), route.path);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(![401, 403, 405, 500].contains(&answer.status), "{name}: {text}");
        assert!(!text.contains("openapi.json lists"), "{name} reaches no handler");
        assert!(answer.headers.contains_key("tillsync-request"), "{name} is not guarded");
    }
}

#[test]
fn what_stands_in_no_row_does_not_exist() {
    let site = Site::open();
    let operator = site.operator.clone();
    for path in ["/", "/api", "/api/v1", "/api/v1/operator-tokens", "/exchange/v1", "/metrics/x"] {
        site.call(("GET", path), Some(&operator), None).refusal(404, "not_found");
    }
    let answer = site.operate("POST", "/api/v1/status", Some(json!({})));
    answer.refusal(405, "not_found");
    assert_eq!(answer.headers["allow"], "GET,HEAD");
}

#[test]
fn a_list_is_not_taken_for_an_object_whose_fields_come_in_their_order() {
    let site = Site::open();
    for (verb, path, body) in [
        ("PATCH", "/api/v1/profiles/default", json!([true, null, null])),
        ("PUT", "/api/v1/groups/north", json!([["default"], "live"])),
        ("PUT", "/api/v1/items", json!([[]])),
    ] {
        let message = site.operate(verb, path, Some(body)).refusal(400, "invalid");
        assert_eq!(message, "the body must be a JSON object", "{verb} {path}");
    }
    let profiles = site.operate("GET", "/api/v1/profiles", None).expect(200);
    assert_eq!(profiles["items"], json!([]), "nothing was set");
}
