//! `tillsync group`: channel database groups.

use tillsync_exchange::messages::ExchangeMode;
use tillsync_hq::storage::GroupRecord;
use tillsync_hq_web::api::groups::Group;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with groups.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List every group, by name.
    List(Arguments),
}

/// Arguments of `group list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync group list --data-dir /srv/tillsync\n\n\
    `tillsync hq add-group` adds one or changes it; `tillsync database list` says who is in it.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let Command::List(arguments) = command;
    let groups = arguments.place.open_to_look()?.list_groups()?;
    let twins = groups.iter().cloned().map(Group::from).collect::<Vec<_>>();
    arguments.format.print(&output::json(&twins), || {
        output::table(["Group", "Address books", "Changes travel"], groups.iter().map(cells))
    });
    Ok(())
}

fn cells(group: &GroupRecord) -> [String; 3] {
    let books = group.address_books.iter().map(ToString::to_string);
    let mode = match group.mode {
        ExchangeMode::Live => "at once",
        ExchangeMode::Scheduled => "when jobs run",
    };
    [group.id.to_string(), books.collect::<Vec<_>>().join(", "), mode.to_owned()]
}
