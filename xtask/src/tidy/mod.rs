//! What the compiler cannot check: arrows between crates, limits, documents, conformance.
//!
//! Each check is a function from the [`Tree`] to findings, in a file of its own. This module must
//! never change a file: it prints findings and leaves the repair to people.

mod conformance;
mod documents;
mod edges;
mod limits;
mod markdown;
mod ratchet;
mod source;
mod statements;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::Verdict;
use crate::tree::Tree;
use source::Sources;

/// One thing that must be repaired, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check on the files below the root and prints what they found.
pub(crate) fn run(root: &Path) -> Result<Verdict> {
    let tree = Tree::load(root)?;
    let findings = check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} Rust files, {} findings", tree.files("rs").count(), findings.len());
    Ok(if findings.is_empty() { Verdict::Passed } else { Verdict::Failed })
}

fn check(tree: &Tree) -> Vec<Finding> {
    let (sources, mut findings) = Sources::parse(tree);
    findings.extend(sources.check_names());
    findings.extend(edges::check(tree));
    findings.extend(limits::check(tree, &sources));
    findings.extend(statements::check(tree));
    findings.extend(conformance::check(tree, &sources));
    findings.extend(documents::check(tree));
    findings.sort();
    findings.dedup();
    findings
}

/// What the findings say, one a line: the form in which tests compare them.
#[cfg(test)]
fn render(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}
