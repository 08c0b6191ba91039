//! `tillsync register`: running a till with its own offline database.

use tillsync_exchange::messages::DatabaseKind;

use super::edge::{
    ConfigurationArguments, EdgeServeArguments, EnrolArguments, StatusArguments, SwitchArguments,
    TokenArguments, connect, disconnect, enrol, make_token, revoke_tokens, serve,
    show_configuration, show_status,
};
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
    /// Take all tokens of a program away; whoever is signed in at it is signed out.
    #[command(after_help = "Example:\n  \
        tillsync register revoke-token --data-dir /srv/r1 --name pos")]
    RevokeToken(TokenArguments),
    /// Let the till work by itself until it is connected: it sells on and exchanges nothing.
    #[command(after_help = "Example:\n  tillsync register disconnect --data-dir /srv/r1")]
    Disconnect(SwitchArguments),
    /// Let the till go by its line again, after it was disconnected.
    #[command(after_help = "Example:\n  tillsync register connect --data-dir /srv/r1")]
    Connect(SwitchArguments),
    /// Show whether somebody disconnected the till, and what is not yet at its store.
    #[command(after_help = "Example:\n  tillsync register status --data-dir /srv/r1")]
    Status(StatusArguments),
    /// Show every option with its value, where that comes from, and since when.
    #[command(after_help = "Example:\n  tillsync register configuration --data-dir /srv/r1")]
    Configuration(ConfigurationArguments),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let kind = DatabaseKind::Register;
    match command {
        Command::Enrol { channel, arguments } => enrol(kind, channel, arguments),
        Command::Serve(arguments) => serve(kind, arguments),
        Command::Token(arguments) => make_token(kind, arguments),
        Command::RevokeToken(arguments) => revoke_tokens(kind, arguments),
        Command::Disconnect(arguments) => disconnect(arguments),
        Command::Connect(arguments) => connect(arguments),
        Command::Status(arguments) => show_status(arguments),
        Command::Configuration(arguments) => show_configuration(kind, arguments),
    }
}
