//! The rules of validation, each by itself, and what they come to together.
//!
//! A transaction that is Successful can be posted: it can be read, its amounts are amounts of its
//! currency and fit into a statement, and if it names a customer, that customer has an account.
//! That holds whatever rules are switched off.

use std::collections::{BTreeSet, HashMap, HashSet};

use rust_decimal::Decimal;

use super::{Rule, ValidationStatus};
use crate::document::Body;
use crate::ids::{
    AccountNumber, CustomerKey, ItemNumber, ReceiptNumber, ShiftNumber, TransactionNumber,
};
use crate::item::is_tax_rate;
use crate::money::Currency;
use crate::order::{KnownParties, wait_for_customer};
use crate::statement::Contribution;
use crate::trade::amounts::{line_net, line_tax};
use crate::trade::{Tender, Trade};

/// Beyond any till: no amount of a transaction may be larger, so that sums of millions of them
/// stay exact.
const AMOUNT_MAX: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);

/// The largest quantity.
const QUANTITY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The most decimals of a quantity.
const QUANTITY_DECIMALS_MAX: u32 = 4;

/// The most breaches that are told one by one.
const FINDINGS_MAX: usize = 100;

/// A transaction to be validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its number.
    pub number: TransactionNumber,
    /// What it says, or why it cannot be read.
    pub body: Result<Body, String>,
    /// For an order: whether it has its sales order, or where its synchronization stands instead.
    pub order_pending: Option<String>,
}

/// What headquarters knows of what the transactions name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Customers.
    pub parties: KnownParties,
    /// Those of the items that exist, active or not: a till sells what its own tables still offer.
    pub items: HashSet<ItemNumber>,
    /// The currencies in which an active item has a price; absent when there are no items at all,
    /// and then every currency is right.
    pub currencies: Option<BTreeSet<Currency>>,
    /// Who has each of the receipt numbers, in order of arrival, voided sales not counted.
    pub receipts: HashMap<ReceiptNumber, Vec<TransactionNumber>>,
    /// Those of the shifts that were opened.
    pub shifts: HashSet<ShiftNumber>,
}

/// One thing that a transaction breaks or waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule; absent for what no rule can switch off.
    pub rule: Option<Rule>,
    /// The line, when it concerns one.
    pub line: Option<u32>,
    /// What it is, and what to do.
    pub message: String,
}

/// What validation comes to for one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The status.
    pub status: ValidationStatus,
    /// Breaches first, in the order of the rules, then what it waits for.
    pub findings: Vec<Finding>,
    /// The account behind its customer key, when there is one.
    pub account: Option<AccountNumber>,
}

/// Judges a transaction by the rules that are not switched off.
///
/// A customer that has not arrived or was not promoted is never an error, only something to wait
/// for (F97).
pub fn judge(subject: &Subject, known: &Surroundings, off: &BTreeSet<Rule>) -> Judgement {
    let body = match &subject.body {
        Ok(body) => body,
        Err(why) => return unpostable(format!("the content cannot be read: {why}")),
    };
    let Some(trade) = body.trade() else {
        return unpostable("the document is neither a sale nor an order".to_owned());
    };
    let party = party_of(trade, &known.parties);
    let account = match &party {
        Party::Account(account) => Some(account.clone()),
        Party::Nobody | Party::Unknown(_) | Party::Pending(_) => None,
    };
    if let Body::Sale(sale) = body
        && sale.is_voided
    {
        return Judgement { status: ValidationStatus::None, findings: vec![], account };
    }
    if let Some(what) = not_an_amount(trade) {
        return Judgement { account, ..unpostable(what) };
    }
    let mut breaches = Vec::new();
    for rule in Rule::ALL.into_iter().filter(|rule| !off.contains(rule)) {
        let mut found = Breaches { rule, found: &mut breaches };
        match rule {
            Rule::CustomerExists => customer_exists(trade, &party, &mut found),
            Rule::TotalsAgree => totals_agree(body, trade, &mut found),
            Rule::Tax => tax(trade, &mut found),
            Rule::Currency => currency(trade, known, &mut found),
            Rule::ItemExists => item_exists(trade, known, &mut found),
            Rule::UniqueReceipt => unique_receipt(subject, trade, known, &mut found),
            Rule::ShiftKnown => shift_known(trade, known, &mut found),
        }
    }
    // Nothing that a statement would only refuse may come out as Successful.
    let is_total_named = breaches.iter().any(|found| found.rule == Some(Rule::TotalsAgree));
    if !is_total_named && let Err(why) = Contribution::of(body) {
        breaches.push(Finding { rule: None, line: None, message: why.to_string() });
    }
    bound(&mut breaches);
    let waits = waits(&party, off.contains(&Rule::CustomerExists), subject);
    let status = match (breaches.is_empty(), waits.is_empty()) {
        (false, _) => ValidationStatus::Error,
        (true, false) => ValidationStatus::Waiting,
        (true, true) => ValidationStatus::Successful,
    };
    breaches.extend(waits);
    Judgement { status, findings: breaches, account }
}

