//! Moving a lever, and showing how they stand (F54 to F60).
//!
//! From the commit on, no register is handed a package of before: privacy comes first.

use jiff::Timestamp;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::session::{DownloadStatus, Progress};

use super::{Lever, Levers, Subjob, jobs_with_customers, subjobs_of};
use crate::distribution::Share;
use crate::headquarters::Headquarters;
use crate::offline_profiles::offline_profiles_into_force;
use crate::storage::{
    DatabaseRecord, DownloadSessionRecord, LeverRecord, ReadTx, StorageError, WriteTx,
};

/// Why a lever was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// It would not do what it seems to; the answer says why, and asks.
    #[error("{0}")]
    Unconfirmed(String),
    /// Registers would not hear of it.
    #[error(
        "{0} cannot be kept from offline databases: by it a register learns what is kept from it, \
         and that it must not create customers while it is cut off"
    )]
    Needed(Lever),
    /// Registers would do what they are forbidden.
    #[error(
        "{0} cannot be kept from offline databases: by it a register learns what it must not do, \
         and one that has not heard of it does everything; what it would do wrong is set by \
         `tillsync hq profile` and `tillsync hq feature`"
    )]
    Forbids(Lever),
    /// Only what is sent down can be kept back.
    #[error("job {0} sends nothing to registers that could be kept back")]
    SendsNothing(JobName),
    /// The database failed.
    #[error("keep what is excluded from offline databases")]
    Storage(#[from] StorageError),
}

impl ExclusionError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ExclusionError::Unconfirmed(_) => ErrorKind::Conflict,
            ExclusionError::Needed(_)
            | ExclusionError::Forbids(_)
            | ExclusionError::SendsNothing(_) => ErrorKind::Invalid,
            ExclusionError::Storage(error) => error.kind(),
        }
    }
}

/// How a lever is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeverChange {
    /// Which.
    pub lever: Lever,
    /// Whether it is to keep something back.
    pub is_on: bool,
    /// Whether somebody has read what an earlier attempt answered, and wants it all the same.
    pub is_confirmed: bool,
}

/// A lever that was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Whether it stood otherwise before.
    pub is_change: bool,
    /// What whoever moved it should know.
    pub warnings: Vec<String>,
    /// Sessions that were canceled, since their packages hold what is kept back now.
    pub canceled: u64,
}

/// How the levers stand, and how that came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExclusionOverview {
    /// How they stand.
    pub levers: Levers,
    /// Their last changes, newest first.
    pub changes: Vec<LeverRecord>,
}

impl Headquarters {
    /// How the levers stand, with their last changes.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn show_exclusion(&self, changes: usize) -> Result<ExclusionOverview, ExclusionError> {
        Ok(self.storage.read(|tx| {
            let levers = Levers::read(tx)?;
            Ok(ExclusionOverview { levers, changes: tx.lever_changes(changes)? })
        })?)
    }

    /// Moves a lever. Sessions of registers whose package holds what is kept back from now on are
    /// canceled in the same transaction, and such a register begins again with a snapshot.
    ///
    /// # Errors
    /// Invalid: the lever cannot be moved. Conflict: it would not do what it seems to, and nobody
    /// has confirmed that (F59); nothing was changed.
    pub fn move_lever(&self, change: LeverChange, by: &str) -> Result<Moved, ExclusionError> {
        let now = self.now();
        check(change)?;
        let moved = self.storage.write(|tx| {
            if let Some(question) = question(tx, change)? {
                return Ok(Err(ExclusionError::Unconfirmed(question)));
            }
            offline_profiles_into_force(tx)?;
            let version = tx.lever_put(change.lever, change.is_on, (by, now))?;
            let canceled = take_back(tx, now)?;
            let warnings = warnings(change);
            Ok(Ok(Moved { is_change: version.is_some(), warnings, canceled }))
        })??;
        self.signals().registers_changed();
        self.signals().offers_changed();
        Ok(moved)
    }
}

