//! The commands, one file a verb.
//!
//! This file only names them. A command must never decide what a use case decides.

mod channel;
mod completions;
mod customer;
mod database;
mod demo;
mod doctor;
mod edge;
mod group;
mod hq;
mod inspect;
mod item;
mod job;
mod ledger;
mod names;
mod number_sequence;
mod openapi;
mod order;
mod parameter;
mod register;
mod repair;
mod session;
mod shift;
mod staff;
mod statement;
mod transaction;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use customer::trace;

use crate::failure::{Failure, Verdict};

/// Customers created at tills and stores, with or without a connection, get one permanent account
/// at headquarters each, exactly once.
#[derive(Debug, Parser)]
#[command(
    name = "tillsync",
    version,
    after_help = "Start here:\n  tillsync demo\n\nErrors go to standard error and say what to \
                  do. Exit codes: 0 done, 1 failed, 2 wrong use."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run headquarters, stores and registers on this machine and watch customers travel.
    Demo(demo::Arguments),
    /// Run headquarters; add groups, stores and registers.
    #[command(subcommand)]
    Hq(hq::Command),
    /// Stores, web shops and registers as headquarters knows them.
    #[command(subcommand)]
    Database(database::Command),
    /// Channel database groups: who gets which customers, and when.
    #[command(subcommand)]
    Group(group::Command),
    /// Run a store or web shop.
    #[command(subcommand)]
    Channel(channel::Command),
    /// Run a till with its own offline database.
    #[command(subcommand)]
    Register(register::Command),
    /// Jobs of headquarters: what runs, what ran, when it runs.
    #[command(subcommand)]
    Job(job::Command),
    /// Packages on their way, and what became of them.
    #[command(subcommand)]
    Session(session::Command),
    /// Customers: find, show, trace, and their synchronization status.
    #[command(subcommand)]
    Customer(customer::Command),
    /// Customer orders: how far they have come, and repairs.
    #[command(subcommand)]
    Order(order::Command),
    /// Sales and orders as they were uploaded: which may be posted, and repairs.
    #[command(subcommand)]
    Transaction(transaction::Command),
    /// Shifts of tills, as far as headquarters has heard.
    #[command(subcommand)]
    Shift(shift::Command),
    /// Statements: what the end of the day takes up, sums up and posts.
    #[command(subcommand)]
    Statement(statement::Command),
    /// The ledger: vouchers and balances.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Staff: who may sign in at the tills of which stores.
    #[command(subcommand)]
    Staff(staff::Command),
    /// Items and prices.
    #[command(subcommand)]
    Item(item::Command),
    /// What finance and operators set while headquarters runs.
    #[command(subcommand)]
    Parameter(parameter::Command),
    /// The sequences that accounts, parties, sales orders, invoices, vouchers and statements are
    /// numbered from.
    #[command(subcommand)]
    NumberSequence(number_sequence::Command),
    /// Check a data directory: integrity, watermarks, accounts, what is pending and how long.
    Doctor(doctor::Arguments),
    /// Print the OpenAPI description of headquarters' interface.
    Openapi(openapi::Arguments),
    /// Print completions for a shell.
    Completions(completions::Arguments),
    /// Print every customer that each database of a data directory knows, a JSON line each.
    #[command(hide = true)]
    Inspect(inspect::Arguments),
}

/// Runs the command that the arguments name; a failure is reported on standard error.
pub(crate) fn run() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(failure) => {
            eprint!("{}", failure.report());
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<Verdict, Failure> {
    match command {
        Command::Demo(arguments) => return demo::run(&arguments),
        Command::Doctor(arguments) => return doctor::run(&arguments),
        Command::Hq(command) => hq::run(&command)?,
        Command::Database(command) => database::run(&command)?,
        Command::Group(command) => group::run(&command)?,
        Command::Channel(command) => channel::run(&command)?,
        Command::Register(command) => register::run(&command)?,
        Command::Job(command) => return job::run(&command),
        Command::Session(command) => session::run(&command)?,
        Command::Customer(command) => return customer::run(&command),
        Command::Order(command) => return order::run(&command),
        Command::Transaction(command) => return transaction::run(&command),
        Command::Shift(command) => shift::run(&command)?,
        Command::Statement(command) => statement::run(&command)?,
        Command::Ledger(command) => ledger::run(&command)?,
        Command::Staff(command) => staff::run(&command)?,
        Command::Item(command) => return item::run(&command),
        Command::Parameter(command) => parameter::run(&command)?,
        Command::NumberSequence(command) => number_sequence::run(&command)?,
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments)?,
    }
    Ok(Verdict::Good)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn each_command(
        command: &clap::Command,
        path: &str,
        check: &mut dyn FnMut(&str, &clap::Command),
    ) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            check(&path, sub);
            each_command(sub, &path, check);
        }
    }

    /// Splits as a shell does, as far as the examples need it: one kind of quotes a line.
    fn words_of(example: &str) -> Vec<String> {
        let mut words = Vec::new();
        let quote = if example.contains('\'') { '\'' } else { '"' };
        for (index, part) in example.split(quote).enumerate() {
            if index % 2 == 0 {
                words.extend(part.split_whitespace().map(str::to_owned));
            } else {
                words.push(part.to_owned());
            }
        }
        words
    }

    #[test]
    fn the_arguments_make_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example_that_parses() {
        let mut checked = 0;
        each_command(&Cli::command(), "tillsync", &mut |path, command| {
            if command.has_subcommands() {
                return;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let mut examples =
                help.lines().map(str::trim).filter(|line| line.starts_with("tillsync ")).peekable();
            assert!(examples.peek().is_some(), "{path} shows no example");
            for example in examples {
                assert!(example.starts_with(path), "{path} shows an example of {example:?}");
                if let Err(error) = Cli::try_parse_from(words_of(example)) {
                    panic!("the example {example:?} does not parse: {error}");
                }
                checked += 1;
            }
        });
        assert!(checked > 25, "only {checked} examples were found");
    }

    #[test]
    fn wrong_use_exits_with_two() {
        for words in [
            vec!["tillsync"],
            vec!["tillsync", "job", "run", "P-9999", "--data-dir", "x"],
            vec!["tillsync", "session", "show", "not-an-id", "--data-dir", "x"],
            vec!["tillsync", "demo", "--stores", "0"],
        ] {
            let error = Cli::try_parse_from(&words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
