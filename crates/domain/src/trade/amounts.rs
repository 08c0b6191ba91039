//! Arithmetic of trades: the one place that says how lines, taxes and totals hang together.

use rust_decimal::Decimal;

use super::{Line, Tender, Trade};
use crate::money::Currency;

/// Quantity times price, rounded, less the discount.
pub fn line_net(
    currency: Currency,
    quantity: Decimal,
    price: Decimal,
    discount: Decimal,
) -> Decimal {
    currency.round(quantity * price) - discount
}

/// The sales tax on a net amount, rounded per line.
pub fn line_tax(currency: Currency, net: Decimal, tax_rate: Decimal) -> Decimal {
    currency.round(net * tax_rate / Decimal::ONE_HUNDRED)
}

impl Line {
    /// What the line comes to, tax included; nothing when it was voided.
    pub fn total(&self) -> Decimal {
        if self.is_voided { Decimal::ZERO } else { self.net + self.tax }
    }
}

impl Trade {
    /// The lines that count.
    pub fn live_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.is_voided)
    }

    /// What the lines come to, tax included.
    pub fn lines_total(&self) -> Decimal {
        self.lines.iter().map(Line::total).sum()
    }

    /// What was paid and not paid back, by any tender.
    pub fn payments_total(&self) -> Decimal {
        self.payments.iter().map(|payment| payment.amount).sum()
    }

    /// What was paid by one tender.
    pub fn paid_by(&self, tender: Tender) -> Decimal {
        self.payments.iter().filter(|p| p.tender == tender).map(|p| p.amount).sum()
    }
}
