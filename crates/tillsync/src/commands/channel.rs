//! `tillsync channel`: running a store or web shop.

use tillsync_exchange::messages::DatabaseKind;

use super::edge::{
    ConfigurationArguments, EdgeServeArguments, EnrolArguments, TokenArguments, enrol, make_token,
    revoke_tokens, serve, show_configuration,
};
use crate::failure::Failure;

/// What to do with a channel.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Become a channel of a headquarters, with an activation code from there.
    #[command(after_help = "Example:\n  \
        tillsync channel enrol --data-dir /srv/s1 --hq http://127.0.0.1:8700 --code ABCDE-FGHJK")]
    Enrol {
        /// Where headquarters is.
        #[arg(long, value_name = "URL")]
        hq: String,
        #[command(flatten)]
        arguments: EnrolArguments,
    },
    /// Run the channel's server.
    #[command(after_help = "Example:\n  \
        tillsync channel serve --data-dir /srv/s1 --listen 127.0.0.1:8701")]
    Serve(EdgeServeArguments),
    /// Make a token for a program that uses the customer interface.
    #[command(after_help = "Example:\n  \
        tillsync channel token --data-dir /srv/s1 --name web-shop")]
    Token(TokenArguments),
    /// Take all tokens of a program away; whoever is signed in at it is signed out.
    #[command(after_help = "Example:\n  \
        tillsync channel revoke-token --data-dir /srv/s1 --name web-shop")]
    RevokeToken(TokenArguments),
    /// Show every option with its value, where that comes from, and since when.
    #[command(after_help = "Example:\n  tillsync channel configuration --data-dir /srv/s1")]
    Configuration(ConfigurationArguments),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let kind = DatabaseKind::Channel;
    match command {
        Command::Enrol { hq, arguments } => enrol(kind, hq, arguments),
        Command::Serve(arguments) => serve(kind, arguments),
        Command::Token(arguments) => make_token(kind, arguments),
        Command::RevokeToken(arguments) => revoke_tokens(kind, arguments),
        Command::Configuration(arguments) => show_configuration(kind, arguments),
    }
}
