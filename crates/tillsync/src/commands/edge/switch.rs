//! `register disconnect`, `register connect` and `register status`: a till that somebody switches
//! to offline and back. They work on its database, whether or not its server runs.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::inspect_database;
use tillsync_channel::offline::{connect_register, disconnect_register};
use tillsync_channel::{Edge, EdgeOptions, RealDisk};
use tillsync_exchange::messages::DatabaseKind;

use crate::failure::Failure;
use crate::output::{self, Format};
use crate::system;

/// What all three take.
#[derive(Debug, clap::Args)]
pub(crate) struct SwitchArguments {
    /// The folder of the database.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
}

/// Arguments of `register status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    place: SwitchArguments,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn disconnect(arguments: &SwitchArguments) -> Result<(), Failure> {
    let switched = disconnect_register(&open(arguments)?, system::clock().now())?;
    output::line("the register works by itself until it is connected; nothing is exchanged");
    for warning in switched.warnings {
        output::line(&format!("warning: {warning}"));
    }
    Ok(())
}

pub(crate) fn connect(arguments: &SwitchArguments) -> Result<(), Failure> {
    connect_register(&open(arguments)?)?;
    output::line("the register goes by its line again; its server asks the store within a second");
    Ok(())
}

pub(crate) fn show_status(arguments: &StatusArguments) -> Result<(), Failure> {
    let file = arguments.place.data_dir.join(database_file(DatabaseKind::Register));
    let found = inspect_database(&file)?;
    let operations = found.unsent.saturating_sub(found.unsent_documents);
    let since = found.disconnected_at.map(|at| at.to_string());
    let value = json!({
        "disconnected_at": since,
        "unsent_operations": operations,
        "unsent_documents": found.unsent_documents,
        "pending_customers": found.pending,
        "applied": found.applied,
    });
    arguments.format.print(&value, || {
        let line = match &since {
            Some(since) => format!("disconnected by hand since {since}"),
            None => "goes by its line; /status of its server says how that is".to_owned(),
        };
        format!(
            "{line}\nnot yet at its store: {operations} operations on customers and {} documents\n\
             customers without an account: {}",
            found.unsent_documents, found.pending
        )
    });
    Ok(())
}

fn open(arguments: &SwitchArguments) -> Result<Edge, Failure> {
    let options = EdgeOptions {
        entropy: system::entropy(),
        country_default: None,
        currency_default: "EUR".parse().expect("a currency"),
        disk: Arc::new(RealDisk),
    };
    Ok(Edge::open(&arguments.data_dir, DatabaseKind::Register, options)?)
}
