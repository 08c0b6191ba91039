//! `tillsync hq add-group`.

use tillsync_domain::ids::{AddressBook, GroupId};
use tillsync_hq::storage::GroupRecord;

use super::Mode;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq add-group`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq add-group north --address-book retail --data-dir /srv/tillsync\n\n\
    A group of that name is changed. Where its address books change, its databases are sent all of \
    their\ncustomers and staff anew: who is in an added book arrives, and who is in none leaves.")]
pub(crate) struct Arguments {
    /// The name of the group.
    group: GroupId,
    /// An address book whose customers the group gets; customers created there get the first.
    #[arg(long = "address-book", value_name = "NAME", default_value = "default")]
    address_books: Vec<AddressBook>,
    /// Whether changes travel at once or when jobs run.
    #[arg(long, value_enum, default_value = "live")]
    mode: Mode,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_change()?;
    hq.put_group(&GroupRecord {
        id: arguments.group.clone(),
        address_books: arguments.address_books.clone(),
        mode: arguments.mode.into(),
    })?;
    output::line(&format!("group {} is set", arguments.group));
    Ok(())
}
