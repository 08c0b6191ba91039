//! `tillsync doctor`: whether the databases of a data directory are sound and agree.
//!
//! It must never change or repair anything.

mod edge;

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Value, json};
use tillsync_hq::Headquarters;
use tillsync_hq::check::{CheckDepth, CheckReport, Finding, Severity};
use tillsync_hq_web::api::status::Transactions;

use crate::failure::{Failure, Verdict};
use crate::headquarters::Place;
use crate::output::{self, Format};
use crate::stores::find_databases;
use edge::EdgeReport;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync doctor --data-dir /srv/tillsync\n\n\
    Checks headquarters and every stores/ID/channel.db and stores/ID/registers/N/offline.db.\n\
    Exits with 1 when the data contradict themselves; warnings alone do not fail.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// What headquarters has received: the watermarks by database and epoch.
type Watermarks = BTreeMap<(String, String), u64>;

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let hq = arguments.place.open_to_look()?;
    let edges = examine_edges(&hq, arguments)?;
    let report = hq.check(CheckDepth::EveryRow)?;
    let now = hq.now();
    let has_errors = report
        .findings
        .iter()
        .chain(edges.iter().flat_map(|edge| &edge.findings))
        .any(|finding| finding.severity == Severity::Error);
    let verdict = if has_errors { Verdict::Bad } else { Verdict::Good };
    let value = report_json(&report, &edges, verdict);
    arguments.format.print(&value, || report_text(&report, &edges, now));
    Ok(verdict)
}

/// Edges first: what they hold can only be in headquarters already when headquarters is read
/// later.
fn examine_edges(hq: &Headquarters, arguments: &Arguments) -> Result<Vec<EdgeReport>, Failure> {
    let databases = find_databases(&arguments.place.data_dir);
    let mut reports = Vec::new();
    for database in databases {
        reports.push(edge::examine(hq, database));
    }
    let watermarks = received_watermarks(hq, &reports)?;
    for report in &mut reports {
        report.compare_watermarks(&watermarks);
    }
    Ok(reports)
}

/// A channel is received by headquarters, a register by its channel.
fn received_watermarks(hq: &Headquarters, edges: &[EdgeReport]) -> Result<Watermarks, Failure> {
    let mut watermarks = Watermarks::new();
    for (source, watermark) in hq.storage().read(|tx| tx.watermarks_all())? {
        let key = (source.to_string(), watermark.epoch.to_string());
        watermarks.insert(key, watermark.counter.0);
    }
    for received in
        edges.iter().filter_map(|edge| edge.inspection.as_ref()).flat_map(|i| &i.received)
    {
        let key = (received.source.to_string(), received.epoch.to_string());
        watermarks.insert(key, received.counter);
    }
    Ok(watermarks)
}

fn report_text(report: &CheckReport, edges: &[EdgeReport], now: Timestamp) -> String {
    let statuses: Vec<_> =
        report.inbox.by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let mut text = format!(
        "Headquarters: {} customers, {} aliases; operations: {}\n",
        report.customers,
        report.aliases,
        if statuses.is_empty() { "none".to_owned() } else { statuses.join(", ") },
    );
    text += &transactions_text(report, now);
    if !edges.is_empty() {
        let header = [
            "Where",
            "Database",
            "Customers",
            "Pending",
            "Oldest pending",
            "Documents",
            "Unsent (documents)",
            "Quarantined",
        ];
        text += &output::table(header, edges.iter().map(|edge| edge.cells(now)));
        text.push('\n');
        for line in edges.iter().filter_map(EdgeReport::configuration) {
            text += &line;
            text.push('\n');
        }
    }
    let mut findings = 0;
    let mut put = |place: &str, finding: &Finding| {
        let word = severity(finding.severity);
        writeln!(text, "{word}: {place}: {}", finding.message).expect("a string takes every text");
        findings += 1;
    };
    report.findings.iter().for_each(|finding| put("headquarters", finding));
    for edge in edges {
        edge.findings.iter().for_each(|finding| put(&edge.place, finding));
    }
    if findings == 0 {
        text += "All is well.\n";
    }
    text
}

/// Sales, orders and statements in a line each; nothing before the first has arrived.
fn transactions_text(report: &CheckReport, now: Timestamp) -> String {
    let counts = &report.transactions;
    let list = |by_status: &BTreeMap<&'static str, u64>| {
        let parts: Vec<_> =
            by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
        parts.join(", ")
    };
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name}: {value}").expect("a string takes every text");
        }
    };
    put("Orders", &list(&counts.by_order_status));
    let (ready, posted) = (counts.ready, counts.posted);
    let mut validation = list(&counts.by_validation);
    if !validation.is_empty() {
        validation += &format!("; {ready} ready for a statement, {posted} posted");
    }
    put("Validation", &validation);
    if counts.blocked_by_customer > 0 {
        let age = counts.oldest_blocked_at.map(|oldest| now.duration_since(oldest));
        let age = age
            .map_or_else(String::new, |age| format!(", the oldest for {}", output::duration(age)));
        put("Blocked by their customer", &format!("{}{age}", counts.blocked_by_customer));
    }
    text
}

fn report_json(report: &CheckReport, edges: &[EdgeReport], verdict: Verdict) -> Value {
    let watermarks = report.watermarks.iter().map(|(source, epoch, counter)| {
        let (source, epoch) = (source.as_str(), epoch.as_str());
        json!({"source": source, "epoch": epoch, "counter": counter})
    });
    let sessions: BTreeMap<_, _> =
        report.sessions.iter().map(|(status, count)| (status.as_str(), count)).collect();
    json!({
        "ok": verdict == Verdict::Good,
        "headquarters": {
            "customers": report.customers,
            "aliases": report.aliases,
            "operations": report.inbox.by_status,
            "oldest_open_at": output::json_time(report.inbox.oldest_open_at),
            "transactions": Transactions::from(report.transactions.clone()),
            "failed_statements": report.statements_failed,
            "watermarks": watermarks.collect::<Vec<_>>(),
            "sessions": sessions,
            "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        },
        "databases": edges.iter().map(EdgeReport::json).collect::<Vec<_>>(),
    })
}

fn finding_json(finding: &Finding) -> Value {
    json!({"severity": severity(finding.severity), "message": finding.message})
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
