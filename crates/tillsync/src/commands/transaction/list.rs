//! `tillsync transaction list`.

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{
    DocumentPosition, OperationSource, TransactionFilter, TransactionRecord,
};
use tillsync_hq_web::api::quarantine::QuarantinedDocument;
use tillsync_hq_web::api::statements::StatementKey;
use tillsync_hq_web::api::transactions::Transaction;

use super::{account_of, findings_of, next, total_of};
use crate::commands::names::validation_status;
use crate::commands::statement;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// Arguments of `transaction list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync transaction list --data-dir /srv/tillsync\n  \
    tillsync transaction list --validation error --store S1 --data-dir /srv/tillsync\n  \
    tillsync transaction list --quarantined --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only in this validation status: new, waiting, successful, error or none.
    #[arg(long, value_name = "STATUS", value_parser = validation_status)]
    validation: Option<ValidationStatus>,
    /// Only of this store.
    #[arg(long)]
    store: Option<DatabaseId>,
    /// Only of this statement, by its number or id.
    #[arg(long)]
    statement: Option<StatementKey>,
    /// Only those behind this position: the next page.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    /// Documents instead that contradicted what was known and were set aside.
    #[arg(long, conflicts_with_all = ["validation", "store", "statement"])]
    quarantined: bool,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.quarantined {
        return list_quarantined(arguments);
    }
    let hq = arguments.place.open_to_look()?;
    let filter = TransactionFilter {
        validation: arguments.validation,
        store: arguments.store.clone(),
        statement: statement::id_of(&hq, arguments.statement.as_ref())?,
        after: DocumentPosition(arguments.after),
        limit: arguments.page.wanted(),
        ..TransactionFilter::default()
    };
    let records = hq.storage().read(|tx| tx.transactions_list(&filter))?;
    let list = List {
        empty: "no transaction matches",
        header: [
            "Position",
            "Number",
            "Kind",
            "Store",
            "Recorded (UTC)",
            "Account",
            "Total",
            "Validation",
            "Statement",
            "Why",
        ],
        rows: |one| vec![cells(one)],
        next,
    };
    arguments.page.print(records, Transaction::from, &list);
    Ok(())
}

fn cells(record: &TransactionRecord) -> [String; 10] {
    let kind = match record.header.kind {
        DocumentKind::Order => "order",
        _ if record.header.is_voided => "voided sale",
        _ => "sale",
    };
    let statement = match (record.statement, record.posted_at) {
        (Some(_), Some(_)) => "posted",
        (Some(_), None) => "taken up",
        (None, _) => "-",
    };
    [
        record.position.0.to_string(),
        record.row.number.to_string(),
        kind.to_owned(),
        record.source.source.to_string(),
        output::time(record.row.created_at),
        account_of(record),
        total_of(record),
        record.validation.as_str().to_owned(),
        statement.to_owned(),
        findings_of(record),
    ]
}

fn list_quarantined(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let (after, wanted) = (DocumentPosition(arguments.after), arguments.page.wanted());
    let found = hq.storage().read(|tx| tx.documents_quarantined(after, wanted))?;
    let list = List {
        empty: "no document was set aside",
        header: ["Position", "Number", "Kind", "From", "Recorded (UTC)", "Arrived (UTC)"],
        rows: |one| vec![quarantined_cells(one)],
        next: |(position, ..)| format!("--after {}", position.0),
    };
    arguments.page.print(found, QuarantinedDocument::from, &list);
    Ok(())
}

type Quarantined = (DocumentPosition, DocumentRow, OperationSource);

fn quarantined_cells((position, row, source): &Quarantined) -> [String; 6] {
    [
        position.0.to_string(),
        row.number.to_string(),
        row.kind.clone(),
        row.origin.to_string(),
        output::time(row.created_at),
        output::time(source.received_at),
    ]
}
