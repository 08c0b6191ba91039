//! What operators see of a recovery, and what they decide.

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, DatabaseId};

use super::{RecoveryError, end, open, waiting};
use crate::headquarters::Headquarters;
use crate::storage::{
    HearingRecord, NumberConflict, ReadTx, RecoveryRecord, StorageError, WriteTx,
};

/// Conflicts that are shown at once.
const CONFLICTS_SHOWN: usize = 100;

/// A recovery at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryStatus {
    /// The latest one, ended or not; nothing when there never was one.
    pub recovery: Option<RecoveryRecord>,
    /// The channels that it waits for, by name; none once it has ended.
    pub waiting_for: Vec<DatabaseId>,
    /// Everybody who has a part in it, by name.
    pub hearings: Vec<HearingRecord>,
    /// Customers that were promised a number and have not come again yet.
    pub promises_open: u64,
    /// Conflicts that nobody has settled.
    pub conflicts_open: u64,
    /// The first hundred of them.
    pub conflicts: Vec<NumberConflict>,
}

impl RecoveryStatus {
    /// Whether promotion is held.
    pub fn is_recovering(&self) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.ended_at.is_none())
    }

    pub(crate) fn read(tx: &mut dyn ReadTx) -> Result<Self, StorageError> {
        let mut status = RecoveryStatus {
            promises_open: tx.promises_open_count()?,
            conflicts_open: tx.conflicts_open_count()?,
            conflicts: tx.conflicts_open(CONFLICTS_SHOWN)?,
            recovery: tx.recovery_latest()?,
            ..RecoveryStatus::default()
        };
        if let Some(recovery) = &status.recovery {
            status.hearings = tx.hearings_list(&recovery.id)?;
            if recovery.ended_at.is_none() {
                status.waiting_for = waiting(tx, recovery)?;
            }
        }
        Ok(status)
    }

    /// What needs a person, each a sentence.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(recovery) = self.recovery.as_ref().filter(|_| self.is_recovering()) {
            let names: Vec<_> = self.waiting_for.iter().map(DatabaseId::as_str).collect();
            warnings.push(format!(
                "headquarters was restored from a backup ({}) and is recovering since {}: nobody \
                 is promoted until {} was heard; `tillsync hq recovery show`, or `… finish` to go \
                 on without",
                recovery.reason,
                recovery.began_at,
                if names.is_empty() { "nobody else".to_owned() } else { names.join(", ") }
            ));
        }
        for (count, what) in [
            (
                self.conflicts_open,
                "account numbers are disputed since a restore: a store says something else than \
                 headquarters knows; `tillsync hq recovery show` lists them, `… settle` decides",
            ),
            (
                self.promises_open,
                "customers had an account before the restore and have not come again; they keep \
                 their numbers",
            ),
        ] {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        }
        warnings
    }
}

impl Headquarters {
    /// The latest recovery and what is left of it.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn show_recovery(&self) -> Result<RecoveryStatus, RecoveryError> {
        Ok(self.storage.read(RecoveryStatus::read)?)
    }

    /// Says that headquarters' database was restored, before anything proves it. Says whether a
    /// recovery began by it; one that goes on serves as well.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn declare_restored(&self, by: &str) -> Result<bool, RecoveryError> {
        self.begin_recovery(&format!("{by} said so"))
    }

    /// Ends a recovery without those that were not heard. They are still asked when they come.
    ///
    /// # Errors
    /// Conflict: there is none.
    pub fn finish_recovery(&self, by: &str) -> Result<RecoveryRecord, RecoveryError> {
        let now = self.now();
        let ended = self.storage.write(|tx| {
            let Some(recovery) = open(tx)? else { return Ok(None) };
            end(tx, recovery, Some(by), now).map(Some)
        })?;
        self.recovery_ended();
        ended.ok_or(RecoveryError::NotRecovering)
    }

    /// Settles a conflict: what headquarters knows stands. A customer without an account gets
    /// another number, and every database gets what headquarters knows.
    ///
    /// # Errors
    /// NotFound: there is no such conflict that is not settled.
    pub fn settle_conflict(
        &self,
        guid: &CustomerGuid,
        account: &AccountNumber,
        by: &str,
    ) -> Result<NumberConflict, RecoveryError> {
        let now = self.now();
        let settled = self.storage.write(|tx| settle(tx, (guid, account), (by, now)))?;
        self.recovery_ended();
        settled.ok_or_else(|| RecoveryError::NoConflict { guid: *guid, account: account.clone() })
    }
}

fn settle(
    tx: &mut dyn WriteTx,
    (guid, account): (&CustomerGuid, &AccountNumber),
    (by, now): (&str, Timestamp),
) -> Result<Option<NumberConflict>, StorageError> {
    let conflict = tx.conflict_get(guid, account)?;
    let Some(conflict) = conflict.filter(|conflict| conflict.settled_at.is_none()) else {
        return Ok(None);
    };
    let (settled_at, settled_by) = (Some(now), Some(by.to_owned()));
    let settled = NumberConflict { settled_at, settled_by, ..conflict };
    tx.conflict_put(&settled)?;
    // Who has no account yet is sent once promoted.
    let concerned: Vec<_> = [*guid].into_iter().chain(settled.holder).collect();
    let known = tx.customers_known(&concerned)?;
    let known: Vec<_> = concerned.into_iter().filter(|guid| known.contains_key(guid)).collect();
    tx.customers_renew(&known)?;
    Ok(Some(settled))
}
