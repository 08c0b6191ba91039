//! `tillsync statement list`.

use tillsync_domain::ids::{DatabaseId, StatementId};
use tillsync_domain::statement::StatementKind;
use tillsync_hq::storage::{StatementFilter, StatementRecord};
use tillsync_hq_web::api::statements::Statement;

use super::amounts;
use crate::commands::names::statement_kind;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// Arguments of `statement list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync statement list --data-dir /srv/tillsync\n  \
    tillsync statement list --failed --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only of this store.
    #[arg(long)]
    store: Option<DatabaseId>,
    /// Only of this kind: transactional, financial or classic.
    #[arg(long, value_parser = statement_kind)]
    kind: Option<StatementKind>,
    /// Only those that are not posted yet.
    #[arg(long)]
    open: bool,
    /// Only those that stopped with an error.
    #[arg(long)]
    failed: bool,
    /// Only those before this one: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<StatementId>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = StatementFilter {
        store: arguments.store.clone(),
        kind: arguments.kind,
        is_open: arguments.open,
        has_failed: arguments.failed,
        before: arguments.before,
        limit: arguments.page.wanted(),
    };
    let statements = arguments.place.open_to_look()?.list_statements(&filter)?;
    let list = List {
        empty: "no statement matches",
        header: [
            "Statement",
            "Store",
            "Kind",
            "Begun (UTC)",
            "State",
            "Transactions",
            "Shifts",
            "Sales",
            "Error",
        ],
        rows: |one| vec![cells(one)],
        next: |one| format!("--before {}", one.id),
    };
    arguments.page.print(statements, Statement::from, &list);
    Ok(())
}

fn cells(statement: &StatementRecord) -> [String; 9] {
    [
        statement.number.to_string(),
        statement.store.to_string(),
        statement.kind.as_str().to_owned(),
        output::time(statement.created_at),
        statement.state.as_str().to_owned(),
        statement.transactions.to_string(),
        statement.shifts.to_string(),
        amounts(statement),
        statement.error.clone().unwrap_or_default(),
    ]
}
