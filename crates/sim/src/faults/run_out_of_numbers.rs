//! A number sequence of headquarters has a few numbers left, or none, until somebody extends it.

use std::sync::Arc;
use std::time::Duration;

use tillsync_domain::number_sequence::SequenceChange;
use tillsync_hq::Headquarters;
use tillsync_hq::storage::SequenceName;

use super::{Fault, later};
use crate::chain::Chain;
use crate::dice::Dice;

/// Which can run out.
const NAMES: [SequenceName; 6] = [
    SequenceName::CustomerAccount,
    SequenceName::Party,
    SequenceName::SalesOrder,
    SequenceName::Invoice,
    SequenceName::Voucher,
    SequenceName::Statement,
];

/// How often somebody looks after the sequences, when all faults have ended.
const ROUND: Duration = Duration::from_secs(600);

pub(super) struct RunOutOfNumbers;

impl Fault for RunOutOfNumbers {
    fn kind(&self) -> &'static str {
        "sequence exhausted"
    }

    fn share(&self) -> u32 {
        6
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let name = *dice.pick(&NAMES).expect("several");
        let left = dice.between(0, 4);
        let Some(node) = chain.any_node() else { return false };
        let Ok(sequence) = node.hq.show_sequence(name) else { return false };
        let largest = (sequence.next + left).saturating_sub(1);
        let change = SequenceChange { largest: Some(largest), ..SequenceChange::default() };
        if node.hq.change_sequence(name, &change).is_err() {
            return false;
        }
        chain.tell(format!("{left} numbers are left in the sequence {}", name.as_str()));
        let wait = Duration::from_secs(dice.between(60, 5_400));
        later(chain, wait, move |chain| extend_soon(chain, name));
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        go_on_extending(chain, Duration::ZERO);
    }
}

/// Somebody looks after every sequence: what was asked of a node that stood still may be done
/// after all faults have ended.
fn go_on_extending(chain: &Arc<Chain>, wait: Duration) {
    let extending = Arc::clone(chain);
    chain.turns.begin_after(wait, move || {
        if extending.is_over() {
            return;
        }
        if let Some(node) = extending.any_node() {
            for name in NAMES {
                extend(&node.hq, name);
            }
        }
        go_on_extending(&extending, ROUND);
    });
}

fn extend_soon(chain: &Arc<Chain>, name: SequenceName) {
    if chain.any_node().is_some_and(|node| extend(&node.hq, name)) {
        chain.tell(format!("the sequence {} is extended", name.as_str()));
        return;
    }
    later(chain, Duration::from_secs(60), move |chain| extend_soon(chain, name));
}

/// Lets a sequence end where its format ends. Returns whether it does.
fn extend(hq: &Headquarters, name: SequenceName) -> bool {
    let Ok(sequence) = hq.show_sequence(name) else { return false };
    let largest = sequence.format.largest();
    let change = SequenceChange { largest: Some(largest), ..SequenceChange::default() };
    sequence.largest == largest || hq.change_sequence(name, &change).is_ok()
}
