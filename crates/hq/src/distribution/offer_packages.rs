//! Answering polls: which package a database should apply next.
//!
//! One package of each job at a time, in order: a session that is not settled holds up its
//! followers of the same job (F69, F70). A database that is new or far behind is offered a
//! snapshot and then the few deltas after it, never a backlog.

use std::time::Duration;

use jiff::Timestamp;
use tillsync_domain::ids::{DatabaseId, GroupId, PackageId, SessionId};
use tillsync_exchange::messages::{ExchangeMode, Offer, Poll, PollAnswer, RegisterName, Testify};
use tillsync_exchange::package::Scope;
use tillsync_exchange::retry::RetryPolicy;
use tillsync_exchange::session::{DownloadEvent, DownloadStatus, Progress};

use super::share::{Held, NeededStream, Share, may_have, needed_streams};
use super::{APPLIED_LAST, BACKLOG_MAX, DistributionError, Download};
use crate::features::features_are_in_force;
use crate::headquarters::Headquarters;
use crate::offline_profiles::offline_profiles_are_in_force;
use crate::profiles::profiles_are_in_force;
use crate::recovery::{asked_of, next_page};
use crate::staff::staff_are_in_use;
use crate::storage::{
    DatabaseRecord, DownloadSessionRecord, PackageRecord, ReadTx, SessionFilter, StorageError,
    Stream,
};

/// How often at most a poll is written down, per database.
const SEEN_EVERY: Duration = Duration::from_secs(5);

/// The answer to a poll, and whether it is worth holding back.
#[derive(Debug)]
pub struct PollOutcome {
    /// What to say.
    pub answer: PollAnswer,
    /// Whether it says anything that the database does not know already.
    pub is_news: bool,
    /// When to look again although nothing happened: a retry becomes due then.
    pub look_again_at: Option<Timestamp>,
}

/// How far back a canceled session is looked for. Whoever has had more since is sent everything,
/// which does no harm.
const SESSIONS_BACK: usize = 20;

/// What to say to a database.
enum Todo {
    /// It is to tell what it has; what is sent to it depends on that.
    Testify(Testify),
    /// What it said of itself does not hold any more: it asks anew.
    AskAgain,
    /// What stands next for it, by job.
    Apply(Vec<(Download, Next)>),
}

/// What stands next for a database in a job.
enum Next {
    /// Nothing.
    Nothing,
    /// A session that exists is to be tried.
    Session(DownloadSessionRecord, Box<PackageRecord>),
    /// A package that needs a session.
    Package(Box<PackageRecord>),
    /// A failed session waits for its next try.
    NotBefore(Timestamp),
    /// Only a snapshot can help, and none is ready.
    SnapshotWanted,
}

