//! One till of the demo: its shift, its sales and orders, and its drawer.
//!
//! It keeps what the edge acknowledged. It must never give a sale up silently: what was not taken
//! is a problem with a reason.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::Tender;
use tillsync_fleet::{
    CommerceClient, CommerceError, Counted, Edge, LineRequest, Product, Recorded, TradeAnswer,
    TradeRequest, TradeRequestKind, pause,
};

/// Tries of one request, always under the same number.
const TRIES_MAX: u32 = 10;

/// The wait between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What lies in each drawer in the morning.
const FLOAT: Decimal = Decimal::from_parts(10_000, 0, 0, false, 2);

/// The different things that customers want in turn.
pub(super) const WISHES: usize = 8;

/// What the notes are worth that customers pay with.
const NOTE: Decimal = Decimal::from_parts(10, 0, 0, false, 0);

/// A till.
#[derive(Debug)]
pub(super) struct Till {
    /// Its database.
    pub(super) id: DatabaseId,
    /// The store that it is or belongs to.
    pub(super) store: DatabaseId,
    /// What was acknowledged, in order.
    pub(super) journal: Vec<Entry>,
    /// What was not taken, and why.
    pub(super) problems: Vec<String>,
    /// By how much the drawer's count is to differ from what should be in it.
    pub(super) difference: Decimal,
    client: CommerceClient,
    currency: Currency,
    goods: Vec<Product>,
    shift: Option<String>,
    requests: usize,
}

/// A sale or an order that the till acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// What was asked for.
    pub(super) request: TradeRequest,
    /// What was answered.
    pub(super) recorded: Recorded,
}

/// How something is paid.
#[derive(Debug, Clone, Copy)]
enum Pay {
    Nothing,
    Cash,
    Card,
    /// Half by card, the rest with notes that are worth more.
    CardAndNotes,
    GiftCardAndCash,
    OnAccount,
    /// Half of it, as a deposit.
    Deposit,
}

impl Entry {
    /// What was paid by one tender.
    pub(super) fn paid_by(&self, tender: Tender) -> Decimal {
        let payments = self.request.payments.iter();
        payments.filter(|(by, _)| *by == tender).map(|(_, amount)| *amount).sum()
    }

    /// Whether it is an order.
    pub(super) fn is_order(&self) -> bool {
        matches!(self.request.kind, TradeRequestKind::Pickup | TradeRequestKind::Ship(_))
    }

    /// Whether it is a sale that was finished.
    pub(super) fn is_sale(&self) -> bool {
        self.request.kind == TradeRequestKind::Sale
    }

    /// Whether it takes something back.
    pub(super) fn is_return(&self) -> bool {
        self.request.lines.iter().any(|line| line.returns.is_some())
    }

    /// Its first line that can be brought back for what it cost.
    fn returnable(&self) -> Option<(u32, &LineRequest)> {
        let mut lines = (1..).zip(&self.request.lines);
        let plain = |line: &LineRequest| !line.is_voided && line.discount.is_zero();
        lines.find(|(_, line)| self.is_sale() && !self.is_return() && plain(line))
    }
}

impl Till {
    /// A till at an edge. It has no goods and no shift yet.
    pub(super) fn at(edge: &Edge, currency: Currency) -> Self {
        Till {
            id: edge.id.clone(),
            store: edge.store.clone(),
            journal: Vec::new(),
            problems: Vec::new(),
            difference: Decimal::ZERO,
            client: CommerceClient::new(&edge.door),
            currency,
            goods: Vec::new(),
            shift: None,
            requests: 0,
        }
    }

    /// Learns what is sold, and opens the shift.
    pub(super) fn open(&mut self) {
        match self.client.products(self.currency) {
            Ok(goods) if !goods.is_empty() => self.goods = goods,
            Ok(_) => self.problem("its goods", "it has no items"),
            Err(error) => self.problem("its goods", &words(error)),
        }
        let opened = ask(|| self.client.open_shift(FLOAT));
        self.shift = self.taken("its shift", opened);
    }

