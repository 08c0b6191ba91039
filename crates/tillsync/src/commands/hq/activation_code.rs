//! `tillsync hq activation-code`.

use tillsync_domain::ids::DatabaseId;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq activation-code`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq activation-code S1 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The database that the device becomes.
    id: DatabaseId,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let code = arguments.place.open_to_change()?.issue_activation_code(&arguments.id)?;
    output::line(&code.to_string());
    Ok(())
}