impl Headquarters {
    /// Looks for what a database should do next. `is_first_look` is true when the poll arrives,
    /// false when it has waited and is looked at again.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn answer_poll(
        &self,
        database: &DatabaseRecord,
        poll: &Poll,
        is_first_look: bool,
    ) -> Result<PollOutcome, DistributionError> {
        let (id, group) = (&database.database.id, &database.database.group);
        let now = self.now();
        if is_first_look {
            if let Some(page) = &poll.testimony {
                self.take_testimony(database, (page, poll))?;
            }
            self.notice_restore(id, poll)?;
        }
        let (mode, pull, todo, was_seen_at, revoked) = self.storage.read(|tx| {
            let group = tx.group_get(&database.database.group)?;
            let seen = tx.database_get(id)?.and_then(|record| record.last_seen_at);
            let mode = group.map_or(ExchangeMode::Live, |group| group.mode);
            let asked = asked_of(tx, id)?.filter(|_| poll.learnt.is_some());
            let todo = match asked {
                Some((_, hearing)) => Todo::Testify(next_page(&hearing)),
                // Another machine with the same identity has applied something meanwhile: what
                // comes behind that is not for this one.
                None if tx.applied_get(id, APPLIED_LAST)? != poll.applied => Todo::AskAgain,
                None => Todo::Apply(nexts_for(tx, database, now)?),
            };
            let revoked = revoked_of(tx, id, poll)?;
            Ok((mode, tx.pull_get()?, todo, seen, revoked))
        })?;
        let answers_pull = poll.pulled.min(pull) > database.pulled;
        let is_stale =
            was_seen_at.is_none_or(|seen| now.duration_since(seen).unsigned_abs() >= SEEN_EVERY);
        if is_first_look && (answers_pull || is_stale) {
            self.storage
                .write(|tx| tx.database_seen(id, &poll.health, poll.pulled.min(pull), now))?;
        }
        let asks_again = matches!(todo, Todo::AskAgain);
        let (testify, nexts) = match todo {
            Todo::Testify(page) => (Some(page), vec![]),
            Todo::AskAgain => (None, vec![]),
            Todo::Apply(nexts) => (None, nexts),
        };
        let (mut offers, mut look_again_at) = (vec![], None);
        for (download, next) in nexts {
            match next {
                Next::Nothing => {}
                Next::NotBefore(at) => {
                    look_again_at = Some(look_again_at.map_or(at, |it: Timestamp| it.min(at)));
                }
                Next::SnapshotWanted => self.signals().snapshot_wanted(download, group),
                Next::Session(session, package) => {
                    offers.push(self.offer(id, session.id, *package)?);
                }
                Next::Package(package) => {
                    let session = self.open_session(database, &package, now)?;
                    let offer = session.map(|session| self.offer(id, session, *package));
                    offers.extend(offer.transpose()?);
                }
            }
        }
        let is_news = !offers.is_empty()
            || testify.is_some()
            || asks_again
            || pull > poll.pulled
            || mode != poll.mode
            || revoked != poll.revoked;
        let answer = PollAnswer { mode, pull, offers, testify, revoked };
        Ok(PollOutcome { answer, is_news, look_again_at })
    }

    fn offer(
        &self,
        database: &DatabaseId,
        session: SessionId,
        package: PackageRecord,
    ) -> Result<Offer, DistributionError> {
        let goes_on_anyhow = package.scope == Scope::Delta
            && self.storage.read(|tx| follows_canceled(tx, database, &package))?;
        let sequence = (!goes_on_anyhow).then_some(package.position.sequence);
        let manifest = package.manifest.expect("an available package has a manifest");
        Ok(Offer { session, manifest, sequence })
    }

    /// The session by which a database gets a package; none when it may not have it: a lever can
    /// have been moved since the package was chosen.
    fn open_session(
        &self,
        database: &DatabaseRecord,
        package: &PackageRecord,
        now: Timestamp,
    ) -> Result<Option<SessionId>, DistributionError> {
        let id = &database.database.id;
        let new = DownloadSessionRecord {
            id: SessionId::from_uuid(self.mint(now)),
            database: id.clone(),
            package: package.id,
            job: package.job,
            progress: Progress::fresh(DownloadStatus::Available),
            error: None,
            rerun_of: None,
            created_at: now,
            updated_at: now,
            applied_at: None,
        };
        Ok(self.storage.write(|tx| {
            if !may_have(tx, database, package)? {
                return Ok(None);
            }
            // Two polls of one database can race for the same package: the first makes the session.
            let open = tx.sessions_open(id)?;
            if let Some(session) = open.into_iter().find(|s| s.package == package.id) {
                return Ok(Some(session.id));
            }
            tx.session_put(&new)?;
            Ok(Some(new.id))
        })?)
    }

    /// Opens a session for a snapshot for every database of its group and audience, so that each
    /// applies it although its position would not ask for it.
    pub(crate) fn offer_to_all(&self, snapshot: &PackageRecord) -> Result<(), DistributionError> {
        let databases = self.storage.read(|tx| tx.databases_all())?;
        let now = self.now();
        let takes_part = |record: &&DatabaseRecord| {
            record.database.group == snapshot.group
                && record.enrolled_at.is_some()
                && record.revoked_at.is_none()
        };
        for database in databases.iter().filter(takes_part) {
            self.open_session(database, snapshot, now)?;
        }
        self.signals().offers_changed();
        Ok(())
    }

    /// The streams of a group in which no snapshot is recent enough to start a database from, or
    /// one of the deltas after it is gone.
    pub(crate) fn snapshots_missing(
        &self,
        download: Download,
        group: &GroupId,
    ) -> Result<Vec<Stream>, DistributionError> {
        Ok(self.storage.read(|tx| {
            let mut missing = Vec::new();
            for needed in needed_streams(tx, group, download.job())? {
                if snapshot_is_missing(tx, &needed)? {
                    missing.push(needed.stream);
                }
            }
            Ok(missing)
        })?)
    }

    /// Finds the bytes of a package that was offered to a database, and notes that it asked.
    ///
    /// # Errors
    /// NotFound: not offered to this database.
    pub fn request_package(
        &self,
        database: &DatabaseId,
        package: &PackageId,
    ) -> Result<String, DistributionError> {
        let now = self.now();
        let jitter = self.jitter();
        let location = self.storage.write(|tx| {
            let open = tx.sessions_open(database)?;
            let Some(session) = open.into_iter().find(|s| s.package == *package) else {
                return Ok(None);
            };
            let (record, found) = (tx.database_get(database)?, tx.package_get(package)?);
            let (Some(record), Some(found)) = (record, found) else { return Ok(None) };
            if !may_have(tx, &record, &found)? {
                return Ok(None);
            }
            let step = DownloadEvent::Requested;
            let stepped = session.progress.step(step, now, &RetryPolicy::SESSION, jitter);
            let Ok(progress) = stepped else { return Ok(None) };
            tx.session_put(&DownloadSessionRecord { progress, updated_at: now, ..session })?;
            Ok(found.location)
        })?;
        location.ok_or_else(|| DistributionError::NotOffered {
            package: *package,
            database: database.clone(),
        })
    }
}

