//! A till creates a customer.

use std::sync::Arc;

use tillsync_channel::clients::ClientName;
use tillsync_channel::create::{CreateCustomer as Request, RequestKey, create_customer};
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};

use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct CreateCustomer;

impl Operation for CreateCustomer {
    fn kind(&self) -> &'static str {
        "create customer"
    }

    fn share(&self) -> u32 {
        20
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let running = chain.running_edges();
        let Some((site, edge)) = dice.pick(&running) else { return Performed::NotNow };
        let name = format!("N{:016x}", dice.number());
        let customer = CustomerDraft { last_name: Some(name.clone()), ..CustomerDraft::default() };
        let address = |number| AddressDraft {
            street: Some(format!("Street {number}")),
            ..AddressDraft::default()
        };
        let addresses = (0..dice.between(0, 3)).map(address).collect();
        let client = ClientName::parse("till").expect("a client name");
        let request = RequestKey::parse(&client, &name).expect("a plain key");
        let request = Request { customer, addresses, staff: None, request: Some(request) };
        // A client whose answer got lost asks once more, with the same key.
        for _ in 0..=dice.between(0, 1) {
            match create_customer(edge, request.clone(), site.clock.now()) {
                Ok(view) => {
                    let addresses = view.addresses.iter().map(|a| a.content.guid).collect();
                    let (at, guid, name) = (site.id.clone(), view.guid, name.clone());
                    let known = chain.memory().customers.iter().any(|known| known.guid == guid);
                    if !known {
                        chain.saw(Observation::Created { at, guid, name, addresses });
                    }
                }
                Err(error) => return Performed::Refused(error.to_string()),
            }
        }
        Performed::Done
    }
}
