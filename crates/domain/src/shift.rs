//! Shifts: who answers for a drawer, from its float to its count.

use rust_decimal::Decimal;

use crate::ids::ShiftNumber;
use crate::money::Currency;
use crate::trade::Tender;

/// One step of a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftEvent {
    /// Which shift.
    pub shift: ShiftNumber,
    /// What happened.
    pub act: ShiftAct,
}

/// What happens to a shift. The order is: opened, perhaps blind closed, closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShiftAct {
    /// Opened with this float in the drawer.
    Opened {
        /// What lies in the drawer.
        float: Vec<Count>,
    },
    /// No more sales; the drawer is counted later, and the next shift can open meanwhile.
    BlindClosed,
    /// Closed for good with what was counted.
    Closed {
        /// What was counted, float included; a tender and currency that stands here once.
        counted: Vec<Count>,
    },
}

/// An amount that somebody counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Of which tender.
    pub tender: Tender,
    /// In which currency.
    pub currency: Currency,
    /// How much; negative only of cards, when more was paid back than taken.
    pub amount: Decimal,
}

/// How far a shift has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShiftStatus {
    /// Sales can be made in it.
    Open,
    /// No more sales; not counted yet.
    BlindClosed,
    /// Counted: a financial statement can take it up (F103).
    Closed,
}

impl ShiftStatus {
    /// Every status, in order.
    pub const ALL: [ShiftStatus; 3] =
        [ShiftStatus::Open, ShiftStatus::BlindClosed, ShiftStatus::Closed];

    /// The name in databases and APIs.
    pub fn as_str(self) -> &'static str {
        match self {
            ShiftStatus::Open => "Open",
            ShiftStatus::BlindClosed => "BlindClosed",
            ShiftStatus::Closed => "Closed",
        }
    }
}

impl ShiftAct {
    /// The status after it.
    pub fn status(&self) -> ShiftStatus {
        match self {
            ShiftAct::Opened { .. } => ShiftStatus::Open,
            ShiftAct::BlindClosed => ShiftStatus::BlindClosed,
            ShiftAct::Closed { .. } => ShiftStatus::Closed,
        }
    }
}
