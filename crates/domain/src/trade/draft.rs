//! From what somebody typed to a trade that keeps every rule of the till.
//!
//! The till computes nets, taxes and totals itself; what the caller says of them must agree to
//! the cent. Every violation is named by its path in the request.

use std::fmt;

use rust_decimal::Decimal;

use super::amounts::{line_net, line_tax};
use super::{AMOUNT_MAX, LINES_MAX, Line, PAYMENTS_MAX, Payment, ReturnOf, Tender, Trade};
use crate::ids::{CustomerKey, ItemNumber, ReceiptNumber, ShiftNumber};
use crate::money::Currency;

/// The largest quantity and the largest price, so that no product of two can overflow.
const NUMBER_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The most decimals of a quantity.
const QUANTITY_DECIMALS_MAX: u32 = 4;

/// What an item is to the till that sells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogItem {
    /// What the receipt says.
    pub name: String,
    /// The sales tax in percent.
    pub tax_rate: Decimal,
    /// The price of one in the trade's currency, if there is one.
    pub price: Option<Decimal>,
}

/// What rules a trade is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TradeKind {
    /// A sale: paid exactly. Returns are allowed.
    Sale,
    /// A sale that was voided before it was finished: nothing is paid.
    VoidedSale,
    /// An order: paid at most in full, of somebody, without returns.
    Order,
}

/// A trade as somebody entered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeDraft {
    /// See [`Trade::customer`].
    pub customer: Option<CustomerKey>,
    /// See [`Trade::shift`].
    pub shift: ShiftNumber,
    /// See [`Trade::receipt`].
    pub receipt: ReceiptNumber,
    /// See [`Trade::currency`].
    pub currency: Currency,
    /// The lines in order.
    pub lines: Vec<LineDraft>,
    /// The payments in order.
    pub payments: Vec<PaymentDraft>,
    /// What the caller thinks it comes to, if it says so.
    pub total: Option<Decimal>,
}

/// A line as somebody entered it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineDraft {
    /// See [`Line::item`].
    pub item: String,
    /// See [`Line::quantity`]; 1 when absent.
    pub quantity: Option<Decimal>,
    /// See [`Line::price`]; the item's own when absent.
    pub price: Option<Decimal>,
    /// What is taken off the line, never negative.
    pub discount: Option<Decimal>,
    /// What the caller thinks the tax is, if it says so.
    pub tax: Option<Decimal>,
    /// See [`Line::is_voided`].
    pub is_voided: bool,
    /// See [`Line::returns`].
    pub returns: Option<ReturnOf>,
}

/// A payment as somebody entered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentDraft {
    /// The tender's `TenderTypeId`.
    pub tender: String,
    /// See [`Payment::amount`].
    pub amount: Decimal,
}

/// What is wrong with one field of a trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeProblem {
    /// Nothing was given.
    Required,
    /// Not of the expected form, to be read after "must be".
    Malformed(&'static str),
    /// Nobody sells this here.
    UnknownItem(String),
    /// The item has no price in the trade's currency and none was given.
    NoPrice(Currency),
    /// More of them than one trade may have.
    TooMany {
        /// What was given.
        count: usize,
        /// What is accepted.
        limit: usize,
    },
    /// An amount that the till computes otherwise.
    Differs {
        /// What the till computes.
        computed: Decimal,
        /// What was given.
        given: Decimal,
    },
    /// What was paid is not what is due.
    Unpaid {
        /// What is due.
        due: Decimal,
        /// What was paid.
        paid: Decimal,
    },
    /// More was paid ahead than the order comes to.
    Overpaid {
        /// What it comes to.
        due: Decimal,
        /// What was paid.
        paid: Decimal,
    },
    /// Payments of a sale that was voided.
    NothingDue,
    /// A return on an order.
    NoReturns,
}

impl fmt::Display for TradeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TradeProblem::Required => f.write_str("required, but none was given"),
            TradeProblem::Malformed(expected) => write!(f, "must be {expected}"),
            TradeProblem::UnknownItem(item) => {
                write!(f, "no item {item:?} is sold here (job 1040 brings the items)")
            }
            TradeProblem::NoPrice(currency) => {
                write!(f, "the item has no price in {currency}, so one must be given")
            }
            TradeProblem::TooMany { count, limit } => {
                write!(f, "{count} were given, but at most {limit} are accepted")
            }
            TradeProblem::Differs { computed, given } => {
                write!(f, "{given} was given, but it comes to {computed}")
            }
            TradeProblem::Unpaid { due, paid } => write!(f, "{due} is due, but {paid} was paid"),
            TradeProblem::Overpaid { due, paid } => {
                write!(f, "{paid} was paid, but the whole order comes to {due}")
            }
            TradeProblem::NothingDue => {
                f.write_str("nothing is paid of a voided sale, so leave the payments out")
            }
            TradeProblem::NoReturns => f.write_str("an order takes nothing back, a sale does"),
        }
    }
}

