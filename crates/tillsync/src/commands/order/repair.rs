//! `tillsync order repair`.

use tillsync_domain::ids::TransactionNumber;

use crate::commands::transaction::{Changes, Operator, print_one};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::Format;

/// Arguments of `order repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync order repair S1-000001-260301100000 --set '/trade/customer=\"C-00000001\"' \
    --operator ann --data-dir /srv/tillsync\n  \
    tillsync order repair S1-000001-260301100000 --remove /ship_to --data-dir /srv/tillsync\n\n\
    What was sent is kept word for word; each change is kept beside it with who made it and when.")]
pub(crate) struct Arguments {
    /// Which one, by its number.
    number: TransactionNumber,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let changes = arguments.changes.list()?;
    let hq = arguments.place.open_to_change()?;
    hq.repair_transaction(&arguments.number, &arguments.operator.name, &changes)?;
    print_one(arguments.format, &hq, &arguments.number)
}
