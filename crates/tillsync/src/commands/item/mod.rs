//! `tillsync item`: what tills can sell, and for how much.

mod import;
mod list;

use crate::failure::{Failure, Verdict};

/// What to do with items.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add items with their prices from a CSV file, or replace them.
    Import(import::Arguments),
    /// List items with their prices, by number.
    List(list::Arguments),
}

pub(super) fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::Import(arguments) => import::run(arguments),
        Command::List(arguments) => {
            list::run(arguments)?;
            Ok(Verdict::Good)
        }
    }
}
