//! What people in the chain were told: what was acknowledged, refused, or is known to be gone.
//!
//! Checkers keep their records from these alone; they never ask the machines what they promised.

use std::fmt;

use tillsync_channel::transactions::TransactionView;
use tillsync_domain::ids::{
    AddressGuid, CustomerGuid, CustomerKey, DatabaseId, ShiftNumber, TransactionNumber,
};
use tillsync_domain::shift::ShiftStatus;

/// Something that was told to somebody.
#[derive(Debug, Clone)]
pub enum Observation {
    /// An edge acknowledged a new customer with its addresses.
    Created {
        /// Where.
        at: DatabaseId,
        /// The temporary account.
        guid: CustomerGuid,
        /// The last name, drawn for this customer alone.
        name: String,
        /// The addresses.
        addresses: Vec<AddressGuid>,
    },
    /// An edge acknowledged one more address.
    AddressAdded {
        /// Where.
        at: DatabaseId,
        /// Whose, by the key that was used.
        customer: CustomerKey,
        /// The address.
        address: AddressGuid,
    },
    /// An edge acknowledged a sale, a voided sale or an order.
    Traded {
        /// Where.
        at: DatabaseId,
        /// As it was shown.
        view: Box<TransactionView>,
    },
    /// An edge acknowledged a step of a shift.
    ShiftStep {
        /// Where.
        at: DatabaseId,
        /// The shift.
        shift: ShiftNumber,
        /// How far it is.
        status: ShiftStatus,
    },
    /// A request was refused; the word that it carried must not be found anywhere.
    Refused {
        /// Where.
        at: DatabaseId,
        /// A word that stands in this request alone.
        word: String,
    },
    /// A database was put back to an older copy. What it alone had is gone, as on a real disk.
    Restored {
        /// Which.
        at: DatabaseId,
        /// What nobody holds any more.
        lost: Lost,
    },
    /// Headquarters was put back to an older copy.
    HeadquartersRestored,
}

/// What a disk took with it.
#[derive(Debug, Clone, Default)]
pub struct Lost {
    /// Customers that had reached nobody else.
    pub customers: Vec<CustomerGuid>,
    /// Addresses that had reached nobody else.
    pub addresses: Vec<AddressGuid>,
    /// Sales and orders that had reached nobody else.
    pub trades: Vec<TransactionNumber>,
    /// Steps of shifts that had reached nobody else.
    pub steps: Vec<(ShiftNumber, ShiftStatus)>,
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observation::Created { at, guid, name, addresses } => {
                write!(f, "{at} creates {name} ({guid}) with {} addresses", addresses.len())
            }
            Observation::AddressAdded { at, customer, address } => {
                write!(f, "{at} adds address {address} to {customer}")
            }
            Observation::Traded { at, view } => {
                let kind = format!("{:?}", view.kind);
                let (number, trade) = (&view.number, &view.trade);
                write!(f, "{at} records {kind} {number}, {} {}", trade.total, trade.currency)?;
                match &view.customer_key() {
                    Some(customer) => write!(f, ", for {customer}"),
                    None => write!(f, ", for nobody in particular"),
                }
            }
            Observation::ShiftStep { at, shift, status } => {
                write!(f, "{at}: shift {shift} is {}", status.as_str())
            }
            Observation::Refused { at, word } => write!(f, "{at} refuses {word}"),
            Observation::Restored { at, lost } => write!(
                f,
                "{at} is restored from a copy; gone with its disk: {} customers, {} addresses, \
                 {} trades, {} shift steps",
                lost.customers.len(),
                lost.addresses.len(),
                lost.trades.len(),
                lost.steps.len()
            ),
            Observation::HeadquartersRestored => {
                write!(f, "headquarters is restored from a copy")
            }
        }
    }
}

/// A customer that people know.
#[derive(Debug, Clone)]
pub struct KnownCustomer {
    /// Where it was created.
    pub at: DatabaseId,
    /// Its temporary account.
    pub guid: CustomerGuid,
    /// Its addresses.
    pub addresses: Vec<AddressGuid>,
}

/// What people remember, to go on with.
#[derive(Debug, Default)]
pub struct Memory {
    /// Customers, oldest first.
    pub customers: Vec<KnownCustomer>,
    /// Sales and orders with where they were made, oldest first.
    pub trades: Vec<(DatabaseId, TransactionView)>,
    /// Shifts that somebody took a step of.
    pub shifts: Vec<(DatabaseId, ShiftNumber, ShiftStatus)>,
    /// Copies of databases that were set aside, by what they are a copy of; "hq" is one of them.
    pub copies: Vec<(String, std::path::PathBuf)>,
}

impl Memory {
    /// Remembers what matters to those who go on.
    pub fn note(&mut self, observation: &Observation) {
        match observation {
            Observation::Created { at, guid, addresses, .. } => {
                let (at, guid, addresses) = (at.clone(), *guid, addresses.clone());
                self.customers.push(KnownCustomer { at, guid, addresses });
            }
            Observation::AddressAdded {
                customer: CustomerKey::Temporary(guid), address, ..
            } => {
                let mut known = self.customers.iter_mut();
                if let Some(customer) = known.find(|customer| customer.guid == *guid) {
                    customer.addresses.push(*address);
                }
            }
            Observation::Traded { at, view } => {
                self.trades.push((at.clone(), view.as_ref().clone()));
            }
            Observation::ShiftStep { at, shift, status } => {
                self.shifts.push((at.clone(), shift.clone(), *status));
            }
            Observation::Restored { lost, .. } => {
                self.customers.retain(|customer| !lost.customers.contains(&customer.guid));
                self.trades.retain(|(_, view)| !lost.trades.contains(&view.number));
                let is_lost = |shift: &ShiftNumber, status| {
                    lost.steps.iter().any(|(lost, at)| lost == shift && *at == status)
                };
                self.shifts.retain(|(_, shift, status)| !is_lost(shift, *status));
            }
            Observation::AddressAdded { .. }
            | Observation::Refused { .. }
            | Observation::HeadquartersRestored => {}
        }
    }
}
