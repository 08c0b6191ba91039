//! Vouchers: which accounts each posting state debits and credits. Every voucher comes to zero.
//!
//! A customer's account is debited with what it bought and credited with what it paid. What was
//! paid on account posts nothing: the invoice stays open. So what a customer owes is what it put
//! on account less its deposits.

use std::collections::BTreeMap;

use super::{LedgerAccount, StatementState};
use crate::ids::AccountNumber;
use crate::trade::Tender;

/// What one account bought and paid in one currency, in smallest units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sales less discounts, without tax.
    pub net: i64,
    /// Discounts given; they are not in `net` any more.
    pub discount: i64,
    /// Sales tax.
    pub tax: i64,
    /// By tender, for sales and as deposits on orders.
    pub payments: BTreeMap<Tender, i64>,
}

/// A voucher to be posted; it gets its number when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedVoucher {
    /// What it is, for people.
    pub text: String,
    /// At least two, none of them zero.
    pub entries: Vec<PlannedEntry>,
}

/// One line of a planned voucher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEntry {
    /// The account of the ledger.
    pub account: LedgerAccount,
    /// The customer's account, for [`LedgerAccount::Customers`] and for nothing else.
    pub customer: Option<AccountNumber>,
    /// Debits are positive, credits negative; in smallest units.
    pub amount: i64,
}

/// Plans the voucher that a posting state makes for one account; none when it posts nothing.
pub fn plan_voucher(
    state: StatementState,
    customer: &AccountNumber,
    totals: &Totals,
) -> Option<PlannedVoucher> {
    use LedgerAccount::{Cards, Cash, Customers, Discounts, GiftCards, Sales, SalesTax};
    let paid = |tender| totals.payments.get(&tender).copied().unwrap_or(0);
    let (text, amounts): (&str, Vec<(LedgerAccount, i64)>) = match state {
        StatementState::CustomerOrderInvoiced => {
            let owed = totals.net + totals.tax;
            let amounts = [(Customers, owed), (Sales, -totals.net), (SalesTax, -totals.tax)];
            ("Sales to", amounts.into())
        }
        StatementState::DiscountsPosted => {
            let amounts = [(Discounts, totals.discount), (Sales, -totals.discount)];
            ("Discounts given to", amounts.into())
        }
        StatementState::PaymentsPosted => {
            let (cash, card) = (paid(Tender::Cash), paid(Tender::Card));
            let amounts = [(Cash, cash), (Cards, card), (Customers, -(cash + card))];
            ("Payments of", amounts.into())
        }
        StatementState::GiftCardsPosted => {
            let amount = paid(Tender::GiftCard);
            ("Gift cards of", vec![(GiftCards, amount), (Customers, -amount)])
        }
        _ => return None,
    };
    let entries: Vec<_> = amounts
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(account, amount)| {
            let customer = (account == Customers).then(|| customer.clone());
            PlannedEntry { account, customer, amount }
        })
        .collect();
    (!entries.is_empty()).then(|| PlannedVoucher { text: format!("{text} {customer}"), entries })
}
