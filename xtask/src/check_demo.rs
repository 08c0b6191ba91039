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
    ];
    claims.extend(judge_sales(report)?);
    let failed = number(report, "failed")?;
    for store in filled_list(report, "stores")? {
        claims.extend(judge_edge(store, promoted, failed)?);
        for register in list(store, "registers")? {
            claims.extend(judge_edge(register, promoted, failed)?);
        }
    }
    for one in filled_list(report, "claims")? {
        let what = one.get("what").and_then(Value::as_str).unwrap_or("a claim about nothing");
        let holds = one.get("holds") == Some(&Value::Bool(true));
        claims.push(claim(&format!("claim that {what}"), 1, u64::from(holds)));
    }
    // A run that refused everything would satisfy every sum above.
    if promoted == 0 && customers > 0 {
        claims.push(claim("runs without any promoted customer", 0, 1));
    }
    Ok(claims)
}

/// What tills took against what headquarters posted.
fn judge_sales(report: &Value) -> Result<Vec<Claim>> {
    let (orders, sales) = (number(report, "orders_taken")?, number(report, "sales_made")?);
    let sold = amount(report, "amount_sold")?;
    let mut claims = vec![
        claim("orders_created", orders, number(report, "orders_created")?),
        claim("sales_posted", sales, number(report, "sales_posted")?),
        claim("temporary_ids_in_postings", 0, number(report, "temporary_ids_in_postings")?),
        claim("amount_posted", sold, amount(report, "amount_posted")?),
        claim("sales and orders not posted", 0, list(report, "not_posted")?.len() as u64),
    ];
    // A day on which nothing happened would satisfy every sum above.
    for (what, count) in [
        ("runs without any sale", sales),
        ("runs without any order", orders),
        ("runs without any posted statement", number(report, "statements_posted")?),
        ("runs without any turnover", sold),
    ] {
        if count == 0 {
            claims.push(claim(what, 0, 1));
        }
    }
    Ok(claims)
}

/// A store or a register: all of them share one address book, so each knows every account.
fn judge_edge(edge: &Value, promoted: u64, failed: u64) -> Result<Vec<Claim>> {
    let name = edge.get("id").and_then(Value::as_str).context("an edge has no `id`")?;
    let of_edge = |what: &str, expected, got| claim(&format!("{name} {what}"), expected, got);
    let customers = number(edge, "customers")?;
    // A customer that failed at headquarters stays where it was created.
    let expected = customers.clamp(promoted, promoted + failed);
    Ok(vec![
        of_edge("pending", 0, number(edge, "pending")?),
        of_edge("customers", expected, customers),
        of_edge("accounts", promoted, number(edge, "accounts")?),
        of_edge("accounts_missing", 0, number(edge, "accounts_missing")?),
        of_edge("accounts_wrong", 0, number(edge, "accounts_wrong")?),
    ])
}

fn filled_list<'a>(object: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    let list = list(object, field)?;
    if list.is_empty() { Err(anyhow!("the list `{field}` is empty")) } else { Ok(list) }
}

fn list<'a>(object: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    let list = object.get(field).and_then(Value::as_array);
    list.ok_or_else(|| anyhow!("there is no list `{field}`"))
}

fn claim(what: &str, expected: u64, got: u64) -> Claim {
    Claim { what: what.to_owned(), expected, got }
}

fn number(report: &Value, field: &str) -> Result<u64> {
    let value = report.get(field).ok_or_else(|| anyhow!("the report lacks `{field}`"))?;
    value.as_u64().ok_or_else(|| anyhow!("`{field}` is {value}, not a count"))
}

