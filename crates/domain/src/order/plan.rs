//! Decides, without doing anything, what becomes of orders that are due.
//!
//! Promotion has been asked before for whatever the orders need; what is still missing here waits,
//! and waiting uses up no try (F13, F14; `domain.md` 4.6).

use std::collections::{HashMap, HashSet};

use crate::ids::{AccountNumber, AddressGuid, CustomerGuid, CustomerKey, TransactionNumber};

/// An order that is due, as far as its synchronization must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    /// Its number.
    pub number: TransactionNumber,
    /// Whom and where it is for, or why it cannot be read.
    pub needs: Result<OrderNeeds, String>,
}

/// Whom and where an order is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNeeds {
    /// The customer by the key it was written with.
    pub customer: Option<CustomerKey>,
    /// Where it is sent; nowhere when it is picked up.
    pub ship_to: Option<AddressGuid>,
}

/// What headquarters knows of the customers and addresses that the orders name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownParties {
    /// The accounts of those customers that have one.
    pub accounts: HashMap<CustomerGuid, AccountNumber>,
    /// The customers behind those accounts that exist.
    pub guids: HashMap<AccountNumber, CustomerGuid>,
    /// The customers that had those accounts before headquarters was restored, and have not come
    /// again yet (F64).
    pub promised: HashMap<AccountNumber, CustomerGuid>,
    /// The owners of those addresses that exist.
    pub owners: HashMap<AddressGuid, CustomerGuid>,
    /// What is staged of customers without an account; absent when nothing has arrived.
    pub staged: HashMap<CustomerGuid, Staging>,
    /// What is staged of addresses that do not exist; absent when nothing has arrived.
    pub staged_addresses: HashMap<AddressGuid, Staging>,
}

/// Why something that has arrived is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staging {
    /// It waits for promotion: for a number, or for the run that promotes it.
    Pending,
    /// Promotion failed with this error.
    Failed(String),
}

/// What an order waits for. Nothing is wrong with the order itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderWait {
    /// Its customer is on its way.
    #[error("waits for customer Pending sync ({0}), which has not arrived from its store yet")]
    CustomerNotArrived(CustomerGuid),
    /// Its customer is staged.
    #[error("waits for customer Pending sync ({0}), which has no account yet")]
    CustomerPending(CustomerGuid),
    /// Its customer is staged and cannot be promoted as it is.
    #[error("waits for customer Pending sync ({customer}), which could not be promoted: {error}")]
    CustomerFailed {
        /// Which customer.
        customer: CustomerGuid,
        /// What promotion said.
        error: String,
    },
    /// The address it is sent to is on its way.
    #[error("waits for address {0}, which has not arrived from its store yet")]
    AddressNotArrived(AddressGuid),
    /// The address it is sent to is staged.
    #[error("waits for address {0}, which has not been added to its customer yet")]
    AddressPending(AddressGuid),
    /// The address it is sent to is staged and cannot be added as it is.
    #[error("waits for address {address}, which could not be added to its customer: {error}")]
    AddressFailed {
        /// Which address.
        address: AddressGuid,
        /// What promotion said.
        error: String,
    },
}

/// Why no sales order can be made of an order. A person repairs it (F95).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderDefect {
    /// The content is not of a form that this version knows.
    #[error("the order cannot be read: {0}")]
    Unreadable(String),
    /// An order of nobody.
    #[error("the order names no customer; repair it with the customer's account")]
    NoCustomer,
    /// An account that nobody has.
    #[error("no customer has account {0}; repair the order with the right account")]
    UnknownAccount(AccountNumber),
    /// The address is not the customer's.
    #[error("address {0} belongs to another customer; repair the order's customer or address")]
    ForeignAddress(AddressGuid),
    /// The database refused this order's rows.
    #[error("storage refused the rows: {0}")]
    Storage(String),
}

/// What becomes of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderDecision {
    /// It gets a sales order for this account.
    Create(AccountNumber),
    /// It waits.
    Wait(OrderWait),
    /// It fails.
    Fail(OrderDefect),
}

/// What the orders need that is not known without asking: customers and addresses, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Customers named by GUID.
    pub guids: Vec<CustomerGuid>,
    /// Customers named by account.
    pub accounts: Vec<AccountNumber>,
    /// Addresses.
    pub addresses: Vec<AddressGuid>,
}

