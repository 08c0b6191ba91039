//! Recovering: a headquarters whose database was restored from a backup finds out what it has
//! forgotten before it promotes anybody (F64).
//!
//! It gets there in three steps: somebody proves that something is forgotten ([`evidence`]), every
//! database tells what it had learnt ([`testimony`]), and meanwhile nothing is promoted. It must
//! never overwrite what it knows by what a database says: where the two disagree, a person decides.

mod evidence;
mod look_back;
mod plan;
mod settle;
mod testimony;

pub(crate) use evidence::has_forgotten;
pub use settle::RecoveryStatus;
pub(crate) use testimony::{asked_of, next_page};

use std::collections::HashSet;

use jiff::Timestamp;
use tillsync_domain::ids::{AccountNumber, CustomerGuid, DatabaseId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::DatabaseKind;

use crate::headquarters::Headquarters;
use crate::package_store::PackageStoreError;
use crate::storage::{DatabaseRecord, ReadTx, RecoveryRecord, StorageError, WriteTx};

/// Why a step of a recovery was not made.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// More than fits on a page, or versions that headquarters can never have reached.
    #[error("the testimony cannot be believed: {what} {found}, but at most {limit} is possible")]
    Testimony {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much is possible.
        limit: u64,
    },
    /// Nothing to end.
    #[error("headquarters is not recovering; `tillsync hq recovery show` shows the last time")]
    NotRecovering,
    /// No such conflict.
    #[error(
        "nothing is in conflict between customer {guid} and account {account}; \
         `tillsync hq recovery show` lists conflicts"
    )]
    NoConflict {
        /// The customer.
        guid: CustomerGuid,
        /// The account.
        account: AccountNumber,
    },
    /// The package store failed.
    #[error("look for packages that headquarters has forgotten")]
    Store(#[from] PackageStoreError),
    /// A package could not be kept for a look.
    #[error("read a package that headquarters has forgotten")]
    Package(#[source] std::io::Error),
    /// The database failed.
    #[error("keep the state of the recovery")]
    Storage(#[from] StorageError),
}

impl RecoveryError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            RecoveryError::Testimony { .. } => ErrorKind::Invalid,
            RecoveryError::NotRecovering => ErrorKind::Conflict,
            RecoveryError::NoConflict { .. } => ErrorKind::NotFound,
            RecoveryError::Store(error) => error.kind(),
            RecoveryError::Package(_) => ErrorKind::Busy,
            RecoveryError::Storage(error) => error.kind(),
        }
    }
}

impl Headquarters {
    /// Whom headquarters waits for before it promotes anybody; nothing when it is not recovering.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn recovery_waits_for(&self) -> Result<Option<Vec<DatabaseId>>, StorageError> {
        self.storage.read(|tx| match open(tx)? {
            Some(recovery) => Ok(Some(waiting(tx, &recovery)?).filter(|ids| !ids.is_empty())),
            None => Ok(None),
        })
    }

    /// Wakes everybody who was held up by a recovery.
    fn recovery_ended(&self) {
        self.signals().operations_arrived();
        self.signals().documents_arrived();
        self.signals().customers_changed();
        self.signals().profiles_changed();
        self.signals().registers_changed();
        self.signals().features_changed();
        self.signals().staff_changed();
    }
}

/// Says why work is held up, for the record of a run.
pub(crate) fn held_text(waiting: &[DatabaseId]) -> String {
    let names: Vec<_> = waiting.iter().map(DatabaseId::as_str).collect();
    format!(
        "held: headquarters was restored and is recovering; it waits for {} \
         (`tillsync hq recovery show`)",
        names.join(", ")
    )
}

/// Whether promotion must wait. A recovery that waits for nobody any more ends here: the last one
/// it waited for may have been revoked.
pub(crate) fn is_held(tx: &mut dyn WriteTx, now: Timestamp) -> Result<bool, StorageError> {
    let Some(recovery) = open(tx)? else { return Ok(false) };
    if !waiting(tx, &recovery)?.is_empty() {
        return Ok(true);
    }
    end(tx, recovery, None, now)?;
    Ok(false)
}

/// The recovery that has not ended.
fn open(tx: &mut dyn ReadTx) -> Result<Option<RecoveryRecord>, StorageError> {
    Ok(tx.recovery_latest()?.filter(|recovery| recovery.ended_at.is_none()))
}

/// The channels that were not heard yet, by name. Registers are asked as well but not waited for:
/// they are switched off for weeks, and what they know came through their channels.
fn waiting(
    tx: &mut dyn ReadTx,
    recovery: &RecoveryRecord,
) -> Result<Vec<DatabaseId>, StorageError> {
    let hearings = tx.hearings_list(&recovery.id)?;
    let unheard = hearings.into_iter().filter(|hearing| hearing.heard_at.is_none());
    let mut unheard: HashSet<_> = unheard.map(|hearing| hearing.database).collect();
    if unheard.is_empty() {
        return Ok(vec![]);
    }
    let databases = tx.databases_all()?.into_iter();
    let channels = databases
        .filter(|record| takes_part(record) && record.database.kind == DatabaseKind::Channel);
    Ok(channels.filter_map(|record| unheard.take(&record.database.id)).collect())
}

fn takes_part(record: &DatabaseRecord) -> bool {
    record.enrolled_at.is_some() && record.revoked_at.is_none()
}

fn end(
    tx: &mut dyn WriteTx,
    recovery: RecoveryRecord,
    by: Option<&str>,
    now: Timestamp,
) -> Result<RecoveryRecord, StorageError> {
    // What a database has seen of profiles or switches may be newer than what headquarters
    // remembers.
    tx.profiles_renew()?;
    tx.offline_profiles_renew()?;
    tx.features_renew()?;
    tx.staff_renew()?;
    let ended_by = by.map(str::to_owned);
    let ended = RecoveryRecord { ended_at: Some(now), ended_by, ..recovery };
    tx.recovery_put(&ended)?;
    tracing::warn!(recovery = %ended.id, by = by.unwrap_or("all heard"), "the recovery has ended");
    Ok(ended)
}
