//! The chain grows: a new store, or a new register at a store, enrolled in whatever weather.

use std::sync::Arc;
use std::time::Duration;

use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::Headquarters;
use tillsync_hq::access::{AccessError, Addition};

use super::office::{insist, look};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::loops;
use crate::machines::edge::EdgeSite;
use crate::net::Line;
use crate::plan::Pace;

/// So many stores and registers are enough for one run.
const EDGES_MAX: usize = 14;

pub(super) struct NewStore;

impl Operation for NewStore {
    fn kind(&self) -> &'static str {
        "new store"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let id: DatabaseId = format!("S{}", dice.between(100, 999)).parse().expect("a name");
        let groups = look(chain, |tx| tx.groups_all());
        let Some(group) = dice.pick(&groups) else { return Performed::NotNow };
        if is_enough(chain, &id) {
            return Performed::NotNow;
        }
        let addition = Addition::Channel { id: id.clone(), group: group.id.clone() };
        chain.tell(format!("store {id} is added to group {}", group.id));
        if let Err(why) = insist(chain, |hq| add(hq, &id, &addition)) {
            return Performed::Refused(why);
        }
        let name = format!("Counter sales {id}");
        let given = insist(chain, |hq| {
            let channel = hq.storage().read(|tx| tx.database_get(&id));
            match channel.map(|found| found.and_then(|found| found.default_customer)) {
                // An earlier answer got lost.
                Ok(Some(_)) => Ok(()),
                _ => hq.create_default_customer(&id, &name).map(drop),
            }
        });
        if let Err(why) = given {
            return Performed::Refused(why);
        }
        enrol(chain, dice, (id, DatabaseKind::Channel, None))
    }
}

pub(super) struct NewRegister;

impl Operation for NewRegister {
    fn kind(&self) -> &'static str {
        "new register"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let mut stores = chain.all_edges();
        stores.retain(|site| site.kind == DatabaseKind::Channel);
        let Some(store) = dice.pick(&stores) else { return Performed::NotNow };
        let id = format!("{}.{}", store.id, dice.between(10, 99));
        let id: DatabaseId = id.parse().expect("a name");
        if is_enough(chain, &id) {
            return Performed::NotNow;
        }
        let addition = Addition::Register { id: id.clone(), channel: store.id.clone() };
        chain.tell(format!("register {id} is added"));
        if let Err(why) = insist(chain, |hq| add(hq, &id, &addition)) {
            return Performed::Refused(why);
        }
        enrol(chain, dice, (id, DatabaseKind::Register, Some(store.id.clone())))
    }
}

/// Adds a database, unless it was added and nobody heard of it.
fn add(hq: &Headquarters, id: &DatabaseId, addition: &Addition) -> Result<(), AccessError> {
    if hq.storage().read(|tx| tx.database_get(id))?.is_some() {
        return Ok(());
    }
    hq.add_database(addition)
}

fn is_enough(chain: &Chain, id: &DatabaseId) -> bool {
    let is_known = look(chain, |tx| tx.database_get(id)).is_some();
    is_known || chain.all_edges().len() >= EDGES_MAX
}

/// Enrols a database with one code after another, starts it and its loops.
fn enrol(
    chain: &Arc<Chain>,
    dice: &mut Dice,
    (id, kind, parent): (DatabaseId, DatabaseKind, Option<DatabaseId>),
) -> Performed {
    let site = Arc::new(EdgeSite::new(
        (id.clone(), kind, parent.clone()),
        chain.folder(),
        chain.seed,
        &chain.turns,
    ));
    let line = Line::of_new(chain, &id, parent);
    // Headquarters waits for whom it has enrolled, so nobody gives up in between.
    loop {
        let code = insist(chain, |hq| hq.issue_activation_code(&id));
        let enrolled = code.and_then(|code| {
            site.enrol(code.to_string(), &line).map_err(|error| error.to_string())
        });
        match enrolled {
            Ok(()) => {
                chain.tell(format!("{id} is enrolled"));
                chain.put_edge(&site);
                chain.start_enrolled(&site);
                let pace = Pace { edge: Duration::from_secs(60), node: Duration::from_secs(60) };
                loops::begin_edge(chain, &site, pace, dice);
                return Performed::Done;
            }
            Err(why) if chain.is_over() => return Performed::Refused(why),
            Err(why) => {
                chain.tell(format!("{id} is not enrolled yet: {why}"));
                chain.turns.pause(Duration::from_secs(120));
            }
        }
    }
}
