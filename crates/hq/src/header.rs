//! From the content of a document to what is looked up about it. The one place, so that a row on
//! its arrival and a row after a repair are read alike.

use tillsync_domain::document::{Body, DocumentKind};
use tillsync_domain::shift::{ShiftAct, ShiftEvent};
use tillsync_domain::statement::Drawer;
use tillsync_domain::trade::{Delivery, Trade};
use tillsync_exchange::rows::document::{DocumentRow, read_body};

use crate::storage::{ArrivingContent, ArrivingDocument, TransactionHeader};

/// Says what a received row is. One that cannot be read is kept, and says so by its empty header.
pub(crate) fn arriving(row: DocumentRow) -> ArrivingDocument {
    let kind = DocumentKind::ALL.into_iter().find(|known| known.as_str() == row.kind);
    let content = match (read_body(&row.kind, row.content.get()), kind) {
        // Nobody can repair a step of a shift, and its drawer would hold its store up for ever.
        (Ok(Body::Shift(event)), _) if !is_countable(&event) => ArrivingContent::Unknown,
        (Ok(Body::Shift(event)), _) => ArrivingContent::Shift(event),
        (Ok(body), _) => {
            header_of(&body).map_or(ArrivingContent::Unknown, ArrivingContent::Transaction)
        }
        (Err(_), Some(kind @ (DocumentKind::Sale | DocumentKind::Order))) => {
            ArrivingContent::Transaction(empty_header(kind))
        }
        (Err(_), _) => ArrivingContent::Unknown,
    };
    ArrivingDocument { row, content }
}

fn is_countable(event: &ShiftEvent) -> bool {
    match &event.act {
        ShiftAct::Opened { float: counts } | ShiftAct::Closed { counted: counts } => {
            Drawer::default().put_float(counts).is_ok()
        }
        ShiftAct::BlindClosed => true,
    }
}

/// What is looked up about a sale or an order; nothing for a step of a shift.
pub(crate) fn header_of(body: &Body) -> Option<TransactionHeader> {
    let trade = body.trade()?;
    let ship_to = match body {
        Body::Order(order) => match order.delivery {
            Delivery::Ship(address) => Some(address),
            Delivery::Pickup => None,
        },
        Body::Sale(_) | Body::Shift(_) => None,
    };
    let Trade { customer, shift, receipt, currency, total, .. } = trade;
    Some(TransactionHeader {
        kind: body.kind(),
        customer: customer.clone(),
        ship_to,
        shift: Some(shift.clone()),
        receipt: Some(receipt.clone()),
        total: currency.to_minor(*total).ok().map(|minor| (*currency, minor)),
        is_voided: matches!(body, Body::Sale(sale) if sale.is_voided),
    })
}

fn empty_header(kind: DocumentKind) -> TransactionHeader {
    TransactionHeader {
        kind,
        customer: None,
        ship_to: None,
        shift: None,
        receipt: None,
        total: None,
        is_voided: false,
    }
}
