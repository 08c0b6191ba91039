//! Summing trades: what each of them adds to its statement, per resolved account and currency
//! (F102).
//!
//! A trade is summed under the account that its customer key resolves to, never under the key: a
//! customer who bought under its GUID and under its account is one customer.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Totals;
use crate::document::Body;
use crate::ids::{AccountNumber, ItemNumber};
use crate::money::{Currency, NotExact};
use crate::trade::{Tender, Trade};

/// The most transactions in one statement. With [`AMOUNT_MAX`] it keeps every sum within 64 bits,
/// and a statement's transactions short.
pub const TRANSACTIONS_MAX: usize = 10_000;

/// The most that the amounts of one transaction come to, signs left out, in smallest units: a
/// trillion euros.
const AMOUNT_MAX: u64 = 100_000_000_000_000;

/// Why a transaction cannot be posted, whatever rules of validation are switched off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// An amount that no account can hold.
    #[error(transparent)]
    NotExact(#[from] NotExact),
    /// What would be invoiced is not what the receipt says.
    #[error("its lines come to {lines}, but its total is {total}")]
    TotalDiffers {
        /// What the lines come to, in smallest units.
        lines: i64,
        /// What the receipt says, in smallest units.
        total: i64,
    },
    /// More money than any till takes in.
    #[error("its amounts come to more than a statement can hold")]
    TooLarge,
    /// Nothing of it is ever posted.
    #[error("{0} is never posted")]
    NeverPosted(&'static str),
}

/// The part of one item in a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineSums {
    /// How many.
    pub quantity: Decimal,
    /// Sales less discounts, without tax.
    pub net: i64,
    /// Discounts given; they are not in `net` any more.
    pub discount: i64,
    /// Sales tax.
    pub tax: i64,
}

/// What one transaction adds to its statement.
///
/// A sale adds its lines and its payments. An order adds its payments only, which are deposits:
/// what it orders is invoiced when it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// By item, voided lines left out.
    pub lines: BTreeMap<ItemNumber, LineSums>,
    /// By tender.
    pub payments: BTreeMap<Tender, i64>,
}

/// What one account bought and paid in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// How many transactions are in it.
    pub transactions: u64,
    /// By item; empty when only deposits stand in it.
    pub lines: BTreeMap<ItemNumber, LineSums>,
    /// By tender, for sales and as deposits on orders.
    pub payments: BTreeMap<Tender, i64>,
}

/// The sums of a statement, one per account and currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregates(BTreeMap<(AccountNumber, Currency), Aggregate>);

impl LineSums {
    fn checked_add(self, other: &LineSums) -> Option<LineSums> {
        Some(LineSums {
            quantity: self.quantity.checked_add(other.quantity)?,
            net: self.net.checked_add(other.net)?,
            discount: self.discount.checked_add(other.discount)?,
            tax: self.tax.checked_add(other.tax)?,
        })
    }
}

impl Contribution {
    /// What a document adds.
    ///
    /// # Errors
    /// Invalid: it cannot be posted as it is.
    pub fn of(body: &Body) -> Result<Self, Unpostable> {
        match body {
            Body::Sale(sale) if sale.is_voided => Err(Unpostable::NeverPosted("a voided sale")),
            Body::Shift(_) => Err(Unpostable::NeverPosted("a step of a shift")),
            Body::Sale(sale) => {
                let contribution = Contribution::summed(&sale.trade)?;
                let (lines, total) =
                    (contribution.sold(), sale.trade.currency.to_minor(sale.trade.total)?);
                if lines != total {
                    return Err(Unpostable::TotalDiffers { lines, total });
                }
                Ok(contribution)
            }
            Body::Order(order) => {
                let lines = BTreeMap::new();
                Ok(Contribution { lines, ..Contribution::summed(&order.trade)? })
            }
        }
    }

    fn summed(trade: &Trade) -> Result<Self, Unpostable> {
        let currency = trade.currency;
        let mut size = 0_u64;
        let mut minor = |amount: Decimal| -> Result<i64, Unpostable> {
            let minor = currency.to_minor(amount)?;
            size = size.saturating_add(minor.unsigned_abs());
            if size > AMOUNT_MAX { Err(Unpostable::TooLarge) } else { Ok(minor) }
        };
        let mut lines = BTreeMap::<_, LineSums>::new();
        for line in trade.live_lines() {
            let sums = lines.entry(line.item.clone()).or_default();
            let more = LineSums {
                quantity: line.quantity,
                net: minor(line.net)?,
                discount: minor(line.discount)?,
                tax: minor(line.tax)?,
            };
            *sums = sums.checked_add(&more).ok_or(Unpostable::TooLarge)?;
        }
        let mut payments = BTreeMap::new();
        for payment in &trade.payments {
            *payments.entry(payment.tender).or_default() += minor(payment.amount)?;
        }
        Ok(Contribution { currency, lines, payments })
    }

    /// What is invoiced, tax included; nothing for an order.
    pub fn sold(&self) -> i64 {
        self.lines.values().map(|line| line.net + line.tax).sum()
    }

    /// By how much it changes what its customer owes, once it is posted.
    pub fn owed(&self) -> i64 {
        let paid = self.payments.iter().filter(|(tender, _)| **tender != Tender::CustomerAccount);
        self.sold() - paid.map(|(_, amount)| amount).sum::<i64>()
    }
}

impl Aggregate {
    /// What its vouchers are planned from.
    pub fn totals(&self) -> Totals {
        let sum = |part: fn(&LineSums) -> i64| self.lines.values().map(part).sum();
        Totals {
            net: sum(|line| line.net),
            discount: sum(|line| line.discount),
            tax: sum(|line| line.tax),
            payments: self.payments.clone(),
        }
    }
}

impl Aggregates {
    /// Adds a transaction to the sums of its account, or changes nothing.
    ///
    /// # Errors
    /// Invalid: the sums would leave 64 bits.
    pub fn add(
        &mut self,
        account: &AccountNumber,
        contribution: &Contribution,
    ) -> Result<(), Unpostable> {
        let key = (account.clone(), contribution.currency);
        let known = self.0.get(&key);
        // Every sum is checked before any is stored.
        let mut lines = Vec::with_capacity(contribution.lines.len());
        for (item, more) in &contribution.lines {
            let before = known.and_then(|sum| sum.lines.get(item)).copied().unwrap_or_default();
            lines.push((item, before.checked_add(more).ok_or(Unpostable::TooLarge)?));
        }
        let mut payments = Vec::with_capacity(contribution.payments.len());
        for (tender, more) in &contribution.payments {
            let before = known.and_then(|sum| sum.payments.get(tender)).copied().unwrap_or(0);
            payments.push((*tender, before.checked_add(*more).ok_or(Unpostable::TooLarge)?));
        }
        let sum = self.0.entry(key).or_default();
        sum.transactions += 1;
        sum.lines.extend(lines.into_iter().map(|(item, line)| (item.clone(), line)));
        sum.payments.extend(payments);
        Ok(())
    }

    /// The sums by account and currency.
    pub fn into_sums(self) -> impl Iterator<Item = ((AccountNumber, Currency), Aggregate)> {
        self.0.into_iter()
    }
}
