//! Number sequences.

use tillsync_domain::number_sequence::{NumberSequence, SequenceMode};
use tillsync_hq::storage::{SequenceName, Storage};

fn sequence(format: &str, mode: SequenceMode, next: u64) -> NumberSequence {
    let format = format.parse().expect("a format");
    NumberSequence { next, ..NumberSequence::new(format, mode) }
}

/// Both modes, and numbers to the end of the widest format.
pub fn a_sequence_is_stored_as_it_stands(storage: &dyn Storage) {
    let name = SequenceName::CustomerAccount;
    let get = || storage.read(|tx| tx.sequence_get(name)).expect("readable");
    assert_eq!(get(), None);
    for stored in [
        sequence("C-&###", SequenceMode::Continuous, 17),
        sequence("C-#####", SequenceMode::Blocks { size: 250 }, 18),
        sequence("####################", SequenceMode::Continuous, u64::MAX - 1),
    ] {
        storage.write(|tx| tx.sequence_put(name, &stored)).expect("stored");
        assert_eq!(get(), Some(stored));
    }
}

/// Accounts and parties draw from sequences of their own.
pub fn sequences_do_not_mix(storage: &dyn Storage) {
    let numbered: Vec<_> = SequenceName::ALL
        .into_iter()
        .zip(1..)
        .map(|(name, next)| (name, sequence("###", SequenceMode::Continuous, next)))
        .collect();
    for (name, sequence) in &numbered {
        storage.write(|tx| tx.sequence_put(*name, sequence)).expect("stored");
    }
    for (name, sequence) in numbered {
        let found = storage.read(|tx| tx.sequence_get(name)).expect("readable");
        assert_eq!(found, Some(sequence), "{name:?}");
    }
}
