//! `tillsync transaction`: sales and orders as they were uploaded, and which may be posted.

mod list;
mod show;

use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::TransactionRecord;
use tillsync_hq::validate::read_findings;

use super::repair;
use crate::failure::{Failure, Verdict};
use crate::headquarters::Place;
use crate::output::{self, Format};

pub(super) use show::print_one;

/// What to do with transactions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List sales and orders, in order of arrival.
    List(list::Arguments),
    /// Show a sale or an order: what it says, how it stands, what was changed in it.
    Show(One),
    /// Change what a sale or an order says, before a statement takes it up.
    #[command(after_help = repair::help("transaction", "/trade/customer"))]
    Repair(repair::Arguments),
    /// Validate one sale or order now.
    #[command(after_help = "Example:\n  \
        tillsync transaction validate S1-000001-260301100000 --data-dir /srv/tillsync\n\n\
        Exits with 1 when it breaks a rule.")]
    Validate(One),
}

/// One transaction.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync transaction show S1-000001-260301100000 --data-dir /srv/tillsync")]
pub(crate) struct One {
    /// Which one, by its number.
    pub(super) number: TransactionNumber,
    #[command(flatten)]
    pub(super) place: Place,
    #[command(flatten)]
    pub(super) format: Format,
}

pub(super) fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::List(arguments) => list::run(arguments)?,
        Command::Show(one) => show::run(one)?,
        Command::Repair(arguments) => repair::run(arguments)?,
        Command::Validate(one) => return validate(one),
    }
    Ok(Verdict::Good)
}

fn validate(one: &One) -> Result<Verdict, Failure> {
    let hq = one.place.open_to_change()?;
    let record = hq.validate_transaction(&one.number)?;
    print_one(one.format, &hq, &one.number)?;
    let is_wrong = record.validation == ValidationStatus::Error;
    Ok(if is_wrong { Verdict::Bad } else { Verdict::Good })
}

/// The account as people read it: never the GUID.
pub(super) fn account_of(record: &TransactionRecord) -> String {
    match (&record.account, &record.header.customer) {
        (Some(account), _) => account.to_string(),
        (None, Some(key)) => key.for_people().to_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The total as people read it.
pub(super) fn total_of(record: &TransactionRecord) -> String {
    record
        .header
        .total
        .map_or_else(|| "unreadable".to_owned(), |(currency, minor)| output::money(currency, minor))
}

/// What validation found, in a line.
pub(super) fn findings_of(record: &TransactionRecord) -> String {
    let findings = read_findings(record);
    let findings = findings.iter().map(|finding| match finding.line {
        Some(line) => format!("line {line}: {}", finding.message),
        None => finding.message.clone(),
    });
    findings.collect::<Vec<_>>().join("; ")
}

/// The option that asks for those behind a transaction.
pub(super) fn next(record: &TransactionRecord) -> String {
    format!("--after {}", record.position.0)
}