/// The registers of a channel that are revoked, by name, if it says which it knows of.
fn revoked_of(
    tx: &mut dyn ReadTx,
    channel: &DatabaseId,
    poll: &Poll,
) -> Result<Option<Vec<RegisterName>>, StorageError> {
    if poll.revoked.is_none() {
        return Ok(None);
    }
    let mut revoked = tx.revoked_registers(channel)?;
    revoked.sort_unstable();
    Ok(Some(revoked.into_iter().map(RegisterName).collect()))
}

/// Whether an operator canceled the session before this package: then the database is to go on
/// without it, and must not mind the gap. One that has applied something of the job since has
/// nothing to go on without.
fn follows_canceled(
    tx: &mut dyn ReadTx,
    database: &DatabaseId,
    package: &PackageRecord,
) -> Result<bool, StorageError> {
    let recent = SessionFilter {
        database: Some(database.clone()),
        limit: SESSIONS_BACK,
        ..SessionFilter::default()
    };
    let has_ended = |session: &&DownloadSessionRecord| {
        let status = session.progress.status;
        session.job == package.job
            && matches!(status, DownloadStatus::Applied | DownloadStatus::Canceled)
    };
    let recent = tx.sessions_list(&recent)?;
    let Some(last) = recent.iter().find(has_ended) else { return Ok(false) };
    if last.progress.status != DownloadStatus::Canceled {
        return Ok(false);
    }
    let before = tx.package_get(&last.package)?;
    Ok(before.is_some_and(|it| it.position.sequence + 1 == package.position.sequence))
}

