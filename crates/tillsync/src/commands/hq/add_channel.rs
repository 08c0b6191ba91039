//! `tillsync hq add-channel`.

use tillsync_domain::ids::{DatabaseId, GroupId};
use tillsync_hq::access::Addition;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq add-channel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq add-channel S1 --group default --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The name of the channel database.
    id: DatabaseId,
    /// Its group.
    #[arg(long, default_value = "default")]
    group: GroupId,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (id, group) = (arguments.id.clone(), arguments.group.clone());
    arguments.place.open_to_change()?.add_database(&Addition::Channel { id, group })?;
    output::line(&format!("channel {} is added to group {}", arguments.id, arguments.group));
    Ok(())
}
