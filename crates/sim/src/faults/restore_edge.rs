//! A store or a register is put back to an older copy. What its disk alone held is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tillsync_exchange::messages::DatabaseKind;

use super::loss::lost_with;
use super::{Fault, later};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::observe::Observation;

/// The kind of database that is restored.
pub(super) struct Restore(pub(super) DatabaseKind);

impl Fault for Restore {
    fn kind(&self) -> &'static str {
        match self.0 {
            DatabaseKind::Channel => "restore store",
            DatabaseKind::Register => "restore register",
        }
    }

    fn share(&self) -> u32 {
        8
    }

    /// Makes a copy; it comes back later, or an even older one does.
    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let mut sites = chain.all_edges();
        sites.retain(|site| site.kind == self.0);
        let Some(site) = dice.pick(&sites).cloned() else { return false };
        let copy = site.back_up();
        chain.tell(format!("a copy of {} is made", site.id));
        chain.memory().copies.push((site.id.to_string(), copy));
        let wait = Duration::from_secs(dice.between(60, 3_600));
        let age = if dice.chance(0.7) { 1.0 } else { dice.fraction() };
        let kind = self.kind();
        later(chain, wait, move |chain| {
            if restore(chain, &site, age) {
                chain.count("fault", kind);
            }
        });
        false
    }
}

/// Restores the copy that lies so far from the oldest (0) to the latest (1).
fn restore(chain: &Arc<Chain>, site: &Arc<EdgeSite>, age: f64) -> bool {
    let Some(copy) = choose(chain, site, age) else { return false };
    site.kill();
    let lost = lost_with(chain, &site.file(), &copy, Some(&site.id));
    site.restore(&copy);
    chain.saw(Observation::Restored { at: site.id.clone(), lost });
    true
}

/// Later copies are of a history that ends here: nobody restores them any more.
fn choose(chain: &Chain, site: &EdgeSite, age: f64) -> Option<PathBuf> {
    let mut memory = chain.memory();
    let is_of_it = |copy: &(String, PathBuf)| copy.0 == site.id.as_str();
    let of_it: Vec<PathBuf> =
        memory.copies.iter().filter(|copy| is_of_it(copy)).map(|copy| copy.1.clone()).collect();
    let last = of_it.len().checked_sub(1)?;
    let chosen = (last as f64 * age).round() as usize;
    let later = &of_it[chosen + 1..];
    memory.copies.retain(|copy| !later.contains(&copy.1));
    Some(of_it[chosen].clone())
}
