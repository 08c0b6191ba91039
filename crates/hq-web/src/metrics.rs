//! Metrics in Prometheus' text format.
//!
//! Labels are statuses and states from closed lists, never a name of anything: no personal data,
//! and the number of series does not grow with the fleet.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use jiff::Timestamp;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::messages::UploadReceipt;
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::access::is_present;
use tillsync_hq::check::CheckReport;
use tillsync_hq::storage::DatabaseRecord;

use crate::app::App;
use crate::refusal::HttpError;

/// `GET /metrics`.
pub(crate) async fn show_metrics(
    State(app): State<Arc<App>>,
) -> Result<impl IntoResponse, HttpError> {
    let report = app.report().await?;
    let now = app.hq().now();
    with_local_recorder(app.recorder(), || {
        describe();
        set_gauges(&report, now);
        gauge!("tillsync_polls_waiting").set(count(app.polls_waiting() as u64));
    });
    let text = app.recorder().handle().render();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// Counts an upload that was taken in.
pub(crate) fn count_upload(app: &App, receipt: &UploadReceipt) {
    with_local_recorder(app.recorder(), || {
        counter!("tillsync_uploads_total", "result" => "taken").increment(1);
        for (what, entries) in [
            ("inserted", receipt.inserted),
            ("repeated", receipt.repeated),
            ("quarantined", receipt.quarantined),
        ] {
            counter!("tillsync_uploaded_entries_total", "result" => what).increment(entries);
        }
    });
}

/// How the bytes of a package went to who asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackageWay {
    /// Through headquarters.
    Sent,
    /// From the package store itself, by a link.
    Linked,
}

/// Counts a package that somebody asked for and got.
pub(crate) fn count_package(app: &App, way: PackageWay) {
    let way = match way {
        PackageWay::Sent => "headquarters",
        PackageWay::Linked => "link",
    };
    with_local_recorder(app.recorder(), || {
        counter!("tillsync_packages_sent_total", "way" => way).increment(1);
    });
}

/// Counts an upload that was refused.
pub(crate) fn count_refused_upload(app: &App) {
    with_local_recorder(app.recorder(), || {
        counter!("tillsync_uploads_total", "result" => "refused").increment(1);
    });
}

fn describe() {
    describe_gauge!("tillsync_customers", "Customers with an account.");
    describe_gauge!("tillsync_inbox_operations", "Operations received, by status.");
    describe_gauge!(
        "tillsync_oldest_open_operation_seconds",
        Unit::Seconds,
        "Age of the oldest operation that is pending or failed; 0 when there is none."
    );
    describe_gauge!("tillsync_transactions", "Sales and orders, by validation status.");
    describe_gauge!("tillsync_orders", "Customer orders, by order status.");
    describe_gauge!("tillsync_orders_on_hold", "Customer orders whose sales order is on hold.");
    describe_gauge!(
        "tillsync_transactions_blocked_by_customer",
        "Sales and orders that wait for a customer or an address."
    );
    describe_gauge!(
        "tillsync_oldest_blocked_transaction_seconds",
        Unit::Seconds,
        "Time since the oldest of those arrived; 0 when there is none."
    );
    describe_gauge!("tillsync_transactions_ready", "Validated, but in no statement.");
    describe_gauge!("tillsync_transactions_posted", "Sales and orders that are posted.");
    describe_gauge!("tillsync_statements_failed", "Statements that stopped.");
    describe_gauge!("tillsync_documents_quarantined", "Documents that were set aside.");
    describe_gauge!("tillsync_databases", "Edge databases, by state.");
    describe_gauge!("tillsync_download_sessions", "Download sessions, by status.");
    describe_gauge!(
        "tillsync_recovering",
        "1 while nobody is promoted because headquarters was restored."
    );
    describe_gauge!("tillsync_number_conflicts", "Account numbers disputed since a restore.");
    describe_gauge!("tillsync_findings", "Warnings that `tillsync doctor` explains.");
    describe_gauge!("tillsync_polls_waiting", "Polls that wait for something new.");
    describe_counter!(
        "tillsync_packages_sent_total",
        "Packages that were asked for, by the way of their bytes."
    );
    describe_counter!("tillsync_uploads_total", "Upload packages, by result.");
    describe_counter!(
        "tillsync_uploaded_entries_total",
        "Operations and documents uploaded, by result."
    );
}

