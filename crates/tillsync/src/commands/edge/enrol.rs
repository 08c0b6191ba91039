//! Enrolling an edge: `channel enrol` and `register enrol`.

use std::path::PathBuf;

use tillsync_channel_web::EnrolOptions;
use tillsync_exchange::messages::DatabaseKind;

use super::{TrustArguments, plain_http};
use crate::failure::Failure;
use crate::{output, system};

/// What both enrolments take.
#[derive(Debug, clap::Args)]
pub(crate) struct EnrolArguments {
    /// The folder of the database; made if there is none.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
    /// The activation code, as `tillsync hq activation-code` printed it.
    #[arg(long, value_name = "CODE")]
    code: String,
    #[command(flatten)]
    trust: TrustArguments,
    /// Speak plain HTTP beyond this machine; anybody on the way can read along.
    #[arg(long)]
    allow_plain_http: bool,
}

pub(crate) fn enrol(
    kind: DatabaseKind,
    upstream: &str,
    arguments: &EnrolArguments,
) -> Result<(), Failure> {
    crate::headquarters::make_folder(&arguments.data_dir)?;
    let options = EnrolOptions {
        data_dir: &arguments.data_dir,
        kind,
        upstream,
        code: &arguments.code,
        plain_http: plain_http(arguments.allow_plain_http),
        upstream_ca: arguments.trust.upstream_ca.as_deref(),
    };
    let enrolled = tillsync_channel_web::enrol(options, system::entropy().as_ref())?;
    output::line(&format!("enrolled as {} in group {}", enrolled.database, enrolled.group));
    Ok(())
}
