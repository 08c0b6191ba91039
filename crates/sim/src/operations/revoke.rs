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
