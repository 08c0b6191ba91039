//! The authorization table, walked: each route refuses whoever may not call it.

use serde_json::Value;

use super::fake_hq::FakeHq;
use super::node::Node;
use crate::routes::{AUTHORIZATION, Access, Route, Verb};

#[test]
fn every_route_refuses_whoever_may_not_call_it() {
    let hq = FakeHq::start();
    // A node bears so many guesses only from one address.
    for routes in AUTHORIZATION.chunks(15) {
        let node = Node::start("S1", &hq.url());
        for route in routes {
            refuses_whoever_may_not_call_it(&node, route);
        }
    }
}

fn refuses_whoever_may_not_call_it(node: &Node, route: &Route) {
    let bearer = |token: &str| vec![("Authorization", format!("Bearer {token}"))];
    let nobody =
        [vec![], bearer(""), bearer("guess"), vec![("Authorization", "Basic eA==".into())]];
    let path = route
        .path
        .replace("{key}", "C-1")
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
            (Verb::Get, "/Commerce/openapi.json"),
            (Verb::Post, "/exchange/v1/enrol"),
        ]
    );
}

#[test]
fn every_path_says_what_can_be_done_with_it() {
    let hq = FakeHq::start();
    let node = Node::start("S1", &hq.url());
    for route in AUTHORIZATION.iter().filter(|route| route.access == Access::Client) {
        let path = route.path.replace("{key}", "C-1");
        let verbs: Vec<_> = AUTHORIZATION
            .iter()
            .filter(|other| other.path == route.path)
            .map(|row| row.verb)
            .collect();
        for verb in [Verb::Get, Verb::Post, Verb::Patch].into_iter().filter(|v| !verbs.contains(v))
        {
            let (status, error, allowed) = node.call_for_header(verb.as_str(), &path, "allow");
            assert_eq!(status, 405, "{} {path}: {error}", verb.as_str());
            let allowed = allowed.unwrap_or_default();
            for verb in &verbs {
                assert!(allowed.contains(verb.as_str()), "{path} allows {allowed}");
            }
        }
    }
}
