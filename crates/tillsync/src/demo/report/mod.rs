//! What the demo found, for people and as the JSON object that scripts rely on.

mod sold;

use std::fmt::Write;

use serde_json::{Value, json};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_fleet::Edge;
use tillsync_hq::trace::CustomerTrace;

use super::load::Loaded;
use super::takings::Takings;
use super::verify::{Books, EdgeBooks, Ends};
use super::ways::Way;
use crate::commands::trace::{trace_json, trace_text};
use crate::failure::Verdict;
use crate::output;

/// Refusals and failures that the text shows; JSON has all of them.
const SHOWN_MAX: usize = 20;

/// Something that must hold at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// What.
    pub(super) what: String,
    /// Whether it does.
    pub(super) holds: bool,
}

/// One edge at the end.
#[derive(Debug)]
pub(super) struct EdgeLine {
    /// Its name.
    pub(super) id: String,
    /// The store that it is or belongs to.
    pub(super) store: String,
    /// What it is.
    pub(super) kind: DatabaseKind,
    /// Whether its link was cut while customers were created.
    pub(super) was_cut: bool,
    /// Customers created there.
    pub(super) created: u64,
    /// Rows refused there.
    pub(super) refused: u64,
    /// Pending while the link was cut.
    pub(super) pending_before: u64,
    /// What its database holds.
    pub(super) books: EdgeBooks,
}

/// Everything that the demo found.
#[derive(Debug)]
pub(super) struct Report {
    /// The ways in which single customers came into being.
    pub(super) ways: Vec<Way>,
    /// Customers that had an account in the answer to their till.
    pub(super) created_sync: u64,
    /// What became of the rows.
    pub(super) loaded: Loaded,
    /// What headquarters holds.
    pub(super) aliases: u64,
    /// What became of the customers.
    pub(super) ends: Ends,
    /// Every edge.
    pub(super) edges: Vec<EdgeLine>,
    /// What was sold and posted.
    pub(super) takings: Takings,
    /// What must hold besides the sums.
    pub(super) claims: Vec<Claim>,
    /// What the jobs said when they were run by hand.
    pub(super) jobs: Vec<(String, Value)>,
    /// One customer's way.
    pub(super) trace: Option<CustomerTrace>,
    /// The most memory headquarters held.
    pub(super) hq_memory_mib: f64,
    /// Seconds by stage, in order.
    pub(super) stages: Vec<(&'static str, f64)>,
    /// Seconds in all.
    pub(super) seconds: f64,
}

impl EdgeLine {
    /// Puts together what is known of an edge.
    pub(super) fn new(edge: &Edge, books: EdgeBooks) -> Self {
        EdgeLine {
            id: edge.id.to_string(),
            store: edge.store.to_string(),
            kind: edge.kind,
            was_cut: false,
            created: 0,
            refused: 0,
            pending_before: 0,
            books,
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "customers": self.books.customers,
            "pending": self.books.pending,
            "created": self.created,
            "refused": self.refused,
            "was_cut": self.was_cut,
            "pending_before": self.pending_before,
            "accounts": self.books.accounts,
            "accounts_missing": self.books.missing,
            "accounts_wrong": self.books.wrong,
        })
    }

    fn cells(&self) -> [String; 8] {
        let indent = match self.kind {
            DatabaseKind::Channel => "",
            DatabaseKind::Register => "  ",
        };
        [
            format!("{indent}{}", self.id),
            if self.was_cut { "cut" } else { "whole" }.to_owned(),
            self.created.to_string(),
            self.refused.to_string(),
            self.pending_before.to_string(),
            self.books.pending.to_string(),
            self.books.customers.to_string(),
            self.books.accounts.to_string(),
        ]
    }
}

impl Report {
    /// Customers that are pending anywhere at the end: at an edge, or lost altogether.
    fn pending_after(&self) -> u64 {
        let at_edges = self.edges.iter().map(|edge| edge.books.pending).max().unwrap_or(0);
        at_edges.max(self.ends.lost.len() as u64)
    }

    /// Customers that were pending when their till was answered.
    fn created_async(&self) -> u64 {
        (self.loaded.accepted.len() as u64).saturating_sub(self.created_sync)
    }

