//! `tillsync order list`.

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::order::OrderStatus;
use tillsync_hq::storage::{DocumentPosition, TransactionFilter, TransactionRecord};
use tillsync_hq_web::api::transactions::Transaction;

use crate::commands::names::order_status;
use crate::commands::transaction::{self, account_of, total_of};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// Arguments of `order list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync order list --data-dir /srv/tillsync\n  \
    tillsync order list --status failed --store S1 --data-dir /srv/tillsync\n  \
    tillsync order list --on-hold --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only in this status: new, waiting, failed, editing or succeeded.
    #[arg(long, value_parser = order_status)]
    status: Option<OrderStatus>,
    /// Only of this store.
    #[arg(long)]
    store: Option<DatabaseId>,
    /// Only those on hold.
    #[arg(long)]
    on_hold: bool,
    /// Only those behind this position: the next page.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = TransactionFilter {
        kind: Some(DocumentKind::Order),
        store: arguments.store.clone(),
        order_status: arguments.status,
        is_on_hold: arguments.on_hold,
        after: DocumentPosition(arguments.after),
        limit: arguments.page.wanted(),
        ..TransactionFilter::default()
    };
    let hq = arguments.place.open_to_look()?;
    let records = hq.storage().read(|tx| tx.transactions_list(&filter))?;
    let list = List {
        empty: "no order matches",
        header: [
            "Position",
            "Number",
            "Store",
            "Recorded (UTC)",
            "Account",
            "Total",
            "Status",
            "Tries",
            "Sales order",
            "Hold",
            "Error",
        ],
        rows: |one| vec![cells(one)],
        next: transaction::next,
    };
    arguments.page.print(records, Transaction::from, &list);
    Ok(())
}

fn cells(record: &TransactionRecord) -> [String; 11] {
    let order = record.order.as_ref();
    let dash = || "-".to_owned();
    [
        record.position.0.to_string(),
        record.row.number.to_string(),
        record.source.source.to_string(),
        output::time(record.row.created_at),
        account_of(record),
        total_of(record),
        order.map_or_else(dash, |order| order.status.as_str().to_owned()),
        order.map_or_else(dash, |order| order.tries.to_string()),
        order.and_then(|o| o.sales_order.as_ref()).map_or_else(dash, ToString::to_string),
        order.and_then(|order| order.hold.clone()).unwrap_or_else(dash),
        order.and_then(|order| order.error.clone()).unwrap_or_default(),
    ]
}
