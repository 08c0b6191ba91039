//! `tillsync hq copy`.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tillsync_fleet::DatabaseUrl;
use tillsync_hq::copy::{Progress, WholeRead, WholeWrite, copy_headquarters};
use tillsync_hq_postgres::PostgresWhole;
use tillsync_hq_sqlite::SqliteWhole;

use crate::failure::{CommandError, Failure};
use crate::headquarters::database::{self, DatabaseArgument};
use crate::headquarters::make_folder;
use crate::output;

/// Arguments of `hq copy`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq copy --from sqlite:/srv/tillsync --to postgres://hq@db.example/tillsync\n  \
    TILLSYNC_DATABASE=postgres://… tillsync hq copy --from sqlite:/srv/tillsync --to postgres:\n  \
    tillsync hq copy --from postgres://hq@db.example/tillsync --to sqlite:/srv/other\n\n\
    Stop `tillsync hq serve` first, on every node: a database that is in use is not copied. The \
    target must be new or empty; it gets everything, or nothing when something fails. Every table \
    is read back and compared before it counts.\n\n\
    Packages are not in the database: go on with the data directory as it is. Never serve from the \
    old database again, or two headquarters give the same numbers.")]
pub(crate) struct Arguments {
    /// The headquarters to copy: sqlite:FOLDER, sqlite:FILE.db or postgres://user@host/name.
    #[arg(long, value_name = "DATABASE")]
    from: Location,
    /// Where to copy it; postgres: alone means the URL of --database or TILLSYNC_DATABASE.
    #[arg(long, value_name = "DATABASE")]
    to: Location,
    #[command(flatten)]
    database: DatabaseArgument,
}

/// Where a database is. Like the URL in it, it quotes nothing of what it cannot read.
#[derive(Debug, Clone)]
enum Location {
    File(PathBuf),
    Server(DatabaseUrl),
    /// The server that the environment names.
    Usual,
    Unknown,
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "postgres:" {
            return Ok(Location::Usual);
        }
        let is_server = text.starts_with("postgres://") || text.starts_with("postgresql://");
        Ok(match text.strip_prefix("sqlite:") {
            Some(path) => Location::File(path.into()),
            None if is_server || text.contains("dbname=") => Location::Server(text.parse()?),
            None => Location::Unknown,
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut source = open_source(&arguments.from, arguments)?;
    let target = open_target(&arguments.to, arguments)?;
    let rows = copy_headquarters(source.as_mut(), target, &mut report)?;
    output::line(&format!("copied {rows} rows, read back and found to be the same"));
    output::line(
        "next: `tillsync doctor`, then `tillsync hq serve`, both with the new database and the \
         data directory as it was; never serve from the old database again",
    );
    Ok(())
}

fn open_source(from: &Location, arguments: &Arguments) -> Result<Box<dyn WholeRead>, Failure> {
    match from {
        Location::File(path) => {
            let files = [path.clone(), path.join("hq/hq.db"), path.join("hq.db")];
            let file = files.into_iter().find(|file| file.is_file());
            let file = file.ok_or_else(|| CommandError::NoHeadquarters(path.clone()))?;
            Ok(Box::new(SqliteWhole::open_source(&file)?))
        }
        server => {
            let url = server_url(server, arguments)?;
            database::expect_current(url)?;
            Ok(Box::new(PostgresWhole::open_source(url.reveal())?))
        }
    }
}

fn open_target(to: &Location, arguments: &Arguments) -> Result<Box<dyn WholeWrite>, Failure> {
    match to {
        Location::File(path) => {
            let is_file = path.extension().is_some_and(|extension| extension == "db");
            let file = if is_file { path.clone() } else { path.join("hq.db") };
            make_folder(file.parent().unwrap_or(Path::new(".")))?;
            Ok(Box::new(SqliteWhole::open_target(&file)?))
        }
        server => {
            let url = server_url(server, arguments)?;
            // Whoever cannot connect learns why.
            database::pending(url)?;
            Ok(Box::new(PostgresWhole::open_target(url.reveal())?))
        }
    }
}

fn server_url<'a>(
    location: &'a Location,
    arguments: &'a Arguments,
) -> Result<&'a DatabaseUrl, CommandError> {
    let usage = |text: &str| CommandError::Usage(text.to_owned());
    match location {
        Location::Server(url) => Ok(url),
        Location::Usual => arguments
            .database
            .url
            .as_ref()
            .ok_or_else(|| usage("`postgres:` alone needs --database or TILLSYNC_DATABASE")),
        Location::File(_) | Location::Unknown => {
            Err(usage("a database is sqlite:FOLDER, sqlite:FILE.db or postgres://…"))
        }
    }
}

/// Says on standard error how far it is; nobody has to read it.
fn report(progress: Progress) {
    let Progress { table, rows, is_done } = progress;
    let done = if is_done { "done" } else { "…" };
    drop(writeln!(io::stderr(), "{table}: {rows} rows {done}"));
}
