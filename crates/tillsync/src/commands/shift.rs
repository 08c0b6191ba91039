//! `tillsync shift`: who answers for a drawer, as far as headquarters has heard.

use tillsync_domain::ids::{DatabaseId, ShiftNumber};
use tillsync_domain::shift::ShiftStatus;
use tillsync_hq::storage::ShiftRecord;
use tillsync_hq_web::api::shifts::Shift;

use super::names::shift_status;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};
use crate::output;

/// What to do with shifts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List shifts, by number.
    List(Arguments),
}

/// Arguments of `shift list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync shift list --data-dir /srv/tillsync\n  \
    tillsync shift list --status closed --store S1 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only in this status: open, blind-closed or closed.
    #[arg(long, value_parser = shift_status)]
    status: Option<ShiftStatus>,
    /// Only of this store.
    #[arg(long)]
    store: Option<DatabaseId>,
    /// Only those behind this number: the next page.
    #[arg(long, value_name = "NUMBER")]
    after: Option<ShiftNumber>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let Command::List(arguments) = command;
    let (store, after) = (arguments.store.as_ref(), arguments.after.as_ref());
    let hq = arguments.place.open_to_look()?;
    let (status, wanted) = (arguments.status, arguments.page.wanted());
    let shifts = hq.storage().read(|tx| tx.shifts_list(store, status, after, wanted))?;
    let list = List {
        empty: "no shift matches",
        header: [
            "Shift",
            "Store",
            "Opened at",
            "Status",
            "Opened (UTC)",
            "Blind closed (UTC)",
            "Closed (UTC)",
            "Statement",
        ],
        rows: |one| vec![cells(one)],
        next: |one| format!("--after {}", one.number),
    };
    arguments.page.print(shifts, Shift::from, &list);
    Ok(())
}

fn cells(shift: &ShiftRecord) -> [String; 8] {
    let [opened, blind_closed, closed] = shift.times.map(output::time_or_dash);
    [
        shift.number.to_string(),
        shift.store.to_string(),
        shift.origin.to_string(),
        shift.status.as_str().to_owned(),
        opened,
        blind_closed,
        closed,
        shift.statement.map_or_else(|| "-".to_owned(), |id| id.to_string()),
    ]
}
