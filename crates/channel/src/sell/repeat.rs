//! Whether a request says again what was recorded before.
//!
//! It is compared with the document itself, not with a note about the first request: so a repeat
//! is also known at the channel when a register recorded the first, and after a restore.

use rusqlite::{Connection, OptionalExtension};
use rust_decimal::Decimal;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::trade::{Line, LineDraft, Payment, PaymentDraft};

use super::{LineClaim, RecordTrade, What};
use crate::db::DbError;
use crate::transactions::{TransactionView, is_same_customer};

/// Whether a document, of whatever kind, has this number.
pub(super) fn is_number_used(
    connection: &Connection,
    number: &TransactionNumber,
) -> Result<bool, DbError> {
    let found = connection
        .prepare_cached("SELECT 1 FROM document WHERE number = ?1 AND is_set_aside = 0")?
        .query_row([number.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Whether everything that the request says stands in the document, and the document says nothing
/// that a request must say. What the database filled in itself does not count: a price may have
/// changed since; nor who takes an order, since the cashiers may change before it is answered.
pub(super) fn is_repeat(
    connection: &Connection,
    request: &RecordTrade,
    recorded: &TransactionView,
) -> Result<bool, DbError> {
    let trade = &recorded.trade;
    let delivery = match &request.what {
        What::Order(delivery) => Some(delivery),
        What::Sale | What::VoidedSale => None,
    };
    let is_same = request.what.kind() == recorded.kind
        && delivery == recorded.delivery.as_ref()
        && (delivery.is_some() || request.staff == recorded.staff)
        && request.shift.as_ref().is_none_or(|shift| *shift == trade.shift)
        && request.currency.is_none_or(|currency| currency == trade.currency)
        && is_given(request.total, trade.total)
        && request.lines.len() == trade.lines.len()
        && request.lines.iter().zip(&trade.lines).all(|(draft, line)| is_same_line(draft, line))
        && request.claims.iter().zip(&trade.lines).all(|(claim, line)| is_same_claim(claim, line))
        && request.payments.len() == trade.payments.len()
        && request.payments.iter().zip(&trade.payments).all(|(draft, p)| is_same_payment(draft, p));
    let customers = (request.customer.as_ref(), trade.customer.as_ref());
    Ok(is_same && is_same_customer(connection, customers.0, customers.1)?)
}

fn is_same_line(draft: &LineDraft, line: &Line) -> bool {
    draft.item == line.item.as_str()
        && draft.quantity.unwrap_or(Decimal::ONE) == line.quantity
        && is_given(draft.price, line.price)
        && is_given(draft.discount, line.discount.abs())
        && is_given(draft.tax, line.tax)
        && draft.is_voided == line.is_voided
        && draft.returns == line.returns
}

fn is_same_claim(claim: &LineClaim, line: &Line) -> bool {
    is_given(claim.tax_rate, line.tax_rate) && is_given(claim.total, line.total())
}

fn is_same_payment(draft: &PaymentDraft, payment: &Payment) -> bool {
    draft.tender.trim() == payment.tender.type_id() && draft.amount == payment.amount
}

fn is_given(given: Option<Decimal>, recorded: Decimal) -> bool {
    given.is_none_or(|given| given == recorded)
}
