//! The threads of a headquarters server: promote, settle and distribute at once, keep schedules,
//! and notice what other processes did to the same database.
//!
//! Statements are no live work: they run by schedule, or when somebody asks.
//!
//! They hold no state that matters: stopping or killing them at any point loses nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tillsync_domain::ids::{CustomerGuid, GroupId, Version};
use tillsync_domain::job::JobName;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::promotion::InboxPosition;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::messages::ExchangeMode;

use crate::distribution::{CleanUpSummary, Download, needed_streams};
use crate::exclusion::Levers;
use crate::features::features_are_in_force;
use crate::headquarters::Headquarters;
use crate::jobs::{JobError, JobOptions};
use crate::nodes::HEARTBEAT;
use crate::offline_profiles::offline_profiles_are_in_force;
use crate::profiles::profiles_are_in_force;
use crate::promote::PromoteError;
use crate::signals::{News, Wake};
use crate::staff::staff_are_in_use;
use crate::statements::StatementError;
use crate::storage::{
    DocumentPosition, DueOperations, DueOrders, DueTransactions, GroupRecord, Position, ReadTx,
    RunOutcome, StorageError, Trigger,
};
use crate::synchronize_orders::SynchronizeError;
use crate::validate::ValidateError;

/// How long a worker sleeps when nobody wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a worker waits after a failure or while another process runs the job.
const AFTER_FAILURE: Duration = Duration::from_millis(250);

/// So many looks pass before what waits is tried although nothing woke the worker: what it waits
/// for may have been promoted by another process.
const WAITING_EVERY: u32 = 12;

/// How many due documents are looked at to see whether one of them is worth a run.
const SETTLING_LOOK: usize = 100;

/// How often old packages, sessions and orphaned objects are looked for.
const CLEAN_UP_EVERY: Duration = Duration::from_hours(1);

/// How long a scheduled P-0001 waits for channels.
const PULL_PATIENCE: Duration = Duration::from_secs(30);

/// The running threads.
#[derive(Debug)]
pub struct Workers {
    hq_threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// Broken: the machine gives no threads.
    pub fn start(hq: &Arc<Headquarters>) -> std::io::Result<Workers> {
        let spawn = |name: &str, work: fn(&Headquarters)| {
            let hq = Arc::clone(hq);
            std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&hq))
        };
        Ok(Workers {
            hq_threads: vec![
                spawn("promote", promote_live)?,
                spawn("settle", settle_live)?,
                spawn("distribute", distribute_live)?,
                spawn("schedule", keep_schedules)?,
                spawn("clean-up", clean_up)?,
                spawn("heartbeat", stay_listed)?,
                spawn("look-out", look_out)?,
            ],
        })
    }

    /// Whether every thread still runs: none has panicked or ended.
    pub fn are_running(&self) -> bool {
        self.hq_threads.iter().all(|thread| !thread.is_finished())
    }

    /// Asks the threads to end after their present batch, waits for them, and leaves what they held
    /// to other nodes.
    pub fn stop(self, hq: &Headquarters) {
        hq.signals().stop();
        for thread in self.hq_threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
        if let Err(error) = hq.leave() {
            tracing::warn!(%error, "leave the list of nodes; leases expire by themselves");
        }
    }
}

impl Headquarters {
    /// The jobs that the threads would run now, in the order in which work goes through them: for
    /// those who drive a headquarters without its threads. What woke them is taken.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn due_live_jobs(&self) -> Result<Vec<(JobName, JobOptions)>, JobError> {
        let wake = self.signals().wait(Duration::ZERO, |_| true);
        let mut due = Vec::new();
        if promotes_now(self, &wake)? {
            due.push((JobName::SynchronizeCustomers, JobOptions::default()));
        }
        for job in SETTLING {
            if settles_now(self, job, wake.documents)? {
                due.push((job, JobOptions::default()));
            }
        }
        for download in Download::ALL {
            let options = distributes_now(self, download, &wake)?;
            due.extend(options.map(|options| (download.job(), options)));
        }
        Ok(due)
    }
}

fn promote_live(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        let wake = hq.signals().wait(LOOK_AGAIN, |wake| {
            *wake = Wake { operations: wake.operations, ..Wake::default() };
            wake.operations
        });
        if hq.signals().is_stopping() {
            return;
        }
        let ran = promotes_now(hq, &wake).and_then(|is_due| {
            if is_due {
                hq.run_job(JobName::SynchronizeCustomers, Trigger::Live, JobOptions::default())?;
            }
            Ok(())
        });
        if let Err(error) = ran {
            log_unless_busy(JobName::SynchronizeCustomers, &error);
            hq.signals().pause(AFTER_FAILURE);
            hq.signals().operations_arrived();
        }
    }
}

/// Orders first: an order is validated only once it has its sales order.
const SETTLING: [JobName; 2] = [JobName::SynchronizeOrders, JobName::ValidateTransactions];

