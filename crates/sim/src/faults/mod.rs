//! What breaks: one fault a file. A new capability adds a file and a row here.
//!
//! Every fault ends: by itself, or when all faults end.

mod cloned_disk;
mod cut;
mod disk_full;
mod kill_edge;
mod kill_node;
pub(crate) mod loss;
mod newer_edge;
mod packages_away;
mod packages_damaged;
mod restore_edge;
mod restore_headquarters;
mod run_out_of_numbers;
mod set_clock;
mod slow_node;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tillsync_exchange::messages::DatabaseKind;

use crate::chain::Chain;
use crate::dice::Dice;

/// Something that breaks.
pub trait Fault: Sync {
    /// Its name in stories and tables.
    fn kind(&self) -> &'static str;

    /// How often it happens among all faults.
    fn share(&self) -> u32;

    /// Lets it happen, wherever the dice say, and tells the chain. One that passes plans its own
    /// end. Returns whether anything broke; what breaks later counts itself.
    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool;

    /// Undoes what is left of it, when all faults end.
    fn heal(&self, _chain: &Arc<Chain>) {}
}

/// Every fault.
pub const ALL: &[&dyn Fault] = &[
    &cut::CutLine,
    &disk_full::EdgeDiskFull,
    &disk_full::HeadquartersDiskFull,
    &kill_edge::KillEdge,
    &kill_edge::KillEdgeAtCommit,
    &kill_node::KillNode,
    &kill_node::KillNodeAtCommit,
    &kill_node::AllNodesDown,
    &newer_edge::NewerProtocol,
    &newer_edge::UnknownDocument,
    &newer_edge::UnknownField,
    &packages_away::PackagesAway,
    &packages_damaged::PackageDamaged,
    &packages_damaged::PackageLost,
    &restore_edge::Restore(DatabaseKind::Channel),
    &restore_edge::Restore(DatabaseKind::Register),
    &restore_headquarters::RestoreHeadquarters,
    &cloned_disk::ClonedDisk,
    &run_out_of_numbers::RunOutOfNumbers,
    &set_clock::SetEdgeClock,
    &set_clock::SetNodeClock,
    &slow_node::PauseNode,
    &slow_node::SlowNode,
];

/// Does something after a while, unless all faults have ended by then.
fn later(chain: &Arc<Chain>, wait: Duration, act: impl FnOnce(&Arc<Chain>) + Send + 'static) {
    let acting = Arc::clone(chain);
    chain.turns.begin_after(wait, move || {
        if !acting.is_healing.load(Ordering::SeqCst) && !acting.is_over() {
            act(&acting);
        }
    });
}

/// How long something is broken: mostly minutes, now and then an hour.
fn outage(dice: &mut Dice) -> Duration {
    let most = if dice.chance(0.7) { 180_000 } else { 3_600_000 };
    Duration::from_millis(dice.between(500, most))
}