fn check(change: LeverChange) -> Result<(), ExclusionError> {
    match change.lever {
        Lever::Job(JobName::Registers1090) | Lever::Subjob(Subjob::Register) => {
            Err(ExclusionError::Needed(change.lever))
        }
        Lever::Job(JobName::ChannelConfiguration1070 | JobName::GlobalConfiguration1110)
        | Lever::Subjob(Subjob::Profile | Subjob::Feature)
            if change.is_on =>
        {
            Err(ExclusionError::Forbids(change.lever))
        }
        Lever::Job(job) if subjobs_of(job).is_empty() => Err(ExclusionError::SendsNothing(job)),
        Lever::Job(_) | Lever::Subjob(_) | Lever::Filter => Ok(()),
    }
}

/// What is to be confirmed before a lever is moved; nothing when it does what it seems to.
fn question(tx: &mut dyn ReadTx, change: LeverChange) -> Result<Option<String>, StorageError> {
    if !change.is_on || change.is_confirmed || change.lever != Lever::Filter {
        return Ok(None);
    }
    let levers = Levers::read(tx)?;
    let open = |job: &JobName| !levers.jobs.contains(job);
    let open: Vec<_> = jobs_with_customers().into_iter().filter(open).collect();
    if levers.is_filtered || open.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = open.iter().map(|job| format!("{job} ({})", job.title())).collect();
    let names = names.join(", ");
    Ok(Some(format!(
        "the filter alone does not keep customer data from offline databases: jobs that hold it \
         are not excluded: {names}; exclude them too (`tillsync hq exclusion job {} yes`), or \
         confirm that the filter alone is wanted",
        open[0]
    )))
}

fn warnings(change: LeverChange) -> Vec<String> {
    let mut warnings = Vec::new();
    if !change.is_on {
        return warnings;
    }
    match change.lever {
        Lever::Subjob(Subjob::Party) => warnings.push(
            "parties are customers and staff: registers lose their staff too, and nobody can sign \
             in there while it is cut off; to keep back customers only, use the filter"
                .to_owned(),
        ),
        Lever::Job(job) => warnings.push(format!(
            "what registers have of job {job} stays there until a full synchronization empties \
             it: `tillsync job run {job} --full GROUP`"
        )),
        Lever::Filter => warnings.push(
            "registers that are cut off create no customers from now on, as soon as job 1090 has \
             told them"
                .to_owned(),
        ),
        Lever::Subjob(_) => {}
    }
    warnings
}

/// Cancels the sessions by which registers would get what they may not have any more.
fn take_back(tx: &mut dyn WriteTx, now: Timestamp) -> Result<u64, StorageError> {
    let mut canceled = 0;
    for database in tx.databases_all()? {
        if database.database.kind == DatabaseKind::Register {
            canceled += take_back_from(tx, &database, now)?;
        }
    }
    Ok(canceled)
}

fn take_back_from(
    tx: &mut dyn WriteTx,
    database: &DatabaseRecord,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let mut canceled = 0;
    for session in tx.sessions_open(&database.database.id)? {
        let Some(package) = tx.package_get(&session.package)? else { continue };
        if Share::of(tx, database, session.job)?.audience == package.audience {
            continue;
        }
        // It can have been applied, unknown to headquarters: only a snapshot makes sure then.
        tx.position_clear(&database.database.id, session.job)?;
        let why =
            "what is kept from offline databases has changed: another package takes its place";
        tx.session_put(&DownloadSessionRecord {
            progress: Progress::fresh(DownloadStatus::Canceled),
            error: Some(why.to_owned()),
            updated_at: now,
            ..session
        })?;
        canceled += 1;
    }
    Ok(canceled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(lever: Lever, is_on: bool) -> Option<ErrorKind> {
        let change = LeverChange { lever, is_on, is_confirmed: true };
        check(change).err().map(|error| error.kind())
    }

    #[test]
    fn what_forbids_something_to_registers_cannot_be_excluded_but_comes_back_to_them() {
        for lever in [
            Lever::Job(JobName::ChannelConfiguration1070),
            Lever::Job(JobName::GlobalConfiguration1110),
            Lever::Subjob(Subjob::Profile),
            Lever::Subjob(Subjob::Feature),
        ] {
            assert_eq!(refused(lever, true), Some(ErrorKind::Invalid), "{lever}");
            assert_eq!(refused(lever, false), None, "an older version let it be excluded: {lever}");
        }
        for lever in [Lever::Job(JobName::Customers1010), Lever::Subjob(Subjob::Staff)] {
            assert_eq!(refused(lever, true), None, "{lever}");
        }
    }
}
