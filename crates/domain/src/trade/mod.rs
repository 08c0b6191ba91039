//! What is sold to whom against what: the common part of cash-and-carry sales and customer orders.
//!
//! A trade is immutable once recorded. It keeps the customer key it was written with, for ever
//! (F120); the account behind it is found elsewhere. Amounts are without tax unless they say so.

pub mod amounts;
mod draft;

use rust_decimal::Decimal;

pub use draft::{
    CatalogItem, LineDraft, PaymentDraft, TradeDraft, TradeKind, TradeProblem, TradeViolation,
    TradeViolations,
};

use crate::ids::{
    AddressGuid, CustomerKey, ItemNumber, ReceiptNumber, ShiftNumber, TransactionNumber,
};
use crate::money::Currency;

/// The most lines in one sale or order.
pub const LINES_MAX: usize = 500;

/// The most payments in one sale or order.
pub const PAYMENTS_MAX: usize = 50;

/// The largest amount in a document, signs left out: beyond any till, and small enough that no sum
/// or product of what fits into a document can overflow.
pub const AMOUNT_MAX: Decimal = Decimal::from_parts(0xD4A5_1000, 0xE8, 0, false, 0);

/// What a sale and an order have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// The customer by the key that was at hand; absent when nobody was named.
    pub customer: Option<CustomerKey>,
    /// The shift it was made in.
    pub shift: ShiftNumber,
    /// The number on the receipt.
    pub receipt: ReceiptNumber,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// What is sold and returned, voided lines included.
    pub lines: Vec<Line>,
    /// What was paid, and paid back.
    pub payments: Vec<Payment>,
    /// What it comes to, tax included, as the receipt says.
    pub total: Decimal,
}

/// One line of a trade. A negative quantity is a return, and makes its amounts negative too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number on the receipt, from 1.
    pub number: u32,
    /// What is sold.
    pub item: ItemNumber,
    /// What the receipt calls it.
    pub name: Option<String>,
    /// How much of it; never zero.
    pub quantity: Decimal,
    /// The price of one; never negative.
    pub price: Decimal,
    /// What was taken off the whole line; of the quantity's sign.
    pub discount: Decimal,
    /// Quantity times price, rounded, less the discount.
    pub net: Decimal,
    /// The sales tax in percent.
    pub tax_rate: Decimal,
    /// The sales tax on the net amount, rounded.
    pub tax: Decimal,
    /// Whether it was taken off again before the sale was finished: kept, but counts nothing.
    pub is_voided: bool,
    /// What is returned, when the earlier sale is known.
    pub returns: Option<ReturnOf>,
}

/// The line of an earlier sale that a return refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnOf {
    /// The sale.
    pub transaction: TransactionNumber,
    /// Its line.
    pub line: u32,
}

/// One payment. A negative amount was paid back: a refund, or change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// How.
    pub tender: Tender,
    /// How much; never zero.
    pub amount: Decimal,
}

/// How something is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tender {
    /// Notes and coins.
    Cash,
    /// A debit or credit card.
    Card,
    /// On the customer's account: to be paid later.
    CustomerAccount,
    /// A gift card that this chain issued.
    GiftCard,
}

impl Tender {
    /// Every tender.
    pub const ALL: [Tender; 4] =
        [Tender::Cash, Tender::Card, Tender::CustomerAccount, Tender::GiftCard];

    /// The name in documents and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Tender::Cash => "cash",
            Tender::Card => "card",
            Tender::CustomerAccount => "customer_account",
            Tender::GiftCard => "gift_card",
        }
    }

    /// The `TenderTypeId` of the till interface.
    pub fn type_id(self) -> &'static str {
        match self {
            Tender::Cash => "1",
            Tender::Card => "3",
            Tender::CustomerAccount => "4",
            Tender::GiftCard => "8",
        }
    }
}

/// A sale that is taken away at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// What is sold.
    pub trade: Trade,
    /// Whether the whole of it was voided before it was finished: kept for the journal only.
    pub is_voided: bool,
}

/// An order to be picked up or sent later. Its payments are deposits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOrder {
    /// What is ordered.
    pub trade: Trade,
    /// How it reaches the customer.
    pub delivery: Delivery,
}

/// How an order reaches its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The customer comes for it to the store that took the order.
    Pickup,
    /// It is sent to one of the customer's addresses (F14).
    Ship(AddressGuid),
}
