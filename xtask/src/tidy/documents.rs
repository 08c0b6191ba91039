//! Documents name only what exists: paths in backticks and relative links.
//!
//! This module must never demand a document; it judges those that are there.

use super::Finding;
use super::markdown;
use crate::tree::Tree;

/// Checks every document that people read as the truth about this repository.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files("md").filter(|(path, _)| is_document(path));
    let mut findings = Vec::new();
    for (path, text) in documents {
        for found in markdown::prose(text) {
            let spans = markdown::code_spans(found.value).into_iter().filter_map(path_in_span);
            for named in spans.filter(|named| !tree.has(named)) {
                let message = format!("names `{named}`, which does not exist");
                findings.push(Finding::new(path, found.line, message));
            }
            for target in markdown::link_targets(found.value) {
                if let Some(message) = check_link(tree, path, target) {
                    findings.push(Finding::new(path, found.line, message));
                }
            }
        }
    }
    findings
}

fn is_document(path: &str) -> bool {
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].contains(&path)
        || path.starts_with("docs/")
        || path == "data/README.md"
}

/// What a code span begins with when it means a path of this repository.
const PREFIXES: [&str; 7] = ["crates/", "docs/", "xtask/", "data/", "bench/", ".ci/", ".config/"];

/// The path that a code span names, without a line number or an anchor.
fn path_in_span(span: &str) -> Option<&str> {
    let is_path = PREFIXES.iter().any(|prefix| span.starts_with(prefix))
        && !span.contains([' ', '*', '<', '{', '…', '$'])
        && !span.contains("NNNN");
    let end = span.find([':', '#']).unwrap_or(span.len());
    is_path.then(|| &span[..end])
}

fn check_link(tree: &Tree, document: &str, target: &str) -> Option<String> {
    let is_outside = target.contains("://") || target.starts_with("mailto:");
    let path = target.split('#').next().unwrap_or_default();
    if is_outside || path.is_empty() {
        return None;
    }
    match resolve(document, path) {
        None => Some(format!("the link `{target}` leaves the repository")),
        Some(path) if tree.has(&path) => None,
        Some(path) => Some(format!("the link `{target}` leads to {path}, which does not exist")),
    }
}

/// The path from the root that a relative link of the document means.
fn resolve(document: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn check_text(text: &str) -> String {
        let files = [("docs/a/b.md", text), ("docs/c.md", ""), ("crates/hq/src/lib.rs", "")];
        render(&check(&Tree::of(&files)))
    }

    #[test]
    fn a_path_in_backticks_must_exist() {
        assert_eq!(check_text("`crates/hq/src/lib.rs:3`, `crates/hq/`, `docs/*.md`, `a/b`"), "");
        assert_eq!(
            check_text("x\n`crates/hq/src/main.rs`"),
            "docs/a/b.md:2: names `crates/hq/src/main.rs`, which does not exist\n"
        );
    }

    #[test]
    fn a_relative_link_must_lead_somewhere() {
        assert_eq!(check_text("[c](../c.md#x) [web](https://example.test/x) [here](#x)"), "");
        assert!(check_text("[c](c.md)").contains("leads to docs/a/c.md"));
        assert!(check_text("[c](../../../c.md)").contains("leaves the repository"));
    }

    #[test]
    fn examples_in_fenced_blocks_are_not_judged() {
        assert_eq!(check_text("```\n`docs/none.md` [a](b)\n```\n"), "");
    }
}
