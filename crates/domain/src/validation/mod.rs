//! Validation of store transactions: which of them may be posted, and by which rules.

mod rules;

use std::fmt;
use std::str::FromStr;

pub use rules::{Finding, Judgement, Subject, Surroundings, judge};

/// The validation status of a transaction (F96, F97; `domain.md` 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValidationStatus {
    /// Received, not looked at yet.
    New,
    /// Its customer or address has no account yet; never an error by itself (F97).
    Waiting,
    /// Keeps every rule that is switched on: a statement can take it up (F99).
    Successful,
    /// Breaks a rule; it stays out of statements until it is edited and validated again.
    Error,
    /// Of a kind that needs no rules: a voided sale. Nothing of it is ever posted.
    None,
}

impl ValidationStatus {
    /// Every status.
    pub const ALL: [ValidationStatus; 5] = [
        ValidationStatus::New,
        ValidationStatus::Waiting,
        ValidationStatus::Successful,
        ValidationStatus::Error,
        ValidationStatus::None,
    ];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            ValidationStatus::New => "New",
            ValidationStatus::Waiting => "Waiting",
            ValidationStatus::Successful => "Successful",
            ValidationStatus::Error => "Error",
            ValidationStatus::None => "None",
        }
    }
}

/// A validation rule that can be switched off by itself (F98).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The transaction's customer exists at headquarters.
    CustomerExists,
    /// Lines, discounts, payments and the total agree to the cent.
    TotalsAgree,
    /// Each line's tax is that of its rate and net amount.
    Tax,
    /// The store trades in the transaction's currency.
    Currency,
    /// Every item exists at headquarters.
    ItemExists,
    /// No other transaction has the same receipt number.
    UniqueReceipt,
    /// The shift was opened.
    ShiftKnown,
}

/// A text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no validation rule {0:?}; the rules are customer-exists, totals-agree, tax, \
     currency, item-exists, unique-receipt and shift-known"
)]
pub struct UnknownRule(pub String);

impl Rule {
    /// Every rule, in the order in which breaches are listed. All are on by default.
    pub const ALL: [Rule; 7] = [
        Rule::CustomerExists,
        Rule::TotalsAgree,
        Rule::Tax,
        Rule::Currency,
        Rule::ItemExists,
        Rule::UniqueReceipt,
        Rule::ShiftKnown,
    ];

    /// The name in commands, APIs and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::CustomerExists => "customer-exists",
            Rule::TotalsAgree => "totals-agree",
            Rule::Tax => "tax",
            Rule::Currency => "currency",
            Rule::ItemExists => "item-exists",
            Rule::UniqueReceipt => "unique-receipt",
            Rule::ShiftKnown => "shift-known",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |rule: &Rule| rule.as_str() == text.trim();
        Rule::ALL.into_iter().find(named).ok_or_else(|| UnknownRule(text.to_owned()))
    }
}
