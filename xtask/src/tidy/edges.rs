//! Which crate may see which, and which crates may hold which driver: two tables.
//!
//! The tables are the law that ARCHITECTURE.md describes. A crate that stands in no table is a
//! finding, so that a new one is placed on purpose.

use toml::{Table, Value};

use super::Finding;
use crate::tree::Tree;

/// A crate of the workspace and what its `[dependencies]` may name of the others.
struct Crate {
    folder: &'static str,
    name: &'static str,
    may_use: &'static [&'static str],
}

const CRATES: &[Crate] = &[
    Crate { folder: "crates/domain", name: "tillsync-domain", may_use: &[] },
    Crate { folder: "crates/exchange", name: "tillsync-exchange", may_use: &["tillsync-domain"] },
    Crate {
        folder: "crates/hq",
        name: "tillsync-hq",
        may_use: &["tillsync-domain", "tillsync-exchange"],
    },
    Crate {
        folder: "crates/hq-sqlite",
        name: "tillsync-hq-sqlite",
        may_use: &["tillsync-domain", "tillsync-exchange", "tillsync-hq"],
    },
    Crate {
        folder: "crates/hq-postgres",
        name: "tillsync-hq-postgres",
        may_use: &["tillsync-domain", "tillsync-exchange", "tillsync-hq"],
    },
    Crate {
        folder: "crates/hq-web",
        name: "tillsync-hq-web",
        may_use: &["tillsync-domain", "tillsync-exchange", "tillsync-hq", "tillsync-web"],
    },
    // What the servers have in common: sockets, and nothing of what is said over them.
    Crate { folder: "crates/web", name: "tillsync-web", may_use: &["tillsync-domain"] },
    Crate {
        folder: "crates/channel",
        name: "tillsync-channel",
        may_use: &["tillsync-domain", "tillsync-exchange"],
    },
    Crate {
        folder: "crates/channel-web",
        name: "tillsync-channel-web",
        may_use: &["tillsync-domain", "tillsync-exchange", "tillsync-channel", "tillsync-web"],
    },
    Crate {
        folder: "crates/tillsync",
        name: "tillsync",
        may_use: &[
            "tillsync-domain",
            "tillsync-exchange",
            "tillsync-hq",
            "tillsync-hq-postgres",
            "tillsync-hq-sqlite",
            "tillsync-hq-web",
            "tillsync-channel",
            "tillsync-channel-web",
            "tillsync-web",
            "tillsync-fleet",
        ],
    },
    // Starts real processes: it must see them as a stranger does.
    Crate {
        folder: "crates/fleet",
        name: "tillsync-fleet",
        may_use: &["tillsync-domain", "tillsync-exchange"],
    },
    Crate {
        folder: "crates/testkit",
        name: "tillsync-testkit",
        may_use: &[
            "tillsync-domain",
            "tillsync-exchange",
            "tillsync-hq",
            "tillsync-hq-postgres",
            "tillsync-hq-sqlite",
            "tillsync-hq-web",
            "tillsync-channel",
            "tillsync-channel-web",
            "tillsync-fleet",
        ],
    },
    // What is fuzzed is read where the product reads it.
    Crate {
        folder: "fuzz",
        name: "tillsync-fuzz",
        may_use: &[
            "tillsync-domain",
            "tillsync-exchange",
            "tillsync-hq",
            "tillsync-hq-web",
            "tillsync-channel",
            "tillsync-channel-web",
        ],
    },
    Crate { folder: "fuzz/engine", name: "tillsync-fuzz-engine", may_use: &["tillsync-fuzz"] },
    Crate {
        folder: "crates/sim",
        name: "tillsync-sim",
        may_use: &[
            "tillsync-domain",
            "tillsync-exchange",
            "tillsync-hq",
            "tillsync-hq-sqlite",
            "tillsync-channel",
            "tillsync-testkit",
        ],
    },
    Crate { folder: "xtask", name: "xtask", may_use: &["tillsync-fleet"] },
];

