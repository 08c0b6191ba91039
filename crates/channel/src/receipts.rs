//! The receipt of a sale or an order, as plain text for a printer of 42 characters.
//!
//! It is for people: it shows the customer's account or that it is pending, never the GUID (F04).

use std::fmt::Write;

use rust_decimal::Decimal;
use tillsync_domain::money::Currency;
use tillsync_domain::trade::{Delivery, Line, Tender, TradeKind};

use crate::transactions::TransactionView;

/// Characters per line of a common receipt printer.
const WIDTH: usize = 42;

/// Writes the receipt down. Times are in UTC.
pub fn receipt_text(view: &TransactionView) -> String {
    let mut paper = Paper(String::new());
    let trade = &view.trade;
    paper.head(view);
    for line in &trade.lines {
        paper.line(line, trade.currency);
    }
    paper.rule();
    let tax: Decimal = sum(trade.live_lines().map(|line| line.tax));
    paper.amount(&format!("TOTAL {}", trade.currency), trade.total, trade.currency);
    paper.amount("  of which tax", tax, trade.currency);
    for payment in &trade.payments {
        paper.amount(tender_name(payment.tender), payment.amount, trade.currency);
    }
    if view.kind == TradeKind::Order {
        let paid = sum(trade.payments.iter().map(|payment| payment.amount));
        let due = trade.total.checked_sub(paid).unwrap_or_default();
        paper.amount("Still to pay", due, trade.currency);
    }
    paper.0
}

struct Paper(String);

impl Paper {
    fn head(&mut self, view: &TransactionView) {
        let title = match view.kind {
            TradeKind::Sale => "Receipt",
            TradeKind::VoidedSale => "Receipt (VOIDED)",
            TradeKind::Order => "Customer order",
        };
        self.text(&format!("{title} {}", view.trade.receipt));
        self.text(&format!("{} UTC", view.created_at.strftime("%Y-%m-%d %H:%M")));
        self.text(&format!("Shift {}", view.trade.shift));
        if let Some(account) = view.account_for_people() {
            self.text(&format!("Customer: {account}"));
        }
        match view.delivery {
            Some(Delivery::Pickup) => self.text("To be picked up"),
            Some(Delivery::Ship(_)) => self.text("To be sent to the customer"),
            None => {}
        }
        self.rule();
    }

    fn line(&mut self, line: &Line, currency: Currency) {
        let name = line.name.as_deref().unwrap_or(line.item.as_str());
        if line.is_voided {
            self.text(&format!("{name} (voided)"));
            return;
        }
        self.text(name);
        let gross = line.net.checked_add(line.discount).unwrap_or(line.net);
        let quantity = format!("  {} x {}", line.quantity.normalize(), shown(line.price, currency));
        self.amount(&quantity, gross, currency);
        if !line.discount.is_zero() {
            self.amount("  Discount", -line.discount, currency);
        }
        if !line.tax.is_zero() {
            self.amount(&format!("  Tax {} %", line.tax_rate.normalize()), line.tax, currency);
        }
    }

    fn text(&mut self, text: &str) {
        // Names come from elsewhere: none of them moves the paper or opens the drawer.
        self.0.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        self.0.push('\n');
    }

    fn rule(&mut self) {
        self.text(&"-".repeat(WIDTH));
    }

    fn amount(&mut self, label: &str, amount: Decimal, currency: Currency) {
        let amount = shown(amount, currency);
        let width = WIDTH.saturating_sub(label.chars().count() + 1);
        writeln!(self.0, "{label} {amount:>width$}").expect("a text takes everything");
    }
}

/// An amount with all the decimals of its currency.
fn shown(amount: Decimal, currency: Currency) -> String {
    let mut amount = currency.round(amount);
    amount.rescale(currency.decimals());
    amount.to_string()
}

/// A register's document may hold amounts that no till computes; a receipt is printed all the same.
fn sum(amounts: impl Iterator<Item = Decimal>) -> Decimal {
    amounts.fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum))
}

fn tender_name(tender: Tender) -> &'static str {
    match tender {
        Tender::Cash => "Cash",
        Tender::Card => "Card",
        Tender::CustomerAccount => "On account",
        Tender::GiftCard => "Gift card",
    }
}
