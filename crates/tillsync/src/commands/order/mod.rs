//! `tillsync order`: customer orders on their way to sales orders.

mod list;

use tillsync_domain::ids::TransactionNumber;
use tillsync_hq::storage::TransactionRecord;
use tillsync_hq_web::api::transactions::Transaction;

use super::repair::{self, Operator};
use super::transaction::print_one;
use crate::failure::{CommandError, Failure, Verdict};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with orders.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List orders, in order of arrival.
    List(list::Arguments),
    /// Show an order: what it says, how far it has come, what was changed in it.
    #[command(after_help = "Example:\n  \
        tillsync order show S1-000001-260301100000 --data-dir /srv/tillsync")]
    Show(One),
    /// Take an order for editing: no run touches it until it is repaired or unlocked.
    #[command(after_help = "Example:\n  \
        tillsync order lock S1-000001-260301100000 --operator ann --data-dir /srv/tillsync")]
    Lock(Locking),
    /// Give an edit up, your own or another operator's: the order is what it was.
    #[command(after_help = "Example:\n  \
        tillsync order unlock S1-000001-260301100000 --data-dir /srv/tillsync")]
    Unlock(One),
    /// Change what an order says; it is then tried anew, and its sales order is put on hold.
    #[command(after_help = repair::help("order", "/ship_to"))]
    Repair(repair::Arguments),
    /// Try to make a sales order of one order now.
    #[command(after_help = "Example:\n  \
        tillsync order synchronize S1-000001-260301100000 --data-dir /srv/tillsync\n\n\
        Exits with 1 when it has no sales order afterwards.")]
    Synchronize(One),
    /// Lift the hold of a repaired order's sales order.
    #[command(after_help = "Example:\n  \
        tillsync order lift-hold S1-000001-260301100000 --data-dir /srv/tillsync")]
    LiftHold(One),
}

/// One order.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Which one, by its number.
    number: TransactionNumber,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// One order, and who takes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Locking {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    operator: Operator,
}

pub(super) fn run(command: &Command) -> Result<Verdict, Failure> {
    match command {
        Command::List(arguments) => list::run(arguments)?,
        Command::Show(one) => show(one)?,
        Command::Lock(locking) => {
            let one = &locking.one;
            let hq = one.place.open_to_change()?;
            let record = hq.lock_order(&one.number, &locking.operator.name)?;
            print_standing(one.format, &record);
        }
        Command::Unlock(one) => {
            let hq = one.place.open_to_change()?;
            print_standing(one.format, &hq.give_up_edit(&one.number)?);
        }
        Command::Repair(arguments) => repair::run(arguments)?,
        Command::Synchronize(one) => return synchronize(one),
        Command::LiftHold(one) => {
            let hq = one.place.open_to_change()?;
            print_standing(one.format, &hq.lift_hold(&one.number)?);
        }
    }
    Ok(Verdict::Good)
}

fn print_standing(format: Format, record: &TransactionRecord) {
    let value = output::json(&Transaction::from(record.clone()));
    format.print(&value, || {
        let Some(order) = &record.order else { return String::new() };
        let mut text = format!("order {} is {}", record.row.number, order.status.as_str());
        if let Some(editor) = &order.editor {
            text += &format!(" by {editor}");
        }
        if let Some(number) = &order.sales_order {
            let hold = order
                .hold
                .as_ref()
                .map_or_else(|| "not on hold".to_owned(), |code| format!("on hold with {code}"));
            text += &format!("; its sales order {number} is {hold}");
        }
        text
    });
}

fn show(one: &One) -> Result<(), Failure> {
    let hq = one.place.open_to_look()?;
    let found = hq.storage().read(|tx| tx.transaction_get(&one.number))?;
    if found.is_some_and(|record| record.order.is_none()) {
        return Err(CommandError::NotAnOrder(one.number.clone()).into());
    }
    print_one(one.format, &hq, &one.number)
}

fn synchronize(one: &One) -> Result<Verdict, Failure> {
    let hq = one.place.open_to_change()?;
    let record = hq.synchronize_order(&one.number)?;
    print_one(one.format, &hq, &one.number)?;
    let is_created = record.order.is_some_and(|order| order.sales_order.is_some());
    Ok(if is_created { Verdict::Good } else { Verdict::Bad })
}
