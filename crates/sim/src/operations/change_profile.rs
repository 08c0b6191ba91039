//! Headquarters changes how stores create customers: through it while a till waits, or by
//! themselves, and whether tills may while they are offline.

use std::sync::Arc;

use super::office::{ask, performed};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;

/// The profiles there are.
const PROFILES: &[&str] = &["default", "flagship", "kiosk"];

pub(super) struct ChangeProfile;

impl Operation for ChangeProfile {
    fn kind(&self) -> &'static str {
        "change functionality profile"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let name = dice.pick(PROFILES).expect("three");
        let (is_async, may_offline) = (dice.chance(0.3), dice.chance(0.9));
        chain.tell(format!(
            "an operator lets {name} create asynchronously: {is_async}, offline: {may_offline}"
        ));
        let profile = name.parse().expect("a name");
        performed(ask(chain, |hq| {
            hq.set_profile(&profile, &|profile| {
                profile.create_customers_async = is_async;
                profile.allow_offline_customer_create = may_offline;
            })
        }))
    }
}

pub(super) struct AssignProfile;

impl Operation for AssignProfile {
    fn kind(&self) -> &'static str {
        "give a store a functionality profile"
    }

    fn share(&self) -> u32 {
        2
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let stores = chain.all_edges().into_iter().filter(|site| site.parent.is_none());
        let stores: Vec<_> = stores.map(|site| site.id.clone()).collect();
        let Some(store) = dice.pick(&stores) else { return Performed::NotNow };
        let name = dice.pick(PROFILES).expect("three");
        chain.tell(format!("an operator gives {store} profile {name}"));
        let profile = name.parse().expect("a name");
        performed(ask(chain, |hq| hq.assign_profile(store, &profile)))
    }
}