    /// Everything that must hold.
    fn claims(&self) -> Vec<Claim> {
        let ends = &self.ends;
        let ended = ends.promoted + ends.failed.len() as u64 + self.loaded.refused;
        let accepted = self.loaded.accepted.len() as u64;
        let missing: u64 = self.edges.iter().map(|edge| edge.books.missing).sum();
        let wrong: u64 = self.edges.iter().map(|edge| edge.books.wrong).sum();
        let claim = |what: &str, holds| Claim { what: what.to_owned(), holds };
        let mut claims = vec![
            claim(
                "every row ended as a customer with an account, a recorded failure or a refusal",
                ended == self.loaded.customers_in,
            ),
            claim("no two rows share a customer", ends.guids_distinct == accepted),
            claim("no two customers share an account", ends.accounts_distinct == ends.promoted),
            claim("every GUID has exactly one alias", self.aliases == ends.promoted),
            claim("nothing is pending", self.pending_after() == 0),
            claim("every store and register knows every account", missing == 0 && wrong == 0),
        ];
        claims.extend(self.claims.iter().cloned());
        claims.extend(self.takings.claims());
        claims
    }

    /// Whether everything holds.
    pub(super) fn verdict(&self) -> Verdict {
        let all = self.claims().iter().all(|claim| claim.holds);
        if all { Verdict::Good } else { Verdict::Bad }
    }

    /// The object of `tillsync demo --json`.
    pub(super) fn json(&self) -> Value {
        let (loaded, ends) = (&self.loaded, &self.ends);
        let refusals = loaded.refusals.iter().map(|refusal| {
            json!({"row": refusal.row.0, "field": refusal.field, "reason": refusal.reason})
        });
        let failures =
            ends.failed.iter().map(|failed| json!({"row": failed.row.0, "error": failed.error}));
        let not_accepted =
            loaded.not_accepted.iter().map(|(row, error)| json!({"row": row.0, "error": error}));
        let claims = self
            .claims()
            .into_iter()
            .map(|claim| json!({"what": claim.what, "holds": claim.holds}));
        let stages: serde_json::Map<String, Value> =
            self.stages.iter().map(|(name, took)| ((*name).to_owned(), round(*took))).collect();
        let mut report = json!({
            "customers_in": loaded.customers_in,
            "refused": loaded.refused,
            "created_async": self.created_async(),
            "created_sync": self.created_sync,
            "promoted": ends.promoted,
            "failed": ends.failed.len(),
            "accounts_distinct": ends.accounts_distinct,
            "pending_after": self.pending_after(),
            "aliases": self.aliases,
            "stores": self.stores_json(),
            "seconds": round(self.seconds),
            "stages": stages,
            "hq_memory_mib": round(self.hq_memory_mib),
            "refusals": refusals.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
            "not_accepted": not_accepted.collect::<Vec<_>>(),
            "lost": ends.lost.iter().map(|row| row.0).collect::<Vec<_>>(),
            "jobs": self.jobs.iter().map(|(job, run)| json!({"job": job, "run": run}))
                .collect::<Vec<_>>(),
            "ways": self.ways.iter().map(Way::json).collect::<Vec<_>>(),
            "trace": self.trace.as_ref().map(trace_json),
            "claims": claims.collect::<Vec<_>>(),
        });
        self.takings.put_json(&mut report);
        report
    }

    fn stores_json(&self) -> Vec<Value> {
        let stores = self.edges.iter().filter(|edge| edge.kind == DatabaseKind::Channel);
        let with_registers = |store: &EdgeLine| {
            let mut value = store.json();
            let registers = self
                .edges
                .iter()
                .filter(|edge| edge.kind == DatabaseKind::Register && edge.store == store.id);
            value["registers"] = registers.map(EdgeLine::json).collect();
            value
        };
        stores.map(with_registers).collect()
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("\nStores and registers\n");
        let header = [
            "Where",
            "Link",
            "Created",
            "Refused",
            "Pending while cut",
            "Pending now",
            "Customers",
            "Accounts known",
        ];
        text += &output::table(header, self.edges.iter().map(EdgeLine::cells));
        if !self.ways.is_empty() {
            text += "\n\nWays in which a customer comes into being\n";
            text += &output::table(["Way", "Where", "Answer"], self.ways.iter().map(Way::cells));
        }
        if let Some(trace) = &self.trace {
            text += "\n\nOne customer's way\n";
            text += &trace_text(trace);
        }
        text += "\n\n";
        text += &self.takings.text_section();
        self.put_refusals(&mut text);
        self.put_totals(&mut text);
        text
    }

