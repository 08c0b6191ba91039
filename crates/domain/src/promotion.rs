//! Promotion: decides, without doing anything, what becomes of staged operations.
//!
//! Two steps. [`triage`] sorts staged operations into what can be applied, what fails and what
//! must wait, and so says who needs an account number. [`Triage::number`] gives each new
//! customer its number and yields the [`PromotionPlan`] that one database transaction applies.
//! A customer that fails takes no number, so a continuous sequence stays gapless.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::customer::{NewAddress, NewCustomer, Violations};
use crate::ids::{AccountNumber, AddressGuid, CustomerGuid, DatabaseId, OperationId, PartyNumber};
use crate::operation::{Act, Operation};

/// Where an operation stands in headquarters' inbox: arrival order, and so counter order per
/// source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxPosition(pub u64);

/// One operation that waits in the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Its place in the inbox.
    pub position: InboxPosition,
    /// Its identity.
    pub id: OperationId,
    /// Whom it concerns; known even when the content is not readable.
    pub customer: CustomerGuid,
    /// The channel that uploaded it; decides the customer's address book.
    pub source: DatabaseId,
    /// The operation, or why headquarters cannot accept what was sent.
    pub content: Result<Operation, Defect>,
}

/// Why one operation cannot be applied. Shown on the status page as the last known error (F19).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// Fields break headquarters' rules.
    #[error("{0}")]
    Rules(#[from] Violations),
    /// The content is not of a form this version knows.
    #[error("the content cannot be read: {0}")]
    Unreadable(String),
    /// A second creation of the same customer that is not a repeat of the first.
    #[error("customer {0} exists already; a second creation with another operation id is refused")]
    SecondCreation(CustomerGuid),
    /// Another customer, or another content, holds the address identity.
    #[error("address {0} belongs to another customer")]
    ForeignAddress(AddressGuid),
    /// The database refused this customer's rows.
    #[error("storage refused the rows: {0}")]
    Storage(String),
}

/// What headquarters already knows of the customers and addresses that staged operations name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The customers with an alias, by GUID.
    pub customers: HashMap<CustomerGuid, KnownCustomer>,
    /// The owners of the addresses that exist, by address GUID.
    pub addresses: HashMap<AddressGuid, CustomerGuid>,
    /// Customers whose number is disputed: they wait until somebody has settled it.
    pub disputed: HashSet<CustomerGuid>,
}

/// The numbers of a new customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Its account.
    pub account: AccountNumber,
    /// Its party.
    pub party: PartyNumber,
}

/// A promoted customer, as far as promotion must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCustomer {
    /// Its permanent account.
    pub account: AccountNumber,
    /// Whether one of its addresses is primary.
    pub has_primary_address: bool,
}

/// A customer that gets its account in this transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The temporary account it had.
    pub guid: CustomerGuid,
    /// The permanent account it gets.
    pub account: AccountNumber,
    /// The number of its party in the global address book.
    pub party: PartyNumber,
    /// Its data.
    pub customer: NewCustomer,
    /// When it was created at the edge.
    pub created_at: Timestamp,
    /// The channel it comes from.
    pub source: DatabaseId,
}

/// An address that is added in this transaction, to a new customer or an existing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedAddress {
    /// Whose it is.
    pub customer: CustomerGuid,
    /// The address; `is_primary` says whether it really becomes the primary one.
    pub address: NewAddress,
    /// When it was recorded at the edge (F28).
    pub created_at: Timestamp,
}

/// Everything one promotion transaction writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromotionPlan {
    /// Customers to insert, with party and alias.
    pub promoted: Vec<Promoted>,
    /// Addresses to insert.
    pub addresses: Vec<AddedAddress>,
    /// Existing customers that change; each gets a new version in the change log.
    pub touched: Vec<CustomerGuid>,
    /// Operations that are done: completion flag 1 (F18).
    pub completed: Vec<OperationId>,
    /// Operations that failed, each with its last known error (F19).
    pub failed: Vec<(OperationId, Defect)>,
    /// Operations left as they are: they wait for a number or for a customer to arrive.
    pub waiting: Vec<OperationId>,
    /// How many customers found no number left (F112).
    pub without_number: usize,
}

/// What [`triage`] made of the staged operations.
#[derive(Debug, Default)]
pub struct Triage {
    lanes: Vec<Lane>,
}

/// The operations of one customer.
#[derive(Debug)]
struct Lane {
    guid: CustomerGuid,
    account: Option<AccountNumber>,
    creation: Option<(OperationId, Box<NewCustomer>, Timestamp, DatabaseId)>,
    addresses: Vec<AddedAddress>,
    completed: Vec<OperationId>,
    failed: Vec<(OperationId, Defect)>,
    waiting: Vec<OperationId>,
}

