//! `tillsync register`: running a till with its own offline database.

use tillsync_exchange::messages::DatabaseKind;

use super::edge::{EdgeServeArguments, EnrolArguments, TokenArguments, enrol, make_token, serve};
use crate::failure::Failure;

/// What to do with a register.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Become a register of a channel, with an activation code from headquarters.
    #[command(after_help = "Example:\n  \
        tillsync register enrol --data-dir /srv/r1 --channel http://127.0.0.1:8701 \
        --code ABCDE-FGHJK")]
    Enrol {
        /// Where its channel is.
        #[arg(long, value_name = "URL")]
        channel: String,
        #[command(flatten)]
        arguments: EnrolArguments,
    },
    /// Run the register's server.
    #[command(after_help = "Example:\n  \
        tillsync register serve --data-dir /srv/r1 --listen 127.0.0.1:8702")]
    Serve(EdgeServeArguments),
    /// Make a token for a program that uses the customer interface.
    #[command(after_help = "Example:\n  \
        tillsync register token --data-dir /srv/r1 --name pos")]
    Token(TokenArguments),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let kind = DatabaseKind::Register;
    match command {
        Command::Enrol { channel, arguments } => enrol(kind, channel, arguments),
        Command::Serve(arguments) => serve(kind, arguments),
        Command::Token(arguments) => make_token(kind, arguments),
    }
}
