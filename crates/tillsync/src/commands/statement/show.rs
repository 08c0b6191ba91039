//! `tillsync statement show`.

use std::fmt::Write;

use serde_json::json;
use tillsync_hq::storage::{AggregateRecord, StatementRecord};
use tillsync_hq_web::api::statements::{Aggregate, Statement};

use super::{StatementKey, amounts, look_up};
use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `statement show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync statement show ST-00000001 --data-dir /srv/tillsync\n  \
    tillsync statement show ST-00000001 --limit 1000 --json --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Which one, by its number or id.
    statement: StatementKey,
    /// How many sums to show.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let statement = look_up(&hq, &arguments.statement)?;
    let sums = hq
        .storage()
        .read(|tx| tx.aggregates_list(&statement.id, None, arguments.limit.saturating_add(1)))?;
    let shown = &sums[..sums.len().min(arguments.limit)];
    let has_more = shown.len() < sums.len();
    let value = json!({
        "statement": Statement::from(statement.clone()),
        "aggregates": shown.iter().cloned().map(Aggregate::from).collect::<Vec<_>>(),
        "has_more": has_more,
    });
    arguments.format.print(&value, || text(&statement, shown, has_more));
    Ok(())
}

fn text(statement: &StatementRecord, sums: &[AggregateRecord], has_more: bool) -> String {
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:<13}{value}").expect("a string takes every text");
        }
    };
    put("Statement", statement.number.as_str());
    put("Id", &statement.id.to_string());
    put("Store", statement.store.as_str());
    put("Kind", statement.kind.as_str());
    put("State", statement.state.as_str());
    put("Error", statement.error.as_deref().unwrap_or_default());
    put("Begun", &output::time(statement.created_at));
    put("Changed", &output::time(statement.updated_at));
    put("Transactions", &statement.transactions.to_string());
    put("Shifts", &statement.shifts.to_string());
    put("Sales", &amounts(statement));
    if sums.is_empty() {
        return text;
    }
    let header = [
        "Account",
        "Transactions",
        "Net",
        "Discount",
        "Tax",
        "Paid",
        "Sales order",
        "Invoice",
        "Voucher",
    ];
    text += &output::table(header, sums.iter().map(cells));
    if has_more {
        text += "\nthere are more; --limit shows them";
    }
    text
}

fn cells(sum: &AggregateRecord) -> [String; 9] {
    let money = |minor: i64| output::money(sum.currency, minor);
    let payments = sum.payments.iter();
    let payments =
        payments.map(|(tender, minor)| format!("{} {}", tender.replace('_', " "), money(*minor)));
    let dash = || "-".to_owned();
    [
        sum.account.to_string(),
        sum.transactions.to_string(),
        money(sum.net),
        money(sum.discount),
        money(sum.tax),
        payments.collect::<Vec<_>>().join(", "),
        sum.sales_order.as_ref().map_or_else(dash, ToString::to_string),
        sum.invoice.as_ref().map_or_else(dash, ToString::to_string),
        sum.voucher.as_ref().map_or_else(dash, ToString::to_string),
    ]
}
