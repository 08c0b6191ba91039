//! Tokens for programs that use an edge: `channel token` and `register token`.

use std::path::PathBuf;

use tillsync_channel_web::create_api_token;
use tillsync_exchange::messages::DatabaseKind;

use crate::failure::Failure;
use crate::{output, system};

/// What both take.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArguments {
    /// The folder of the database.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
    /// The program that gets the token, such as pos.
    #[arg(long)]
    name: String,
}

pub(crate) fn make_token(kind: DatabaseKind, arguments: &TokenArguments) -> Result<(), Failure> {
    let (clock, entropy) = (system::clock(), system::entropy());
    let ports = (clock.as_ref(), entropy.as_ref());
    let token = create_api_token(&arguments.data_dir, kind, &arguments.name, ports)?;
    output::line(token.reveal());
    Ok(())
}
