//! The authorization table, walked: each route refuses whoever may not call it.

use serde_json::Value;

use super::fake_hq::FakeHq;
use super::node::Node;
use crate::routes::{AUTHORIZATION, Access, Verb};

#[test]
fn every_route_refuses_whoever_may_not_call_it() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    let bearer = |token: &str| vec![("Authorization", format!("Bearer {token}"))];
    let nobody =
        [vec![], bearer(""), bearer("guess"), vec![("Authorization", "Basic eA==".into())]];
    for route in AUTHORIZATION {
        let path = route
            .path
            .replace("{entity}", "Customers('C-1')")
            .replace("{action}", "UpdateEntity")
            .replace("{id}", "01980a5e-7c1f-7000-8000-000000000001")
            .replace("{session}", "01980a5e-7c1f-7000-8000-000000000001");
        let status = |headers: &[(&str, String)]| {
            node.call_with(route.verb.as_str(), &path, &Value::Null, headers).0
        };
        let what = format!("{} {path}", route.verb.as_str());
        match route.access {
            Access::Public => assert_ne!(status(&[]), 401, "{what}"),
            Access::Client => {
                assert!(nobody.iter().all(|headers| status(headers) == 401), "{what}");
                assert_ne!(status(&bearer(&node.token)), 401, "{what}");
            }
            Access::Register => {
                assert!(nobody.iter().all(|headers| status(headers) == 401), "{what}");
                assert_eq!(status(&bearer(&node.token)), 401, "{what}: a program is no register");
            }
        }
    }
}

#[test]
fn only_what_anybody_may_know_is_public() {
    let public: Vec<_> = AUTHORIZATION
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| (route.verb, route.path))
        .collect();
    assert_eq!(
        public,
        [
            (Verb::Get, "/healthz"),
            (Verb::Get, "/readyz"),
            (Verb::Get, "/metrics"),
            (Verb::Get, "/status"),
            (Verb::Post, "/exchange/v1/enrol"),
        ]
    );
}
