//! What people in the chain were told: what was acknowledged, refused, or is known to be gone.
//!
//! Checkers keep their records from these alone; they never ask the machines what they promised.

use std::collections::BTreeSet;
use std::fmt;

use tillsync_channel::transactions::TransactionView;
use tillsync_domain::ids::{
    AccountNumber, AddressGuid, CustomerGuid, CustomerKey, DatabaseId, ShiftNumber,
    TransactionNumber,
};
use tillsync_domain::job::JobName;
use tillsync_domain::number_sequence::NumberSequence;
use tillsync_domain::shift::ShiftStatus;
use tillsync_hq::storage::SequenceName;

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
        /// The account that it was shown with, when headquarters was asked and answered.
        account: Option<AccountNumber>,
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
    /// An edge acknowledged a sale under a number that another store had used, and headquarters
    /// has seen there: this one is set aside.
    UsedTwice {
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
    /// For a while a second machine works under a database's identity, on a copy of it.
    Cloned {
        /// Which.
        at: DatabaseId,
    },
    /// Headquarters was put back to an older copy.
    HeadquartersRestored,
    /// An object of the package store was lost on its disk. The doctor says so until its package is
    /// forgotten; who needs it gets everything instead.
    PackageLost {
        /// Its name there.
        object: String,
    },
    /// A device was revoked and taken away; it never comes back.
    Revoked {
        /// Which.
        at: DatabaseId,
        /// What it alone had.
        lost: Lost,
    },
    /// An edge took a sale or an order for an account that nobody has. Headquarters must judge it
    /// an error until somebody repairs it.
    NamedNobody {
        /// The sale or order.
        number: TransactionNumber,
    },
    /// An operator changed what a sale or an order says at headquarters; what was sent stays beside
    /// it, word for word.
    Repaired {
        /// The sale or order.
        number: TransactionNumber,
    },
    /// An operator changed a number sequence: numbers go on from here, spelled like this.
    SequenceChanged {
        /// Which.
        name: SequenceName,
        /// As it stands now.
        now: NumberSequence,
    },
    /// An operator changed the address books of a group. Who is in them arrives by itself, and who
    /// is in none of them any more leaves.
    BooksChanged {
        /// Which group.
        group: String,
        /// Its books now.
        books: Vec<String>,
    },
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
            Observation::Created { at, guid, name, addresses, account } => {
                write!(f, "{at} creates {name} ({guid}) with {} addresses", addresses.len())?;
                account.as_ref().map_or(Ok(()), |account| write!(f, " as {account}"))
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
            Observation::UsedTwice { at, view } => {
                write!(f, "{at} sells under {}, a number of another store", view.number)
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
            Observation::PackageLost { object } => write!(f, "{object} is lost on disk"),
            Observation::Cloned { at } => write!(f, "a second machine runs as {at}"),
            Observation::HeadquartersRestored => {
                write!(f, "headquarters is restored from a copy")
            }
            Observation::Revoked { at, .. } => write!(f, "{at} is revoked and taken away"),
            Observation::NamedNobody { number } => write!(f, "{number} is for nobody's account"),
            Observation::Repaired { number } => write!(f, "an operator repairs {number}"),
            Observation::SequenceChanged { name, now } => write!(
                f,
                "an operator changes the numbers of {}: {} from {} to {}, {:?}",
                name.as_str(),
                now.format,
                now.next,
                now.largest,
                now.mode
            ),
            Observation::BooksChanged { group, books } => {
                write!(f, "an operator gives group {group} the books {}", books.join(", "))
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
    /// Sales and orders for accounts that nobody has.
    pub for_nobody: Vec<TransactionNumber>,
    /// Groups that an operator owes a full sync by a job, since only that makes up for what was
    /// done.
    pub full_syncs_due: BTreeSet<(String, JobName)>,
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
            Observation::Restored { lost, .. } | Observation::Revoked { lost, .. } => {
                self.customers.retain(|customer| !lost.customers.contains(&customer.guid));
                self.trades.retain(|(_, view)| !lost.trades.contains(&view.number));
                let is_lost = |shift: &ShiftNumber, status| {
                    lost.steps.iter().any(|(lost, at)| lost == shift && *at == status)
                };
                self.shifts.retain(|(_, shift, status)| !is_lost(shift, *status));
            }
            Observation::NamedNobody { number } => self.for_nobody.push(number.clone()),
            Observation::BooksChanged { .. }
            | Observation::AddressAdded { .. }
            | Observation::UsedTwice { .. }
            | Observation::Refused { .. }
            | Observation::Repaired { .. }
            | Observation::SequenceChanged { .. }
            | Observation::Cloned { .. }
            | Observation::PackageLost { .. }
            | Observation::HeadquartersRestored => {}
        }
    }
}