    /// Sells to a customer or takes an order; what, goes by turns.
    pub(super) fn serve(&mut self, customer: &CustomerKey, turn: usize) {
        use TradeRequestKind::{Pickup, Sale, Ship, VoidedSale};
        let customer = Some(customer);
        match turn % WISHES {
            0 => self.record(Sale, customer, vec![self.line(1)], Pay::Cash),
            1 => self.record(Pickup, customer, vec![self.line(2), self.line(1)], Pay::Deposit),
            2 => {
                let mut discounted = self.line(3);
                discounted.discount = Decimal::new(50, 2);
                self.record(Sale, customer, vec![discounted, self.line(1)], Pay::Card);
            }
            3 => {
                let address = customer.and_then(|key| self.address_of(key));
                let kind = address.map_or(Pickup, Ship);
                self.record(kind, customer, vec![self.line(1)], Pay::Deposit);
            }
            4 => {
                let lines = vec![self.line(2), self.line(1)];
                self.record(Sale, customer, lines, Pay::CardAndNotes);
            }
            5 => {
                let voided = LineRequest { is_voided: true, ..self.line(4) };
                self.record(Sale, customer, vec![voided, self.line(2)], Pay::Cash);
            }
            6 => self.record(VoidedSale, customer, vec![self.line(1)], Pay::Nothing),
            _ => self.record(Sale, customer, vec![self.line(2)], Pay::GiftCardAndCash),
        }
    }

    /// Sells to somebody who says no name.
    pub(super) fn serve_unnamed(&mut self) {
        self.record(TradeRequestKind::Sale, None, vec![self.line(1), self.line(1)], Pay::Cash);
    }

    /// Serves a customer again who bought something while it had no account: it is found by its
    /// account, brings something back, buys on account, and once more under its old key.
    pub(super) fn serve_again(&mut self) {
        let named =
            |entry: &&Entry| entry.request.customer.is_some() && entry.returnable().is_some();
        let Some(sale) = self.journal.iter().find(named).cloned() else { return };
        let old = sale.request.customer.clone().expect("only named sales were looked for");
        let new = match self.client.find_customer(&old) {
            Ok(found) => found.and_then(|found| found["AccountNumber"].as_str()?.parse().ok()),
            Err(error) => return self.problem("a customer that comes back", &words(error)),
        };
        let Some(new @ CustomerKey::Numbered(_)) = new else {
            return self.problem("a customer that comes back", "it has no account here");
        };
        let number = &sale.request.number;
        for key in [&old, &new] {
            let history = self.client.order_history(key, 1_000).unwrap_or_default();
            if !history.contains(number) {
                self.problem(number, &format!("is not in the history of {key}"));
            }
        }
        let (returned, line) = sale.returnable().expect("it was looked for");
        let back = LineRequest {
            quantity: -Decimal::ONE,
            returns: Some((number.clone(), returned)),
            ..LineRequest::of(&line.product)
        };
        let kind = TradeRequestKind::Sale;
        self.record(kind, Some(&new), vec![back], Pay::Cash);
        self.record(kind, Some(&new), vec![self.line(2)], Pay::OnAccount);
        self.record(kind, Some(&old), vec![self.line(1)], Pay::Card);
    }

    /// Counts the drawer and closes the shift; a register leaves the count for later.
    pub(super) fn close(&mut self) {
        let Some(shift) = self.shift.clone() else { return };
        if self.id != self.store {
            let closed = ask(|| self.client.blind_close_shift(&shift));
            self.taken("the end of its shift", closed);
        }
        let paid = |tender| self.journal.iter().map(|entry| entry.paid_by(tender)).sum::<Decimal>();
        let cash = FLOAT + paid(Tender::Cash) + self.difference;
        let counted = Counted { cash, card: paid(Tender::Card) };
        let closed = ask(|| self.client.close_shift(&shift, counted));
        self.taken("the count of its drawer", closed);
    }

