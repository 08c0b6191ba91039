//! A till adds an address to a customer that it knows.

use std::sync::Arc;

use tillsync_channel::clients::ClientName;
use tillsync_channel::create::{AddAddresses, RequestKey, add_addresses};
use tillsync_channel::find::find_customer;
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::AddressDraft;
use tillsync_domain::ids::AddressGuid;

use super::till::{self, Till};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct AddAddress;

impl Operation for AddAddress {
    fn kind(&self) -> &'static str {
        "add address"
    }

    fn share(&self) -> u32 {
        8
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let Some(till) = Till::any(chain, dice) else { return Performed::NotNow };
        let Some(customer) = till::buyer(chain, dice) else { return Performed::NotNow };
        let before: Vec<AddressGuid> = match find_customer(&till.edge, &customer) {
            Ok(Some(view)) => view.addresses.iter().map(|a| a.content.guid).collect(),
            Ok(None) => return Performed::NotNow,
            Err(error) => return Performed::Refused(error.to_string()),
        };
        let street = format!("Road {}", dice.between(1, 99));
        let client = ClientName::parse("till").expect("a client name");
        let key = format!("address {:x}", dice.number());
        let request = AddAddresses {
            customer: customer.clone(),
            addresses: vec![AddressDraft { street: Some(street), ..AddressDraft::default() }],
            staff: None,
            request: Some(RequestKey::parse(&client, &key).expect("a plain key")),
        };
        let mut answer = add_addresses(&till.edge, request.clone(), till.site.clock.now());
        if answer.is_ok() && dice.chance(0.2) {
            answer = add_addresses(&till.edge, request, till.site.clock.now());
        }
        match answer {
            Ok(view) => {
                let added = view.addresses.iter().map(|a| a.content.guid);
                for address in added.filter(|guid| !before.contains(guid)) {
                    let (at, customer) = (till.site.id.clone(), customer.clone());
                    chain.saw(Observation::AddressAdded { at, customer, address });
                }
                Performed::Done
            }
            Err(error) => Performed::Refused(error.to_string()),
        }
    }
}
