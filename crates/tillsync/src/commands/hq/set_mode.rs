//! `tillsync hq set-mode`.

use tillsync_domain::ids::GroupId;

use super::Mode;
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output;

/// Arguments of `hq set-mode`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq set-mode default scheduled --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// The group.
    group: GroupId,
    /// Whether its changes travel at once or when jobs run.
    #[arg(value_enum)]
    mode: Mode,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.place.open_to_change()?.set_mode(&arguments.group, arguments.mode.into())?;
    let how = match arguments.mode {
        Mode::Live => "at once",
        Mode::Scheduled => {
            "when jobs run; give every job of `tillsync job list` that is needed a recurrence"
        }
    };
    output::line(&format!("changes of group {} travel {how}", arguments.group));
    Ok(())
}