/// An amount with two decimals, in its hundredths; a whole day of a demo never owes.
fn amount(report: &Value, field: &str) -> Result<u64> {
    let value = report.get(field).ok_or_else(|| anyhow!("the report lacks `{field}`"))?;
    let hundredths = value.as_str().and_then(|text| {
        let (whole, hundredths) = text.split_once('.').filter(|(_, part)| part.len() == 2)?;
        format!("{whole}{hundredths}").parse().ok()
    });
    hundredths.ok_or_else(|| anyhow!("`{field}` is {value}, not an amount such as \"12.30\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edge(id: &str) -> Value {
        json!({
            "id": id, "customers": 8, "pending": 0,
            "accounts": 8, "accounts_missing": 0, "accounts_wrong": 0,
        })
    }

    fn good() -> Value {
        let mut store = edge("S1");
        store["registers"] = json!([edge("S1.R1")]);
        json!({
            "customers_in": 10, "promoted": 8, "failed": 1, "refused": 1,
            "accounts_distinct": 8, "pending_after": 0, "temporary_ids_in_postings": 0,
            "orders_taken": 2, "orders_created": 2, "sales_made": 5, "sales_posted": 5,
            "statements_posted": 2, "amount_sold": "120.50", "amount_posted": "120.50",
            "not_posted": [],
            "stores": [store],
            "claims": [{"what": "nothing is pending", "holds": true}],
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
        assert_eq!(failing(&pending), ["S1 pending"]);
    }

    #[test]
    fn a_sale_or_order_that_is_not_posted_and_another_amount_each_fail() {
        for (field, value, what) in [
            ("orders_created", json!(1), "orders_created"),
            ("sales_posted", json!(6), "sales_posted"),
            ("amount_posted", json!("120.51"), "amount_posted"),
            ("temporary_ids_in_postings", json!(1), "temporary_ids_in_postings"),
            ("not_posted", json!(["S1-1: Waiting"]), "sales and orders not posted"),
            ("statements_posted", json!(0), "runs without any posted statement"),
        ] {
            let mut report = good();
            report[field] = value;
            assert_eq!(failing(&report), [what]);
        }
    }

    #[test]
    fn a_day_without_sales_fails() {
        let mut report = good();
        for field in ["sales_made", "sales_posted", "orders_taken", "orders_created"] {
            report[field] = json!(0);
        }
        for field in ["amount_sold", "amount_posted"] {
            report[field] = json!("0.00");
        }
        let expected =
            ["runs without any sale", "runs without any order", "runs without any turnover"];
        assert_eq!(failing(&report), expected);
    }

    #[test]
    fn an_amount_that_is_no_decimal_text_is_an_error() {
        for wrong in [json!(120.5), json!("120.5"), json!("-1.00"), json!("1e2.00"), json!(null)] {
            let mut report = good();
            report["amount_sold"] = wrong;
            assert!(judge(&report, 10).is_err());
        }
    }

    #[test]
    fn an_account_that_a_store_or_register_misses_or_knows_wrongly_fails() {
        let mut missing = good();
        missing["stores"][0]["accounts_missing"] = json!(1);
        assert_eq!(failing(&missing), ["S1 accounts_missing"]);
        let mut wrong = good();
        wrong["stores"][0]["registers"][0]["accounts_wrong"] = json!(1);
        assert_eq!(failing(&wrong), ["S1.R1 accounts_wrong"]);
        let mut fewer = good();
        fewer["stores"][0]["registers"][0]["accounts"] = json!(7);
        assert_eq!(failing(&fewer), ["S1.R1 accounts"]);
    }

    #[test]
    fn an_edge_holds_the_promoted_customers_and_at_most_the_failed_ones_besides() {
        let with_customers = |count: u64| {
            let mut report = good();
            report["stores"][0]["customers"] = json!(count);
            failing(&report)
        };
        assert_eq!(with_customers(7), ["S1 customers"]);
        assert_eq!(with_customers(9), Vec::<String>::new());
        assert_eq!(with_customers(10), ["S1 customers"]);
    }

    #[test]
    fn a_claim_that_does_not_hold_fails() {
        let mut report = good();
        report["claims"][0]["holds"] = json!(false);
        assert_eq!(failing(&report), ["claim that nothing is pending"]);
        report["claims"][0]["holds"] = json!("true");
        assert_eq!(failing(&report), ["claim that nothing is pending"]);
    }

    #[test]
    fn a_report_without_stores_registers_or_claims_is_an_error() {
        for field in ["stores", "claims"] {
            let mut report = good();
            report[field] = json!([]);
            assert!(judge(&report, 10).is_err(), "{field}");
        }
        let mut report = good();
        report["stores"][0].as_object_mut().unwrap().remove("registers");
        assert!(judge(&report, 10).is_err());
    }

    #[test]
    fn a_run_that_refused_everything_fails() {
        let mut refused = good();
        refused["promoted"] = json!(0);
        refused["accounts_distinct"] = json!(0);
        refused["refused"] = json!(9);
        for place in ["/stores/0", "/stores/0/registers/0"] {
            let edge = refused.pointer_mut(place).unwrap();
            edge["customers"] = json!(0);
            edge["accounts"] = json!(0);
        }
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
