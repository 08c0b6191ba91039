//! `tillsync customer status`: the synchronization status page as a command.

use serde_json::{Value, json};
use tillsync_domain::operation::OperationStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_hq::storage::{InboxCounts, OperationRecord};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `customer status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer status --data-dir /srv/tillsync\n  \
    tillsync customer status --failed --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// List what failed, with its last error, instead of what is pending.
    #[arg(long)]
    failed: bool,
    /// How many to list.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let status = if arguments.failed { OperationStatus::Failed } else { OperationStatus::Pending };
    let hq = arguments.place.open_to_look()?;
    let (operations, counts) = hq.list_operations(status, InboxPosition(0), arguments.limit)?;
    let value = json!({
        "counts": counts.by_status,
        "oldest_open_at": output::json_time(counts.oldest_open_at),
        "operations": operations.iter().map(json).collect::<Vec<Value>>(),
    });
    arguments.format.print(&value, || text(status, &operations, &counts));
    Ok(())
}

fn text(status: OperationStatus, operations: &[OperationRecord], counts: &InboxCounts) -> String {
    let by_status = OperationStatus::ALL.map(|status| {
        let name = status.as_str();
        format!("{name} {}", counts.by_status.get(name).copied().unwrap_or(0))
    });
    let mut text = format!("Operations: {}\n", by_status.join(", "));
    if let Some(oldest) = counts.oldest_open_at {
        text += &format!("Oldest that waits: {} UTC\n", output::time(oldest));
    }
    if operations.is_empty() {
        return text + &format!("none is {}", status.as_str());
    }
    let header =
        ["Arrived (UTC)", "From", "What", "Status", "Tries", "Next try", "Trace with", "Error"];
    let cells = |operation: &OperationRecord| {
        [
            output::time(operation.source.received_at),
            operation.row.origin.to_string(),
            operation.row.kind.replace('_', " "),
            operation.status.as_str().to_owned(),
            operation.tries.to_string(),
            output::time_or_dash(operation.next_try_at),
            operation.row.customer.to_string(),
            operation.error.clone().unwrap_or_default(),
        ]
    };
    text + &output::table(header, operations.iter().map(cells))
}

fn json(operation: &OperationRecord) -> Value {
    json!({
        "operation": operation.row.id.to_string(),
        "created_as": operation.row.customer.to_string(),
        "kind": operation.row.kind,
        "origin": operation.row.origin.as_str(),
        "source": operation.source.source.as_str(),
        "created_at": operation.row.created_at.to_string(),
        "received_at": operation.source.received_at.to_string(),
        "status": operation.status.as_str(),
        "tries": operation.tries,
        "next_try_at": output::json_time(operation.next_try_at),
        "error": operation.error,
    })
}
