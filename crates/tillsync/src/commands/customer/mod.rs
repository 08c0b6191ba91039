//! `tillsync customer`: where customers are and how far they have come.

mod audit;
mod balance;
mod find;
mod history;
mod operation;
mod show;
mod status;
pub(crate) mod trace;
mod why_not_here;

use crate::failure::{Failure, Verdict};

/// What to do with customers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Find customers whose name, e-mail, phone or account contains a text.
    Find(find::Arguments),
    /// Show a customer with its addresses, or an operation with old and new values.
    Show(show::Arguments),
    /// Show through which stages a customer went, when, and which stores know its account.
    Trace(trace::Arguments),
    /// Show why a store does not see a customer, and what to do.
    WhyNotHere(why_not_here::Arguments),
    /// List what a customer bought and ordered, by either of its keys.
    History(history::Arguments),
    /// Show what a customer owes.
    Balance(balance::Arguments),
    /// Show what arrived from stores and registers and what became of it.
    Status(status::Arguments),
    /// Set fields of an operation that failed or waits; what was sent is kept beside it.
    Repair(operation::RepairArguments),
    /// Apply an operation now and say what became of it.
    Synchronize(operation::SynchronizeArguments),
    /// Show who did what with a customer, when, with old and new values.
    Audit(audit::Arguments),
}

pub(super) fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::Find(arguments) => find::run(arguments)?,
        Command::Show(arguments) => show::run(arguments)?,
        Command::Trace(arguments) => trace::run(arguments)?,
        Command::WhyNotHere(arguments) => why_not_here::run(arguments)?,
        Command::History(arguments) => history::run(arguments)?,
        Command::Balance(arguments) => balance::run(arguments)?,
        Command::Status(arguments) => status::run(arguments)?,
        Command::Repair(arguments) => operation::repair(arguments)?,
        Command::Synchronize(arguments) => return operation::synchronize(arguments),
        Command::Audit(arguments) => audit::run(arguments)?,
    }
    Ok(Verdict::Good)
}
