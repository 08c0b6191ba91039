//! What registers may hold changes while packages are under way: levers are moved, downloads are
//! paused, and registers are switched to offline and back by hand.

use std::sync::Arc;
use std::time::Duration;

use tillsync_channel::offline::{connect_register, disconnect_register};
use tillsync_domain::clock::Clock;
use tillsync_domain::job::JobName;
use tillsync_domain::offline_profile::DEFAULT_OFFLINE_PROFILE;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::Headquarters;
use tillsync_hq::exclusion::{Lever, LeverChange, Subjob};

use super::office::{ask, performed};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

/// The levers that concern customers.
const LEVERS: [Lever; 5] = [
    Lever::Filter,
    Lever::Job(JobName::Customers1010),
    Lever::Subjob(Subjob::Party),
    Lever::Subjob(Subjob::Customer),
    Lever::Subjob(Subjob::Address),
];

pub(super) struct MoveLever;

impl Operation for MoveLever {
    fn kind(&self) -> &'static str {
        "keep from registers, or no longer"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let lever = *dice.pick(&LEVERS).expect("five");
        let is_on = dice.chance(0.6);
        chain.tell(format!("an operator moves {lever}: {is_on}"));
        performed(ask(chain, |hq| {
            hq.move_lever(LeverChange { lever, is_on, is_confirmed: true }, "anna")
        }))
    }
}

pub(super) struct PauseDownloads;

impl Operation for PauseDownloads {
    fn kind(&self) -> &'static str {
        "pause downloads of registers, or no longer"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let is_paused = dice.chance(0.6);
        chain.tell(format!("an operator pauses downloads of registers: {is_paused}"));
        performed(ask(chain, |hq| pause(hq, is_paused)))
    }
}

pub(super) struct SwitchRegister;

impl Operation for SwitchRegister {
    fn kind(&self) -> &'static str {
        "switch a register to offline and back"
    }

    fn share(&self) -> u32 {
        4
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let mut running = chain.running_edges();
        running.retain(|(site, _)| site.kind == DatabaseKind::Register);
        let Some((site, edge)) = dice.pick(&running) else { return Performed::NotNow };
        let minutes = dice.between(1, 40);
        if let Err(error) = disconnect_register(edge, site.clock.now()) {
            return Performed::Refused(error.to_string());
        }
        chain.tell(format!("{} is disconnected by hand", site.id));
        chain.turns.pause(Duration::from_secs(60 * minutes));
        let Some(edge) = site.running() else {
            return Performed::Refused("it is down when it is to be connected".into());
        };
        match connect_register(&edge) {
            Ok(_) => {
                chain.tell(format!("{} is connected by hand", site.id));
                Performed::Done
            }
            Err(error) => Performed::Refused(error.to_string()),
        }
    }
}

/// What an operator on duty does so that everything comes everywhere: nothing is kept back, nothing
/// is paused, and no register stays offline because somebody forgot it.
pub(crate) fn keep_nothing_back(chain: &Chain) {
    let is_untouched = super::office::look(chain, |tx| Ok(tx.lever_changes(1)?.is_empty()));
    if !is_untouched {
        for lever in LEVERS {
            let change = LeverChange { lever, is_on: false, is_confirmed: true };
            let _ = ask(chain, |hq| hq.move_lever(change, "anna"));
        }
    }
    let has_profiles = super::office::look(chain, |tx| Ok(!tx.offline_profiles_all()?.is_empty()));
    if has_profiles {
        let _ = ask(chain, |hq| pause(hq, false));
    }
    for (site, edge) in chain.running_edges() {
        if site.kind == DatabaseKind::Register {
            let _ = connect_register(&edge);
        }
    }
}

fn pause(
    hq: &Headquarters,
    is_paused: bool,
) -> Result<(), tillsync_hq::offline_profiles::OfflineProfileError> {
    let profile = DEFAULT_OFFLINE_PROFILE.parse().expect("a name");
    let change = |settings: &mut tillsync_domain::offline_profile::OfflineProfile| {
        settings.pause_offline_sync = is_paused;
    };
    hq.set_offline_profile(&profile, &change).map(drop)
}
