//! Tokens for programs that use an edge: `channel token` and `register token`.

use std::path::PathBuf;

use tillsync_channel_web::{create_api_token, revoke_api_tokens};
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

/// Takes every token of a program away.
pub(crate) fn revoke_tokens(kind: DatabaseKind, arguments: &TokenArguments) -> Result<(), Failure> {
    let revoked = revoke_api_tokens(&arguments.data_dir, kind, &arguments.name)?;
    let name = &arguments.name;
    output::line(&match revoked {
        0 => format!("{name} has no token here"),
        1 => format!("the token of {name} does not hold any more"),
        several => format!("{several} tokens of {name} do not hold any more"),
    });
    Ok(())
}

pub(crate) fn make_token(kind: DatabaseKind, arguments: &TokenArguments) -> Result<(), Failure> {
    let (clock, entropy) = (system::clock(), system::entropy());
    let ports = (clock.as_ref(), entropy.as_ref());
    let token = create_api_token(&arguments.data_dir, kind, &arguments.name, ports)?;
    output::line(token.reveal());
    Ok(())
}
