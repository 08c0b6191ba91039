//! Returns that name the sale they come from: never more than it sold, less what came back.
//!
//! Where the sale is not known here, nothing can be checked and nothing is refused: it may have
//! been made at another store.

use std::collections::HashMap;

use rusqlite::Connection;
use rust_decimal::Decimal;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::money::Currency;
use tillsync_domain::trade::{
    CatalogItem, LINES_MAX, Line, LineDraft, ReturnOf, TradeDraft, TradeKind,
};

use super::repeat::is_number_used;
use crate::db::{DbError, parsed_column};
use crate::transactions::{TransactionView, transaction_by_number};
use crate::violations::{EdgeProblem, EdgeViolation};

/// Checks the lines that return something and says, line by line, what the earlier sale sold
/// there. A return that says neither price nor discount takes both from the earlier sale, and none
/// pays back more than was paid.
pub(super) fn check(
    connection: &Connection,
    draft: &mut TradeDraft,
    refused: &mut Vec<EdgeViolation>,
) -> Result<Vec<Option<CatalogItem>>, DbError> {
    let mut sales = Sales { connection, known: HashMap::new(), left: HashMap::new() };
    let currency = draft.currency;
    let mut originals = Vec::with_capacity(draft.lines.len().min(LINES_MAX));
    for (index, line) in draft.lines.iter_mut().take(LINES_MAX).enumerate() {
        let Some(of) = line.returns.clone().filter(|_| !line.is_voided) else {
            originals.push(None);
            continue;
        };
        let (taken, problem) = sales.take_back(&of, line, currency)?;
        let filled = taken.as_ref().map_or(Ok(()), |taken| taken.fill(line, currency));
        if let Some((field, problem)) = problem.or(filled.err()) {
            let path = format!("SalesLines[{index}].{field}");
            refused.push(EdgeViolation::new(path, problem));
        }
        originals.push(taken.map(|Taken { original, .. }| CatalogItem {
            name: original.name.unwrap_or_else(|| line.item.clone()),
            tax_rate: original.tax_rate,
            price: Some(original.price),
        }));
    }
    Ok(originals)
}

type Refused = (&'static str, EdgeProblem);

/// A line that something is returned of.
struct Taken {
    original: Line,
    /// How much of it came back before.
    before: Decimal,
}

impl Taken {
    /// Gives the return its part of the discount, unless the request says otherwise, and checks
    /// that it pays back no more than its part of the line came to.
    fn fill(&self, line: &mut LineDraft, currency: Currency) -> Result<(), Refused> {
        // What overflows here is refused with the line.
        let Some((gross, most)) = self.part(line.quantity.unwrap_or_default(), currency) else {
            return Ok(());
        };
        if line.discount.is_none() && line.price.is_none_or(|price| price == self.original.price) {
            line.discount = Some((gross - most).min(gross).max(Decimal::ZERO));
            return Ok(());
        }
        let quantity = line.quantity.unwrap_or_default().abs();
        let asked = quantity.checked_mul(line.price.unwrap_or(self.original.price));
        let asked = asked.and_then(|asked| asked.checked_sub(line.discount.unwrap_or_default()));
        // Whoever rounds each part alone is off by one of the smallest coins.
        let coin = currency.from_minor(1);
        if asked.is_some_and(|asked| currency.round(asked) > most + coin) {
            return Err(("Price", EdgeProblem::PaysBackMore { most }));
        }
        Ok(())
    }

    /// What a part of the quantity comes to by its price, and what it came to when it was sold.
    /// The latter is the difference of two sums, so that all parts come to the whole.
    fn part(&self, quantity: Decimal, currency: Currency) -> Option<(Decimal, Decimal)> {
        let Line { price, discount, quantity: sold, .. } = self.original;
        let net = |quantity: Decimal| {
            let discount = discount.checked_mul(quantity)?.checked_div(sold)?;
            Some(currency.round(quantity.checked_mul(price)?) - currency.round(discount))
        };
        let after = self.before.checked_add(quantity.abs())?;
        let gross = currency.round(quantity.abs().checked_mul(price)?);
        Some((gross, net(after)? - net(self.before)?))
    }
}

struct Sales<'a> {
    connection: &'a Connection,
    known: HashMap<TransactionNumber, Option<TransactionView>>,
    /// What can still be returned of a line, after the lines of this request so far.
    left: HashMap<(TransactionNumber, u32), Decimal>,
}

impl Sales<'_> {
    /// The line that is returned, if its sale is known here, and what speaks against it.
    fn take_back(
        &mut self,
        of: &ReturnOf,
        line: &LineDraft,
        currency: Currency,
    ) -> Result<(Option<Taken>, Option<Refused>), DbError> {
        let quantity = line.quantity.unwrap_or(Decimal::ONE);
        if !quantity.is_sign_negative() {
            let problem = EdgeProblem::Malformed("negative, since the line returns something");
            return Ok((None, Some(("Quantity", problem))));
        }
        let number = &of.transaction;
        if !self.known.contains_key(number) {
            let found = transaction_by_number(self.connection, number)?;
            if found.is_none() && is_number_used(self.connection, number)? {
                let problem = EdgeProblem::NotASale(number.clone());
                return Ok((None, Some(("ReturnTransactionId", problem))));
            }
            self.known.insert(number.clone(), found);
        }
        let Some(Some(sale)) = self.known.get(number) else { return Ok((None, None)) };
        if sale.kind != TradeKind::Sale {
            let problem = EdgeProblem::NotASale(number.clone());
            return Ok((None, Some(("ReturnTransactionId", problem))));
        }
        if sale.trade.currency != currency {
            let problem = EdgeProblem::OtherCurrency(sale.trade.currency);
            return Ok((None, Some(("ReturnTransactionId", problem))));
        }
        let original = sale.trade.live_lines().find(|original| original.number == of.line);
        let sold = original.filter(|original| original.quantity.is_sign_positive()).cloned();
        let Some(original) = sold else {
            let problem = EdgeProblem::NoSuchLine(number.clone());
            return Ok((None, Some(("ReturnLineNumber", problem))));
        };
        if original.item.as_str() != line.item {
            return Ok((None, Some(("ItemId", EdgeProblem::OtherItem(original.item)))));
        }
        let key = (number.clone(), of.line);
        let left = match self.left.get(&key) {
            Some(left) => *left,
            None => left_of(original.quantity, &returned_before(self.connection, of)?),
        };
        let taken = Taken { before: original.quantity - left, original };
        if quantity.abs() > left {
            let problem = EdgeProblem::Oversold { left };
            return Ok((Some(taken), Some(("Quantity", problem))));
        }
        self.left.insert(key, left - quantity.abs());
        Ok((Some(taken), None))
    }
}

fn returned_before(connection: &Connection, of: &ReturnOf) -> Result<Vec<Decimal>, DbError> {
    let mut statement = connection
        .prepare_cached("SELECT quantity FROM returned WHERE number = ?1 AND line = ?2")?;
    let values = (of.transaction.as_str(), of.line);
    let rows = statement.query_map(values, |row| parsed_column(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Registers may have recorded returns apart from each other: then more came back than was sold,
/// and nothing is left.
fn left_of(sold: Decimal, returned: &[Decimal]) -> Decimal {
    let sum = |sum: Decimal, quantity: &Decimal| sum.checked_add(quantity.abs());
    let returned = returned.iter().try_fold(Decimal::ZERO, sum);
    let left = returned.and_then(|returned| sold.checked_sub(returned));
    left.unwrap_or_default().max(Decimal::ZERO)
}
