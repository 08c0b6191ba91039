//! `tillsync customer trace`: from GUID to account, with times and places.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Value, json};
use tillsync_channel::find::CustomerView;
use tillsync_channel::inspect::look_up_customer;
use tillsync_domain::ids::{AccountNumber, CustomerKey, PENDING_SYNC};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::trace::{CustomerTrace, Knowledge, TraceError, TraceEvent};

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};
use crate::stores::{FoundDatabase, find_databases};

/// Arguments of `customer trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync customer trace C-00000001 --data-dir /srv/tillsync\n  \
    tillsync customer trace 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync\n\n\
    Times are those of the clock of the place where something happened.")]
pub(crate) struct Arguments {
    /// The account, or the GUID the customer was created as.
    key: CustomerKey,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    match hq.trace_customer(&arguments.key) {
        Ok(trace) => arguments.format.print(&trace_json(&trace), || trace_text(&trace)),
        Err(TraceError::Unknown(_)) => {
            let waiting = find_waiting(arguments)?;
            arguments.format.print(&waiting.json(), || waiting.text());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The trace as people read it.
pub(crate) fn trace_text(trace: &CustomerTrace) -> String {
    let account = trace.account.as_ref().map_or(PENDING_SYNC, AccountNumber::as_str);
    let mut text = format!(
        "Account     {account}\nCreated as  {}\nStage       {}\n",
        trace.guid,
        trace.stage.as_str()
    );
    if let Some(error) = &trace.error {
        text += &format!("Last error  {error}\n");
    }
    text += &timeline(&trace.events);
    if trace.has_more_transactions {
        text += "\nolder sales and orders: `tillsync customer history`";
    }
    if !trace.databases.is_empty() {
        let header = ["Database", "Kind", "Knows the account since (UTC)"];
        let cells = |known: &Knowledge| {
            [
                known.database.to_string(),
                kind_name(known.kind).to_owned(),
                known.since.map_or_else(|| "not yet".to_owned(), output::time),
            ]
        };
        text += "\n";
        text += &output::table(header, trace.databases.iter().map(cells));
    }
    text
}

/// The trace for programs.
pub(crate) fn trace_json(trace: &CustomerTrace) -> Value {
    let event = |event: &TraceEvent| {
        let at = event.at.to_string();
        json!({"at": at, "place": event.place, "what": event.what})
    };
    let database = |known: &Knowledge| {
        json!({
            "database": known.database.as_str(),
            "kind": kind_name(known.kind),
            "since": output::json_time(known.since),
        })
    };
    json!({
        "account": trace.account.as_ref().map(AccountNumber::as_str),
        "created_as": trace.guid.to_string(),
        "stage": trace.stage.as_str(),
        "error": trace.error,
        "events": trace.events.iter().map(event).collect::<Vec<_>>(),
        "transactions": trace.transactions,
        "has_more_transactions": trace.has_more_transactions,
        "databases": trace.databases.iter().map(database).collect::<Vec<_>>(),
    })
}

fn timeline(events: &[TraceEvent]) -> String {
    let begin = events.first().map(|event| event.at);
    let header = ["Time (UTC)", "After", "Where", "What"];
    let cells = |event: &TraceEvent| {
        let elapsed = begin.map(|begin| event.at.duration_since(begin)).unwrap_or_default();
        [
            output::time(event.at),
            format!("+{}", output::duration(elapsed)),
            event.place.clone(),
            event.what.clone(),
        ]
    };
    output::table(header, events.iter().map(cells))
}

fn kind_name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Channel => "store",
        DatabaseKind::Register => "register",
    }
}

/// A customer that headquarters has not heard of, where it was found.
struct Waiting {
    view: CustomerView,
    places: Vec<String>,
}

/// Looks for the customer in the databases of stores and registers.
fn find_waiting(arguments: &Arguments) -> Result<Waiting, Failure> {
    let mut waiting: Option<Waiting> = None;
    for FoundDatabase { path, place } in find_databases(&arguments.place.data_dir) {
        let Some(view) = look_up_customer(&path, &arguments.key)? else { continue };
        match &mut waiting {
            Some(waiting) => waiting.places.push(place),
            None => waiting = Some(Waiting { view, places: vec![place] }),
        }
    }
    Ok(waiting.ok_or_else(|| CommandError::UnknownCustomer(arguments.key.clone()))?)
}

impl Waiting {
    /// The store comes before its registers, so the first place is the farthest.
    fn farthest(&self) -> &str {
        self.places.first().map_or("", String::as_str)
    }

    fn created_at(&self) -> Timestamp {
        self.view.created_at
    }

    fn text(&self) -> String {
        let mut text = format!("Account     {}\n", self.view.account_for_people());
        let mut put = |name: &str, value: &str| {
            writeln!(text, "{name:<12}{value}").expect("a string takes every text");
        };
        put("Created as", &self.view.guid.to_string());
        put("Created", &output::time(self.created_at()));
        put("Stage", &format!("waits at {}: it was not uploaded yet", self.farthest()));
        put("Known at", &self.places.join("; "));
        text
    }

    fn json(&self) -> Value {
        json!({
            "account": self.view.account.as_ref().map(AccountNumber::as_str),
            "created_as": self.view.guid.to_string(),
            "stage": "waiting to be uploaded",
            "waits_at": self.farthest(),
            "known_at": self.places,
            "created_at": self.created_at().to_string(),
        })
    }
}