fn settle_live(hq: &Headquarters) {
    let mut looks = 0_u32;
    while !hq.signals().is_stopping() {
        let wake = hq.signals().wait(LOOK_AGAIN, |wake| {
            *wake = Wake { documents: wake.documents, ..Wake::default() };
            wake.documents
        });
        if hq.signals().is_stopping() {
            return;
        }
        let is_asked = wake.documents || looks.is_multiple_of(WAITING_EVERY);
        looks = looks.wrapping_add(1);
        for job in SETTLING {
            let ran = settles_now(hq, job, is_asked).and_then(|is_due| {
                if is_due {
                    hq.run_job(job, Trigger::Live, JobOptions::default())?;
                }
                Ok(())
            });
            if let Err(error) = ran {
                log_unless_busy(job, &error);
                hq.signals().pause(AFTER_FAILURE);
                hq.signals().documents_arrived();
            }
        }
    }
}

fn distribute_live(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        let wake = hq.signals().wait(LOOK_AGAIN, |wake| {
            let Wake { customers, items, profiles, registers, features, staff, .. } = *wake;
            let snapshots = std::mem::take(&mut wake.snapshots);
            *wake = Wake {
                customers,
                items,
                profiles,
                registers,
                features,
                staff,
                snapshots,
                ..Wake::default()
            };
            wake.asks_for_packages()
        });
        if hq.signals().is_stopping() {
            return;
        }
        for download in Download::ALL {
            distribute_one(hq, download, &wake);
        }
    }
}

fn distribute_one(hq: &Headquarters, download: Download, wake: &Wake) {
    let ran = distributes_now(hq, download, wake).and_then(|options| {
        let Some(options) = options else { return Ok(()) };
        let run = hq.run_job(download.job(), Trigger::Live, options)?;
        if run.outcome != RunOutcome::Succeeded {
            // A full disk or a store that is away: polls ask again soon enough.
            hq.signals().pause(LOOK_AGAIN);
        }
        Ok(())
    });
    if let Err(error) = ran {
        log_unless_busy(download.job(), &error);
        hq.signals().pause(AFTER_FAILURE);
        match download {
            Download::Customers => hq.signals().customers_changed(),
            Download::Products => hq.signals().items_changed(),
            Download::Profiles => hq.signals().profiles_changed(),
            Download::Registers => hq.signals().registers_changed(),
            Download::Features => hq.signals().features_changed(),
            Download::Staff => hq.signals().staff_changed(),
        }
    }
}

fn keep_schedules(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        hq.signals().pause(Duration::from_secs(1));
        let jobs = hq.take_due_jobs().unwrap_or_else(|error| {
            tracing::error!(%error, "look for jobs that are due");
            vec![]
        });
        for job in jobs {
            let options = JobOptions { patience: PULL_PATIENCE, ..JobOptions::default() };
            match hq.run_job(job, Trigger::Schedule, options) {
                Ok(run) => tracing::info!(%job, outcome = run.outcome.as_str(), "scheduled run"),
                Err(error) => log_unless_busy(job, &error),
            }
        }
    }
}

fn stay_listed(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        if let Err(error) = hq.send_heartbeat() {
            tracing::warn!(%error, "say that this node is there");
        }
        hq.signals().pause(HEARTBEAT);
    }
}

/// What a poll that waits at this node may have missed: a command or another node makes packages,
/// pulls and moves groups without this process.
#[derive(Debug, PartialEq, Eq)]
struct Offered {
    pull: u64,
    levers: Version,
    groups: Vec<(GroupRecord, Vec<Position>)>,
}

/// Wakes the polls that wait here whenever another process made something for them. Other nodes
/// look for themselves, so it is passed on to nobody.
fn look_out(hq: &Headquarters) {
    let mut seen = None;
    while !hq.signals().is_stopping() {
        // Whoever cannot look now looks again; other workers report that the database is away.
        if let Ok(offered) = read_offered(hq) {
            // The first look, too: something may have happened before it.
            if seen.as_ref() != Some(&offered) {
                hq.signals().heard(News::Offers);
            }
            seen = Some(offered);
        }
        hq.signals().pause(LOOK_AGAIN);
    }
}

fn read_offered(hq: &Headquarters) -> Result<Offered, StorageError> {
    hq.storage().read(|tx| {
        let mut groups = Vec::new();
        for group in tx.groups_all()? {
            let mut positions = Vec::new();
            for download in Download::ALL {
                for needed in needed_streams(tx, &group.id, download.job())? {
                    positions.push(tx.row_version_get(&needed.stream)?);
                }
            }
            groups.push((group, positions));
        }
        let levers = Levers::read(tx)?.version;
        Ok(Offered { pull: tx.pull_get()?, levers, groups })
    })
}

/// On every node, for itself: what another one has deleted already is no trouble.
fn clean_up(hq: &Headquarters) {
    while !hq.signals().is_stopping() {
        match hq.clean_up() {
            Ok(done) if done == CleanUpSummary::default() => {}
            Ok(done) => tracing::info!(
                packages = done.packages,
                uploads = done.uploads,
                orphans = done.orphans,
                "cleaned up"
            ),
            Err(error) => tracing::warn!(%error, "clean up; the next round goes on"),
        }
        hq.signals().pause(CLEAN_UP_EVERY);
    }
}