/// What `[dev-dependencies]` may name besides: test worlds are built in one place.
const FOR_TESTS: &str = "tillsync-testkit";

/// Packages that only these crates may name, in tests as well.
struct Fence {
    drivers: &'static [&'static str],
    crates: &'static [&'static str],
    reason: &'static str,
}

const FENCES: &[Fence] = &[
    Fence {
        drivers: &["axum", "axum-extra", "hyper", "tower", "tower-http", "utoipa"],
        crates: &["tillsync-web", "tillsync-hq-web", "tillsync-channel-web"],
        reason: "HTTP servers live in the web crates",
    },
    Fence {
        drivers: &["rusqlite", "libsqlite3-sys"],
        crates: &["tillsync-hq-sqlite", "tillsync-channel", FOR_TESTS, "tillsync-sim"],
        reason: "SQLite is reached through hq's storage contract or inside the channel",
    },
    Fence {
        drivers: &["refinery"],
        crates: &["tillsync-hq-sqlite", "tillsync-hq-postgres", "tillsync-channel"],
        reason: "whoever owns a schema changes it",
    },
    Fence {
        drivers: &["postgres", "tokio-postgres", "deadpool-postgres", "r2d2", "r2d2_postgres"],
        crates: &["tillsync-hq-postgres"],
        reason: "PostgreSQL is reached through hq's storage contract",
    },
    Fence {
        drivers: &["object_store"],
        crates: &["tillsync-hq"],
        reason: "packages are kept by hq's package store",
    },
    Fence {
        drivers: &["tokio", "futures-util", "async-trait"],
        crates: &[
            "tillsync-web",
            "tillsync-hq-web",
            "tillsync-channel-web",
            "tillsync",
            "tillsync-hq",
        ],
        reason: "business code is synchronous; async lives at sockets and the package store",
    },
];

/// Checks every `Cargo.toml` of the workspace against both tables.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files("toml") {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        match (CRATES.iter().find(|entry| entry.folder == folder), text.parse::<Table>()) {
            (_, Err(error)) => {
                findings.push(Finding::new(path, 1, format!("is not TOML: {}", error.message())));
            }
            (None, Ok(_)) => findings.push(Finding::new(
                path,
                1,
                "this crate stands in no row of CRATES in xtask/src/tidy/edges.rs; give it one",
            )),
            (Some(entry), Ok(manifest)) => {
                let manifest = Manifest { path, text, table: &manifest };
                findings.extend(manifest.check(entry));
            }
        }
    }
    findings
}

struct Manifest<'a> {
    path: &'a str,
    text: &'a str,
    table: &'a Table,
}

impl Manifest<'_> {
    fn check(&self, entry: &Crate) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = self.table.get("package").and_then(|package| package.get("name"));
        if name.and_then(Value::as_str) != Some(entry.name) {
            findings.push(self.finding("name", format!("must be named {}", entry.name)));
        }
        for dependency in self.dependencies() {
            findings.extend(self.check_arrow(entry, &dependency));
            findings.extend(self.check_fences(entry, &dependency));
        }
        findings
    }

    fn check_arrow(&self, entry: &Crate, dependency: &Dependency) -> Option<Finding> {
        let name = dependency.package.as_str();
        CRATES.iter().find(|other| other.name == name)?;
        let allowed = entry.may_use.contains(&name)
            || (dependency.scope == Scope::Tests && (name == FOR_TESTS || name == entry.name));
        (!allowed).then(|| {
            self.finding(&dependency.key, format!("{} must not depend on {name}", entry.name))
        })
    }

    fn check_fences(&self, entry: &Crate, dependency: &Dependency) -> Option<Finding> {
        let name = dependency.package.as_str();
        let fence = FENCES.iter().find(|fence| fence.drivers.contains(&name))?;
        (!fence.crates.contains(&entry.name)).then(|| {
            let message = format!("{} must not depend on {name}: {}", entry.name, fence.reason);
            self.finding(&dependency.key, message)
        })
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let mut found = Vec::new();
        let mut collect = |section: &Table| {
            for (key, scope) in SECTIONS {
                let entries = section.get(key).and_then(Value::as_table);
                for (key, value) in entries.into_iter().flatten() {
                    let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                    let (key, package) = (key.clone(), package.to_owned());
                    found.push(Dependency { key, package, scope });
                }
            }
        };
        collect(self.table);
        let targets = self.table.get("target").and_then(Value::as_table);
        for section in targets.into_iter().flatten().filter_map(|(_, value)| value.as_table()) {
            collect(section);
        }
        found
    }

    fn finding(&self, key: &str, message: String) -> Finding {
        let names_key = |line: &str| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        };
        let line = self.text.lines().position(names_key).map_or(1, |index| index + 1);
        Finding::new(self.path, line, message)
    }
}