/// Collects what to look up for orders, in the order in which it is named first.
pub fn wanted<'a>(needs: impl IntoIterator<Item = &'a OrderNeeds>) -> Wanted {
    let mut wanted = Wanted::default();
    let mut seen = (HashSet::new(), HashSet::new(), HashSet::new());
    for OrderNeeds { customer, ship_to } in needs {
        match customer {
            Some(CustomerKey::Temporary(guid)) if seen.0.insert(*guid) => wanted.guids.push(*guid),
            Some(CustomerKey::Numbered(account)) if seen.1.insert(account.clone()) => {
                wanted.accounts.push(account.clone());
            }
            _ => {}
        }
        wanted.addresses.extend(ship_to.filter(|address| seen.2.insert(*address)));
    }
    wanted
}

/// Decides what becomes of each order.
pub fn plan_orders(
    orders: Vec<DueOrder>,
    known: &KnownParties,
) -> Vec<(TransactionNumber, OrderDecision)> {
    orders
        .into_iter()
        .map(|order| {
            let decision = match &order.needs {
                Ok(needs) => decide(needs, known),
                Err(why) => OrderDecision::Fail(OrderDefect::Unreadable(why.clone())),
            };
            (order.number, decision)
        })
        .collect()
}

fn decide(needs: &OrderNeeds, known: &KnownParties) -> OrderDecision {
    let (guid, account) = match &needs.customer {
        None => return OrderDecision::Fail(OrderDefect::NoCustomer),
        Some(CustomerKey::Numbered(account)) => match known.guids.get(account) {
            Some(guid) => (*guid, account),
            None => {
                return match known.promised.get(account) {
                    Some(guid) => OrderDecision::Wait(wait_for_customer(*guid, known)),
                    None => OrderDecision::Fail(OrderDefect::UnknownAccount(account.clone())),
                };
            }
        },
        Some(CustomerKey::Temporary(guid)) => match known.accounts.get(guid) {
            Some(account) => (*guid, account),
            None => return OrderDecision::Wait(wait_for_customer(*guid, known)),
        },
    };
    let Some(address) = needs.ship_to else {
        return OrderDecision::Create(account.clone());
    };
    match known.owners.get(&address) {
        Some(owner) if *owner == guid => OrderDecision::Create(account.clone()),
        Some(_) => OrderDecision::Fail(OrderDefect::ForeignAddress(address)),
        None => OrderDecision::Wait(match known.staged_addresses.get(&address) {
            None => OrderWait::AddressNotArrived(address),
            Some(Staging::Pending) => OrderWait::AddressPending(address),
            Some(Staging::Failed(error)) => {
                OrderWait::AddressFailed { address, error: error.clone() }
            }
        }),
    }
}

