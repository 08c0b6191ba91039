//! Items, shifts, sales and orders at the edges of a world. Whatever an edge acknowledged is
//! remembered, and looked for when the story is over.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tillsync_channel::sell::{RecordTrade, SellError, What, record_by_mode, record_trade};
use tillsync_channel::shifts::{
    CloseShift, CountDraft, OpenShift, ShiftView, blind_close_shift, close_shift, current_shift,
    find_shift, open_shift,
};
use tillsync_channel::transactions::{TransactionView, find_transaction};
use tillsync_channel::violations::EdgeProblem;
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{CustomerKey, ShiftNumber, TransactionNumber};
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::job::JobName;
use tillsync_domain::money::Currency;
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::trade::{Delivery, PaymentDraft, Tender, TradeProblem};

use super::basket::amount;
use super::{Basket, Buyer, World};

/// What lies in a drawer when a story says nothing of it.
const FLOAT: &str = "1000.00";

/// A sale or an order that an edge acknowledged.
#[derive(Debug, Clone)]
pub(super) struct AcknowledgedTrade {
    pub(super) at: String,
    pub(super) view: TransactionView,
}

/// A step of a shift that an edge acknowledged.
#[derive(Debug, Clone)]
pub(super) struct AcknowledgedStep {
    pub(super) at: String,
    pub(super) shift: ShiftNumber,
    pub(super) status: ShiftStatus,
}

/// An item with its prices by currency.
pub fn item(number: &str, tax_rate: &str, prices: &[(&str, &str)]) -> Item {
    let price = |(currency, price): &(&str, &str)| ItemPrice {
        currency: currency.parse().expect("a currency"),
        price: amount(price),
    };
    Item {
        number: number.parse().expect("an item number"),
        name: format!("The {number}"),
        tax_rate: amount(tax_rate),
        is_active: true,
        prices: prices.iter().map(price).collect(),
    }
}

impl World {
    /// Gives headquarters a few items and every edge that can be reached its copy of them: coffee
    /// at 10.00 EUR and 100.00 SEK with 20 % tax, tea at 5.00 EUR with 10 %, and gum at 0.33 EUR
    /// with 14 %.
    pub fn stock(&mut self) {
        let coffee = item("coffee", "20", &[("EUR", "10.00"), ("SEK", "100.00")]);
        let tea = item("tea", "10", &[("EUR", "5.00")]);
        let gum = item("gum", "14", &[("EUR", "0.33")]);
        self.hq().put_items(&[coffee, tea, gum]).expect("good items");
        self.distribute_items();
    }

    /// Runs job 1040 and lets every edge that can be reached apply what it brings.
    pub fn distribute_items(&mut self) {
        self.run(JobName::Products1040);
        for at in self.edges() {
            self.download(&at).ok();
        }
    }

    /// Opens a shift with so much cash in the drawer.
    pub fn open_shift(&mut self, at: &str, float: &str) -> ShiftNumber {
        let float = vec![CountDraft { tender: None, currency: None, amount: amount(float) }];
        let open = OpenShift { float, staff: None };
        let view = open_shift(self.edge(at), open, self.clock.now()).expect("no other is open");
        self.remember_step(at, view)
    }

    /// Ends the sales of the open shift; its drawer is counted later.
    pub fn blind_close(&mut self, at: &str) -> ShiftNumber {
        let shift = self.current_shift(at).expect("a shift is open");
        let view = blind_close_shift(self.edge(at), shift, None, self.clock.now());
        self.remember_step(at, view.expect("the shift is open"))
    }

    /// Counts the drawer of the open shift and closes it. The count differs from what should be
    /// there by so much cash.
    pub fn close_shift(&mut self, at: &str, difference: &str) -> ShiftNumber {
        let shift = self.current_shift(at).expect("a shift is open");
        self.count_shift(at, shift, difference)
    }

