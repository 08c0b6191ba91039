//! A fleet of real processes on one machine: headquarters, stores and registers, joined by links
//! that can be cut, killed and started again at will.
//!
//! The demo and the crash test stand on it. It must see tillsync as a stranger does: through the
//! command line, HTTP and files, never through a crate that implements a tier.

mod commerce;
mod database;
mod error;
mod fleet;
mod headquarters;
mod layout;
mod link;
mod packages;
mod postgres;
mod program;
mod sales;
mod server;
mod waiting;

pub use commerce::{
    CommerceClient, CommerceError, CreateAnswer, EdgeStatus, FieldRefusal, IdempotencyKey,
};
pub use database::{DATABASE_VARIABLE, DatabaseUrl};
pub use error::FleetError;
pub use fleet::{Edge, EdgeDoor, Fleet, FleetPlan, NodeId};
pub use headquarters::{HeadquartersClient, InboxStatus, PostedReport, TransactionsStatus};
pub use layout::Layout;
pub use link::{Link, LinkState};
pub use packages::{PACKAGES_VARIABLE, PackageService};
pub use postgres::TemporaryPostgres;
pub use program::Program;
pub use sales::{
    Counted, LineRequest, Product, Recorded, TradeAnswer, TradeRequest, TradeRequestKind,
};
pub use server::{Address, Killed, MemoryKib};
pub use waiting::{Deadline, Stopwatch, pause, wait_until};

// The words of this interface, for those who name no other crate of the workspace.
pub use rust_decimal::Decimal;
pub use tillsync_domain::ids::CustomerKey;
pub use tillsync_domain::job::JobName;
pub use tillsync_domain::money::Currency;
pub use tillsync_domain::trade::Tender;
