//! A clerk at an edge: sells to customers who were just created, takes orders, keeps a drawer.
//!
//! Every request names itself, so that a repeat after a crash is the same request.

use anyhow::{Result, anyhow};
use tillsync_fleet::{
    CommerceClient, Counted, Currency, CustomerKey, Decimal, EdgeDoor, LineRequest, Product,
    Tender, TradeAnswer, TradeRequest, TradeRequestKind,
};

use super::load::Shared;

/// What lies in a drawer at first.
const FLOAT: Decimal = Decimal::from_parts(50, 0, 0, false, 0);

/// What is said to be in it at the end, whatever was sold: the rest was stolen, and the books
/// must show it to the cent.
const COUNTED: Counted =
    Counted { cash: Decimal::from_parts(49, 0, 0, false, 0), card: Decimal::ZERO };

/// What one drawer loses by that.
pub(crate) const LOST_PER_SHIFT: Decimal = Decimal::ONE;

/// A clerk.
pub(crate) struct Clerk<'a> {
    name: String,
    door: EdgeDoor,
    client: CommerceClient,
    shared: &'a Shared,
    goods: Vec<Product>,
    /// The last sale of one piece: its number, its customer and what was sold.
    returnable: Option<(String, CustomerKey, Product)>,
    sold: Sold,
    unanswered: Vec<String>,
}

/// What clerks were told.
#[derive(Debug, Default)]
pub(crate) struct Sold {
    /// Sales and orders.
    pub(crate) trades: Vec<Trade>,
    /// Shifts that were counted.
    pub(crate) shifts_closed: u64,
    /// Shifts that are open, each where it is.
    pub(crate) open: Vec<(EdgeDoor, String)>,
}

/// An acknowledged sale or order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trade {
    /// Its number.
    pub(crate) number: String,
    /// Whether it is an order.
    pub(crate) is_order: bool,
    /// What it comes to.
    pub(crate) total: Decimal,
    /// What was paid; for an order, the deposit.
    pub(crate) paid: Decimal,
}

impl Sold {
    /// Adds what another clerk was told.
    pub(crate) fn add(&mut self, other: Sold) {
        self.trades.extend(other.trades);
        self.shifts_closed += other.shifts_closed;
        self.open.extend(other.open);
    }

    /// Closes every shift that is open, and says what got no answer.
    pub(crate) fn close_shifts(&mut self, shared: &Shared) -> Vec<String> {
        let mut unanswered = Vec::new();
        for (door, shift) in std::mem::take(&mut self.open) {
            let client = CommerceClient::new(&door);
            match recorded(shared, || Ok(client.close_shift(&shift, COUNTED)?)) {
                Ok(_) => self.shifts_closed += 1,
                Err(error) => unanswered.push(format!("closing {shift}: {error}")),
            }
        }
        unanswered
    }
}

impl<'a> Clerk<'a> {
    /// A clerk who knows what is sold.
    pub(crate) fn at(name: &str, door: &EdgeDoor, shared: &'a Shared) -> Self {
        let client = CommerceClient::new(door);
        let (goods, unanswered) = match shared.ask(|| Ok(client.products(euro())?)) {
            Ok(goods) if !goods.is_empty() => (goods, vec![]),
            Ok(_) => (vec![Product::default()], vec![format!("{name}: there are no goods")]),
            Err(error) => (vec![Product::default()], vec![format!("{name}: goods: {error}")]),
        };
        Clerk {
            name: name.to_owned(),
            door: door.clone(),
            client,
            shared,
            goods,
            returnable: None,
            sold: Sold::default(),
            unanswered,
        }
    }

    /// Closes the drawer's shift, if one is open, and opens another.
    pub(crate) fn change_shift(&mut self) {
        self.unanswered.extend(self.sold.close_shifts(self.shared));
        match recorded(self.shared, || Ok(self.client.open_shift(FLOAT)?)) {
            Ok(shift) => self.sold.open.push((self.door.clone(), shift)),
            Err(error) => self.unanswered.push(format!("{}: open a shift: {error}", self.name)),
        }
    }

    /// Serves a customer; what it wants goes by turns.
    pub(crate) fn serve(&mut self, customer: &CustomerKey, turn: u64) {
        use TradeRequestKind::{Pickup, Sale, Ship};
        let index = usize::try_from(turn).unwrap_or_default();
        let product = self.goods[index % self.goods.len()].clone();
        let line = LineRequest::of(&product);
        let named = Some(customer);
        match turn % 6 {
            0 => {
                let number = self.record((turn, "sale"), Sale, named, line);
                self.returnable = number.map(|number| (number, customer.clone(), product));
            }
            1 => drop(self.record((turn, "pickup"), Pickup, named, line)),
            2 => {
                let (quantity, discount) = (Decimal::from(3), Decimal::new(50, 2));
                let line = LineRequest { quantity, discount, ..line };
                self.record((turn, "discount"), Sale, named, line);
            }
            3 => {
                // The request must be the same at every try, so it is settled before.
                let found = self.client.find_customer(customer).ok().flatten();
                let address = found.as_ref().and_then(|found| {
                    found.pointer("/Addresses/0/AddressId")?.as_str()?.parse().ok()
                });
                self.record((turn, "order"), address.map_or(Pickup, Ship), named, line);
            }
            4 => drop(self.record((turn, "unnamed"), Sale, None, line)),
            _ => {
                let Some((number, customer, product)) = self.returnable.take() else { return };
                let (quantity, returns) = (-Decimal::ONE, Some((number, 1)));
                let line = LineRequest { quantity, returns, ..LineRequest::of(&product) };
                self.record((turn, "return"), Sale, Some(&customer), line);
            }
        }
    }

    /// What was told to the clerk, and what got no answer.
    pub(crate) fn end(self) -> (Sold, Vec<String>) {
        (self.sold, self.unanswered)
    }

    fn record(
        &mut self,
        (turn, what): (u64, &str),
        kind: TradeRequestKind,
        customer: Option<&CustomerKey>,
        line: LineRequest,
    ) -> Option<String> {
        let is_order = kind != TradeRequestKind::Sale;
        let number = format!("{}-{turn}-{what}", self.name);
        let due = line.total(euro());
        let paid = if is_order { euro().round(due / Decimal::TWO) } else { due };
        let tender = if turn % 4 == 2 { Tender::Card } else { Tender::Cash };
        let request = TradeRequest {
            number: number.clone(),
            kind,
            customer: customer.cloned(),
            currency: euro(),
            lines: vec![line],
            payments: vec![(tender, paid)],
        };
        match recorded(self.shared, || Ok(self.client.sell(&request)?)) {
            Ok(recorded) => {
                let total = recorded.total;
                self.sold.trades.push(Trade { number: number.clone(), is_order, total, paid });
                Some(number)
            }
            Err(error) => {
                self.unanswered.push(format!("{number}: {error}"));
                None
            }
        }
    }
}

/// The currency of every sale.
pub(crate) fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

/// Asks until it is recorded. A conflict passes: the shift is being changed at the moment.
fn recorded<T>(shared: &Shared, mut request: impl FnMut() -> Result<TradeAnswer<T>>) -> Result<T> {
    let answer = shared.ask(|| match request()? {
        TradeAnswer::Conflict(words) => Err(anyhow!("a conflict: {words}")),
        answer => Ok(answer),
    })?;
    match answer {
        TradeAnswer::Recorded(recorded) => Ok(recorded),
        TradeAnswer::Refused(fields) => Err(anyhow!("refused: {fields:?}")),
        TradeAnswer::Conflict(words) => Err(anyhow!(words)),
    }
}
