//! What this database refuses about a field of a sale, an order or a shift.
//!
//! Beside the rules that hold everywhere it names what only this database can know.

use std::fmt;

use rust_decimal::Decimal;
use tillsync_domain::ids::{ItemNumber, TransactionNumber};
use tillsync_domain::money::Currency;
use tillsync_domain::trade::{TradeProblem, TradeViolation};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EdgeProblem {
    /// A rule of every trade.
    Rule(TradeProblem),
    /// Not of the expected form, to be read after "must be".
    Malformed(&'static str),
    /// Payment on account, while the customer has no account here.
    NoAccount,
    /// An address of somebody else.
    OtherCustomersAddress,
    /// A return of something that was not sold by this transaction.
    NotASale(TransactionNumber),
    /// A return of a line that the sale does not have.
    NoSuchLine(TransactionNumber),
    /// A return of another item than the line sold.
    OtherItem(ItemNumber),
    /// More is returned than was sold and not returned yet.
    Oversold {
        /// What can still be returned.
        left: Decimal,
    },
    /// A return in another currency than that of the sale.
    OtherCurrency(Currency),
    /// A return that pays back more than its part of the sale came to.
    PaysBackMore {
        /// What that part came to, tax not included.
        most: Decimal,
    },
    /// The same tender and currency twice.
    CountedTwice(Currency),
}

impl fmt::Display for EdgeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeProblem::Rule(problem) => problem.fmt(f),
            EdgeProblem::Malformed(expected) => write!(f, "must be {expected}"),
            EdgeProblem::NoAccount => f.write_str(
                "the customer has no account at this database yet, so nothing can be put on it; \
                 take another tender",
            ),
            EdgeProblem::OtherCustomersAddress => {
                f.write_str("the address belongs to another customer")
            }
            EdgeProblem::NotASale(number) => {
                write!(f, "{number} is no finished sale, so nothing of it can be returned")
            }
            EdgeProblem::NoSuchLine(number) => {
                write!(f, "{number} sold nothing in this line, or the line was voided")
            }
            EdgeProblem::OtherItem(item) => write!(f, "the line sold item {item}"),
            EdgeProblem::Oversold { left } => {
                write!(f, "only {left} of what the line sold can still be returned")
            }
            EdgeProblem::OtherCurrency(currency) => {
                write!(f, "the sale was in {currency}, so it is returned in {currency}")
            }
            EdgeProblem::PaysBackMore { most } => write!(
                f,
                "the line was sold for less: at most {most} can be paid back for this quantity, \
                 tax not included"
            ),
            EdgeProblem::CountedTwice(currency) => {
                write!(f, "this tender is given twice in {currency}")
            }
        }
    }
}

/// One field that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeViolation {
    /// The field's path in the request, such as `SalesLines[0].Quantity`.
    pub path: String,
    /// What is wrong with it.
    pub problem: EdgeProblem,
}

impl EdgeViolation {
    pub(crate) fn new(path: impl Into<String>, problem: EdgeProblem) -> Self {
        EdgeViolation { path: path.into(), problem }
    }
}

impl From<TradeViolation> for EdgeViolation {
    fn from(TradeViolation { path, problem }: TradeViolation) -> Self {
        EdgeViolation { path, problem: EdgeProblem::Rule(problem) }
    }
}

impl fmt::Display for EdgeViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Everything that is refused about one request; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(EdgeViolation::to_string).collect::<Vec<_>>().join("; "))]
pub struct EdgeViolations(pub Vec<EdgeViolation>);
