//! What several operations do at headquarters: find a node, ask it, and say what became of it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tillsync_hq::Headquarters;
use tillsync_hq::storage::{ReadTx, RunOutcome, RunRecord, Storage, StorageError};

use super::Performed;
use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::hq::HqNode;

/// Asks any node that runs, as an operator's program would.
pub(super) fn ask<T, E: Display>(
    chain: &Chain,
    request: impl FnOnce(&Headquarters) -> Result<T, E>,
) -> Option<Result<T, String>> {
    let node = chain.any_node()?;
    Some(request(&node.hq).map_err(|error| error.to_string()))
}

/// Asks any node that runs for what takes a lock inside of it; nobody when it works already.
pub(super) fn at_work<T, E: Display>(
    chain: &Chain,
    request: impl FnOnce(&Headquarters) -> Result<T, E>,
) -> Option<Result<T, String>> {
    let node = chain.any_node()?;
    let mut answer = None;
    node.work(|hq| answer = Some(request(hq).map_err(|error| error.to_string())));
    answer
}

/// What became of a request.
pub(super) fn performed<T>(answer: Option<Result<T, String>>) -> Performed {
    match answer {
        Some(Ok(_)) => Performed::Done,
        Some(Err(why)) => Performed::Refused(why),
        None => Performed::NotNow,
    }
}

/// What became of a run.
pub(super) fn ran(run: Option<RunRecord>) -> Performed {
    match run {
        Some(run) if run.outcome == RunOutcome::Failed => {
            Performed::Refused(run.error.unwrap_or_default())
        }
        Some(_) => Performed::Done,
        None => Performed::NotNow,
    }
}

/// Looks into headquarters' database, as the pages do from which an operator picks.
pub(super) fn look<T>(
    chain: &Chain,
    look: impl FnMut(&mut dyn ReadTx) -> Result<T, StorageError>,
) -> T {
    let storage = chain.hq.storage();
    let storage: &dyn Storage = storage.as_ref();
    storage.read(look).expect("the database answers")
}

/// Asks again and again for what holds a lock of its node meanwhile, until somebody does it.
pub(super) fn insist<T, E: Display>(
    chain: &Chain,
    request: impl Fn(&Headquarters) -> Result<T, E>,
) -> Result<T, String> {
    let mut why = String::from("nobody answers");
    for _ in 0..30 {
        let node: Option<Arc<HqNode>> = chain.any_node();
        let mut answer = None;
        if let Some(node) = node {
            node.work(|hq| answer = Some(request(hq).map_err(|error| error.to_string())));
        }
        match answer {
            Some(Ok(done)) => return Ok(done),
            Some(Err(error)) => why = error,
            None => {}
        }
        chain.turns.pause(Duration::from_secs(60));
    }
    Err(why)
}

/// One of several operators.
pub(super) fn operator(dice: &mut Dice) -> &'static str {
    dice.pick(&["anna", "bert", "cleo"]).expect("three")
}
