//! `tillsync completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::output;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync completions bash")]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "tillsync", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
}
