//! `tillsync database`: stores, web shops and registers as headquarters knows them.

use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::access::is_present;
use tillsync_hq::storage::DatabaseRecord;
use tillsync_hq_web::api::databases::Database;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with databases.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List every channel and register, by name.
    List(Arguments),
}

/// Arguments of `database list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync database list --data-dir /srv/tillsync\n\n\
    Pending are customers without an account there, unsent is what it has not sent upstream; both \
    as it said when it was last seen.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    let Command::List(arguments) = command;
    let hq = arguments.place.open_to_look()?;
    let (databases, now) = (hq.list_databases()?, hq.now());
    let twins = databases.iter().cloned().map(|record| Database::of(record, now));
    arguments.format.print(&output::json(&twins.collect::<Vec<_>>()), || {
        if databases.is_empty() {
            return "there is no store yet; `tillsync hq add-channel` adds one".to_owned();
        }
        let header = [
            "Database",
            "Kind",
            "Group",
            "Channel",
            "State",
            "Last seen (UTC)",
            "Pending",
            "Unsent",
            "Default customer",
        ];
        output::table(header, databases.iter().map(|record| cells(record, is_present(record, now))))
    });
    Ok(())
}

fn cells(record: &DatabaseRecord, is_present: bool) -> [String; 9] {
    let dash = || "-".to_owned();
    let database = &record.database;
    let kind = match database.kind {
        DatabaseKind::Channel => "channel",
        DatabaseKind::Register => "register",
    };
    let health = record.health.as_ref();
    [
        database.id.to_string(),
        kind.to_owned(),
        database.group.to_string(),
        database.parent.as_ref().map_or_else(dash, ToString::to_string),
        state(record, is_present).to_owned(),
        output::time_or_dash(record.last_seen_at),
        health.map_or_else(dash, |health| health.pending.to_string()),
        health.map_or_else(dash, |health| health.unsent.to_string()),
        record.default_customer.as_ref().map_or_else(dash, ToString::to_string),
    ]
}

fn state(record: &DatabaseRecord, is_present: bool) -> &'static str {
    match (record.revoked_at, record.enrolled_at) {
        (Some(_), _) => "revoked",
        (None, None) => "not enrolled",
        (None, Some(_)) if is_present => "present",
        (None, Some(_)) => "silent",
    }
}
