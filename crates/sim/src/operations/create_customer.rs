//! A till creates a customer, as its profile says: through headquarters, or by itself.

use std::sync::Arc;
use std::time::Duration;

use tillsync_channel::Edge;
use tillsync_channel::clients::ClientName;
use tillsync_channel::create::{CreateCustomer as Request, RequestKey};
use tillsync_channel::creation::{create_by_mode, creation_mode};
use tillsync_channel::find::CustomerView;
use tillsync_domain::clock::Clock;
use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::profile::Creation;

use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::net::Line;
use crate::observe::Observation;

/// How often a person tries again at a till that died.
const TRIES: u32 = 10;

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
        let Some((site, _)) = dice.pick(&running) else { return Performed::NotNow };
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
        let answers_lost = dice.between(0, 1);
        let file = site.file();
        let mut answered = 0;
        for _ in 0..TRIES {
            // A machine that was set up from an older copy knows nothing of the request.
            if site.file() != file {
                break;
            }
            match try_once(chain, site, &request) {
                Tried::Answered(view) => {
                    let known = chain.memory().customers.iter().any(|it| it.guid == view.guid);
                    if !known {
                        chain.saw(seen(site, &name, *view));
                    }
                    if answered == answers_lost {
                        return Performed::Done;
                    }
                    answered += 1;
                }
                Tried::Refused(why) => return Performed::Refused(why),
                Tried::Nobody => chain.turns.pause(Duration::from_secs(60)),
            }
        }
        if answered > 0 { Performed::Done } else { Performed::Refused("nobody answers".into()) }
    }
}

enum Tried {
    Answered(Box<CustomerView>),
    Refused(String),
    Nobody,
}

fn try_once(chain: &Arc<Chain>, site: &Arc<EdgeSite>, request: &Request) -> Tried {
    let Some(edge) = site.running() else { return Tried::Nobody };
    let line = Line::of(chain, &site.id);
    let mode = creation_mode(&edge);
    let answer = create_by_mode(&edge, &line, request.clone(), site.clock.now());
    // A machine that died meanwhile answers nobody.
    if !is_running(site, &edge) {
        return Tried::Nobody;
    }
    match answer {
        Ok(view) => {
            if matches!(mode, Ok(Creation::Synchronous)) {
                let how = if view.account.is_some() { "its account" } else { "no answer" };
                chain.count("created through headquarters", how);
            }
            Tried::Answered(Box::new(view))
        }
        Err(error) => Tried::Refused(error.to_string()),
    }
}

fn is_running(site: &EdgeSite, edge: &Arc<Edge>) -> bool {
    site.running().is_some_and(|running| Arc::ptr_eq(&running, edge))
}

fn seen(site: &EdgeSite, name: &str, view: CustomerView) -> Observation {
    let addresses = view.addresses.iter().map(|address| address.content.guid).collect();
    let (at, name, guid, account) = (site.id.clone(), name.to_owned(), view.guid, view.account);
    Observation::Created { at, guid, name, addresses, account }
}
