//! `docs/conformance.md` tells the truth: one row a feature, and tests that exist.
//!
//! The table has at least the columns of [`COLUMNS`]. This module must never decide whether a
//! feature is done; it checks what the row claims.

use std::collections::BTreeMap;

use super::Finding;
use super::markdown::{self, Located};
use super::source::Sources;
use crate::tree::Tree;

const PATH: &str = "docs/conformance.md";

/// Titles of the columns that are read, in any order; the first one holds `F01` to `F120`.
const COLUMNS: [&str; 3] = ["id", "status", "tests"];

/// What a status may begin with.
const STATUSES: [&str; 3] = ["done", "partly", "planned"];

const FEATURES: std::ops::RangeInclusive<u32> = 1..=120;

/// Checks rows, statuses and the names of tests.
pub(super) fn check(tree: &Tree, sources: &Sources) -> Vec<Finding> {
    let Some(text) = tree.text(PATH) else {
        return vec![Finding::new(PATH, 1, "is missing: it lists every feature with its tests")];
    };
    let (rows, mut findings) = read_rows(text);
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for Located { line, value: row } in &rows {
        let mut report = |message: String| findings.push(Finding::new(PATH, *line, message));
        if let Some(first) = seen.insert(row.feature, *line) {
            report(format!("F{:02} already has a row in line {first}", row.feature));
        }
        if !FEATURES.contains(&row.feature) {
            report(format!("F{} is not a feature of the table", row.feature));
        }
        for message in row.check(sources) {
            report(message);
        }
    }
    for missing in FEATURES.filter(|number| !seen.contains_key(number)) {
        findings.push(Finding::new(PATH, 1, format!("F{missing:02} has no row")));
    }
    findings
}

/// One feature as the document describes it.
struct Row {
    feature: u32,
    status: String,
    tests: Vec<String>,
}

impl Row {
    fn check(&self, sources: &Sources) -> Vec<String> {
        let mut messages = Vec::new();
        let status = self.status.to_lowercase();
        if !STATUSES.iter().any(|known| status.starts_with(known)) {
            messages.push(format!("the status `{}` is none of {STATUSES:?}", self.status));
        }
        if status.starts_with("done") && self.tests.is_empty() {
            messages.push(format!("F{:02} is marked done and names no test", self.feature));
        }
        let missing = self.tests.iter().filter(|test| !sources.tests.contains(*test));
        messages.extend(missing.map(|test| format!("no test is called `{test}`")));
        messages
    }
}

fn read_rows(text: &str) -> (Vec<Located<Row>>, Vec<Finding>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    let mut columns = None;
    for Located { line, value } in markdown::prose(text) {
        let Some(cells) = markdown::cells(value) else {
            columns = None;
            continue;
        };
        if let Some(found) = find_columns(&cells) {
            columns = Some(found);
            continue;
        }
        let Some(feature) = feature_number(&cells[0]) else { continue };
        let Some([_, status, tests]) = columns else {
            let message = format!("this row stands below no header with the columns {COLUMNS:?}");
            findings.push(Finding::new(PATH, line, message));
            continue;
        };
        let cell = |index: usize| cells.get(index).map_or("", String::as_str);
        let row = Row {
            feature,
            status: cell(status).trim_matches(['*', '`', ' ']).to_owned(),
            tests: test_names(cell(tests)),
        };
        rows.push(Located { line, value: row });
    }
    (rows, findings)
}

fn find_columns(cells: &[String]) -> Option<[usize; 3]> {
    let find = |title: &str| cells.iter().position(|cell| cell.eq_ignore_ascii_case(title));
    let [id, status, tests] = COLUMNS;
    Some([find(id)?, find(status)?, find(tests)?])
}

fn feature_number(cell: &str) -> Option<u32> {
    cell.trim_matches(['*', '`', ' ']).strip_prefix('F')?.parse().ok()
}

/// Names in backticks; of `crate::module::name` only the last part names the test.
fn test_names(cell: &str) -> Vec<String> {
    let spans = markdown::code_spans(cell).into_iter();
    spans.map(|span| span.rsplit("::").next().unwrap_or(span).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    const CODE: &str = "//! a\n#[test]\nfn works() {}\n#[test]\n#[ignore]\nfn sleeps() {}\n";

    /// A document with a planned row for every feature, in which `change` replaces the row of F02.
    fn check_row(change: &str) -> String {
        let mut text = String::from("| ID | Feature | Status | Tests |\n|---|---|---|---|\n");
        for number in FEATURES {
            match number {
                2 if change.is_empty() => {}
                2 => text.push_str(&format!("{change}\n")),
                _ => text.push_str(&format!("| F{number:02} | a | planned | |\n")),
            }
        }
        let tree = Tree::of(&[(PATH, text.as_str()), ("a.rs", CODE)]);
        render(&check(&tree, &Sources::parse(&tree).0))
    }

    #[test]
    fn a_done_row_with_a_test_that_exists_passes() {
        assert_eq!(check_row("| F02 | a | done | `works`, `hq::promote::works` |"), "");
    }

    #[test]
    fn a_done_row_without_a_test_is_found() {
        assert_eq!(
            check_row("| F02 | a | done | |"),
            "docs/conformance.md:4: F02 is marked done and names no test\n"
        );
    }

    #[test]
    fn a_test_that_does_not_exist_or_never_runs_is_found() {
        let found = check_row("| F02 | a | partly | `works_not` |");
        assert!(found.contains("no test is called `works_not`"), "{found}");
        assert!(check_row("| F02 | a | done | `sleeps` |").contains("`sleeps`"));
    }

    #[test]
    fn a_missing_and_a_doubled_row_are_found() {
        assert_eq!(check_row(""), "docs/conformance.md:1: F02 has no row\n");
        assert!(check_row("| F03 | a | planned | |").contains("F03 already has a row"));
        assert!(check_row("| F02 | a | planned | |\n| F121 | a | planned | |").contains("F121"));
    }

    #[test]
    fn a_status_of_its_own_making_is_found() {
        assert!(check_row("| F02 | a | nearly | `works` |").contains("the status `nearly`"));
    }

    #[test]
    fn a_missing_document_is_found() {
        assert_ne!(check(&Tree::of(&[]), &Sources::default()), []);
    }
}
