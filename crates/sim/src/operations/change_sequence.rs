//! Headquarters changes a number sequence: another spelling, gapless or in blocks, a later start,
//! another end.

use std::sync::Arc;

use tillsync_domain::number_sequence::{NumberSequence, SequenceChange, SequenceMode};
use tillsync_hq::storage::SequenceName;

use super::office::{ask, look, performed};
use super::{Operation, Performed};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

pub(super) struct ChangeSequence;

impl Operation for ChangeSequence {
    fn kind(&self) -> &'static str {
        "change number sequence"
    }

    fn share(&self) -> u32 {
        3
    }

    fn perform(&self, chain: &Arc<Chain>, dice: &mut Dice) -> Performed {
        let name = match dice.chance(0.5) {
            true => SequenceName::CustomerAccount,
            false => *dice.pick(&SequenceName::ALL).expect("several"),
        };
        let Some(sequence) = look(chain, |tx| tx.sequence_get(name)) else {
            return Performed::NotNow;
        };
        let size = u32::try_from(dice.between(1, 12)).expect("two digits");
        let letter = char::from(b'A' + u8::try_from(dice.between(0, 25)).expect("a letter"));
        let change = match dice.between(0, 3) {
            // The old spelling's letters never come back by chance: each sequence has its own.
            0 => SequenceChange {
                format: format!("{}{letter}-#######", &name.as_str()[..2]).parse().ok(),
                ..SequenceChange::default()
            },
            1 => SequenceChange {
                mode: Some(match sequence.mode {
                    SequenceMode::Continuous => SequenceMode::Blocks { size },
                    SequenceMode::Blocks { .. } => SequenceMode::Continuous,
                }),
                ..SequenceChange::default()
            },
            2 => SequenceChange {
                next: Some(sequence.next + dice.between(1, 20)),
                ..SequenceChange::default()
            },
            _ => SequenceChange {
                largest: Some(sequence.format.largest()),
                ..SequenceChange::default()
            },
        };
        let answer = ask(chain, |hq| hq.change_sequence(name, &change));
        // A node can die before anybody hears that it was done.
        let now = look(chain, |tx| tx.sequence_get(name)).filter(|now| is_done(&change, now));
        if let (Some(_), Some(now)) = (&answer, now) {
            chain.saw(Observation::SequenceChanged { name, now });
        }
        performed(answer)
    }
}

/// Whether a sequence is as a change wants it. Others may have changed it, too, while the node that
/// was asked stood still.
fn is_done(change: &SequenceChange, now: &NumberSequence) -> bool {
    change.format.as_ref().is_none_or(|format| *format == now.format)
        && change.mode.is_none_or(|mode| mode == now.mode)
        && change.largest.is_none_or(|largest| largest == now.largest)
        && change.next.is_none_or(|next| now.next >= next)
}