/// Sorts staged operations, in inbox order per customer.
///
/// A customer's failed creation makes its later operations wait: they are neither lost nor
/// attached to anything else (`domain.md` 3.3 rule 13). Other customers are not concerned.
pub fn triage(mut staged: Vec<Staged>, known: &Known) -> Triage {
    staged.sort_by_key(|operation| operation.position);
    let mut order = Vec::new();
    let mut by_customer: BTreeMap<CustomerGuid, Vec<Staged>> = BTreeMap::new();
    for operation in staged {
        let lane = by_customer.entry(operation.customer).or_default();
        if lane.is_empty() {
            order.push(operation.customer);
        }
        lane.push(operation);
    }
    let mut claimed = HashSet::new();
    let mut lane_of = |guid| {
        let operations = by_customer.remove(&guid).expect("each customer stands in order once");
        triage_lane(guid, operations, known, &mut claimed)
    };
    Triage { lanes: order.into_iter().map(&mut lane_of).collect() }
}

fn triage_lane(
    guid: CustomerGuid,
    operations: Vec<Staged>,
    known: &Known,
    claimed: &mut HashSet<AddressGuid>,
) -> Lane {
    let existing = known.customers.get(&guid);
    let mut lane = Lane {
        guid,
        account: existing.map(|customer| customer.account.clone()),
        creation: None,
        addresses: Vec::new(),
        completed: Vec::new(),
        failed: Vec::new(),
        waiting: Vec::new(),
    };
    for staged in operations {
        let exists = lane.account.is_some() || lane.creation.is_some();
        let operation = match staged.content {
            Ok(operation) => operation,
            Err(defect) => {
                lane.failed.push((staged.id, defect));
                continue;
            }
        };
        match operation.act {
            Act::CreateCustomer(_) if exists => {
                lane.failed.push((staged.id, Defect::SecondCreation(guid)));
            }
            Act::CreateCustomer(_) if known.disputed.contains(&guid) => {
                lane.waiting.push(staged.id);
            }
            Act::CreateCustomer(customer) => {
                let created_at = operation.created_at;
                lane.creation = Some((staged.id, customer, created_at, staged.source));
                lane.completed.push(staged.id);
            }
            Act::AddAddress(address) if exists => {
                let owner = known.addresses.get(&address.guid);
                if owner.is_some_and(|owner| *owner != guid) || !claimed.insert(address.guid) {
                    lane.failed.push((staged.id, Defect::ForeignAddress(address.guid)));
                    continue;
                }
                lane.completed.push(staged.id);
                if owner.is_none() {
                    let created_at = operation.created_at;
                    let address = AddedAddress { customer: guid, address: *address, created_at };
                    lane.addresses.push(address);
                }
            }
            // Its customer failed, or has not arrived yet: time or a repair will tell.
            Act::AddAddress(_) => lane.waiting.push(staged.id),
        }
    }
    let has_primary = existing.is_some_and(|customer| customer.has_primary_address);
    settle_primary(&mut lane.addresses, has_primary);
    lane
}

/// Leaves exactly one primary address on a customer that has any (F29): the last one that asks
/// for it, else the one it has, else its first.
fn settle_primary(addresses: &mut [AddedAddress], has_primary: bool) {
    let asked = addresses.iter().rposition(|added| added.address.is_primary);
    let chosen = asked.or((!has_primary).then_some(0));
    for (index, added) in addresses.iter_mut().enumerate() {
        added.address.is_primary = chosen == Some(index);
    }
}

impl Triage {
    /// The new customers, each of which needs numbers, in order.
    pub fn newcomers(&self) -> Vec<CustomerGuid> {
        let lanes = self.lanes.iter().filter(|lane| lane.creation.is_some());
        lanes.map(|lane| lane.guid).collect()
    }

    /// Gives numbers to the new customers and yields the plan.
    ///
    /// Customers without numbers stay pending with all their operations (F112).
    pub fn number(self, mut numbers: HashMap<CustomerGuid, Numbers>) -> PromotionPlan {
        let mut plan = PromotionPlan::default();
        for mut lane in self.lanes {
            plan.failed.append(&mut lane.failed);
            plan.waiting.append(&mut lane.waiting);
            match (lane.creation, lane.account) {
                (Some((_, customer, created_at, source)), _) => match numbers.remove(&lane.guid) {
                    Some(Numbers { account, party }) => plan.promoted.push(Promoted {
                        guid: lane.guid,
                        account,
                        party,
                        customer: *customer,
                        created_at,
                        source,
                    }),
                    None => {
                        plan.without_number += 1;
                        plan.waiting.append(&mut lane.completed);
                        continue;
                    }
                },
                (None, Some(_)) if !lane.addresses.is_empty() => plan.touched.push(lane.guid),
                (None, _) => {}
            }
            plan.addresses.append(&mut lane.addresses);
            plan.completed.append(&mut lane.completed);
        }
        plan
    }
}

#[cfg(test)]
mod tests;