/// A person reads the first of them; thousands would only swell the database.
fn bound(breaches: &mut Vec<Finding>) {
    let more = breaches.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        breaches.truncate(FINDINGS_MAX);
        let message = format!("{more} more things are wrong with it");
        breaches.push(Finding { rule: None, line: None, message });
    }
}

/// Who the transaction is for.
enum Party {
    Nobody,
    Account(AccountNumber),
    Unknown(AccountNumber),
    Pending(String),
}

fn party_of(trade: &Trade, known: &KnownParties) -> Party {
    match &trade.customer {
        None => Party::Nobody,
        Some(CustomerKey::Numbered(account)) if known.guids.contains_key(account) => {
            Party::Account(account.clone())
        }
        Some(CustomerKey::Numbered(account)) => match known.promised.get(account) {
            Some(guid) => Party::Pending(wait_for_customer(*guid, known).to_string()),
            None => Party::Unknown(account.clone()),
        },
        Some(CustomerKey::Temporary(guid)) => match known.accounts.get(guid) {
            Some(account) => Party::Account(account.clone()),
            None => Party::Pending(wait_for_customer(*guid, known).to_string()),
        },
    }
}

fn unpostable(message: String) -> Judgement {
    let findings = vec![Finding { rule: None, line: None, message }];
    Judgement { status: ValidationStatus::Error, findings, account: None }
}

fn waits(party: &Party, is_customer_rule_off: bool, subject: &Subject) -> Vec<Finding> {
    let mut waits = Vec::new();
    let mut wait = |message| waits.push(Finding { rule: None, line: None, message });
    match party {
        Party::Pending(why) => wait(why.clone()),
        // Without the rule it is no error, but there is no account to post it to either.
        Party::Unknown(account) if is_customer_rule_off => {
            wait(format!("waits for account {account}, which no customer has"));
        }
        Party::Nobody | Party::Account(_) | Party::Unknown(_) => {}
    }
    if let Some(why) = &subject.order_pending {
        wait(why.clone());
    }
    waits
}

/// Says what of a trade cannot be counted with. Nothing may be computed before this was asked:
/// products and sums of other numbers could overflow.
fn not_an_amount(trade: &Trade) -> Option<String> {
    let currency = trade.currency;
    let is_amount =
        |amount: Decimal| amount.abs() <= AMOUNT_MAX && currency.to_minor(amount).is_ok();
    for line in &trade.lines {
        for (what, amount) in [
            ("price", line.price),
            ("discount", line.discount),
            ("net", line.net),
            ("tax", line.tax),
        ] {
            if !is_amount(amount) {
                let number = line.number;
                return Some(format!(
                    "the {what} {amount} of line {number} is no amount of {currency}"
                ));
            }
        }
        let quantity = line.quantity.normalize();
        if quantity.abs() > QUANTITY_MAX || quantity.scale() > QUANTITY_DECIMALS_MAX {
            return Some(format!("the quantity {quantity} of line {} is no quantity", line.number));
        }
    }
    let bad_payment = trade.payments.iter().find(|payment| !is_amount(payment.amount));
    if let Some(payment) = bad_payment {
        return Some(format!("the payment of {} is no amount of {currency}", payment.amount));
    }
    (!is_amount(trade.total))
        .then(|| format!("the total {} is no amount of {currency}", trade.total))
}

