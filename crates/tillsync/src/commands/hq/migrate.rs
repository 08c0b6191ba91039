//! `tillsync hq migrate`.

use crate::failure::{CommandError, Failure};
use crate::headquarters::database::{self, DatabaseArgument};
use crate::output;

/// Arguments of `hq migrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq migrate --dry-run --database postgres://hq@db.example/tillsync\n  \
    tillsync hq migrate --database postgres://hq@db.example/tillsync\n\n\
    `tillsync hq serve` does the same at its start, one node at a time. Nodes of the version \
    before go on serving with the new schema.")]
pub(crate) struct Arguments {
    /// Only list the changes that would be made.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: DatabaseArgument,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(url) = &arguments.database.url else {
        let missing = "`hq migrate` needs --database URL; a database file is brought up to date by \
                       `hq serve`";
        return Err(CommandError::Usage(missing.to_owned()).into());
    };
    let pending = database::pending(url)?;
    if !arguments.dry_run {
        // Opening it also refuses a database that is ahead of this program.
        database::open_to_serve(url)?;
    }
    let done = if arguments.dry_run { "pending" } else { "done" };
    for change in &pending {
        output::line(&format!("{done}: {change}"));
    }
    if pending.is_empty() {
        output::line("the database is up to date");
    }
    Ok(())
}
