//! Holding a trade to the rules of every till and to what only this database knows.

use rusqlite::{Connection, OptionalExtension};
use tillsync_domain::ids::{AddressGuid, CustomerGuid, CustomerKey, ItemNumber};
use tillsync_domain::trade::{
    CatalogItem, Delivery, LINES_MAX, PAYMENTS_MAX, Tender, Trade, TradeDraft, TradeKind,
    TradeProblem,
};

use super::{LineClaim, What, returns};
use crate::db::{DbError, uuid_column};
use crate::items::{Offered, catalog_item};
use crate::violations::{EdgeProblem, EdgeViolation, EdgeViolations};

/// Checks everything and computes every amount.
///
/// # Errors
/// Invalid: every violation at once. Busy or Broken: the database failed.
pub(super) fn check(
    connection: &Connection,
    mut draft: TradeDraft,
    claims: &[LineClaim],
    what: &What,
) -> Result<Trade, super::SellError> {
    let kind = what.kind();
    let mut refused = Vec::new();
    let originals = match kind {
        // What was voided is kept for the journal only: nothing was brought back by it.
        TradeKind::VoidedSale => Vec::new(),
        TradeKind::Sale | TradeKind::Order => returns::check(connection, &mut draft, &mut refused)?,
    };
    check_tenders(connection, &draft, &mut refused)?;
    if let What::Order(Delivery::Ship(address)) = what {
        check_address(connection, draft.customer.as_ref(), *address, &mut refused)?;
    }
    let mut offered = offered(connection, &draft, originals)?.into_iter();
    // Asked once per line with a readable number, in the order of the lines.
    let catalog = |number: &ItemNumber| offered.find(|(item, _)| item == number)?.1;
    let checked = draft.check(kind, catalog);
    if let Ok(trade) = &checked {
        check_claims(trade, claims, &mut refused);
    }
    match checked {
        Ok(trade) if refused.is_empty() => Ok(trade),
        Ok(_) => Err(EdgeViolations(refused).into()),
        Err(violations) => {
            let mut all: Vec<_> = violations.0.into_iter().map(EdgeViolation::from).collect();
            all.append(&mut refused);
            Err(EdgeViolations(all).into())
        }
    }
}

/// What the program computed must agree to the cent, as everything that it says.
fn check_claims(trade: &Trade, claims: &[LineClaim], refused: &mut Vec<EdgeViolation>) {
    for (index, (line, claim)) in trade.lines.iter().zip(claims).enumerate() {
        for (field, computed, given) in [
            ("TaxRatePercent", line.tax_rate, claim.tax_rate),
            ("TotalAmount", line.total(), claim.total),
        ] {
            if let Some(given) = given.filter(|given| *given != computed) {
                let path = format!("SalesLines[{index}].{field}");
                let problem = TradeProblem::Differs { computed, given };
                refused.push(EdgeViolation::new(path, EdgeProblem::Rule(problem)));
            }
        }
    }
}

/// What each line sells: what the sale that it returns from sold, else the item as it is now.
fn offered(
    connection: &Connection,
    draft: &TradeDraft,
    originals: Vec<Option<CatalogItem>>,
) -> Result<Vec<(ItemNumber, Option<CatalogItem>)>, DbError> {
    let mut originals = originals.into_iter();
    let mut offered = Vec::with_capacity(draft.lines.len().min(LINES_MAX));
    for line in draft.lines.iter().take(LINES_MAX) {
        let original = originals.next().flatten();
        let Ok(number) = line.item.parse::<ItemNumber>() else { continue };
        let is_return = line.quantity.is_some_and(|quantity| quantity.is_sign_negative());
        let which = if is_return { Offered::Returned } else { Offered::Sold };
        let item = match original {
            Some(original) => Some(original),
            None => catalog_item(connection, &number, draft.currency, which)?,
        };
        offered.push((number, item));
    }
    Ok(offered)
}

/// On account pays only who has an account, and has it here (`domain.md` 5).
fn check_tenders(
    connection: &Connection,
    draft: &TradeDraft,
    refused: &mut Vec<EdgeViolation>,
) -> Result<(), DbError> {
    let on_account: Vec<usize> = (draft.payments.iter().take(PAYMENTS_MAX).enumerate())
        .filter(|(_, payment)| payment.tender.trim() == Tender::CustomerAccount.type_id())
        .map(|(index, _)| index)
        .collect();
    let Some(customer) = draft.customer.as_ref().filter(|_| !on_account.is_empty()) else {
        return Ok(());
    };
    if has_account(connection, customer)? {
        return Ok(());
    }
    for index in on_account {
        let path = format!("TenderLines[{index}].TenderTypeId");
        refused.push(EdgeViolation::new(path, EdgeProblem::NoAccount));
    }
    Ok(())
}

/// An address that is not known here may have been added at a till that is cut off.
fn check_address(
    connection: &Connection,
    customer: Option<&CustomerKey>,
    address: AddressGuid,
    refused: &mut Vec<EdgeViolation>,
) -> Result<(), DbError> {
    let owner = connection
        .prepare_cached("SELECT customer FROM address WHERE guid = ?1")?
        .query_row([address.as_uuid().as_bytes()], |row| uuid_column(row, 0))
        .optional()?
        .map(CustomerGuid::from_uuid);
    let customer = match customer {
        Some(CustomerKey::Temporary(guid)) => Some(*guid),
        Some(CustomerKey::Numbered(account)) => connection
            .prepare_cached("SELECT guid FROM customer WHERE account = ?1")?
            .query_row([account.as_str()], |row| uuid_column(row, 0))
            .optional()?
            .map(CustomerGuid::from_uuid),
        None => None,
    };
    if owner.zip(customer).is_some_and(|(owner, customer)| owner != customer) {
        let path = "ShippingAddress.AddressId";
        refused.push(EdgeViolation::new(path, EdgeProblem::OtherCustomersAddress));
    }
    Ok(())
}

fn has_account(connection: &Connection, customer: &CustomerKey) -> Result<bool, DbError> {
    let found = match customer {
        CustomerKey::Temporary(guid) => connection
            .prepare_cached("SELECT 1 FROM customer WHERE guid = ?1 AND account IS NOT NULL")?
            .query_row([guid.as_uuid().as_bytes()], |_| Ok(()))
            .optional()?,
        CustomerKey::Numbered(account) => connection
            .prepare_cached("SELECT 1 FROM customer WHERE account = ?1")?
            .query_row([account.as_str()], |_| Ok(()))
            .optional()?,
    };
    Ok(found.is_some())
}
