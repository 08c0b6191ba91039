//! `tillsync openapi`.

use crate::output;

/// Arguments of `openapi`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync openapi")]
pub(crate) struct Arguments {}

pub(super) fn run(_: &Arguments) {
    output::line(tillsync_hq_web::openapi_json().trim_end());
}