/// What a document waits for whose customer has no account.
pub fn wait_for_customer(customer: CustomerGuid, known: &KnownParties) -> OrderWait {
    match known.staged.get(&customer) {
        None => OrderWait::CustomerNotArrived(customer),
        Some(Staging::Pending) => OrderWait::CustomerPending(customer),
        Some(Staging::Failed(error)) => {
            OrderWait::CustomerFailed { customer, error: error.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn guid(n: u128) -> CustomerGuid {
        CustomerGuid::from_uuid(Uuid::from_u128(n))
    }

    fn address(n: u128) -> AddressGuid {
        AddressGuid::from_uuid(Uuid::from_u128(n))
    }

    fn account(text: &str) -> AccountNumber {
        AccountNumber::parse(text).expect("an account")
    }

    /// Customer 1 is C-1 with address 10, customer 2 is C-2 with address 20; customer 3 is staged,
    /// customer 4 failed. Address 11 is staged and address 12 failed.
    fn known() -> KnownParties {
        KnownParties {
            accounts: [(guid(1), account("C-1")), (guid(2), account("C-2"))].into(),
            guids: [(account("C-1"), guid(1)), (account("C-2"), guid(2))].into(),
            promised: [(account("C-3"), guid(3)), (account("C-5"), guid(5))].into(),
            owners: [(address(10), guid(1)), (address(20), guid(2))].into(),
            staged: [
                (guid(3), Staging::Pending),
                (guid(4), Staging::Failed("Email: too long".into())),
            ]
            .into(),
            staged_addresses: [
                (address(11), Staging::Pending),
                (address(12), Staging::Failed("City: too long".into())),
            ]
            .into(),
        }
    }

    fn decided(customer: Option<CustomerKey>, ship_to: Option<AddressGuid>) -> OrderDecision {
        let number: TransactionNumber = "S1-1".parse().expect("a number");
        let needs = Ok(OrderNeeds { customer, ship_to });
        let plan = plan_orders(vec![DueOrder { number: number.clone(), needs }], &known());
        let [(planned, decision)] = plan.try_into().expect("one decision for one order");
        assert_eq!(planned, number);
        decision
    }

    fn by_guid(n: u128) -> Option<CustomerKey> {
        Some(CustomerKey::Temporary(guid(n)))
    }

    fn by_account(text: &str) -> Option<CustomerKey> {
        Some(CustomerKey::Numbered(account(text)))
    }

    #[test]
    fn an_account_given_before_a_restore_waits_for_its_customer() {
        for (text, wait) in [
            ("C-3", OrderWait::CustomerPending(guid(3))),
            ("C-5", OrderWait::CustomerNotArrived(guid(5))),
        ] {
            assert_eq!(decided(by_account(text), None), OrderDecision::Wait(wait));
        }
    }

    #[test]
    fn either_key_comes_to_the_same_account() {
        let created = OrderDecision::Create(account("C-1"));
        for customer in [by_guid(1), by_account("C-1")] {
            for ship_to in [None, Some(address(10))] {
                assert_eq!(decided(customer.clone(), ship_to), created);
            }
        }
    }

    #[test]
    fn what_has_not_arrived_or_was_not_promoted_waits_and_says_why() {
        use OrderWait::{
            AddressFailed, AddressNotArrived, AddressPending, CustomerFailed, CustomerNotArrived,
            CustomerPending,
        };
        let customer_error = "Email: too long".to_owned();
        let address_error = "City: too long".to_owned();
        for (customer, ship_to, wait) in [
            (3, None, CustomerPending(guid(3))),
            (4, None, CustomerFailed { customer: guid(4), error: customer_error }),
            (5, Some(99), CustomerNotArrived(guid(5))),
            (1, Some(11), AddressPending(address(11))),
            (1, Some(12), AddressFailed { address: address(12), error: address_error }),
            (1, Some(99), AddressNotArrived(address(99))),
        ] {
            let decision = decided(by_guid(customer), ship_to.map(address));
            assert_eq!(decision, OrderDecision::Wait(wait));
        }
    }

    #[test]
    fn an_order_that_no_time_can_heal_fails() {
        for (customer, ship_to, defect) in [
            (None, None, OrderDefect::NoCustomer),
            (by_account("C-9"), None, OrderDefect::UnknownAccount(account("C-9"))),
            (by_account("C-1"), Some(20), OrderDefect::ForeignAddress(address(20))),
            (by_guid(2), Some(10), OrderDefect::ForeignAddress(address(10))),
        ] {
            let decision = decided(customer, ship_to.map(address));
            assert_eq!(decision, OrderDecision::Fail(defect));
        }
    }

    #[test]
    fn one_bad_order_does_not_concern_its_neighbours() {
        let number = |text: &str| text.parse::<TransactionNumber>().expect("a number");
        let good = OrderNeeds { customer: by_guid(1), ship_to: None };
        let orders = vec![
            DueOrder { number: number("S1-1"), needs: Err("it ends too early".into()) },
            DueOrder { number: number("S1-2"), needs: Ok(good) },
        ];
        let plan = plan_orders(orders, &known());
        assert!(matches!(plan[0].1, OrderDecision::Fail(OrderDefect::Unreadable(_))));
        assert_eq!(plan[1], (number("S1-2"), OrderDecision::Create(account("C-1"))));
    }

    #[test]
    fn each_customer_and_address_is_looked_up_once() {
        let needs = |customer, ship_to| OrderNeeds { customer, ship_to };
        let all = [
            needs(by_guid(3), Some(address(30))),
            needs(by_guid(3), Some(address(30))),
            needs(by_account("C-1"), None),
            needs(None, Some(address(10))),
        ];
        let expected = Wanted {
            guids: vec![guid(3)],
            accounts: vec![account("C-1")],
            addresses: vec![address(30), address(10)],
        };
        assert_eq!(wanted(&all), expected);
    }
}