/// One field of a trade that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeViolation {
    /// The field's path in the request, such as `SalesLines[0].Quantity`.
    pub path: String,
    /// What is wrong with it.
    pub problem: TradeProblem,
}

impl fmt::Display for TradeViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Everything that is wrong with one trade; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(TradeViolation::to_string).collect::<Vec<_>>().join("; "))]
pub struct TradeViolations(pub Vec<TradeViolation>);

#[derive(Default)]
struct Checker(Vec<TradeViolation>);

impl Checker {
    fn violated(&mut self, path: impl Into<String>, problem: TradeProblem) {
        self.0.push(TradeViolation { path: path.into(), problem });
    }
}

impl TradeDraft {
    /// Looks the items up, computes every amount and checks every rule.
    ///
    /// # Errors
    /// Invalid: every violation at once, each with its path.
    pub fn check(
        self,
        kind: TradeKind,
        mut catalog: impl FnMut(&ItemNumber) -> Option<CatalogItem>,
    ) -> Result<Trade, TradeViolations> {
        let mut checker = Checker::default();
        let currency = self.currency;
        if kind == TradeKind::Order && self.customer.is_none() {
            checker.violated("CustomerId", TradeProblem::Required);
        }
        let mut lines = Vec::with_capacity(self.lines.len().min(LINES_MAX));
        for (index, draft) in self.lines.iter().take(LINES_MAX).enumerate() {
            lines.extend(draft.check(index, currency, &mut catalog, &mut checker));
        }
        let payments = check_payments(&self.payments, currency, &mut checker);
        for (path, count, limit) in [
            ("SalesLines", self.lines.len(), LINES_MAX),
            ("TenderLines", self.payments.len(), PAYMENTS_MAX),
        ] {
            if count > limit {
                checker.violated(path, TradeProblem::TooMany { count, limit });
            }
        }
        if kind == TradeKind::Order {
            for line in lines.iter().filter(|line| line.quantity.is_sign_negative()) {
                let path = format!("SalesLines[{}].Quantity", line.number - 1);
                checker.violated(path, TradeProblem::NoReturns);
            }
        }
        if self.lines.iter().all(|line| line.is_voided) && kind != TradeKind::VoidedSale {
            checker.violated("SalesLines", TradeProblem::Required);
        }
        let (customer, shift, receipt) = (self.customer, self.shift, self.receipt);
        let mut trade =
            Trade { customer, shift, receipt, currency, lines, payments, total: Decimal::ZERO };
        if checker.0.is_empty() {
            trade.total = trade.lines_total();
            check_totals(&trade, kind, self.total, &mut checker);
        }
        if checker.0.is_empty() { Ok(trade) } else { Err(TradeViolations(checker.0)) }
    }
}

impl LineDraft {
    fn check(
        &self,
        index: usize,
        currency: Currency,
        catalog: &mut impl FnMut(&ItemNumber) -> Option<CatalogItem>,
        checker: &mut Checker,
    ) -> Option<Line> {
        let path = |field: &str| format!("SalesLines[{index}].{field}");
        let number = self.item.parse::<ItemNumber>().ok();
        let known = number.and_then(|number| catalog(&number).map(|item| (number, item)));
        let Some((item, known)) = known else {
            checker.violated(path("ItemId"), TradeProblem::UnknownItem(self.item.clone()));
            return None;
        };
        let before = checker.0.len();
        let quantity = self.quantity.unwrap_or(Decimal::ONE).normalize();
        let is_fine = quantity.scale() <= QUANTITY_DECIMALS_MAX && quantity.abs() <= NUMBER_MAX;
        if quantity.is_zero() || !is_fine {
            let expected = "a number other than 0, with at most 4 decimals";
            checker.violated(path("Quantity"), TradeProblem::Malformed(expected));
        }
        let price = self.price.or(known.price);
        if price.is_none() {
            checker.violated(path("Price"), TradeProblem::NoPrice(currency));
        }
        let price = price.unwrap_or_default();
        if !is_amount(price, currency) || price.is_sign_negative() {
            checker.violated(path("Price"), TradeProblem::Malformed(AMOUNT_EXPECTED));
        }
        let discount = self.discount.unwrap_or_default();
        if !is_amount(discount, currency) || discount.is_sign_negative() {
            checker.violated(path("DiscountAmount"), TradeProblem::Malformed(AMOUNT_EXPECTED));
        }
        if checker.0.len() > before {
            return None;
        }
        let gross = currency.round(quantity * price).abs();
        if gross > AMOUNT_MAX {
            let expected = "less: the line comes to more than any till sells";
            checker.violated(path("Quantity"), TradeProblem::Malformed(expected));
            return None;
        }
        if discount > gross {
            let expected = "at most what the line comes to without it";
            checker.violated(path("DiscountAmount"), TradeProblem::Malformed(expected));
        }
        let discount = if quantity.is_sign_negative() { -discount } else { discount };
        let net = line_net(currency, quantity, price, discount);
        let tax = line_tax(currency, net, known.tax_rate);
        if let Some(given) = self.tax.filter(|given| *given != tax) {
            checker.violated(path("TaxAmount"), TradeProblem::Differs { computed: tax, given });
        }
        Some(Line {
            number: u32::try_from(index + 1).expect("lines are counted in hundreds"),
            item,
            name: Some(known.name),
            quantity,
            price,
            discount,
            net,
            tax_rate: known.tax_rate,
            tax,
            is_voided: self.is_voided,
            returns: self.returns.clone(),
        })
    }
}

