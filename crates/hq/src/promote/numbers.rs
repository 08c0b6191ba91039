//! Account and party numbers for customers that are promoted: from the sequences, or as promised.

use std::collections::{HashMap, VecDeque};

use tillsync_domain::ids::{AccountNumber, CustomerGuid, PartyNumber};
use tillsync_domain::number_sequence::{NumberSequence, SequenceMode};
use tillsync_domain::promotion::Numbers;

use crate::storage::{SequenceName, StorageError, WriteTx};

/// What sequences and promises gave.
pub(super) enum Taken {
    Numbers(HashMap<CustomerGuid, Numbers>),
    Missing(usize),
    NoSequence(SequenceName),
}

/// Takes numbers for new customers, as far as both sequences reach. Who was promised a number gets
/// that one (F64).
///
/// From a continuous sequence they are taken here, inside the transaction that uses them, so a
/// rollback gives them back (F111). From one in blocks they come out of the spare ones.
pub(super) fn take_numbers(
    tx: &mut dyn WriteTx,
    newcomers: &[CustomerGuid],
    spare: &VecDeque<AccountNumber>,
) -> Result<Taken, StorageError> {
    let Some(mut accounts) = tx.sequence_get(SequenceName::CustomerAccount)? else {
        return Ok(Taken::NoSequence(SequenceName::CustomerAccount));
    };
    let Some(mut parties) = tx.sequence_get(SequenceName::Party)? else {
        return Ok(Taken::NoSequence(SequenceName::Party));
    };
    let mut promises = tx.promises_of(newcomers)?;
    let mut take_party = || parties.take(1).pop().map(PartyNumber::from_sequence);
    let mut numbers = HashMap::new();
    for guid in newcomers {
        let Some(promise) = promises.remove(guid) else { continue };
        if let Some(party) = promise.party.or_else(&mut take_party) {
            numbers.insert(*guid, Numbers { account: promise.account, party });
        }
    }
    let others: Vec<_> = newcomers.iter().filter(|guid| !numbers.contains_key(guid)).collect();
    let affordable = others.len().min(usize::try_from(parties.remaining()).unwrap_or(usize::MAX));
    let free = match accounts.mode {
        SequenceMode::Continuous => {
            let free = take_free(tx, &mut accounts, affordable)?;
            tx.sequence_put(SequenceName::CustomerAccount, &accounts)?;
            free
        }
        SequenceMode::Blocks { .. } => {
            let usable = usable_of(tx, spare, affordable)?;
            let missing = affordable - usable.len();
            if missing > 0 && accounts.remaining() > 0 {
                return Ok(Taken::Missing(missing));
            }
            usable
        }
    };
    let taken = parties.take(free.len()).into_iter().map(PartyNumber::from_sequence);
    for (guid, (account, party)) in others.into_iter().zip(free.into_iter().zip(taken)) {
        numbers.insert(*guid, Numbers { account, party });
    }
    tx.sequence_put(SequenceName::Party, &parties)?;
    Ok(Taken::Numbers(numbers))
}

/// The first spare numbers that are still free, as many as are wanted and there are.
fn usable_of(
    tx: &mut dyn WriteTx,
    spare: &VecDeque<AccountNumber>,
    wanted: usize,
) -> Result<Vec<AccountNumber>, StorageError> {
    let mut rest = spare.iter().cloned();
    let mut usable = Vec::with_capacity(wanted);
    while usable.len() < wanted {
        let candidates: Vec<_> = rest.by_ref().take(wanted - usable.len()).collect();
        if candidates.is_empty() {
            break;
        }
        usable.extend(free_of(tx, candidates)?);
    }
    Ok(usable)
}

/// Takes numbers that no customer has, passing over those that came in some other way.
fn take_free(
    tx: &mut dyn WriteTx,
    sequence: &mut NumberSequence,
    wanted: usize,
) -> Result<Vec<AccountNumber>, StorageError> {
    let mut free = Vec::with_capacity(wanted);
    while free.len() < wanted && sequence.remaining() > 0 {
        let candidates = sequence.take(wanted - free.len());
        free.extend(free_of(tx, candidates)?);
    }
    Ok(free)
}

fn free_of(
    tx: &mut dyn WriteTx,
    mut candidates: Vec<AccountNumber>,
) -> Result<Vec<AccountNumber>, StorageError> {
    let (taken, reserved) = (tx.accounts_taken(&candidates)?, tx.accounts_reserved(&candidates)?);
    candidates.retain(|number| !taken.contains(number) && !reserved.contains(number));
    Ok(candidates)
}

/// Takes a block of at least `wanted` numbers off the account sequence, durably, before any of
/// them is used: a crash then leaves a gap and never a repeat.
pub(super) fn take_block(
    tx: &mut dyn WriteTx,
    wanted: usize,
) -> Result<Vec<AccountNumber>, StorageError> {
    let Some(mut sequence) = tx.sequence_get(SequenceName::CustomerAccount)? else {
        return Ok(vec![]);
    };
    let size = match sequence.mode {
        SequenceMode::Blocks { size } => size.max(u32::try_from(wanted).unwrap_or(u32::MAX)),
        SequenceMode::Continuous => return Ok(vec![]),
    };
    let numbers = sequence.take(size as usize);
    tx.sequence_put(SequenceName::CustomerAccount, &sequence)?;
    Ok(numbers)
}
