//! `tillsync customer status`: the synchronization status page as a command.

use jiff::Timestamp;
use serde_json::json;
use tillsync_domain::ids::{CustomerKey, DatabaseId, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::operations::{ListedOperation, OperationFilter, OperationList, describe};
use tillsync_hq_web::api::operations::SynchronizationStatus;

use crate::commands::names::operation_status;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer status --data-dir /srv/tillsync\n  \
    tillsync customer status --failed --data-dir /srv/tillsync\n  \
    tillsync customer status --status all --name berry --channel S1 --data-dir /srv/tillsync\n\n\
    `customer show` with the id of an operation shows its old and new values, `customer repair` \
    sets fields of it, and `customer synchronize` applies it.")]
pub(crate) struct Arguments {
    /// List what failed, with its last error, instead of what is pending.
    #[arg(long, conflicts_with = "status")]
    failed: bool,
    /// List what is in this status: pending, succeeded, failed, quarantined or all.
    #[arg(long, value_name = "STATUS", value_parser = status_or_all)]
    status: Option<Wanted>,
    /// Only of this kind, such as create_customer.
    #[arg(long)]
    kind: Option<String>,
    /// Only those that this channel uploaded.
    #[arg(long)]
    channel: Option<DatabaseId>,
    /// Only the one with this id.
    #[arg(long, value_name = "OPERATION")]
    operation: Option<OperationId>,
    /// Only of the customer with this account or GUID.
    #[arg(long, value_name = "KEY")]
    customer: Option<CustomerKey>,
    /// Only of customers whose name contains this.
    #[arg(long)]
    name: Option<String>,
    /// Only of customers with an e-mail address that contains this.
    #[arg(long)]
    email: Option<String>,
    /// Only of customers with a phone number that contains these digits.
    #[arg(long)]
    phone: Option<String>,
    /// Only those recorded at this time or later, such as 2026-03-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those recorded before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only those behind this position: the next page.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    /// How many to list.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// A status to list, or any.
#[derive(Debug, Clone, Copy)]
struct Wanted(Option<OperationStatus>);

fn status_or_all(text: &str) -> Result<Wanted, String> {
    match text {
        "all" => Ok(Wanted(None)),
        text => operation_status(text).map(|status| Wanted(Some(status))),
    }
}

impl Arguments {
    fn status(&self) -> Option<OperationStatus> {
        match self.status {
            Some(Wanted(status)) => status,
            None if self.failed => Some(OperationStatus::Failed),
            None => Some(OperationStatus::Pending),
        }
    }

    fn filter(&self) -> OperationFilter {
        OperationFilter {
            status: self.status(),
            kind: self.kind.clone(),
            channel: self.channel.clone(),
            operation: self.operation,
            customer: self.customer.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            since: self.since,
            until: self.until,
            after: InboxPosition(self.after),
            limit: self.limit.max(1),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let mut filter = arguments.filter();
    let mut list = hq.find_operations(&filter)?;
    // A search that looked through many without filling the page goes on by itself.
    while let Some(next) = list.next.filter(|_| list.operations.len() < arguments.limit.max(1)) {
        filter.after = next;
        filter.limit = arguments.limit.max(1) - list.operations.len();
        let more = hq.find_operations(&filter)?;
        list.operations.extend(more.operations);
        list.next = more.next;
    }
    let value = json!({
        "counts": list.counts.by_status,
        "oldest_open_at": output::json_time(list.counts.oldest_open_at),
        "operations": list.operations.iter().map(line).collect::<Vec<_>>(),
        "next": list.next.map(|next| next.0),
    });
    arguments.format.print(&value, || text(arguments.status(), &list));
    Ok(())
}

fn text(status: Option<OperationStatus>, list: &OperationList) -> String {
    let by_status = OperationStatus::ALL.map(|status| {
        let name = status.as_str();
        format!("{name} {}", list.counts.by_status.get(name).copied().unwrap_or(0))
    });
    let mut text = format!("Operations: {}\n", by_status.join(", "));
    if let Some(oldest) = list.counts.oldest_open_at {
        text += &format!("Oldest that waits: {} UTC\n", output::time(oldest));
    }
    if list.operations.is_empty() {
        return text + &format!("none is {}", status.map_or("there", OperationStatus::as_str));
    }
    let header = [
        "Operation",
        "Channel",
        "Account",
        "Created as",
        "When (UTC)",
        "Status",
        "Tries",
        "Next try",
        "Change",
    ];
    let cells = |ListedOperation { record, account }: &ListedOperation| {
        [
            record.row.id.to_string(),
            record.source.source.to_string(),
            account.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            record.row.customer.to_string(),
            output::time(record.row.created_at),
            record.status.as_str().to_owned(),
            record.tries.to_string(),
            output::time_or_dash(record.next_try_at),
            describe(record),
        ]
    };
    text += &output::table(header, list.operations.iter().map(cells));
    if let Some(next) = list.next {
        text += &format!("\nthere are more; add --after {}", next.0);
    }
    text
}

/// What the API says of it, and what this command said before.
fn line(listed: &ListedOperation) -> serde_json::Value {
    let ListedOperation { record, .. } = listed;
    let mut line = json!({
        "operation": record.row.id.to_string(),
        "created_as": record.row.customer.to_string(),
        "origin": record.row.origin.as_str(),
        "source": record.source.source.as_str(),
        "created_at": record.row.created_at.to_string(),
        "received_at": record.source.received_at.to_string(),
        "status": record.status.as_str(),
        "tries": record.tries,
        "next_try_at": output::json_time(record.next_try_at),
        "error": record.error,
    });
    if let (Some(line), serde_json::Value::Object(status)) =
        (line.as_object_mut(), output::json(&SynchronizationStatus::from(listed)))
    {
        line.extend(status);
    }
    line
}
