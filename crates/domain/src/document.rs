//! Documents: what a till records besides customers, immutable from the first moment.

use jiff::Timestamp;

use crate::ids::{DatabaseId, EntryId, StaffId, TransactionNumber};
use crate::shift::{ShiftAct, ShiftEvent};
use crate::trade::{CustomerOrder, Sale, Trade};

/// One document in the log of an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its place in the log, by identity.
    pub id: EntryId,
    /// Its number, one document's in the whole chain: the same number with other content is
    /// set aside and never overwrites (F115).
    pub number: TransactionNumber,
    /// What it says.
    pub body: Body,
    /// When it was recorded, by the clock of the database where it was.
    pub created_at: Timestamp,
    /// Where it was recorded.
    pub origin: DatabaseId,
    /// Who recorded it, if somebody was signed in.
    pub staff: Option<StaffId>,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A cash-and-carry sale.
    Sale(Box<Sale>),
    /// A customer order.
    Order(Box<CustomerOrder>),
    /// A step of a shift.
    Shift(ShiftEvent),
}

/// The kind of a document, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// See [`Body::Sale`].
    Sale,
    /// See [`Body::Order`].
    Order,
    /// See [`ShiftAct::Opened`].
    ShiftOpened,
    /// See [`ShiftAct::BlindClosed`].
    ShiftBlindClosed,
    /// See [`ShiftAct::Closed`].
    ShiftClosed,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [DocumentKind; 5] = [
        DocumentKind::Sale,
        DocumentKind::Order,
        DocumentKind::ShiftOpened,
        DocumentKind::ShiftBlindClosed,
        DocumentKind::ShiftClosed,
    ];

    /// The name in packages and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Sale => "sale",
            DocumentKind::Order => "customer_order",
            DocumentKind::ShiftOpened => "shift_opened",
            DocumentKind::ShiftBlindClosed => "shift_blind_closed",
            DocumentKind::ShiftClosed => "shift_closed",
        }
    }
}

impl Body {
    /// The kind.
    pub fn kind(&self) -> DocumentKind {
        match self {
            Body::Sale(_) => DocumentKind::Sale,
            Body::Order(_) => DocumentKind::Order,
            Body::Shift(event) => match event.act {
                ShiftAct::Opened { .. } => DocumentKind::ShiftOpened,
                ShiftAct::BlindClosed => DocumentKind::ShiftBlindClosed,
                ShiftAct::Closed { .. } => DocumentKind::ShiftClosed,
            },
        }
    }

    /// What is traded, unless it is a step of a shift.
    pub fn trade(&self) -> Option<&Trade> {
        match self {
            Body::Sale(sale) => Some(&sale.trade),
            Body::Order(order) => Some(&order.trade),
            Body::Shift(_) => None,
        }
    }
}
