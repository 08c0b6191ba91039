//! `tillsync customer history`.

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::CustomerKey;
use tillsync_hq::storage::{DocumentPosition, TransactionRecord};
use tillsync_hq_web::api::transactions::Transaction;

use crate::commands::transaction::{account_of, total_of};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// Arguments of `customer history`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer history C-00000001 --data-dir /srv/tillsync\n  \
    tillsync customer history 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync\n\n\
    Either key finds what was written with the other one too.")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as.
    key: CustomerKey,
    /// Only those before this position: the next page.
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let before = arguments.before.map(DocumentPosition);
    let hq = arguments.place.open_to_look()?;
    let transactions =
        hq.order_history(&arguments.key, before, arguments.page.wanted())?.transactions;
    let list = List {
        empty: "it bought and ordered nothing yet",
        header: [
            "Position",
            "Recorded (UTC)",
            "Store",
            "Kind",
            "Number",
            "Account",
            "Total",
            "How it stands",
        ],
        rows: |one| vec![cells(one)],
        next: |one| format!("--before {}", one.position.0),
    };
    arguments.page.print(transactions, Transaction::from, &list);
    Ok(())
}

fn cells(record: &TransactionRecord) -> [String; 8] {
    let kind = match record.header.kind {
        DocumentKind::Order => "order",
        _ => "sale",
    };
    [
        record.position.0.to_string(),
        output::time(record.row.created_at),
        record.source.source.to_string(),
        kind.to_owned(),
        record.row.number.to_string(),
        account_of(record),
        total_of(record),
        standing(record),
    ]
}

fn standing(record: &TransactionRecord) -> String {
    if record.header.is_voided {
        return "voided".to_owned();
    }
    if record.posted_at.is_some() {
        return "posted".to_owned();
    }
    match &record.order {
        Some(order) if order.sales_order.is_none() => {
            format!("order {}", order.status.as_str())
        }
        _ => format!("validation {}", record.validation.as_str()),
    }
}
