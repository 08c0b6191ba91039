//! `tillsync session`: packages on their way, and what became of them.

mod list;
mod show;

use serde_json::{Value, json};
use tillsync_domain::ids::SessionId;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::storage::DownloadSessionRecord;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with sessions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List sessions, newest first.
    List(list::Arguments),
    /// Show a session and its package.
    Show(show::Arguments),
    /// Give a session that failed or is suspended another round of tries.
    #[command(after_help = "Example:\n  \
        tillsync session retry 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync")]
    Retry(One),
    /// Give a session up: its database goes on with the next package.
    #[command(after_help = "Example:\n  \
        tillsync session cancel 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync\n\n\
        The database may miss what the package held until `job run 1010 --full GROUP`.")]
    Cancel(One),
    /// Apply a package once more; rows that are older than what is there change nothing.
    #[command(after_help = "Example:\n  \
        tillsync session rerun 0190a8f0-0000-7000-8000-000000000001 --data-dir /srv/tillsync")]
    Rerun(One),
}

/// One session.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Which one, as `session list` shows it.
    id: SessionId,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Retry(one) => carry_out(one, SessionCommand::Retry),
        Command::Cancel(one) => carry_out(one, SessionCommand::Cancel),
        Command::Rerun(one) => carry_out(one, SessionCommand::Rerun),
    }
}

fn carry_out(one: &One, command: SessionCommand) -> Result<(), Failure> {
    let session = one.place.open_to_change()?.command_session(&one.id, command)?;
    one.format.print(&session_json(&session), || {
        let status = session.progress.status;
        format!("session {} of {} is now {status}", session.id, session.database)
    });
    Ok(())
}

fn session_json(session: &DownloadSessionRecord) -> Value {
    json!({
        "session": session.id.to_string(),
        "direction": "download",
        "database": session.database.as_str(),
        "job": session.job.as_str(),
        "package": session.package.to_string(),
        "status": session.progress.status.as_str(),
        "failures": session.progress.failures,
        "next_try_at": output::json_time(session.progress.next_try_at),
        "error": session.error,
        "rerun_of": session.rerun_of.map(|id| id.to_string()),
        "created_at": session.created_at.to_string(),
        "updated_at": session.updated_at.to_string(),
        "applied_at": output::json_time(session.applied_at),
    })
}
