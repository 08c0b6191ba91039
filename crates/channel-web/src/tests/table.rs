//! The authorization table, walked: each route refuses whoever may not call it.

use serde_json::Value;

use super::fake_hq::FakeHq;
use super::node::Node;
use super::sign_in::{People, Who};
use crate::routes::{AUTHORIZATION, Access, Verb};

/// How a caller fares with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fare {
    /// Nobody whom the node knows.
    Unknown,
    /// Somebody who may not.
    Refused,
    /// Whatever comes of it.
    Admitted,
}

#[test]
fn every_route_admits_whom_its_row_names_and_nobody_else() {
    let hq = FakeHq::start();
    for is_required in [false, true] {
        let people = People::at_a_node_of(&hq, is_required);
        for route in AUTHORIZATION {
            let path = route
                .path
                .replace("{key}", "C-1")
                .replace("{id}", "01980a5e-7c1f-7000-8000-000000000001")
                .replace("{session}", "01980a5e-7c1f-7000-8000-000000000001");
            for (who, headers) in people.all(route.access) {
                let what = format!("{} {path}, {who}, sign-in {is_required}", route.verb.as_str());
                let verb = route.verb.as_str();
                let (status, answer) = people.node.call_with(verb, &path, &Value::Null, &headers);
                let fare = match status {
                    401 => Fare::Unknown,
                    403 => Fare::Refused,
                    _ => Fare::Admitted,
                };
                assert_eq!(fare, expected(route.access, who, is_required), "{what}: {answer}");
            }
        }
    }
}

/// The rules, told once more.
fn expected(access: Access, who: Who, is_required: bool) -> Fare {
    match (access, who) {
        (Access::Public, _) => Fare::Admitted,
        (_, Who::Stranger(_)) | (Access::Register, _) => Fare::Unknown,
        (Access::Reader, _) => Fare::Admitted,
        (Access::Client, Who::Program) if is_required => Fare::Refused,
        (Access::Switch, Who::Cashier) => Fare::Refused,
        // The offline profile allows it unless it says otherwise.
        (Access::Client | Access::Switch, _) => Fare::Admitted,
        (Access::Program, Who::Program) => Fare::Admitted,
        (Access::Program, _) => Fare::Refused,
        (Access::Staff, Who::Program) => Fare::Unknown,
        (Access::Staff, _) => Fare::Admitted,
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
    let is_for_programs =
        |access: Access| matches!(access, Access::Reader | Access::Client | Access::Switch);
    for route in AUTHORIZATION.iter().filter(|route| is_for_programs(route.access)) {
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
