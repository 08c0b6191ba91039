//! What is tried on which server, and the few things that are not, each with its reason.

use std::fmt::Write as _;
use std::net::SocketAddr;

use tillsync_fleet::Edge;

/// One server that is tried.
pub(super) struct Server {
    /// What it is called.
    pub(super) name: &'static str,
    /// Its base URL.
    pub(super) url: String,
    /// Where its description is.
    pub(super) description: &'static str,
    /// The token of a program or an operator.
    pub(super) token: String,
    /// The store it serves, where its callers may name one.
    store: Option<String>,
    relaxed: &'static [Relaxed],
}

/// Operations for which a check asks for less.
struct Relaxed {
    method: &'static str,
    /// A regular expression for the path.
    path: &'static str,
    /// A line of the configuration.
    setting: &'static str,
    reason: &'static str,
}

/// What fits the schema need not be accepted.
const ACCEPTANCE: &str = "checks.positive_data_acceptance.enabled = false";
/// What does not fit the schema need not be refused.
const REJECTION: &str = "checks.negative_data_rejection.enabled = false";
/// Being told to come back later is an answer.
const BUSY: &str =
    "checks.not_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]";

const ACROSS_FIELDS: &str = "rules bind several fields, which a schema cannot say: names by type \
                             of customer, amounts that must add up, items that must exist";
const EMPTY: &str = "what says nothing is accepted in every field, known or not: programs send \
                     the fields of their own types along";
const FORMS: &str = "names, cron patterns, formats and rules in bodies have forms that the \
                     message of a refusal explains, not the schema";
const CURSOR: &str = "where the next page begins is a text of the server's own making";
const ONE_RUN: &str = "a job runs one at a time, and whoever comes second is told to come later";

const EDGE: &[Relaxed] = &[
    Relaxed {
        method: "POST",
        path: "(/Customers|Entity|/SalesOrders|/Shifts|Close)$",
        setting: ACCEPTANCE,
        reason: ACROSS_FIELDS,
    },
    Relaxed { method: "PATCH", path: "/Customers", setting: ACCEPTANCE, reason: ACROSS_FIELDS },
    Relaxed { method: "POST", path: "/Commerce/", setting: REJECTION, reason: EMPTY },
    Relaxed { method: "PATCH", path: "/Commerce/", setting: REJECTION, reason: EMPTY },
];

const HEADQUARTERS: &[Relaxed] = &[
    Relaxed {
        method: "POST",
        path: "/(databases|settle|runs|repair)$",
        setting: ACCEPTANCE,
        reason: FORMS,
    },
    Relaxed {
        method: "PUT",
        path: "/(default-customer|profile|items|schedule|parameters)$|/groups/",
        setting: ACCEPTANCE,
        reason: FORMS,
    },
    Relaxed { method: "PATCH", path: "/number-sequences/", setting: ACCEPTANCE, reason: FORMS },
    Relaxed {
        method: "GET",
        path: "/(statements|shifts|sessions|vouchers|orders|transactions|packages)",
        setting: ACCEPTANCE,
        reason: CURSOR,
    },
    Relaxed { method: "POST", path: "/runs$", setting: BUSY, reason: ONE_RUN },
];

impl Server {
    pub(super) fn headquarters(address: SocketAddr, token: String) -> Self {
        Server {
            name: "headquarters",
            url: format!("http://{address}"),
            description: "/api/openapi.json",
            token,
            store: None,
            relaxed: HEADQUARTERS,
        }
    }

    pub(super) fn edge(edge: &Edge, address: SocketAddr) -> Self {
        Server {
            name: if edge.id == edge.store { "channel" } else { "register" },
            url: format!("http://{address}"),
            description: "/Commerce/openapi.json",
            token: edge.door.token.reveal().to_owned(),
            store: Some(edge.store.to_string()),
            relaxed: EDGE,
        }
    }

    /// The configuration of Schemathesis for this server. The token comes from the environment, so
    /// that it stands in no file and on no command line.
    pub(super) fn configuration(&self, token_variable: &str) -> String {
        let mut text = String::new();
        let mut line = |line: &str| writeln!(text, "{line}").expect("a text takes any line");
        line("hooks = \"hooks.py\"");
        line("[headers]");
        line("# Each request has a connection of its own, and with it an address of its own.");
        line("Connection = \"close\"");
        line(&format!("Authorization = \"Bearer ${{{token_variable}}}\""));
        if let Some(store) = &self.store {
            line("[parameters]");
            line("# The header names the store; any other text is refused, as it must be.");
            line(&format!("OUN = \"{store}\""));
        }
        for relaxed in self.relaxed {
            line("[[operations]]");
            line(&format!("# {}", relaxed.reason));
            line(&format!("include-path-regex = '{}'", relaxed.path));
            line(&format!("include-method = \"{}\"", relaxed.method));
            line(relaxed.setting);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_holds_no_token_and_every_exception_its_reason() {
        let address = "127.0.0.1:1".parse().expect("an address");
        let mut server = Server::headquarters(address, "secret".to_owned());
        server.relaxed = EDGE;
        let text = server.configuration("TOKEN");
        assert!(text.contains("Bearer ${TOKEN}") && !text.contains("secret"), "{text}");
        assert_eq!(text.matches("[[operations]]\n# ").count(), EDGE.len());
    }
}
