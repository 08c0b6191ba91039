//! Which packages of a job are made for a group, and which of them a database may have now.
//!
//! Registers share the packages of the channels until a lever concerns a job; then the packages
//! for them are made apart (`domain.md` 6.2). A channel gets everything, whatever the levers say.

use tillsync_domain::ids::{GroupId, Version};
use tillsync_domain::job::JobName;
use tillsync_exchange::messages::DatabaseKind;

use crate::exclusion::{Audience, Levers};
use crate::storage::{
    DatabaseRecord, PackageRecord, Position, ReadTx, StorageError, Stream, WriteTx,
};

/// What a database may have of a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// Whose packages.
    pub(crate) audience: Audience,
    /// A snapshot that was made before may lack the removal of what came meanwhile; zero for
    /// everyone's.
    pub(crate) since: Version,
    /// Why nothing is offered by itself.
    pub(crate) held: Option<Held>,
}

/// Why nothing of a job is offered to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Its offline profile pauses offline synchronization.
    Paused,
    /// The job is kept from offline databases; only a full synchronization is offered, which
    /// empties its tables (F55).
    Excluded,
}

impl Share {
    const WHOLE: Share = Share { audience: Audience::EVERYONE, since: Version(0), held: None };

    /// What a database may have of a job now.
    pub(crate) fn of(
        tx: &mut dyn ReadTx,
        database: &DatabaseRecord,
        job: JobName,
    ) -> Result<Share, StorageError> {
        if database.database.kind == DatabaseKind::Channel {
            return Ok(Share::WHOLE);
        }
        let levers = Levers::read(tx)?;
        let settings = tx.register_settings(&database.database.id)?;
        // What says that it is paused, and what is kept back, arrives all the same.
        let is_paused =
            job != JobName::Registers1090 && settings.is_some_and(|it| it.pause_offline_sync);
        Ok(Share::of_register(&levers, job, is_paused))
    }

    fn of_register(levers: &Levers, job: JobName, is_paused: bool) -> Share {
        let audience = levers.audience(job);
        let since = if audience.is_everyone() { Version(0) } else { levers.version };
        let held = match (is_paused, levers.jobs.contains(&job)) {
            (true, _) => Some(Held::Paused),
            (false, true) => Some(Held::Excluded),
            (false, false) => None,
        };
        Share { audience, since, held }
    }

    /// Where a database stands in the packages of its share; nothing when it has to begin with a
    /// snapshot of them.
    pub(crate) fn position(
        &self,
        tx: &mut dyn ReadTx,
        database: &DatabaseRecord,
        job: JobName,
    ) -> Result<Option<Position>, StorageError> {
        let id = &database.database.id;
        if tx.audience_get(id, job)? != self.audience {
            return Ok(None);
        }
        tx.position_get(id, job)
    }

    pub(crate) fn stream(&self, group: &GroupId, job: JobName) -> Stream {
        Stream { group: group.clone(), job, audience: self.audience.clone() }
    }
}

/// Lets every database of a group begin again with a snapshot of a job, and be it one that gets
/// deltas only: a delta holds what changed, not what has come to concern the group or ceased to.
/// No delta ever gets the numbers that are passed over here.
pub(crate) fn begin_again(
    tx: &mut dyn WriteTx,
    group: &GroupId,
    job: JobName,
) -> Result<(), StorageError> {
    let mut streams = tx.row_versions(group, job)?;
    // Snapshots alone leave no trace here.
    for needed in needed_streams(tx, group, job)? {
        if streams.iter().all(|(audience, _)| *audience != needed.stream.audience) {
            streams.push((needed.stream.audience, Position::default()));
        }
    }
    for (audience, position) in streams {
        let stream = Stream { group: group.clone(), job, audience };
        let passed = Position { sequence: position.sequence + 1, ..position };
        tx.row_version_put(&stream, passed)?;
    }
    Ok(())
}

/// Whether a database may have a package now.
pub(crate) fn may_have(
    tx: &mut dyn ReadTx,
    database: &DatabaseRecord,
    package: &PackageRecord,
) -> Result<bool, StorageError> {
    Ok(Share::of(tx, database, package.job)?.audience == package.audience)
}

/// A stream of packages that a group needs, and since when its snapshots hold good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeededStream {
    pub(crate) stream: Stream,
    pub(crate) since: Version,
    /// Whether changes are packed too: not where nothing may be sent.
    pub(crate) has_deltas: bool,
}

/// The streams of a job that a group needs: everyone's, and that of its registers when something
/// is kept from them.
pub(crate) fn needed_streams(
    tx: &mut dyn ReadTx,
    group: &GroupId,
    job: JobName,
) -> Result<Vec<NeededStream>, StorageError> {
    let stream = Stream::of_everyone(group, job);
    let mut needed = vec![NeededStream { stream, since: Version(0), has_deltas: true }];
    let levers = Levers::read(tx)?;
    let audience = levers.audience(job);
    if audience.is_everyone() {
        return Ok(needed);
    }
    let mut held = Vec::new();
    for database in tx.databases_all()? {
        let is_there = database.enrolled_at.is_some() && database.revoked_at.is_none();
        let is_register = database.database.kind == DatabaseKind::Register;
        if is_there && is_register && database.database.group == *group {
            held.push(Share::of(tx, &database, job)?.held);
        }
    }
    if !held.is_empty() {
        let has_deltas = !audience.lacks_all_of(job) && held.contains(&None);
        let stream = Stream { group: group.clone(), job, audience };
        needed.push(NeededStream { stream, since: levers.version, has_deltas });
    }
    Ok(needed)
}