fn works_live(hq: &Headquarters) -> Result<bool, JobError> {
    let groups = hq.storage().read(|tx| tx.groups_all())?;
    Ok(groups.iter().any(|group| group.mode == ExchangeMode::Live))
}

/// Whether customers are to be promoted at once.
fn promotes_now(hq: &Headquarters, wake: &Wake) -> Result<bool, JobError> {
    Ok(works_live(hq)? && (wake.operations || is_anything_due(hq)?))
}

/// Whether a job that settles documents is to run at once.
fn settles_now(hq: &Headquarters, job: JobName, is_asked: bool) -> Result<bool, JobError> {
    Ok(works_live(hq)? && (is_asked || is_settling_due(hq, job)?))
}

/// How a download is to run at once, if it is.
fn distributes_now(
    hq: &Headquarters,
    download: Download,
    wake: &Wake,
) -> Result<Option<JobOptions>, JobError> {
    let wanted = wake.snapshots.iter().filter(|(wanted, _)| *wanted == download);
    let snapshots_for: BTreeSet<_> = wanted.map(|(_, group)| group.clone()).collect();
    let has_changed = match download {
        Download::Customers => wake.customers,
        Download::Products => wake.items,
        Download::Profiles => wake.profiles,
        Download::Registers => wake.registers,
        Download::Features => wake.features,
        Download::Staff => wake.staff,
    };
    // One change log serves them all, so a version says only that something changed: a wake-up for
    // another one is no reason to look at once.
    let is_idle_look = !wake.asks_for_packages();
    let is_due = has_changed
        || !snapshots_for.is_empty()
        || (is_idle_look && is_distribution_due(hq, download)?);
    Ok(is_due.then(|| JobOptions { snapshots_for, ..JobOptions::default() }))
}

fn is_anything_due(hq: &Headquarters) -> Result<bool, JobError> {
    let now = hq.now();
    let only: Option<Vec<CustomerGuid>> = None;
    let due = DueOperations { after: InboxPosition(0), limit: 1, now, only };
    Ok(!hq.storage().read(|tx| tx.operations_due(&due))?.is_empty())
}

/// Whether a document is due that does not only wait for something else.
fn is_settling_due(hq: &Headquarters, job: JobName) -> Result<bool, JobError> {
    let (after, limit, now) = (DocumentPosition(0), SETTLING_LOOK, hq.now());
    Ok(hq.storage().read(|tx| {
        if job == JobName::SynchronizeOrders {
            let due = DueOrders { after, limit, now, store: None, only: None };
            let orders = tx.orders_due(&due)?;
            let mut states = orders.iter().filter_map(|record| record.order.as_ref());
            return Ok(states.any(|order| order.status != OrderStatus::Waiting));
        }
        let due = DueTransactions { after, limit, store: None, only: None };
        let transactions = tx.transactions_due(&due)?;
        Ok(transactions.iter().any(|record| record.validation == ValidationStatus::New))
    })?)
}

fn is_distribution_due(hq: &Headquarters, download: Download) -> Result<bool, JobError> {
    let is_due = hq.storage().read(|tx| {
        if download == Download::Profiles && !profiles_are_in_force(tx)? {
            return Ok(false);
        }
        if download == Download::Registers && !offline_profiles_are_in_force(tx)? {
            return Ok(false);
        }
        if download == Download::Staff && !staff_are_in_use(tx)? {
            return Ok(false);
        }
        if download == Download::Features && !features_are_in_force(tx)? {
            return Ok(false);
        }
        let horizon = tx.change_horizon()?;
        for group in tx.groups_all()? {
            if group.mode == ExchangeMode::Live && is_behind(tx, (download, &group.id), horizon)? {
                return Ok(true);
            }
        }
        Ok::<_, StorageError>(false)
    })?;
    Ok(is_due)
}

/// Whether packages of a group do not hold everything up to the horizon. Where something is kept
/// back, nothing is missing before the first snapshot was asked for.
fn is_behind(
    tx: &mut dyn ReadTx,
    (download, group): (Download, &GroupId),
    horizon: Version,
) -> Result<bool, StorageError> {
    for needed in needed_streams(tx, group, download.job())? {
        let position = tx.row_version_get(&needed.stream)?.version;
        let has_begun = needed.stream.audience.is_everyone() || position > Version(0);
        if needed.has_deltas && has_begun && position < horizon {
            return Ok(true);
        }
    }
    Ok(false)
}

fn log_unless_busy(job: JobName, error: &JobError) {
    let runs_elsewhere = match error {
        JobError::AlreadyRunning { .. } => true,
        JobError::Promote(error) => matches!(error, PromoteError::LeaseLost),
        JobError::Orders(error) => matches!(error, SynchronizeError::LeaseLost),
        JobError::Validate(error) => matches!(error, ValidateError::LeaseLost),
        JobError::Statements(error) => matches!(**error, StatementError::LeaseLost),
        _ => false,
    };
    if runs_elsewhere {
        // Another process does the work, or will be done in a moment.
        tracing::debug!(%job, %error, "the job runs elsewhere");
    } else {
        tracing::error!(%job, %error, "a job failed; it is tried again");
    }
}
