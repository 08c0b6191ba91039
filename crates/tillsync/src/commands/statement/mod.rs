//! `tillsync statement`: what the end of the day takes up, sums up and posts.

mod list;
mod show;

use tillsync_domain::ids::StatementId;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::StatementRecord;
use tillsync_hq_web::api::statements::{Statement, StatementKey};

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with statements.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List statements, newest first.
    List(list::Arguments),
    /// Show a statement with its sums per account.
    Show(show::Arguments),
    /// Take a statement up again at the state where it stopped, and post it to its end.
    #[command(after_help = "Example:\n  \
        tillsync statement retry ST-00000001 --data-dir /srv/tillsync")]
    Retry(One),
    /// Give up a statement that has posted nothing: what it took up is free again.
    #[command(after_help = "Example:\n  \
        tillsync statement release ST-00000001 --data-dir /srv/tillsync")]
    Release(One),
}

/// One statement.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Which one, by its number or id.
    statement: StatementKey,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Retry(one) => retry(one),
        Command::Release(one) => release(one),
    }
}

fn retry(one: &One) -> Result<(), Failure> {
    let hq = one.place.open_to_change()?;
    let statement = hq.retry_statement(&look_up(&hq, &one.statement)?.id)?;
    print(one.format, &statement, || {
        format!("statement {} is now {}", statement.number, statement.state.as_str())
    });
    Ok(())
}

fn release(one: &One) -> Result<(), Failure> {
    let hq = one.place.open_to_change()?;
    let statement = hq.release_statement(&look_up(&hq, &one.statement)?.id)?;
    print(one.format, &statement, || {
        format!(
            "statement {} is given up; {} transactions and {} shifts are free again",
            statement.number, statement.transactions, statement.shifts
        )
    });
    Ok(())
}

fn print(format: Format, statement: &StatementRecord, text: impl FnOnce() -> String) {
    format.print(&output::json(&Statement::from(statement.clone())), text);
}

/// The statement of a key.
///
/// # Errors
/// NotFound: there is none.
fn look_up(hq: &Headquarters, key: &StatementKey) -> Result<StatementRecord, Failure> {
    let missing = || CommandError::UnknownStatement(key.to_string());
    Ok(key.find(hq)?.ok_or_else(missing)?)
}

/// The identity of a statement that was named, if one was.
///
/// # Errors
/// NotFound: there is none.
pub(super) fn id_of(
    hq: &Headquarters,
    key: Option<&StatementKey>,
) -> Result<Option<StatementId>, Failure> {
    key.map(|key| Ok(look_up(hq, key)?.id)).transpose()
}

/// Amounts by currency as people read them.
fn amounts(statement: &StatementRecord) -> String {
    let amounts = statement.amounts.iter();
    let texts = amounts.map(|(currency, minor)| output::money(*currency, *minor));
    texts.collect::<Vec<_>>().join(", ")
}
