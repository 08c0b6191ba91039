//! `tillsync demo`.

use std::path::PathBuf;

use tillsync_fleet::DatabaseUrl;

use crate::demo::{self, Database, Ending, Form, Options};
use crate::failure::{Failure, Verdict};
use crate::output::Format;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync demo\n  \
    tillsync demo --customers people.csv --mapping people.toml --data-dir /tmp/demo\n  \
    tillsync demo --stores 1 --registers 1 --serve\n  \
    tillsync demo --postgres\n\n\
    Starts headquarters, stores and registers as processes of their own, cuts the last store and \
    one register off, creates every customer of a CSV somewhere and sells to some of them, mends \
    the links, closes the tills and posts the day. Then it checks in the databases that each \
    customer got exactly one account, known everywhere, and that what is posted is what was sold. \
    Exits with 1 when that is not so.")]
pub(crate) struct Arguments {
    /// A CSV of customers; without it, 1,000 invented people.
    #[arg(long, value_name = "FILE.csv")]
    customers: Option<PathBuf>,
    /// How its columns become customers; without it, that of the invented people.
    #[arg(long, value_name = "FILE.toml")]
    mapping: Option<PathBuf>,
    /// How many stores.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    stores: u16,
    /// How many registers each store has.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=100))]
    registers: u16,
    /// Keep the databases in this folder.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// An empty PostgreSQL database for headquarters. It is never taken from the environment.
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    database: Option<DatabaseUrl>,
    /// Start a PostgreSQL server for headquarters, which is removed at the end.
    #[arg(long)]
    postgres: bool,
    /// Leave everything running until Ctrl-C, and say where.
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let database = match (&arguments.database, arguments.postgres) {
        (Some(url), _) => Database::Postgres(url.clone()),
        (None, true) => Database::TemporaryPostgres,
        (None, false) => Database::File,
    };
    demo::run(&Options {
        customers: arguments.customers.clone(),
        mapping: arguments.mapping.clone(),
        stores: arguments.stores.into(),
        registers: arguments.registers.into(),
        data_dir: arguments.data_dir.clone(),
        database,
        form: if arguments.format.is_json() { Form::Json } else { Form::Text },
        ending: if arguments.serve { Ending::Serve } else { Ending::Stop },
    })
}
