//! Money in JSON: a decimal text with all its digits, never a binary fraction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tillsync_domain::money::Currency;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// How much, as a decimal with as many digits as the currency has, such as `12.30`.
    pub amount: String,
    /// The currency, three capital letters.
    pub currency: String,
}

impl Amount {
    /// The amount behind a whole number of smallest units.
    pub(crate) fn of_minor(currency: Currency, minor: i64) -> Self {
        Amount { amount: decimal(currency, minor), currency: currency.to_string() }
    }

    /// Amounts by currency.
    pub(crate) fn list(amounts: &BTreeMap<Currency, i64>) -> Vec<Self> {
        amounts.iter().map(|(currency, minor)| Amount::of_minor(*currency, *minor)).collect()
    }
}

/// An amount whose currency stands beside it.
pub(crate) fn decimal(currency: Currency, minor: i64) -> String {
    currency.from_minor(minor).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_all_the_digits_of_its_currency() {
        let amount =
            |code: &str, minor| Amount::of_minor(code.parse().expect("a currency"), minor).amount;
        assert_eq!(amount("EUR", 1230), "12.30");
        assert_eq!(amount("EUR", -5), "-0.05");
        assert_eq!(amount("JPY", 1230), "1230");
    }
}
