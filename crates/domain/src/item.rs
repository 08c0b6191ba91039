//! Items that a till can sell, with their prices. No pricing engine: one price per currency.

use rust_decimal::Decimal;

use crate::ids::ItemNumber;
use crate::money::Currency;

/// The widest item name, in characters.
pub const ITEM_NAME_CHARS_MAX: usize = 60;

/// An item as headquarters keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number.
    pub number: ItemNumber,
    /// What the receipt says; not blank.
    pub name: String,
    /// Sales tax in percent of the price, 0 to 100.
    pub tax_rate: Decimal,
    /// Whether it may be sold; an item is never deleted.
    pub is_active: bool,
    /// Its prices without tax, one per currency.
    pub prices: Vec<ItemPrice>,
}

/// What an item costs in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPrice {
    /// The currency.
    pub currency: Currency,
    /// The price of one, without tax; not negative.
    pub price: Decimal,
}

/// Why an item is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemProblem {
    /// No name, or one that does not fit.
    #[error("Name: must have 1 to {ITEM_NAME_CHARS_MAX} printable characters")]
    Name,
    /// No such tax.
    #[error("TaxRate: must be between 0 and 100 percent, with at most 4 decimals")]
    TaxRate,
    /// A price below zero, or finer than the currency's smallest unit.
    #[error("Price: {price} {currency} is negative or finer than the currency's smallest unit")]
    Price {
        /// The price.
        price: Decimal,
        /// Its currency.
        currency: Currency,
    },
    /// The same currency twice.
    #[error("Price: {0} is given twice")]
    PriceTwice(Currency),
}

impl Item {
    /// Checks the item and returns everything that is wrong with it.
    pub fn problems(&self) -> Vec<ItemProblem> {
        let mut problems = Vec::new();
        let length = self.name.chars().count();
        let is_printable = !self.name.chars().any(char::is_control);
        if self.name.trim().is_empty() || length > ITEM_NAME_CHARS_MAX || !is_printable {
            problems.push(ItemProblem::Name);
        }
        if !is_tax_rate(self.tax_rate) {
            problems.push(ItemProblem::TaxRate);
        }
        for (index, ItemPrice { currency, price }) in self.prices.iter().enumerate() {
            if price.is_sign_negative() || currency.to_minor(*price).is_err() {
                problems.push(ItemProblem::Price { price: *price, currency: *currency });
            }
            if self.prices[..index].iter().any(|earlier| earlier.currency == *currency) {
                problems.push(ItemProblem::PriceTwice(*currency));
            }
        }
        problems
    }
}

/// Whether a number can be a tax rate in percent.
pub fn is_tax_rate(rate: Decimal) -> bool {
    (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&rate) && rate.normalize().scale() <= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_with_an_item_is_named() {
        let euro: Currency = "EUR".parse().expect("a currency");
        let price = |price| ItemPrice { currency: euro, price };
        let good = Item {
            number: "0001".parse().expect("a number"),
            name: "Coffee".into(),
            tax_rate: Decimal::new(255, 1),
            is_active: true,
            prices: vec![price(Decimal::new(995, 2))],
        };
        assert_eq!(good.problems(), []);
        let bad = Item {
            name: " ".into(),
            tax_rate: Decimal::from(101),
            prices: vec![price(Decimal::new(-1, 2)), price(Decimal::new(1, 3))],
            ..good
        };
        assert_eq!(bad.problems().len(), 5);
    }
}
