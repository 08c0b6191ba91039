//! `tillsync hq token`.

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq token monitoring --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Whose token it is, or what for.
    name: String,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let token = arguments.place.open_to_change()?.create_operator_token(&arguments.name)?;
    output::line(token.reveal());
    Ok(())
}
