//! `tillsync hq add-register`.

use tillsync_domain::ids::DatabaseId;
use tillsync_hq::access::Addition;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq add-register`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq add-register S1.R1 --channel S1 --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The name of the register's database.
    id: DatabaseId,
    /// Its channel.
    #[arg(long)]
    channel: DatabaseId,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (id, channel) = (arguments.id.clone(), arguments.channel.clone());
    arguments.place.open_to_change()?.add_database(&Addition::Register { id, channel })?;
    output::line(&format!("register {} is added to channel {}", arguments.id, arguments.channel));
    Ok(())
}