const AMOUNT_EXPECTED: &str = "an amount from 0 up, no finer than the currency's smallest unit";

fn is_amount(amount: Decimal, currency: Currency) -> bool {
    amount.abs() <= NUMBER_MAX && currency.to_minor(amount).is_ok()
}

fn check_payments(
    drafts: &[PaymentDraft],
    currency: Currency,
    checker: &mut Checker,
) -> Vec<Payment> {
    let mut payments = Vec::new();
    for (index, PaymentDraft { tender, amount }) in drafts.iter().take(PAYMENTS_MAX).enumerate() {
        let known = Tender::ALL.into_iter().find(|known| known.type_id() == tender.trim());
        if known.is_none() {
            let expected = "1 (cash), 3 (card), 4 (customer account) or 8 (gift card)";
            let path = format!("TenderLines[{index}].TenderTypeId");
            checker.violated(path, TradeProblem::Malformed(expected));
        }
        if amount.is_zero() || !is_amount(*amount, currency) {
            let expected = "an amount other than 0, no finer than the currency's smallest unit";
            let path = format!("TenderLines[{index}].Amount");
            checker.violated(path, TradeProblem::Malformed(expected));
        }
        payments.extend(known.map(|tender| Payment { tender, amount: *amount }));
    }
    payments
}