/// Where breaches of one rule are collected.
struct Breaches<'a> {
    rule: Rule,
    found: &'a mut Vec<Finding>,
}

impl Breaches<'_> {
    fn add(&mut self, line: Option<u32>, message: String) {
        self.found.push(Finding { rule: Some(self.rule), line, message });
    }
}

fn customer_exists(trade: &Trade, party: &Party, found: &mut Breaches<'_>) {
    match party {
        Party::Unknown(account) => found.add(None, format!("no customer has account {account}")),
        Party::Nobody if !trade.paid_by(Tender::CustomerAccount).is_zero() => {
            found.add(None, "it is paid on a customer's account, but names no customer".to_owned());
        }
        Party::Nobody | Party::Account(_) | Party::Pending(_) => {}
    }
}

fn totals_agree(body: &Body, trade: &Trade, found: &mut Breaches<'_>) {
    for line in &trade.lines {
        let net = line_net(trade.currency, line.quantity, line.price, line.discount);
        if net != line.net {
            let message = format!("the net amount is {}, but it comes to {net}", line.net);
            found.add(Some(line.number), message);
        }
    }
    let (due, paid) = (trade.lines_total(), trade.payments_total());
    if due != trade.total {
        let message = format!("the total is {}, but the lines come to {due}", trade.total);
        found.add(None, message);
    }
    let is_paid_right = match body {
        Body::Order(_) => paid <= trade.total && paid >= Decimal::ZERO,
        Body::Sale(_) | Body::Shift(_) => paid == trade.total,
    };
    if !is_paid_right {
        found.add(None, format!("{} is due, but {paid} was paid", trade.total));
    }
}

fn tax(trade: &Trade, found: &mut Breaches<'_>) {
    for line in &trade.lines {
        if !is_tax_rate(line.tax_rate) {
            let message = format!("{} percent is no sales tax", line.tax_rate);
            found.add(Some(line.number), message);
            continue;
        }
        let tax = line_tax(trade.currency, line.net, line.tax_rate);
        if tax != line.tax {
            let message =
                format!("the tax is {}, but {} percent come to {tax}", line.tax, line.tax_rate);
            found.add(Some(line.number), message);
        }
    }
}

fn currency(trade: &Trade, known: &Surroundings, found: &mut Breaches<'_>) {
    let currency = trade.currency;
    if known.currencies.as_ref().is_some_and(|known| !known.contains(&currency)) {
        found.add(None, format!("no active item has a price in {currency}"));
    }
}

fn item_exists(trade: &Trade, known: &Surroundings, found: &mut Breaches<'_>) {
    for line in trade.live_lines().filter(|line| !known.items.contains(&line.item)) {
        found.add(Some(line.number), format!("there is no item {}", line.item));
    }
}

/// The first to arrive keeps the number, so that the outcome does not hang on when validation ran.
fn unique_receipt(
    subject: &Subject,
    trade: &Trade,
    known: &Surroundings,
    found: &mut Breaches<'_>,
) {
    let first = known.receipts.get(&trade.receipt).and_then(|holders| holders.first());
    if let Some(other) = first.filter(|first| **first != subject.number) {
        let message = format!("transaction {other} has receipt number {} already", trade.receipt);
        found.add(None, message);
    }
}

fn shift_known(trade: &Trade, known: &Surroundings, found: &mut Breaches<'_>) {
    if !known.shifts.contains(&trade.shift) {
        let shift = &trade.shift;
        found.add(None, format!("no opening of shift {shift} has arrived"));
    }
}

#[cfg(test)]
mod tests;
