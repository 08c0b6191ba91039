//! A register is stolen: headquarters revokes it, and it never comes back.

use std::sync::Arc;

use tillsync_exchange::messages::DatabaseKind;

use super::office::insist;
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::faults::loss::lost_with;
use crate::observe::Observation;

pub(super) struct Revoke;

impl Operation for Revoke {
    fn kind(&self) -> &'static str {
        "revoke register"
    }

    fn share(&self) -> u32 {
        1
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let mut registers = chain.all_edges();
        registers.retain(|site| site.kind == DatabaseKind::Register);
        let Some(site) = dice.pick(&registers) else { return Performed::NotNow };
        // It is gone at once; what it sent is somewhere else.
        chain.take_away(site);
        // Headquarters' own rows count as held, so they stand in the place of a copy.
        let lost = lost_with(chain, &site.file(), &chain.hq.file(), Some(&site.id));
        chain.saw(Observation::Revoked { at: site.id.clone(), lost });
        // Nobody forgets a theft because headquarters is away for longer than one asks at a time.
        loop {
            match insist(chain, |hq| hq.revoke_device(&site.id)) {
                Ok(()) => return Performed::Done,
                Err(why) if chain.is_over() => return Performed::Refused(why),
                Err(why) => chain.tell(format!("{} is not revoked yet: {why}", site.id)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Store, Topology};

    #[test]
    fn a_stolen_register_is_revoked_however_long_headquarters_is_away() {
        let group = ("retail".to_owned(), vec!["retail".to_owned()]);
        let store = Store { id: "S1".into(), group: "retail".into(), registers: 1 };
        let topology = Topology { nodes: 1, groups: vec![group], stores: vec![store] };
        let chain = Chain::build(1, &topology);
        let node = &chain.hq.nodes[0];
        chain.hq.kill(node);
        let acting = Arc::clone(&chain);
        chain.turns.begin_after(Duration::ZERO, move || {
            assert_eq!(Revoke.perform(&acting, &mut Dice::of(1, "revoke")), Performed::Done);
        });
        chain.turns.run_until(Duration::from_secs(2 * 3600));
        chain.hq.start(node);
        chain.turns.run_until(Duration::from_secs(2 * 3600 + 120));
        assert_eq!(chain.turns.take_panics(), [""; 0]);
        let register = "S1.1".parse().expect("a database id");
        let storage = chain.hq.storage();
        let storage: &dyn tillsync_hq::storage::Storage = storage.as_ref();
        let found = storage.read(|tx| tx.database_get(&register)).expect("the database answers");
        assert!(found.expect("it was added").revoked_at.is_some());
    }
}