fn check_totals(trade: &Trade, kind: TradeKind, given: Option<Decimal>, checker: &mut Checker) {
    let (due, paid) = (trade.total, trade.payments_total());
    if due.abs() > AMOUNT_MAX {
        let expected = "less: it comes to more than any till sells";
        return checker.violated("SalesLines", TradeProblem::Malformed(expected));
    }
    if let Some(given) = given.filter(|given| *given != due) {
        checker.violated("TotalAmount", TradeProblem::Differs { computed: due, given });
    }
    let problem = match kind {
        TradeKind::Sale => (paid != due).then_some(TradeProblem::Unpaid { due, paid }),
        TradeKind::VoidedSale => (!trade.payments.is_empty()).then_some(TradeProblem::NothingDue),
        TradeKind::Order if paid.is_sign_negative() => Some(TradeProblem::Unpaid { due, paid }),
        TradeKind::Order => (paid > due).then_some(TradeProblem::Overpaid { due, paid }),
    };
    if let Some(problem) = problem {
        checker.violated("TenderLines", problem);
    }
    let on_account = trade.paid_by(Tender::CustomerAccount);
    if trade.customer.is_none() && !on_account.is_zero() {
        checker.violated("CustomerId", TradeProblem::Required);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn line(item: &str, quantity: &str) -> LineDraft {
        let quantity = Some(number(quantity));
        LineDraft { item: item.into(), quantity, ..LineDraft::default() }
    }

    fn cash(amount: &str) -> PaymentDraft {
        PaymentDraft { tender: "1".into(), amount: number(amount) }
    }

    fn draft(lines: Vec<LineDraft>, payments: Vec<PaymentDraft>) -> TradeDraft {
        TradeDraft {
            customer: None,
            shift: "S1-1".parse().expect("a shift"),
            receipt: "S1-000001".parse().expect("a receipt"),
            currency: "EUR".parse().expect("a currency"),
            lines,
            payments,
            total: None,
        }
    }

    fn check(draft: TradeDraft, kind: TradeKind) -> Result<Trade, TradeViolations> {
        draft.check(kind, |item| {
            let price = (item.as_str() != "free").then(|| number("9.99"));
            let known = ["coffee", "free"].contains(&item.as_str());
            known.then(|| CatalogItem { name: "Coffee".into(), tax_rate: number("25.5"), price })
        })
    }

    fn refused(draft: TradeDraft, kind: TradeKind, expected: Expect) {
        let violations = check(draft, kind).expect_err("the draft breaks a rule");
        expected.assert_eq(&violations.to_string().replace("; ", "\n"));
    }

    #[test]
    fn the_till_computes_nets_taxes_and_the_total() {
        let mut discounted = line("coffee", "3");
        discounted.discount = Some(number("2.50"));
        let lines = vec![discounted, line("coffee", "-1")];
        let trade = check(draft(lines, vec![cash("21.93")]), TradeKind::Sale).expect("valid");
        assert_eq!(trade.lines[0].net.to_string(), "27.47");
        assert_eq!(trade.lines[0].tax.to_string(), "7.00");
        assert_eq!(trade.lines[1].total().to_string(), "-12.54");
        assert_eq!(trade.total.to_string(), "21.93");
    }

    #[test]
    fn every_violation_is_named_with_its_path() {
        let mut bad = line("coffee", "0");
        bad.price = Some(number("1.999"));
        let payments = vec![PaymentDraft { tender: "2".into(), amount: number("0") }];
        refused(
            draft(vec![line("tea", "1"), bad, line("free", "1")], payments),
            TradeKind::Sale,
            expect![
                "SalesLines[0].ItemId: no item \"tea\" is sold here (job 1040 brings the items)\n\
                 SalesLines[1].Quantity: must be a number other than 0, with at most 4 decimals\n\
                 SalesLines[1].Price: must be an amount from 0 up, no finer than the currency's \
                 smallest unit\n\
                 SalesLines[2].Price: the item has no price in EUR, so one must be given\n\
                 TenderLines[0].TenderTypeId: must be 1 (cash), 3 (card), 4 (customer account) or \
                 8 (gift card)\n\
                 TenderLines[0].Amount: must be an amount other than 0, no finer than the \
                 currency's smallest unit"
            ],
        );
    }

    #[test]
    fn a_sale_is_paid_exactly_and_an_order_at_most() {
        refused(
            draft(vec![line("coffee", "1")], vec![cash("12.53")]),
            TradeKind::Sale,
            expect!["TenderLines: 12.54 is due, but 12.53 was paid"],
        );
        let mut order = draft(vec![line("coffee", "1")], vec![cash("5")]);
        refused(
            order.clone(),
            TradeKind::Order,
            expect!["CustomerId: required, but none was given"],
        );
        order.customer = Some("C-1".parse().expect("an account"));
        assert!(check(order.clone(), TradeKind::Order).is_ok());
        let overpaid = TradeDraft { payments: vec![cash("13")], ..order.clone() };
        refused(
            overpaid,
            TradeKind::Order,
            expect!["TenderLines: 13 was paid, but the whole order comes to 12.54"],
        );
        order.lines.push(line("coffee", "-1"));
        refused(
            order,
            TradeKind::Order,
            expect!["SalesLines[1].Quantity: an order takes nothing back, a sale does"],
        );
    }

    #[test]
    fn voided_lines_are_kept_and_count_nothing() {
        let voided = LineDraft { is_voided: true, ..line("coffee", "5") };
        let lines = vec![voided, line("coffee", "1")];
        let trade = check(draft(lines, vec![cash("12.54")]), TradeKind::Sale).expect("valid");
        assert_eq!((trade.lines.len(), trade.total.to_string().as_str()), (2, "12.54"));
        assert!(check(draft(vec![], vec![]), TradeKind::VoidedSale).is_ok());
        refused(
            draft(vec![line("coffee", "1")], vec![cash("12.54")]),
            TradeKind::VoidedSale,
            expect!["TenderLines: nothing is paid of a voided sale, so leave the payments out"],
        );
        refused(
            draft(vec![], vec![]),
            TradeKind::Sale,
            expect!["SalesLines: required, but none was given"],
        );
    }

    #[test]
    fn what_the_caller_computed_must_agree_to_the_cent() {
        let mut wrong = draft(vec![line("coffee", "1")], vec![cash("12.54")]);
        wrong.total = Some(number("12.55"));
        wrong.lines[0].tax = Some(number("2.54"));
        refused(
            wrong,
            TradeKind::Sale,
            expect!["SalesLines[0].TaxAmount: 2.54 was given, but it comes to 2.55"],
        );
    }
}