fn nexts_for(
    tx: &mut dyn ReadTx,
    database: &DatabaseRecord,
    now: Timestamp,
) -> Result<Vec<(Download, Next)>, StorageError> {
    let open = tx.sessions_open(&database.database.id)?;
    let mut nexts = Vec::new();
    for download in Download::ALL {
        let share = Share::of(tx, database, download.job())?;
        let oldest = open.iter().find(|session| session.job == download.job());
        let next = match (share.held, oldest) {
            (Some(Held::Paused), _) | (Some(Held::Excluded), None) => Next::Nothing,
            (_, Some(session)) => next_try(tx, session.clone(), now)?,
            (None, None) => next_package(tx, download, (database, &share))?,
        };
        nexts.push((download, next));
    }
    Ok(nexts)
}

fn next_try(
    tx: &mut dyn ReadTx,
    session: DownloadSessionRecord,
    now: Timestamp,
) -> Result<Next, StorageError> {
    if session.progress.status == DownloadStatus::Suspended {
        return Ok(Next::Nothing);
    }
    // A try that lies further ahead than any pause was set by a clock that has been corrected.
    let latest = now + RetryPolicy::SESSION.delay_max;
    if let Some(at) = session.progress.next_try_at.filter(|at| *at > now && *at <= latest) {
        return Ok(Next::NotBefore(at));
    }
    let package = tx.package_get(&session.package)?;
    Ok(match package.filter(|package| package.manifest.is_some()) {
        Some(package) => Next::Session(session, Box::new(package)),
        None => Next::Nothing,
    })
}

fn next_package(
    tx: &mut dyn ReadTx,
    download: Download,
    (database, share): (&DatabaseRecord, &Share),
) -> Result<Next, StorageError> {
    let job = download.job();
    let stream = share.stream(&database.database.group, job);
    let newest = tx.row_version_get(&stream)?.sequence;
    let position = share.position(tx, database, job)?;
    if let Some(position) = position {
        if newest <= position.sequence {
            return Ok(Next::Nothing);
        }
        if newest - position.sequence <= BACKLOG_MAX
            && let Some(delta) = tx.delta_get(&stream, position.sequence + 1)?
        {
            return Ok(Next::Package(Box::new(delta)));
        }
    }
    // A chain that keeps no items here sends none, and one without profiles in force sends none of
    // those: not even an empty snapshot.
    let is_unused = match download {
        Download::Customers => false,
        Download::Products => newest == 0 && tx.items_count()? == 0,
        Download::Profiles => newest == 0 && !profiles_are_in_force(tx)?,
        Download::Registers => newest == 0 && !offline_profiles_are_in_force(tx)?,
        Download::Staff => newest == 0 && !staff_are_in_use(tx)?,
        Download::Features => newest == 0 && !features_are_in_force(tx)?,
    };
    if is_unused {
        return Ok(Next::Nothing);
    }
    // New, too far behind, or the delta it needs is gone.
    let behind = position.map_or(0, |position| position.sequence + 1);
    let snapshot = tx.snapshot_latest(&stream)?.filter(|snapshot| {
        newest.saturating_sub(snapshot.position.sequence) <= BACKLOG_MAX
            && snapshot.position.sequence >= behind
            && snapshot.position.version >= share.since
    });
    Ok(match snapshot {
        Some(snapshot) => Next::Package(Box::new(snapshot)),
        None => Next::SnapshotWanted,
    })
}

fn snapshot_is_missing(
    tx: &mut dyn ReadTx,
    NeededStream { stream, since, .. }: &NeededStream,
) -> Result<bool, StorageError> {
    let newest = tx.row_version_get(stream)?.sequence;
    let latest = tx.snapshot_latest(stream)?.filter(|latest| latest.position.version >= *since);
    let Some(latest) = latest else { return Ok(true) };
    let begin = latest.position.sequence;
    if newest.saturating_sub(begin) > BACKLOG_MAX {
        return Ok(true);
    }
    for sequence in begin + 1..=newest {
        if tx.delta_get(stream, sequence)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
