//! `tillsync hq default-customer`.

use tillsync_domain::ids::{CustomerKey, DatabaseId};

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq default-customer`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq default-customer S1 --create \"Walk-in at S1\" --data-dir /srv/tillsync\n  \
    tillsync hq default-customer S1 --customer C-00000001 --data-dir /srv/tillsync\n\n\
    Sales that name no customer are posted to it. A created one is sent to no till.")]
#[group(id = "whom", required = true, multiple = false, args = ["create", "customer"])]
pub(crate) struct Arguments {
    /// The channel whose unnamed sales it takes.
    channel: DatabaseId,
    /// Make a customer of this name for it.
    #[arg(long, value_name = "NAME")]
    create: Option<String>,
    /// Use a customer that has its account, by account or GUID.
    #[arg(long, value_name = "KEY")]
    customer: Option<CustomerKey>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_change()?;
    let channel = &arguments.channel;
    let account = match (&arguments.create, &arguments.customer) {
        (Some(name), _) => hq.create_default_customer(channel, name)?,
        (None, Some(key)) => hq.set_default_customer(channel, key)?,
        (None, None) => unreachable!("clap asks for one of the two"),
    };
    output::line(&format!("unnamed sales of {channel} are posted to {account}"));
    Ok(())
}