    fn put_refusals(&self, text: &mut String) {
        let refusals = self.loaded.refusals.iter().map(|refusal| {
            let row = refusal.row.0;
            format!("row {row}: {}: {}", refusal.field, refusal.reason)
        });
        let failures =
            self.ends.failed.iter().map(|failed| format!("row {}: {}", failed.row.0, failed.error));
        let not_accepted =
            self.loaded.not_accepted.iter().map(|(row, error)| format!("row {}: {error}", row.0));
        let lost = self.ends.lost.iter().map(|row| format!("row {}", row.0));
        put_list(text, "Refused, and why", refusals);
        put_list(text, "Failed at headquarters", failures);
        put_list(text, "Not accepted by any edge", not_accepted);
        put_list(text, "Accepted, but without an account", lost);
        put_list(text, "Wrong with sales and orders", self.takings.problems.iter().cloned());
        put_list(text, "Sold or ordered, but not posted", self.takings.not_posted.iter().cloned());
    }

    fn put_totals(&self, text: &mut String) {
        let (loaded, ends) = (&self.loaded, &self.ends);
        let (takings, sums) = (&self.takings, &self.takings.sums);
        let mut put = |line: String| {
            writeln!(text, "{line}").expect("a string takes every text");
        };
        put("\nTotals".to_owned());
        put(format!("  customers in the input    {}", loaded.customers_in));
        put(format!("  created without a wait    {}", self.created_async()));
        put(format!("  created with an account   {}", self.created_sync));
        put(format!("  with a permanent account  {}", ends.promoted));
        put(format!("  failed at headquarters    {}", ends.failed.len()));
        put(format!("  refused by a rule         {}", loaded.refused));
        put(format!("  different accounts        {}", ends.accounts_distinct));
        put(format!("  pending now               {}", self.pending_after()));
        put(format!(
            "  sales made and posted     {} / {}",
            sums.sales, takings.posted.sales_posted
        ));
        put(format!(
            "  orders taken and created  {} / {}",
            sums.orders, takings.posted.orders_created
        ));
        put(format!(
            "  amount sold and posted    {} / {} {}",
            takings.text(sums.sold),
            takings.text(takings.amount_posted()),
            takings.currency
        ));
        put(format!("  memory of headquarters    {:.0} MiB at most", self.hq_memory_mib));
        let stages: Vec<_> =
            self.stages.iter().map(|(name, took)| format!("{name} {took:.1}")).collect();
        put(format!("  seconds                   {:.1} ({})", self.seconds, stages.join(", ")));
        put("\nChecked".to_owned());
        for claim in self.claims() {
            put(format!("  {} {}", if claim.holds { "yes" } else { "NO " }, claim.what));
        }
    }
}

/// The claims about headquarters that need its whole books.
pub(super) fn aliases_claim(books: &Books) -> Claim {
    let what = "every alias belongs to a customer that its group may see".to_owned();
    Claim { what, holds: books.aliases == books.accounts.len() as u64 }
}

/// The claim about the jobs that were run by hand, each with its run.
pub(super) fn jobs_claim(jobs: &[(String, Value)]) -> Claim {
    let has_succeeded = |(_, run): &(String, Value)| run["outcome"] == "succeeded";
    let what = "every job run by hand succeeded".to_owned();
    Claim { what, holds: !jobs.is_empty() && jobs.iter().all(has_succeeded) }
}

fn put_list(text: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    writeln!(text, "\n{title}").expect("a string takes every text");
    for line in lines.take(SHOWN_MAX) {
        writeln!(text, "  {line}").expect("a string takes every text");
    }
    if count > SHOWN_MAX {
        let more = count - SHOWN_MAX;
        writeln!(text, "  and {more} more; --json lists all").expect("a string takes every text");
    }
}

fn round(value: f64) -> Value {
    json!((value * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_that_did_not_succeed_or_none_at_all_breaks_the_claim() {
        let job = |outcome: &str| ("P-0001".to_owned(), json!({"outcome": outcome}));
        assert!(jobs_claim(&[job("succeeded"), job("succeeded")]).holds);
        assert!(!jobs_claim(&[job("succeeded"), job("completed_with_errors")]).holds);
        assert!(!jobs_claim(&[("P-0001".to_owned(), json!({}))]).holds);
        assert!(!jobs_claim(&[]).holds);
    }
}
