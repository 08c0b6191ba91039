//! `tillsync hq restored`.

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;
use crate::system;

/// Arguments of `hq restored`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq restored --data-dir /srv/tillsync\n\n\
    To be run after the database was put back from a backup and before headquarters serves again. \
    Nobody is promoted then until every channel has told which numbers it knows. Headquarters \
    notices a restore by itself as well, but only when a store or a package proves it.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_change()?;
    let by = format!("`tillsync hq restored` on {}", system::machine_name());
    let has_begun = hq.declare_restored(&by)?;
    output::line(if has_begun {
        "headquarters recovers: nobody is promoted until every channel was heard"
    } else {
        "headquarters is recovering already; `tillsync hq recovery show` says for whom it waits"
    });
    Ok(())
}
