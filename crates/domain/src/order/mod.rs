//! Synchronizing orders: how far an uploaded customer order has come on its way to a sales order.

mod plan;

pub use plan::{
    DueOrder, KnownParties, OrderDecision, OrderDefect, OrderNeeds, OrderWait, Staging, Wanted,
    plan_orders, wait_for_customer, wanted,
};

/// The pending order status (F94; `domain.md` 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStatus {
    /// Received, never tried: shown as blank by the reference system.
    New,
    /// Its customer or address has not arrived, or could not be promoted: nothing is wrong with
    /// the order itself.
    Waiting,
    /// Could not be made a sales order; the error details say why.
    Failed,
    /// Somebody repairs it: no run touches it until it is saved or given back.
    Editing,
    /// It has its sales order.
    Succeeded,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [OrderStatus; 5] = [
        OrderStatus::New,
        OrderStatus::Waiting,
        OrderStatus::Failed,
        OrderStatus::Editing,
        OrderStatus::Succeeded,
    ];

    /// The name in databases, APIs and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::New => "New",
            OrderStatus::Waiting => "Waiting",
            OrderStatus::Failed => "Failed",
            OrderStatus::Editing => "Editing",
            OrderStatus::Succeeded => "Succeeded",
        }
    }
}
