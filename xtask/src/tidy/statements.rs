//! SQL must never read a clock or draw a random number: time and identity are arguments, so that
//! one seed replays everything.
//!
//! This is a search for words, not a parser: a comment that names one is found too.

use super::Finding;
use crate::tree::Tree;

/// Crates whose Rust files hold SQL.
const FOLDERS_WITH_SQL: [&str; 3] = ["crates/hq-sqlite/", "crates/hq-postgres/", "crates/channel/"];

/// Lower-case pieces of SQL that read a clock or draw a random number.
const BANNED: [&str; 12] = [
    "current_timestamp",
    "current_date",
    "current_time",
    "'now'",
    "unixepoch()",
    "now()",
    "clock_timestamp(",
    "statement_timestamp(",
    "random()",
    "randomblob(",
    "gen_random_uuid(",
    "uuid_generate_",
];

/// Searches SQL files, and Rust files of the crates that speak SQL.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let in_rust = tree
        .files("rs")
        .filter(|(path, _)| FOLDERS_WITH_SQL.iter().any(|folder| path.starts_with(folder)));
    let mut findings = Vec::new();
    for (path, text) in tree.files("sql").chain(in_rust) {
        for (index, line) in text.lines().enumerate() {
            findings.extend(
                check_line(path, line).map(|message| Finding::new(path, index + 1, message)),
            );
        }
    }
    findings
}

fn check_line(path: &str, line: &str) -> Option<String> {
    let line = line.to_lowercase();
    let banned = BANNED.iter().find(|banned| match line.find(**banned) {
        // `Timestamp::now()` in Rust is clippy's to judge.
        Some(at) => path.ends_with(".sql") || !line[..at].ends_with([':', '_', '.']),
        None => false,
    })?;
    Some(format!("SQL must not use `{banned}`: pass the value as an argument"))
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    #[test]
    fn sql_that_reads_a_clock_is_found_in_sql_and_in_rust() {
        let sql = "CREATE TABLE t (\n  at TEXT DEFAULT CURRENT_TIMESTAMP\n);\n";
        let found = render(&check(&Tree::of(&[("crates/hq-sqlite/schema/0001.sql", sql)])));
        assert!(found.starts_with("crates/hq-sqlite/schema/0001.sql:2: SQL"), "{found}");
        let rust = "//! a\nconst A: &str = \"SELECT datetime('now')\";\n";
        assert_ne!(check(&Tree::of(&[("crates/channel/src/a.rs", rust)])), []);
    }

    #[test]
    fn a_rust_call_and_a_crate_without_sql_are_left_alone() {
        let rust = "//! a\nlet now = self.clock.now(); Timestamp::now();\n";
        assert_eq!(check(&Tree::of(&[("crates/channel/src/a.rs", rust)])), []);
        assert_eq!(check(&Tree::of(&[("crates/domain/src/a.rs", "\"random()\"")])), []);
    }
}
