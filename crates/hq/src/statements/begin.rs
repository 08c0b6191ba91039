//! Beginning statements: which stores have something to post.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, RunId, StatementId};
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_exchange::messages::DatabaseKind;

use super::numbers::Draw;
use super::{StatementError, StatementProblem};
use crate::headquarters::Headquarters;
use crate::storage::{
    ReadTx, SequenceName, StatementFilter, StatementRecord, StorageError, WriteTx,
};

/// What every statement of one beginning has in common.
struct Beginning {
    kind: StatementKind,
    run: RunId,
    now: Timestamp,
}

impl Headquarters {
    /// The stores that a run posts: one, or every channel.
    pub(super) fn stores_to_post(
        &self,
        kind: StatementKind,
        only: Option<&DatabaseId>,
    ) -> Result<Vec<DatabaseId>, StatementError> {
        let databases = self.storage.read(|tx| {
            let refusal = check_mode(tx, kind)?;
            let databases = tx.databases_all()?;
            Ok(refusal.map(|()| databases))
        })??;
        let mut channels = databases
            .into_iter()
            .filter(|record| record.database.kind == DatabaseKind::Channel)
            .map(|record| record.database.id);
        match only {
            None => Ok(channels.collect()),
            Some(store) => match channels.find(|channel| channel == store) {
                Some(channel) => Ok(vec![channel]),
                None => Err(StatementError::UnknownStore(store.clone())),
            },
        }
    }

    /// Begins a statement for each of the stores that has something to post and no open statement
    /// of the kind.
    pub(super) fn begin_statements(
        &self,
        kind: StatementKind,
        stores: &[DatabaseId],
        run: RunId,
    ) -> Result<Vec<StatementId>, StatementError> {
        let waiting = self.storage.read(|tx| stores_waiting(tx, kind))?;
        let now = self.now();
        let candidates: Vec<_> = stores
            .iter()
            .filter(|store| waiting.contains(store))
            .map(|store| (store, StatementId::from_uuid(self.mint(now))))
            .collect();
        if candidates.is_empty() {
            return Ok(vec![]);
        }
        let beginning = Beginning { kind, run, now };
        self.storage.write(|tx| {
            Ok(match check_mode(tx, kind)? {
                Ok(()) => begin_in(tx, &candidates, &beginning)?
                    .map_err(|problem| StatementError::Begin(Box::new(problem))),
                Err(refusal) => Err(refusal),
            })
        })?
    }
}

/// Trickle feed and classic posting are never mixed (F103).
fn check_mode(
    tx: &mut (impl ReadTx + ?Sized),
    kind: StatementKind,
) -> Result<Result<(), StatementError>, StorageError> {
    let mode = tx.parameters_get()?.posting_mode;
    let fits = kind.mode() == mode;
    Ok(if fits { Ok(()) } else { Err(StatementError::WrongMode { kind, mode }) })
}

/// The stores that have something to post and no open statement of the kind.
fn stores_waiting(
    tx: &mut dyn ReadTx,
    kind: StatementKind,
) -> Result<Vec<DatabaseId>, StorageError> {
    let mut waiting = Vec::new();
    for store in tx.stores_ready(kind)? {
        if !is_busy(tx, &store, kind)? {
            waiting.push(store);
        }
    }
    Ok(waiting)
}

fn begin_in(
    tx: &mut dyn WriteTx,
    candidates: &[(&DatabaseId, StatementId)],
    beginning: &Beginning,
) -> Result<Result<Vec<StatementId>, StatementProblem>, StorageError> {
    // Once more, now that nobody else writes: what was ready may have been repaired meanwhile, and
    // a statement of nothing would take a number.
    let waiting = stores_waiting(tx, beginning.kind)?;
    let mut begun = Vec::new();
    for (store, id) in candidates.iter().filter(|(store, _)| waiting.contains(store)) {
        let mut draw = match Draw::of(tx, SequenceName::Statement, 1)? {
            Ok(draw) => draw,
            // What was begun for other stores goes on.
            Err(_) if !begun.is_empty() => break,
            Err(problem) => return Ok(Err(problem)),
        };
        tx.statement_put(&StatementRecord {
            id: *id,
            number: draw.next(),
            store: (*store).clone(),
            kind: beginning.kind,
            state: StatementState::Started,
            error: None,
            failures: 0,
            transactions: 0,
            shifts: 0,
            amounts: BTreeMap::new(),
            default_account: None,
            run: beginning.run,
            created_at: beginning.now,
            updated_at: beginning.now,
        })?;
        draw.keep(tx)?;
        begun.push(*id);
    }
    Ok(Ok(begun))
}

fn is_busy(
    tx: &mut dyn ReadTx,
    store: &DatabaseId,
    kind: StatementKind,
) -> Result<bool, StorageError> {
    let filter = StatementFilter {
        store: Some(store.clone()),
        kind: Some(kind),
        is_open: true,
        limit: 1,
        ..StatementFilter::default()
    };
    Ok(!tx.statements_list(&filter)?.is_empty())
}
