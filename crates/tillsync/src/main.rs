//! The program `tillsync`: it only hands its arguments to the commands.

mod commands;
mod demo;
mod failure;
mod headquarters;
mod item_file;
mod listing;
mod output;
mod serving;
mod stores;
mod system;

fn main() -> std::process::ExitCode {
    commands::run()
}
