//! `tillsync openapi`.

use crate::output;

/// Arguments of `openapi`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tillsync openapi\n  tillsync openapi --channel")]
pub(crate) struct Arguments {
    /// What tills and web shops ask of a channel or a register, instead of what operators ask of
    /// headquarters.
    #[arg(long)]
    channel: bool,
}

pub(super) fn run(arguments: &Arguments) {
    let description = if arguments.channel {
        tillsync_channel_web::openapi_json()
    } else {
        tillsync_hq_web::openapi_json()
    };
    output::line(description.trim_end());
}
