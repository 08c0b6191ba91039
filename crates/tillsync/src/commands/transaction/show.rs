//! `tillsync transaction show`.

use std::fmt::Write;

use tillsync_domain::document::Body;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::trade::{Line, Payment, Trade};
use tillsync_exchange::rows::document::read_body;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::{OrderState, StatementRecord, TransactionEdit, TransactionRecord};
use tillsync_hq_web::api::transactions::TransactionDetail;

use super::{One, account_of, findings_of, total_of};
use crate::failure::{CommandError, Failure};
use crate::output::{self, Format};

pub(super) fn run(one: &One) -> Result<(), Failure> {
    print_one(one.format, &one.place.open_to_look()?, &one.number)
}

/// Prints a transaction with all there is about it.
///
/// # Errors
/// NotFound: it has not arrived.
pub(crate) fn print_one(
    format: Format,
    hq: &Headquarters,
    number: &TransactionNumber,
) -> Result<(), Failure> {
    let found = look_up(hq, number)?;
    let detail = TransactionDetail::from((found.record.clone(), found.edits.clone()));
    format.print(&output::json(&detail), || detail_text(&found));
    Ok(())
}

/// A transaction with all there is about it.
struct Found {
    record: TransactionRecord,
    /// Every change made to it.
    edits: Vec<TransactionEdit>,
    /// The statement that took it up.
    statement: Option<StatementRecord>,
}

fn look_up(hq: &Headquarters, number: &TransactionNumber) -> Result<Found, Failure> {
    let found = hq.storage().read(|tx| {
        let Some(record) = tx.transaction_get(number)? else { return Ok(None) };
        let statement = match &record.statement {
            Some(id) => tx.statement_get(id)?,
            None => None,
        };
        Ok(Some(Found { record, edits: tx.transaction_edits(number)?, statement }))
    })?;
    Ok(found.ok_or_else(|| CommandError::UnknownTransaction(number.clone()))?)
}

fn detail_text(found: &Found) -> String {
    let Found { record, edits, statement } = found;
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:<13}{value}").expect("a string takes every text");
        }
    };
    let header = &record.header;
    put("Number", record.row.number.as_str());
    let voided = if header.is_voided { " (voided)" } else { "" };
    put("Kind", &format!("{}{voided}", header.kind.as_str().replace('_', " ")));
    put("Store", record.source.source.as_str());
    put("Recorded", &format!("{} at {}", output::time(record.row.created_at), record.row.origin));
    put("Received", &output::time(record.source.received_at));
    put("Account", &account_of(record));
    put("Written as", &record.customer_as_sent().map(|key| key.to_string()).unwrap_or_default());
    put("Ship to", &header.ship_to.map(|address| address.to_string()).unwrap_or_default());
    put("Receipt", header.receipt.as_ref().map_or("", |receipt| receipt.as_str()));
    put("Shift", header.shift.as_ref().map_or("", |shift| shift.as_str()));
    put("Total", &total_of(record));
    if let Some(order) = &record.order {
        put_order(&mut put, order);
    }
    put("Validation", record.validation.as_str());
    put("Why", &findings_of(record));
    put("Statement", statement.as_ref().map_or("", |statement| statement.number.as_str()));
    put("Posted", &record.posted_at.map(output::time).unwrap_or_default());
    put("Voucher", record.voucher.as_ref().map_or("", |voucher| voucher.as_str()));
    text += &content_text(record);
    if !edits.is_empty() {
        let header = ["Changed (UTC)", "By", "Field", "From", "To"];
        let cells = |edit: &TransactionEdit| {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let (old, new) = (value(&edit.old), value(&edit.new));
            [output::time(edit.at), edit.operator.clone(), edit.field.clone(), old, new]
        };
        text += &output::table(header, edits.iter().map(cells));
    }
    text
}

fn put_order(put: &mut impl FnMut(&str, &str), order: &OrderState) {
    put("Order status", order.status.as_str());
    put("Error", order.error.as_deref().unwrap_or_default());
    if order.tries > 0 {
        put("Tries", &order.tries.to_string());
        put("Next try", &output::time_or_dash(order.next_try_at));
    }
    put("Edited by", order.editor.as_deref().unwrap_or_default());
    put("Sales order", order.sales_order.as_ref().map_or("", |number| number.as_str()));
    put("On hold", order.hold.as_deref().unwrap_or_default());
}

/// What it says, as the lines and payments that count.
fn content_text(record: &TransactionRecord) -> String {
    match read_body(&record.row.kind, record.content()) {
        Ok(Body::Sale(sale)) => trade_text(&sale.trade),
        Ok(Body::Order(order)) => trade_text(&order.trade),
        Ok(Body::Shift(_)) => String::new(),
        Err(error) => format!("{error}\n{}\n", record.content()),
    }
}

fn trade_text(trade: &Trade) -> String {
    let header = ["Line", "Item", "Name", "Quantity", "Price", "Discount", "Net", "Tax %", "Tax"];
    let cells = |line: &Line| {
        let number = if line.is_voided { "voided".to_owned() } else { line.number.to_string() };
        [
            number,
            line.item.to_string(),
            line.name.clone().unwrap_or_default(),
            line.quantity.to_string(),
            line.price.to_string(),
            line.discount.to_string(),
            line.net.to_string(),
            line.tax_rate.to_string(),
            line.tax.to_string(),
        ]
    };
    let mut text = output::table(header, trade.lines.iter().map(cells)) + "\n";
    for Payment { tender, amount } in &trade.payments {
        let tender = tender.as_str().replace('_', " ");
        text += &format!("{:<13}{amount} {}, {tender}\n", "Payment", trade.currency);
    }
    text
}