fn set_gauges(report: &CheckReport, now: Timestamp) {
    gauge!("tillsync_customers").set(count(report.customers));
    gauge!("tillsync_recovering").set(if report.recovery.is_recovering() { 1.0 } else { 0.0 });
    gauge!("tillsync_number_conflicts").set(count(report.recovery.conflicts_open));
    gauge!("tillsync_findings").set(count(report.findings.len() as u64));
    let age = report.inbox.oldest_open_at.map(|oldest| now.duration_since(oldest).as_secs_f64());
    gauge!("tillsync_oldest_open_operation_seconds").set(age.unwrap_or(0.0).max(0.0));
    // Every status each time: one that is empty now must not keep its last number.
    for status in OperationStatus::ALL {
        let operations = report.inbox.by_status.get(status.as_str()).copied().unwrap_or(0);
        gauge!("tillsync_inbox_operations", "status" => status.as_str()).set(count(operations));
    }
    set_transaction_gauges(report, now);
    for status in DownloadStatus::ALL {
        let found = report.sessions.iter().find(|(found, _)| found == status);
        let sessions = found.map_or(0, |(_, sessions)| *sessions);
        gauge!("tillsync_download_sessions", "status" => status.as_str()).set(count(sessions));
    }
    for state in DatabaseState::ALL {
        let databases = report.databases.iter().filter(|record| state_of(record, now) == state);
        let databases = databases.count() as u64;
        gauge!("tillsync_databases", "state" => state.as_str()).set(count(databases));
    }
}

fn set_transaction_gauges(report: &CheckReport, now: Timestamp) {
    let counts = &report.transactions;
    let oldest = counts.oldest_blocked_at.map(|oldest| now.duration_since(oldest).as_secs_f64());
    gauge!("tillsync_oldest_blocked_transaction_seconds").set(oldest.unwrap_or(0.0).max(0.0));
    gauge!("tillsync_transactions_blocked_by_customer").set(count(counts.blocked_by_customer));
    gauge!("tillsync_orders_on_hold").set(count(counts.on_hold));
    gauge!("tillsync_transactions_ready").set(count(counts.ready));
    gauge!("tillsync_transactions_posted").set(count(counts.posted));
    gauge!("tillsync_documents_quarantined").set(count(counts.quarantined));
    gauge!("tillsync_statements_failed").set(count(report.statements_failed));
    for status in ValidationStatus::ALL.map(ValidationStatus::as_str) {
        let found = counts.by_validation.get(status).copied().unwrap_or(0);
        gauge!("tillsync_transactions", "validation" => status).set(count(found));
    }
    for status in OrderStatus::ALL.map(OrderStatus::as_str) {
        let found = counts.by_order_status.get(status).copied().unwrap_or(0);
        gauge!("tillsync_orders", "status" => status).set(count(found));
    }
}

/// A gauge holds a float; counts stay exact up to 2^53.
fn count(value: u64) -> f64 {
    value as f64
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DatabaseState {
    NotEnrolled,
    Present,
    Absent,
    Revoked,
}

impl DatabaseState {
    const ALL: [DatabaseState; 4] = [
        DatabaseState::NotEnrolled,
        DatabaseState::Present,
        DatabaseState::Absent,
        DatabaseState::Revoked,
    ];

    fn as_str(self) -> &'static str {
        match self {
            DatabaseState::NotEnrolled => "not_enrolled",
            DatabaseState::Present => "present",
            DatabaseState::Absent => "absent",
            DatabaseState::Revoked => "revoked",
        }
    }
}

fn state_of(record: &DatabaseRecord, now: Timestamp) -> DatabaseState {
    if record.revoked_at.is_some() {
        DatabaseState::Revoked
    } else if record.enrolled_at.is_none() {
        DatabaseState::NotEnrolled
    } else if is_present(record, now) {
        DatabaseState::Present
    } else {
        DatabaseState::Absent
    }
}
