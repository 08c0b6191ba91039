//! What proves that headquarters has forgotten something, and what follows from it.
//!
//! A database is never wrong about what it was told: sessions and versions are made here, so one
//! that headquarters cannot have made yet was made by the headquarters that got lost.

use tillsync_domain::ids::{DatabaseId, RecoveryId, SessionId, Version};
use tillsync_exchange::messages::DatabaseKind;

use super::{RecoveryError, open, takes_part};
use crate::distribution::{APPLIED_LAST, Download};
use crate::headquarters::Headquarters;
use crate::storage::{
    DatabaseRecord, HearingRecord, ReadTx, RecoveryRecord, StorageError, WriteTx,
};

/// Whether headquarters must have made a session that it does not know: it is younger than the one
/// that it knows the database to have applied last. An older one was only cleaned up.
pub(crate) fn has_forgotten(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    session: &SessionId,
) -> Result<bool, StorageError> {
    let record = tx.session_get(session)?.filter(|record| record.database == *database);
    let applied = tx.applied_get(database, APPLIED_LAST)?;
    Ok(record.is_none() && applied.is_none_or(|applied| applied < *session))
}

impl Headquarters {
    /// Takes note of a database's proof that headquarters has forgotten something. A database that
    /// is to be heard anyway proves nothing new by it.
    pub(crate) fn notice_forgotten(
        &self,
        database: &DatabaseId,
        reason: &str,
    ) -> Result<(), StorageError> {
        let id = self.recovery_id();
        let now = self.now();
        let is_news = self.storage.write(|tx| {
            let Some(latest) = tx.recovery_latest()? else {
                return begin(tx, (id, reason), now);
            };
            match tx.hearing_get(&latest.id, database)? {
                Some(hearing) if hearing.heard_at.is_none() => Ok(false),
                // Restored once more, in the middle of a recovery or to a copy from it.
                Some(_) | None if latest.ended_at.is_none() => {
                    let hearing = unheard(tx, &latest, database)?;
                    tx.hearing_put(&hearing)?;
                    Ok(true)
                }
                Some(_) | None => begin(tx, (id, reason), now),
            }
        })?;
        if is_news {
            self.recovery_began(reason);
        }
        Ok(())
    }

    /// Takes note of a proof that no database gave. Says whether a recovery began.
    pub(super) fn begin_recovery(&self, reason: &str) -> Result<bool, RecoveryError> {
        let id = self.recovery_id();
        let now = self.now();
        let has_begun = self.storage.write(|tx| match open(tx)? {
            Some(_) => Ok(false),
            None => begin(tx, (id, reason), now),
        })?;
        if has_begun {
            self.recovery_began(reason);
        }
        Ok(has_begun)
    }

    /// Lets polls that wait be answered: everybody is to testify now.
    fn recovery_began(&self, reason: &str) {
        tracing::error!(reason, "headquarters was restored from a backup; promotion is held");
        self.signals().offers_changed();
    }

    fn recovery_id(&self) -> RecoveryId {
        RecoveryId::from_uuid(self.mint(self.now()))
    }
}

fn begin(
    tx: &mut dyn WriteTx,
    (id, reason): (RecoveryId, &str),
    now: jiff::Timestamp,
) -> Result<bool, StorageError> {
    let number = tx.recovery_latest()?.map_or(1, |latest| latest.number + 1);
    let recovery = RecoveryRecord {
        number,
        id,
        began_at: now,
        reason: reason.to_owned(),
        items_renewed: Version(0),
        ended_at: None,
        ended_by: None,
    };
    tx.recovery_put(&recovery)?;
    for record in tx.databases_all()?.iter().filter(|record| takes_part(record)) {
        let hearing = unheard(tx, &recovery, &record.database.id)?;
        tx.hearing_put(&hearing)?;
        forget_shares(tx, record)?;
    }
    Ok(true)
}

/// Lets a register begin with a snapshot: what was kept from it may have changed since the backup,
/// and by that whose packages it has.
fn forget_shares(tx: &mut dyn WriteTx, record: &DatabaseRecord) -> Result<(), StorageError> {
    if record.database.kind == DatabaseKind::Register {
        for download in Download::ALL {
            tx.position_clear(&record.database.id, download.job())?;
        }
    }
    Ok(())
}

/// A database that is to tell everything it learnt behind what headquarters knows it to have
/// applied. That is what headquarters knew at the backup: a database shows its proof with its first
/// poll, before it applies anything of this headquarters.
fn unheard(
    tx: &mut dyn WriteTx,
    recovery: &RecoveryRecord,
    database: &DatabaseId,
) -> Result<HearingRecord, StorageError> {
    let mut applied = |download: Download| {
        let position = tx.position_get(database, download.job())?;
        Ok::<_, StorageError>(position.map_or(Version(0), |position| position.version))
    };
    Ok(HearingRecord {
        recovery: recovery.id,
        database: database.clone(),
        customers_after: applied(Download::Customers)?,
        items_after: applied(Download::Products)?,
        page_after: 0,
        told: 0,
        acknowledged: None,
        heard_at: None,
    })
}