    /// The same of a shift that was blind closed.
    pub fn count_shift(&mut self, at: &str, shift: ShiftNumber, difference: &str) -> ShiftNumber {
        let view = find_shift(self.edge(at), &shift).expect("readable").expect("a known shift");
        let mut drawer: BTreeMap<(Tender, Currency), Decimal> = BTreeMap::new();
        for count in &view.float {
            *drawer.entry((count.tender, count.currency)).or_default() += count.amount;
        }
        for AcknowledgedTrade { view, .. } in &self.acknowledged_trades {
            let trade = &view.trade;
            for payment in trade.payments.iter().filter(|_| trade.shift == shift) {
                if [Tender::Cash, Tender::Card].contains(&payment.tender) {
                    *drawer.entry((payment.tender, trade.currency)).or_default() += payment.amount;
                }
            }
        }
        let euro = "EUR".parse().expect("a currency");
        *drawer.entry((Tender::Cash, euro)).or_default() += amount(difference);
        let counted = drawer
            .into_iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|((tender, currency), amount)| CountDraft {
                tender: Some(tender.type_id().into()),
                currency: Some(currency),
                amount,
            })
            .collect();
        let close = CloseShift { shift, counted, staff: None };
        let view = close_shift(self.edge(at), close, self.clock.now()).expect("it can be closed");
        self.remember_step(at, view)
    }

    /// The open shift of an edge.
    pub fn current_shift(&self, at: &str) -> Option<ShiftNumber> {
        current_shift(self.edge(at)).expect("the database answers").map(|view| view.number)
    }

    fn remember_step(&mut self, at: &str, view: ShiftView) -> ShiftNumber {
        let (shift, status) = (view.number.clone(), view.status());
        self.acknowledged_steps.push(AcknowledgedStep { at: at.into(), shift, status });
        view.number
    }

    fn shift_or_open(&mut self, at: &str) {
        if self.current_shift(at).is_none() {
            self.open_shift(at, FLOAT);
        }
    }

    /// Sells to somebody, acknowledged when this returns; opens a shift where none is open.
    pub fn sell(&mut self, at: &str, buyer: impl Buyer, basket: Basket) -> TransactionNumber {
        self.shift_or_open(at);
        self.try_sell(at, Some(buyer.key()), basket).expect("a valid sale")
    }

    /// Sells to nobody in particular.
    pub fn sell_unnamed(&mut self, at: &str, basket: Basket) -> TransactionNumber {
        self.shift_or_open(at);
        self.try_sell(at, None, basket).expect("a valid sale")
    }

    /// Takes back what the first line of a sale sold, for cash.
    pub fn return_of(
        &mut self,
        at: &str,
        sale: &TransactionNumber,
        buyer: Option<CustomerKey>,
        quantity: i64,
    ) -> Result<TransactionNumber, SellError> {
        self.shift_or_open(at);
        let sold = self.acknowledged_trades.iter().find(|known| known.view.number == *sale);
        let line = &sold.expect("a sale of this story").view.trade.lines[0];
        let basket = Basket::of(line.item.as_str(), -quantity).from_sale(sale, 1);
        self.try_sell(at, buyer, basket)
    }

    /// Begins a sale and voids the whole of it.
    pub fn void_sale(&mut self, at: &str, buyer: impl Buyer, basket: Basket) -> TransactionNumber {
        self.shift_or_open(at);
        let Basket { number, lines, currency, .. } = basket;
        let customer = Some(buyer.key());
        let sale = RecordTrade {
            number,
            customer,
            lines,
            currency,
            what: What::VoidedSale,
            ..RecordTrade::default()
        };
        let view = record_trade(self.edge(at), sale, self.clock.now()).expect("a valid sale");
        self.remember_trade(at, view)
    }

    /// Takes an order, acknowledged when this returns; opens a shift where none is open.
    pub fn order(
        &mut self,
        at: &str,
        buyer: impl Buyer,
        delivery: Delivery,
        basket: Basket,
    ) -> TransactionNumber {
        self.shift_or_open(at);
        let order = order_of(buyer.key(), delivery, basket);
        let view = record_trade(self.edge(at), order, self.clock.now()).expect("a valid order");
        self.remember_trade(at, view)
    }

    /// Takes an order as the profile says, acknowledged when this returns one; opens a shift where
    /// none is open.
    ///
    /// # Errors
    /// What the till is told.
    pub fn order_by_mode(
        &mut self,
        at: &str,
        buyer: impl Buyer,
        delivery: Delivery,
        basket: Basket,
    ) -> Result<TransactionView, SellError> {
        self.shift_or_open(at);
        let order = order_of(buyer.key(), delivery, basket);
        let upstream = self.upstream(at);
        let view = record_by_mode(self.edge(at), upstream.as_ref(), order, self.clock.now())?;
        self.remember_trade(at, view.clone());
        Ok(view)
    }

    /// Sells, or says why not; opens no shift.
    ///
    /// # Errors
    /// What the till made of it.
    pub fn try_sell(
        &mut self,
        at: &str,
        customer: Option<CustomerKey>,
        basket: Basket,
    ) -> Result<TransactionNumber, SellError> {
        let Basket { number, lines, mut payments, rest, currency } = basket;
        if payments.is_empty()
            && let Some(number) = &number
        {
            payments = self.payments_before(at, number);
        }
        let mut sale =
            RecordTrade { number, customer, lines, payments, currency, ..RecordTrade::default() };
        // The till says what is due, as it would to somebody with a purse.
        let view = match record_trade(self.edge(at), sale.clone(), self.clock.now()) {
            Err(SellError::Rules(refused)) if due(&refused.0).is_some() => {
                let amount = due(&refused.0).expect("it was asked just now");
                sale.payments.push(PaymentDraft { tender: rest.type_id().into(), amount });
                record_trade(self.edge(at), sale, self.clock.now())?
            }
            answer => answer?,
        };
        Ok(self.remember_trade(at, view))
    }

    /// How a sale was paid that is repeated word for word.
    fn payments_before(&self, at: &str, number: &TransactionNumber) -> Vec<PaymentDraft> {
        let mut known = self.acknowledged_trades.iter();
        let known = known.find(|known| known.at == at && known.view.number == *number);
        let payments = known.into_iter().flat_map(|known| &known.view.trade.payments);
        payments
            .map(|p| PaymentDraft { tender: p.tender.type_id().into(), amount: p.amount })
            .collect()
    }

    fn remember_trade(&mut self, at: &str, view: TransactionView) -> TransactionNumber {
        let number = view.number.clone();
        let mut known = self.acknowledged_trades.iter();
        if !known.any(|known| known.at == at && known.view.number == number) {
            self.acknowledged_trades.push(AcknowledgedTrade { at: at.into(), view });
        }
        number
    }

    /// A sale or an order as an edge shows it.
    pub fn transaction_at(&self, at: &str, number: &TransactionNumber) -> Option<TransactionView> {
        find_transaction(self.edge(at), number).expect("the database answers")
    }
}

fn order_of(customer: CustomerKey, delivery: Delivery, basket: Basket) -> RecordTrade {
    let Basket { number, lines, payments, currency, .. } = basket;
    RecordTrade {
        number,
        customer: Some(customer),
        lines,
        payments,
        currency,
        what: What::Order(delivery),
        ..RecordTrade::default()
    }
}

/// What is still due, when that is all there is to complain about.
fn due(refused: &[tillsync_channel::violations::EdgeViolation]) -> Option<Decimal> {
    match refused {
        [violation] => match &violation.problem {
            EdgeProblem::Rule(TradeProblem::Unpaid { due, paid }) => Some(*due - *paid),
            _ => None,
        },
        _ => None,
    }
}