/// A dependency as a manifest names it, and the package that it means.
struct Dependency {
    key: String,
    package: String,
    scope: Scope,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Product,
    Tests,
}

const SECTIONS: [(&str, Scope); 3] = [
    ("dependencies", Scope::Product),
    ("build-dependencies", Scope::Product),
    ("dev-dependencies", Scope::Tests),
];

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn check_manifest(folder: &str, name: &str, sections: &str) -> String {
        let path = format!("{folder}/Cargo.toml");
        let text = format!("[package]\nname = \"{name}\"\n{sections}");
        render(&check(&Tree::of(&[(path.as_str(), text.as_str())])))
    }

    #[test]
    fn an_allowed_arrow_passes() {
        let sections = "[dependencies]\ntillsync-domain.workspace = true\nserde = \"1\"\n";
        assert_eq!(check_manifest("crates/exchange", "tillsync-exchange", sections), "");
    }

    #[test]
    fn headquarters_must_not_see_the_channel() {
        let sections = "[dependencies]\ntillsync-channel.workspace = true\n";
        assert_eq!(
            check_manifest("crates/hq", "tillsync-hq", sections),
            "crates/hq/Cargo.toml:4: tillsync-hq must not depend on tillsync-channel\n"
        );
    }

    #[test]
    fn tests_may_use_the_testkit_and_the_product_may_not() {
        let tests = "[dev-dependencies]\ntillsync-testkit.workspace = true\n";
        assert_eq!(check_manifest("crates/hq", "tillsync-hq", tests), "");
        let product = "[dependencies]\ntillsync-testkit.workspace = true\n";
        assert_ne!(check_manifest("crates/hq", "tillsync-hq", product), "");
    }

    #[test]
    fn a_driver_outside_its_fence_is_found_in_every_section() {
        for section in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies"] {
            let sections = format!("[{section}]\nrusqlite = \"1\"\n");
            let found = check_manifest("crates/hq", "tillsync-hq", &sections);
            assert!(found.contains("must not depend on rusqlite"), "{section}: {found}");
        }
        let inside = "[dependencies]\nrusqlite.workspace = true\n";
        assert_eq!(check_manifest("crates/channel", "tillsync-channel", inside), "");
    }

    #[test]
    fn a_renamed_driver_is_still_a_driver() {
        let sections = "[dependencies]\nweb = { package = \"axum\", version = \"1\" }\n";
        let found = check_manifest("crates/channel", "tillsync-channel", sections);
        assert!(found.starts_with("crates/channel/Cargo.toml:4: "), "{found}");
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert!(check_manifest("crates/new", "tillsync-new", "").contains("stands in no row"));
    }

    #[test]
    fn the_table_has_no_circle() {
        for entry in CRATES {
            for used in CRATES.iter().filter(|other| entry.may_use.contains(&other.name)) {
                assert!(!used.may_use.contains(&entry.name), "{} and {}", entry.name, used.name);
            }
        }
    }
}
