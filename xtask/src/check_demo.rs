//! Whether the report of `tillsync demo --json` says what a whole and truthful run says.
//!
//! This module must never run the demo itself: it judges a file, so that a kept report can be
//! judged again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::Verdict;

/// Arguments of `cargo xtask check-demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file that holds the JSON report.
    file: PathBuf,
    /// How many customers the input held.
    #[arg(long, default_value_t = 1000)]
    customers: u64,
}

/// Judges the report and prints every line of the judgement.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let file = arguments.file.display();
    let text = fs::read_to_string(&arguments.file).with_context(|| format!("read {file}"))?;
    let report: Value =
        serde_json::from_str(&text).with_context(|| format!("parse {file} as one JSON object"))?;
    let claims = judge(&report, arguments.customers)?;
    for claim in &claims {
        let mark = if claim.holds() { "ok  " } else { "FAIL" };
        println!("{mark} {}: expected {}, got {}", claim.what, claim.expected, claim.got);
    }
    Ok(if claims.iter().all(Claim::holds) { Verdict::Passed } else { Verdict::Failed })
}

/// One number of the report beside the number that must stand there.
#[derive(Debug)]
struct Claim {
    what: String,
    expected: u64,
    got: u64,
}

impl Claim {
    fn holds(&self) -> bool {
        self.expected == self.got
    }
}

fn judge(report: &Value, customers: u64) -> Result<Vec<Claim>> {
    let promoted = number(report, "promoted")?;
    let ended = promoted + number(report, "failed")? + number(report, "refused")?;
    let mut claims = vec![
        claim("customers_in", customers, number(report, "customers_in")?),
        claim("promoted + failed + refused", customers, ended),
        claim("accounts_distinct", promoted, number(report, "accounts_distinct")?),
        claim("pending_after", 0, number(report, "pending_after")?),
        claim("temporary_ids_in_postings", 0, number(report, "temporary_ids_in_postings")?),
    ];
    let stores = report.get("stores").and_then(Value::as_array);
    for store in stores.ok_or_else(|| anyhow!("the report has no list `stores`"))? {
        let name = store.get("id").map(Value::to_string).unwrap_or_default();
        claims.push(claim(&format!("store {name} pending"), 0, number(store, "pending")?));
    }
    // A run that refused everything would satisfy every sum above.
    if promoted == 0 && customers > 0 {
        claims.push(claim("runs without any promoted customer", 0, 1));
    }
    Ok(claims)
}

fn claim(what: &str, expected: u64, got: u64) -> Claim {
    Claim { what: what.to_owned(), expected, got }
}

fn number(report: &Value, field: &str) -> Result<u64> {
    let value = report.get(field).ok_or_else(|| anyhow!("the report lacks `{field}`"))?;
    value.as_u64().ok_or_else(|| anyhow!("`{field}` is {value}, not a count"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "customers_in": 10, "promoted": 8, "failed": 1, "refused": 1,
            "accounts_distinct": 8, "pending_after": 0, "temporary_ids_in_postings": 0,
            "stores": [{"id": "S1", "customers": 8, "pending": 0}],
        })
    }

    fn failing(report: &Value) -> Vec<String> {
        let claims = judge(report, 10).unwrap();
        claims.into_iter().filter(|claim| !claim.holds()).map(|claim| claim.what).collect()
    }

    #[test]
    fn a_whole_run_passes() {
        assert_eq!(failing(&good()), Vec::<String>::new());
    }

    #[test]
    fn a_lost_customer_a_doubled_account_and_a_pending_store_each_fail() {
        let mut lost = good();
        lost["failed"] = json!(0);
        assert_eq!(failing(&lost), ["promoted + failed + refused"]);
        let mut doubled = good();
        doubled["accounts_distinct"] = json!(7);
        assert_eq!(failing(&doubled), ["accounts_distinct"]);
        let mut pending = good();
        pending["stores"][0]["pending"] = json!(2);
        assert_eq!(failing(&pending), ["store \"S1\" pending"]);
    }

    #[test]
    fn a_run_that_refused_everything_fails() {
        let mut refused = good();
        refused["promoted"] = json!(0);
        refused["accounts_distinct"] = json!(0);
        refused["refused"] = json!(9);
        assert_eq!(failing(&refused), ["runs without any promoted customer"]);
    }

    #[test]
    fn a_missing_or_negative_count_is_an_error() {
        let mut report = good();
        report["pending_after"] = json!(-1);
        assert!(judge(&report, 10).is_err());
        assert!(judge(&json!({}), 10).is_err());
    }
}
