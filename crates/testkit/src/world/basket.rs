//! What a story sells, put together word by word. The till computes what it comes to.

use rust_decimal::Decimal;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, CustomerKey, TransactionNumber};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::{LineDraft, PaymentDraft, ReturnOf, Tender};

/// Somebody who can be named on a receipt.
pub trait Buyer {
    /// The key that is written down.
    fn key(&self) -> CustomerKey;
}

impl Buyer for CustomerGuid {
    fn key(&self) -> CustomerKey {
        CustomerKey::Temporary(*self)
    }
}

impl Buyer for AccountNumber {
    fn key(&self) -> CustomerKey {
        CustomerKey::Numbered(self.clone())
    }
}

impl Buyer for CustomerKey {
    fn key(&self) -> CustomerKey {
        self.clone()
    }
}

impl<B: Buyer> Buyer for &B {
    fn key(&self) -> CustomerKey {
        (*self).key()
    }
}

/// What is sold, returned and paid.
#[derive(Debug, Clone)]
pub struct Basket {
    pub(super) number: Option<TransactionNumber>,
    pub(super) lines: Vec<LineDraft>,
    pub(super) payments: Vec<PaymentDraft>,
    pub(super) rest: Tender,
    pub(super) currency: Option<Currency>,
}

impl Basket {
    /// So many of an item, to be paid in cash.
    pub fn of(item: &str, quantity: i64) -> Self {
        let empty = Basket {
            number: None,
            lines: vec![],
            payments: vec![],
            rest: Tender::Cash,
            currency: None,
        };
        empty.and(item, quantity)
    }

    /// And so many of another.
    pub fn and(mut self, item: &str, quantity: i64) -> Self {
        let quantity = Some(Decimal::from(quantity));
        self.lines.push(LineDraft { item: item.into(), quantity, ..LineDraft::default() });
        self
    }

    /// The last line at so much less.
    pub fn off(self, discount: &str) -> Self {
        self.last(|line| line.discount = Some(amount(discount)))
    }

    /// The last line at another price of one.
    pub fn at_price(self, price: &str) -> Self {
        self.last(|line| line.price = Some(amount(price)))
    }

    /// The last line taken off again.
    pub fn voided(self) -> Self {
        self.last(|line| line.is_voided = true)
    }

    /// The last line brings back what a line of an earlier sale sold.
    pub fn from_sale(self, sale: &TransactionNumber, line: u32) -> Self {
        let of = ReturnOf { transaction: sale.clone(), line };
        self.last(|line| line.returns = Some(of))
    }

    fn last(mut self, change: impl FnOnce(&mut LineDraft)) -> Self {
        change(self.lines.last_mut().expect("a basket has a line"));
        self
    }

    /// So much paid in some way. The rest of a sale is paid too; of an order, this is the deposit.
    pub fn paid(mut self, tender: Tender, paid: &str) -> Self {
        self.payments.push(PaymentDraft { tender: tender.type_id().into(), amount: amount(paid) });
        self
    }

    /// How the rest of a sale is paid.
    pub fn rest_by(mut self, tender: Tender) -> Self {
        self.rest = tender;
        self
    }

    /// In another currency than the store's own.
    pub fn in_currency(mut self, currency: &str) -> Self {
        self.currency = Some(currency.parse().expect("a currency"));
        self
    }

    /// Under a number that the till's program chose.
    pub fn numbered(mut self, number: &str) -> Self {
        self.number = Some(number.parse().expect("a transaction number"));
        self
    }
}

/// An amount as a story writes it.
pub(super) fn amount(text: &str) -> Decimal {
    text.parse().expect("an amount")
}
