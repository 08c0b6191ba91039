//! `tillsync hq`: running headquarters and adding what belongs to it.

mod activation_code;
mod add_channel;
mod add_group;
mod add_register;
mod configuration;
mod copy;
mod default_customer;
mod exclusion;
mod feature;
mod migrate;
mod nodes;
mod offline_profile;
mod profile;
mod recovery;
mod restored;
mod serve;
mod set_mode;
mod token;

use clap::ValueEnum;
use tillsync_exchange::messages::ExchangeMode;

use crate::failure::Failure;

/// What to do at headquarters.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run a headquarters server; the first start makes its database.
    Serve(serve::Arguments),
    /// List the nodes that serve headquarters, and the jobs that run on them.
    Nodes(nodes::Arguments),
    /// Bring a PostgreSQL database up to date, or list what that would change.
    Migrate(migrate::Arguments),
    /// Copy a whole headquarters into an empty database, of SQLite or PostgreSQL.
    Copy(copy::Arguments),
    /// Add a channel database group, or change its address books and mode.
    AddGroup(add_group::Arguments),
    /// Add a store's or web shop's channel database.
    AddChannel(add_channel::Arguments),
    /// Add a register's offline database.
    AddRegister(add_register::Arguments),
    /// Issue a code with which one device can become a database, within 24 hours.
    ActivationCode(activation_code::Arguments),
    /// Say whom the sales of a channel are posted to that name no customer.
    DefaultCustomer(default_customer::Arguments),
    /// Show and set how the tills of channels create customers and orders.
    #[command(subcommand)]
    Profile(profile::Command),
    /// Show and set the features that hold for all channels.
    #[command(subcommand)]
    Feature(feature::Command),
    /// Show what is set for a channel and its registers, and which of them know.
    Configuration(configuration::Arguments),
    /// Show and set what is kept from the offline databases of registers.
    #[command(subcommand)]
    Exclusion(exclusion::Command),
    /// Show and set how registers work while they are cut off.
    #[command(subcommand)]
    OfflineProfile(offline_profile::Command),
    /// Let changes of a group travel at once, or when jobs run.
    SetMode(set_mode::Arguments),
    /// Say that the database was restored from a backup, before headquarters serves again.
    Restored(restored::Arguments),
    /// Show what a restore has made headquarters forget, and decide about it.
    #[command(subcommand)]
    Recovery(recovery::Command),
    /// Make a token for the operators' interface; an older one of that name stops working.
    Token(token::Arguments),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Nodes(arguments) => nodes::run(arguments),
        Command::Migrate(arguments) => migrate::run(arguments),
        Command::Copy(arguments) => copy::run(arguments),
        Command::AddGroup(arguments) => add_group::run(arguments),
        Command::AddChannel(arguments) => add_channel::run(arguments),
        Command::AddRegister(arguments) => add_register::run(arguments),
        Command::ActivationCode(arguments) => activation_code::run(arguments),
        Command::DefaultCustomer(arguments) => default_customer::run(arguments),
        Command::Profile(command) => profile::run(command),
        Command::Feature(command) => feature::run(command),
        Command::Configuration(arguments) => configuration::run(arguments),
        Command::Exclusion(command) => exclusion::run(command),
        Command::OfflineProfile(command) => offline_profile::run(command),
        Command::SetMode(arguments) => set_mode::run(arguments),
        Command::Restored(arguments) => restored::run(arguments),
        Command::Recovery(command) => recovery::run(command),
        Command::Token(arguments) => token::run(arguments),
    }
}

/// Yes or no, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    /// It is so.
    Yes,
    /// It is not.
    No,
}

/// Whether changes travel at once, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// At once.
    Live,
    /// When jobs run.
    Scheduled,
}

impl From<Mode> for ExchangeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Live => ExchangeMode::Live,
            Mode::Scheduled => ExchangeMode::Scheduled,
        }
    }
}
