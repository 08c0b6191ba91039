//! What Schemathesis found on one server, in a few lines.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// What was tried on one server, and what was wrong.
#[derive(Debug)]
pub(super) struct Report {
    server: &'static str,
    operations: u64,
    tested: u64,
    cases: u64,
    failures: u64,
    errors: u64,
    is_complete: bool,
    kinds: Vec<Kind>,
    said: PathBuf,
}

/// Failures of one kind.
#[derive(Debug)]
struct Kind {
    title: String,
    count: u64,
    operations: Vec<String>,
}

impl Report {
    /// Reads the JSON report; `said` is where the details are.
    pub(super) fn read(server: &'static str, report: &Value, said: &Path) -> Result<Self> {
        let count = |pointer: &str| {
            let count = report.pointer(pointer).and_then(Value::as_u64);
            count.with_context(|| format!("the report has no {pointer}"))
        };
        let kind = |failure: &Value| Kind {
            title: failure["title"].as_str().unwrap_or("failure").to_owned(),
            count: failure["count"].as_u64().unwrap_or(1),
            operations: failure["operations"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|operation| operation.as_str().map(str::to_owned))
                .collect(),
        };
        let failures = report["failures"].as_array().context("the report has no failures")?;
        let errors = report["errors"].as_array().map_or(0, |errors| errors.len() as u64);
        Ok(Report {
            server,
            operations: count("/operations/total")?,
            tested: count("/operations/tested")?,
            cases: count("/test_cases/generated")?,
            failures: count("/test_cases/unique_failures")?,
            errors,
            is_complete: report["complete"] == true,
            kinds: failures.iter().map(kind).collect(),
            said: said.to_owned(),
        })
    }

    /// Whether every operation was tried and nothing was wrong.
    pub(super) fn is_good(&self) -> bool {
        self.operations > 0
            && self.tested == self.operations
            && self.cases > self.operations
            && self.failures == 0
            && self.errors == 0
            && self.kinds.is_empty()
            && self.is_complete
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { server, operations, tested, cases, failures, errors, .. } = self;
        write!(
            f,
            "{server}: {tested} of {operations} operations, {cases} requests, {failures} \
             failures, {errors} errors"
        )?;
        if !self.is_complete {
            write!(f, ", not run to its end")?;
        }
        for kind in &self.kinds {
            write!(f, "\n  {}: {}", kind.title, kind.count)?;
            for operation in &kind.operations {
                write!(f, "\n    {operation}")?;
            }
        }
        if !self.is_good() {
            write!(f, "\n  details: {}", self.said.display())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(failures: u64, tested: u64, complete: bool) -> Report {
        let kinds = match failures {
            0 => json!([]),
            count => json!([{"title": "Server error", "count": count, "operations": ["GET /a"]}]),
        };
        let report = json!({
            "operations": {"total": 5, "tested": tested}, "complete": complete, "errors": [],
            "test_cases": {"generated": 80, "unique_failures": failures}, "failures": kinds,
        });
        Report::read("channel", &report, Path::new("said.txt")).expect("a report")
    }

    #[test]
    fn a_report_is_good_only_when_everything_was_tried_and_nothing_was_wrong() {
        assert!(report(0, 5, true).is_good());
        assert!(!report(1, 5, true).is_good());
        assert!(!report(0, 4, true).is_good());
        assert!(!report(0, 5, false).is_good());
        let text = report(2, 5, true).to_string();
        let expected = "channel: 5 of 5 operations, 80 requests, 2 failures, 0 errors\n  \
                        Server error: 2\n    GET /a\n  details: said.txt";
        assert_eq!(text, expected);
    }
}