    fn record(
        &mut self,
        kind: TradeRequestKind,
        customer: Option<&CustomerKey>,
        lines: Vec<LineRequest>,
        pay: Pay,
    ) {
        self.requests += 1;
        let mut request = TradeRequest {
            number: format!("{}-demo-{}", self.id, self.requests),
            kind,
            customer: customer.cloned(),
            currency: self.currency,
            lines,
            payments: Vec::new(),
        };
        request.payments = pay.payments(request.total(), self.currency);
        let answer = ask(|| self.client.sell(&request));
        if let Some(recorded) = self.taken(&request.number, answer) {
            self.journal.push(Entry { request, recorded });
        }
    }

    /// Some of an item, another one each time.
    fn line(&self, quantity: u32) -> LineRequest {
        let index = self.requests * 7 + quantity as usize;
        let nothing = Product { item: String::new(), ..Product::default() };
        let product = self.goods.get(index % self.goods.len().max(1)).unwrap_or(&nothing);
        LineRequest { quantity: quantity.into(), ..LineRequest::of(product) }
    }

    fn address_of(&self, customer: &CustomerKey) -> Option<tillsync_domain::ids::AddressGuid> {
        let customer = self.client.find_customer(customer).ok().flatten()?;
        let address = customer.pointer("/Addresses/0/AddressId").and_then(Value::as_str)?;
        address.parse().ok()
    }

    fn taken<T>(&mut self, what: &str, answer: Result<TradeAnswer<T>, String>) -> Option<T> {
        let reason = match answer {
            Ok(TradeAnswer::Recorded(recorded)) => return Some(recorded),
            Ok(TradeAnswer::Conflict(reason)) | Err(reason) => reason,
            Ok(TradeAnswer::Refused(fields)) => {
                let fields = fields.iter().map(|one| format!("{}: {}", one.field, one.reason));
                fields.collect::<Vec<_>>().join("; ")
            }
        };
        self.problem(what, &reason);
        None
    }

    fn problem(&mut self, what: &str, reason: &str) {
        self.problems.push(format!("{}: {what}: {reason}", self.id));
    }
}

impl Pay {
    fn payments(self, total: Decimal, currency: Currency) -> Vec<(Tender, Decimal)> {
        let half = currency.round(total / Decimal::TWO);
        let payments = match self {
            Pay::Nothing => vec![],
            Pay::Cash => vec![(Tender::Cash, total)],
            Pay::Card => vec![(Tender::Card, total)],
            Pay::CardAndNotes => {
                let rest = total - half;
                let notes = (rest / NOTE).ceil() * NOTE;
                vec![(Tender::Card, half), (Tender::Cash, notes), (Tender::Cash, rest - notes)]
            }
            Pay::GiftCardAndCash => vec![(Tender::GiftCard, half), (Tender::Cash, total - half)],
            Pay::OnAccount => vec![(Tender::CustomerAccount, total)],
            Pay::Deposit => vec![(Tender::Cash, half)],
        };
        payments.into_iter().filter(|(_, amount)| !amount.is_zero()).collect()
    }
}

/// Asks until there is an answer. A request names itself, so it is done once however often it is
/// asked for.
fn ask<T>(
    request: impl Fn() -> Result<TradeAnswer<T>, CommerceError>,
) -> Result<TradeAnswer<T>, String> {
    let mut last = String::new();
    for _ in 0..TRIES_MAX {
        match request() {
            Ok(answer) => return Ok(answer),
            Err(error) => last = words(error),
        }
        pause(TRY_AGAIN);
    }
    Err(last)
}

fn words(error: CommerceError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_pay_pays_what_is_due_and_a_deposit_half_of_it() {
        let euro = "EUR".parse().unwrap();
        let total = Decimal::new(1_255, 2);
        let paid = |pay: Pay| pay.payments(total, euro).iter().map(|(_, amount)| *amount).sum();
        for pay in [Pay::Cash, Pay::Card, Pay::CardAndNotes, Pay::GiftCardAndCash, Pay::OnAccount] {
            assert_eq!(total, paid(pay), "{pay:?}");
        }
        assert_eq!(Decimal::new(628, 2), paid(Pay::Deposit));
        let by_notes = Pay::CardAndNotes.payments(total, euro);
        assert_eq!(
            by_notes[1..],
            [(Tender::Cash, Decimal::from(10)), (Tender::Cash, Decimal::new(-373, 2)),]
        );
    }
}
