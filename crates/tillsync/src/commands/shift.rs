//! `tillsync shift`: who answers for a drawer, as far as headquarters has heard.

use tillsync_domain::ids::{DatabaseId, ShiftNumber};
use tillsync_domain::shift::ShiftStatus;
use tillsync_hq::storage::ShiftRecord;
use tillsync_hq_web::api::shifts::Shift;

use super::names::shift_status;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

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
    /// How many to show.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let Command::List(arguments) = command;
    let (store, after) = (arguments.store.as_ref(), arguments.after.as_ref());
    let hq = arguments.place.open_to_look()?;
    let shifts =
        hq.storage().read(|tx| tx.shifts_list(store, arguments.status, after, arguments.limit))?;
    let value = shifts.iter().map(|shift| Shift::from(shift.clone())).collect::<Vec<_>>();
    arguments.format.print(&output::json(&value), || {
        if shifts.is_empty() {
            return "no shift matches".to_owned();
        }
        let header = [
            "Shift",
            "Store",
            "Opened at",
            "Status",
            "Opened (UTC)",
            "Blind closed (UTC)",
            "Closed (UTC)",
            "Statement",
        ];
        output::table(header, shifts.iter().map(cells))
    });
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
