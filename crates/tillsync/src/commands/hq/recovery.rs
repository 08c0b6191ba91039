//! `tillsync hq recovery`: what headquarters has forgotten by a restore, and whom it asks.

use serde_json::{Value, json};
use tillsync_domain::ids::{AccountNumber, CustomerGuid};
use tillsync_hq::recovery::RecoveryStatus;
use tillsync_hq::storage::{HearingRecord, NumberConflict};

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do about a recovery.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the latest recovery: why, for whom it waits, which numbers are disputed.
    #[command(after_help = "Example:\n  tillsync hq recovery show --data-dir /srv/tillsync")]
    Show(Show),
    /// Go on without the stores that were not heard; they are still asked when they come.
    #[command(after_help = "Example:\n  \
        tillsync hq recovery finish --by ann --data-dir /srv/tillsync\n\n\
        A number that only such a store knows may be given to another customer by then; it is \
        shown as disputed when the store comes.")]
    Finish(Finish),
    /// Settle a disputed number: what headquarters knows stands.
    #[command(after_help = "Example:\n  \
        tillsync hq recovery settle 0190a8f0-0000-7000-8000-000000000001 C-00000101 --by ann \
        --data-dir /srv/tillsync\n\n\
        A customer that has no account at headquarters gets another number; receipts that were \
        printed with the disputed one stay as they are.")]
    Settle(Settle),
}

/// Arguments of `hq recovery show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `hq recovery finish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Finish {
    /// Who decides it, for the record.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `hq recovery settle`.
#[derive(Debug, clap::Args)]
pub(crate) struct Settle {
    /// The customer, as `hq recovery show` names it.
    guid: CustomerGuid,
    /// The disputed account.
    account: String,
    /// Who decides it, for the record.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show(arguments),
        Command::Finish(arguments) => finish(arguments),
        Command::Settle(arguments) => settle(arguments),
    }
}

fn show(arguments: &Show) -> Result<(), Failure> {
    let status = arguments.place.open_to_look()?.show_recovery()?;
    arguments.format.print(&status_json(&status), || status_text(&status));
    Ok(())
}

fn finish(arguments: &Finish) -> Result<(), Failure> {
    let hq = arguments.place.open_to_change()?;
    let missing = hq.show_recovery()?.waiting_for;
    hq.finish_recovery(&arguments.by)?;
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    output::line(&match missing.as_slice() {
        [] => "the recovery has ended; everybody was heard".to_owned(),
        missing => format!("headquarters goes on without {}", missing.join(", ")),
    });
    Ok(())
}

fn settle(arguments: &Settle) -> Result<(), Failure> {
    let account = AccountNumber::parse(&arguments.account)
        .map_err(|error| CommandError::Usage(error.to_string()))?;
    let hq = arguments.place.open_to_change()?;
    let settled = hq.settle_conflict(&arguments.guid, &account, &arguments.by)?;
    output::line(&match settled.known_account {
        Some(known) => format!("customer {} keeps {known}", settled.guid),
        None => format!("customer {} gets another number than {account}", settled.guid),
    });
    Ok(())
}

fn status_text(status: &RecoveryStatus) -> String {
    let Some(recovery) = &status.recovery else {
        return "headquarters was never restored, as far as it knows".to_owned();
    };
    let ended = match (recovery.ended_at, &recovery.ended_by) {
        (None, _) => "not ended: nobody is promoted".to_owned(),
        (Some(at), None) => format!("{}, every channel was heard", output::time(at)),
        (Some(at), Some(by)) => format!("{} by {by}", output::time(at)),
    };
    let waiting: Vec<_> = status.waiting_for.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "Restored:        {}\nNoticed:         {}\nEnded:           {ended}\n\
         Waiting for:     {}\nNumbers kept:    {} for customers that have not come again\n\
         Disputed:        {}\n\n",
        recovery.reason,
        output::time(recovery.began_at),
        if waiting.is_empty() { "nobody".to_owned() } else { waiting.join(", ") },
        status.promises_open,
        status.conflicts_open,
    );
    let header = ["Database", "Customers told", "Heard"];
    text += &output::table(header, status.hearings.iter().map(hearing_cells));
    if !status.conflicts.is_empty() {
        let header = ["Customer", "Account", "Known account", "Account is of", "Said by"];
        text.push('\n');
        text += &output::table(header, status.conflicts.iter().map(conflict_cells));
    }
    text.trim_end().to_owned()
}

fn hearing_cells(hearing: &HearingRecord) -> [String; 3] {
    [hearing.database.to_string(), hearing.told.to_string(), output::time_or_dash(hearing.heard_at)]
}

fn conflict_cells(conflict: &NumberConflict) -> [String; 5] {
    let dash = || "-".to_owned();
    [
        conflict.guid.to_string(),
        conflict.account.to_string(),
        conflict.known_account.as_ref().map_or_else(dash, ToString::to_string),
        conflict.holder.map_or_else(dash, |guid| guid.to_string()),
        conflict.source.to_string(),
    ]
}

fn status_json(status: &RecoveryStatus) -> Value {
    let recovery = status.recovery.as_ref();
    let names: Vec<_> = status.waiting_for.iter().map(ToString::to_string).collect();
    json!({
        "recovering": status.is_recovering(),
        "reason": recovery.map(|recovery| &recovery.reason),
        "began_at": output::json_time(recovery.map(|recovery| recovery.began_at)),
        "ended_at": output::json_time(recovery.and_then(|recovery| recovery.ended_at)),
        "ended_by": recovery.and_then(|recovery| recovery.ended_by.as_ref()),
        "waiting_for": names,
        "databases": status.hearings.iter().map(|hearing| json!({
            "database": hearing.database.as_str(),
            "told": hearing.told,
            "heard_at": output::json_time(hearing.heard_at),
        })).collect::<Vec<_>>(),
        "promises_open": status.promises_open,
        "conflicts_open": status.conflicts_open,
        "conflicts": status.conflicts.iter().map(|conflict| json!({
            "guid": conflict.guid.to_string(),
            "account": conflict.account.as_str(),
            "known_account": conflict.known_account.as_ref().map(AccountNumber::as_str),
            "holder": conflict.holder.map(|guid| guid.to_string()),
            "database": conflict.source.as_str(),
            "found_at": conflict.found_at.to_string(),
        })).collect::<Vec<_>>(),
    })
}
