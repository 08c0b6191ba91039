//! A light reading of `deny.toml`: licences, bans and sources of every dependency, checked from
//! `cargo metadata` alone, so that a machine without cargo-deny still says no.
//!
//! This module must never hold a policy of its own: the lists stand in `deny.toml`. Known defects
//! of dependencies (advisories) need cargo-deny itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::Verdict;
use crate::cargo::cargo_command;

/// Checks the dependencies of the workspace on the targets that `deny.toml` names.
pub(crate) fn run(root: &Path) -> Result<Verdict> {
    let text = fs::read_to_string(root.join("deny.toml")).context("read deny.toml")?;
    let policy = Policy::parse(&text).context("understand deny.toml")?;
    let packages = packages(&metadata(root, &policy)?)?;
    let findings = check(&packages, &policy);
    for finding in &findings {
        println!("{finding}");
    }
    println!("dependencies: {} packages, {} findings", packages.len(), findings.len());
    Ok(if findings.is_empty() { Verdict::Passed } else { Verdict::Failed })
}

/// The parts of `deny.toml` that are read here.
struct Policy {
    targets: Vec<String>,
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: Vec<String>,
}

impl Policy {
    fn parse(text: &str) -> Result<Policy> {
        let table: toml::Table = text.parse().context("parse TOML")?;
        let banned = list(&table, "bans", "deny")?.iter().filter_map(|entry| {
            let name = entry.get("crate").or_else(|| entry.get("name")).unwrap_or(entry);
            name.as_str().map(str::to_owned)
        });
        Ok(Policy {
            targets: strings(&table, "graph", "targets")?,
            licences: strings(&table, "licenses", "allow")?.into_iter().collect(),
            banned: banned.collect(),
            registries: strings(&table, "sources", "allow-registry")?,
        })
    }
}

/// What `cargo metadata` says of one package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    /// Where it comes from; absent for packages of the workspace.
    source: Option<String>,
}

fn check(packages: &BTreeSet<Package>, policy: &Policy) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(source) = &package.source else { continue };
        let mut report = |message: String| {
            findings.push(format!("deny.toml: {} {}: {message}", package.name, package.version));
        };
        if let Err(message) = check_licence(package.licence.as_deref(), policy) {
            report(message);
        }
        if policy.banned.contains(&package.name) {
            report("is banned; the reason stands beside its name".to_owned());
        }
        let registry = source.strip_prefix("registry+").or(source.strip_prefix("sparse+"));
        if !registry.is_some_and(|url| policy.registries.iter().any(|known| known == url)) {
            report(format!("comes from {source}, which is not an allowed registry"));
        }
    }
    findings
}

fn check_licence(licence: Option<&str>, policy: &Policy) -> Result<(), String> {
    let text = licence.ok_or("states no licence expression")?;
    let expression = Expression::parse_mode(text, ParseMode::LAX)
        .map_err(|error| format!("the licence `{text}` is not understood: {}", error.reason))?;
    if expression.evaluate(|term| policy.licences.contains(&term.to_string())) {
        Ok(())
    } else {
        Err(format!("the licence `{text}` is not covered by the allow list"))
    }
}

fn metadata(root: &Path, policy: &Policy) -> Result<Vec<Value>> {
    policy.targets.iter().map(|target| metadata_of(root, target)).collect()
}

fn metadata_of(root: &Path, target: &str) -> Result<Value> {
    let output = cargo_command(root)
        .args(["metadata", "--format-version", "1", "--filter-platform", target])
        .output()
        .context("start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("parse the answer of cargo metadata")
}

fn packages(answers: &[Value]) -> Result<BTreeSet<Package>> {
    let mut packages = BTreeSet::new();
    for answer in answers {
        let listed = answer.get("packages").and_then(Value::as_array);
        for package in listed.ok_or_else(|| anyhow!("cargo metadata lists no packages"))? {
            let field = |name: &str| package.get(name).and_then(Value::as_str).map(str::to_owned);
            packages.insert(Package {
                name: field("name").unwrap_or_default(),
                version: field("version").unwrap_or_default(),
                licence: field("license"),
                source: field("source"),
            });
        }
    }
    Ok(packages)
}

fn list<'a>(table: &'a toml::Table, section: &str, key: &str) -> Result<&'a [toml::Value]> {
    let found = table.get(section).and_then(|section| section.get(key));
    let list = found.ok_or_else(|| anyhow!("[{section}] has no `{key}`"))?.as_array();
    Ok(list.ok_or_else(|| anyhow!("`{key}` in [{section}] is not a list"))?)
}

fn strings(table: &toml::Table, section: &str, key: &str) -> Result<Vec<String>> {
    let entries = list(table, section, key)?;
    let strings = entries.iter().map(|entry| entry.as_str().map(str::to_owned));
    strings.collect::<Option<_>>().ok_or_else(|| anyhow!("`{key}` in [{section}] must be strings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        graph.targets = ["x86_64-unknown-linux-gnu"]
        licenses.allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
        bans.deny = [{ crate = "openssl", reason = "r" }]
        sources.allow-registry = ["https://example.test/index"]
    "#;

    fn findings(name: &str, licence: Option<&str>, source: Option<&str>) -> usize {
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            source: source.map(str::to_owned),
        };
        check(&BTreeSet::from([package]), &Policy::parse(POLICY).unwrap()).len()
    }

    const REGISTRY: Option<&str> = Some("registry+https://example.test/index");

    #[test]
    fn an_allowed_choice_of_licences_passes() {
        assert_eq!(findings("a", Some("MIT OR GPL-3.0-only"), REGISTRY), 0);
        assert_eq!(findings("a", Some("MIT/Apache-2.0"), REGISTRY), 0);
        assert_eq!(findings("a", Some("(MIT OR Apache-2.0) AND Unicode-3.0"), REGISTRY), 0);
    }

    #[test]
    fn a_licence_outside_the_list_or_none_is_found() {
        assert_eq!(findings("a", Some("GPL-3.0-only"), REGISTRY), 1);
        assert_eq!(findings("a", Some("MIT AND GPL-3.0-only"), REGISTRY), 1);
        assert_eq!(findings("a", Some("Apache-2.0 WITH LLVM-exception"), REGISTRY), 1);
        assert_eq!(findings("a", None, REGISTRY), 1);
    }

    #[test]
    fn a_banned_package_and_a_foreign_source_are_found() {
        assert_eq!(findings("openssl", Some("MIT"), REGISTRY), 1);
        assert_eq!(findings("a", Some("MIT"), Some("git+https://example.test/a")), 1);
    }

    #[test]
    fn a_package_of_the_workspace_is_ours_to_judge() {
        assert_eq!(findings("tillsync", None, None), 0);
    }
}
