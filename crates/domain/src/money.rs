//! Currencies and amounts of money. Amounts are decimals; nothing here is a binary fraction.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::ids::ParseIdError;

/// A currency of ISO 4217 that has an amount of minor units, such as EUR with its cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

/// An amount that does not fit: finer than the currency's smallest coin, or beyond any till.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{amount} {currency} is not a whole number of the currency's smallest unit, or too large")]
pub struct NotExact {
    /// The amount.
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
}

impl Currency {
    /// The code, three capital letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals its smallest unit has: 2 for EUR, 0 for JPY.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }

    /// Rounds an amount to the smallest unit, halves away from zero.
    pub fn round(self, amount: Decimal) -> Decimal {
        amount.round_dp_with_strategy(self.decimals(), RoundingStrategy::MidpointAwayFromZero)
    }

    /// The amount as a whole number of smallest units, for storage and sums that are exact.
    ///
    /// # Errors
    /// Invalid: finer than the smallest unit, or beyond 64 bits.
    pub fn to_minor(self, amount: Decimal) -> Result<i64, NotExact> {
        let not_exact = NotExact { amount, currency: self };
        let scale = Decimal::from(10_u64.pow(self.decimals()));
        let minor = amount.checked_mul(scale).ok_or(not_exact)?;
        if !minor.is_integer() {
            return Err(not_exact);
        }
        i64::try_from(minor.trunc()).map_err(|_| not_exact)
    }

    /// The amount behind a whole number of smallest units, with all its decimals.
    pub fn from_minor(self, minor: i64) -> Decimal {
        Decimal::new(minor, self.decimals())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(text)
            // Precious metals and test codes have no smallest unit, so nothing can be paid in them.
            .filter(|currency| currency.exponent().is_some())
            .map(Currency)
            .ok_or_else(|| ParseIdError::new("currency", text, "a currency code of ISO 4217"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    #[test]
    fn halves_are_rounded_away_from_zero_to_the_smallest_unit() {
        let euro = currency("EUR");
        for (amount, rounded) in [("0.125", "0.13"), ("-0.125", "-0.13"), ("0.124", "0.12")] {
            let amount: Decimal = amount.parse().expect("a number");
            assert_eq!(euro.round(amount).to_string(), rounded);
        }
        assert_eq!(currency("JPY").round(Decimal::new(15, 1)).to_string(), "2");
    }

    #[test]
    fn minor_units_are_exact_or_an_error() {
        let (euro, dinar) = (currency("EUR"), currency("KWD"));
        assert_eq!(euro.to_minor(Decimal::new(1995, 2)), Ok(1995));
        assert_eq!(dinar.to_minor(Decimal::new(1995, 2)), Ok(19_950));
        assert!(euro.to_minor(Decimal::new(19_951, 3)).is_err());
        assert!(euro.to_minor(Decimal::MAX).is_err());
        assert_eq!(euro.from_minor(-5).to_string(), "-0.05");
    }

    #[test]
    fn only_currencies_that_can_be_paid_in_are_known() {
        for bad in ["eur", "XAU", "EURO", ""] {
            assert!(bad.parse::<Currency>().is_err(), "{bad:?}");
        }
    }
}
