//! What every handler shares, and the one bridge from sockets to synchronous use cases.
//!
//! Work is bounded here, so that ten thousand channels at once cost time and never memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tillsync_exchange::package::UPLOAD_BYTES_MAX;
use tillsync_hq::Headquarters;
use tillsync_hq::check::{CheckDepth, CheckReport};
use tillsync_hq::workers::Workers;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::refusal::HttpError;
use crate::server::PackageLinks;

/// Use cases that run at once.
const WORK_AT_ONCE: usize = 32;

/// Waiting polls that look at the database at once: a change wakes all of them.
const LOOKS_AT_ONCE: usize = 8;

/// Uploads that are unpacked and written at once; the database has one writer anyway.
const UPLOADS_AT_ONCE: usize = 2;

/// Bytes of uploads held in memory at once, in units of [`BUFFER_UNIT`].
const BUFFER_UNITS: usize = 4 * (UPLOAD_BYTES_MAX / BUFFER_UNIT) as usize;

/// The unit in which upload memory is lent.
const BUFFER_UNIT: u64 = 1 << 10;

/// How old the numbers of a scrape may be: scrapes are open to anyone and must stay cheap.
const REPORT_AGE_MAX: Duration = Duration::from_secs(1);

/// One headquarters node as its handlers see it.
pub(crate) struct App {
    hq: Arc<Headquarters>,
    package_links: PackageLinks,
    workers: Mutex<Option<Workers>>,
    work: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    buffers: Arc<Semaphore>,
    polls_waiting: AtomicUsize,
    report: tokio::sync::Mutex<Option<(Instant, Arc<CheckReport>)>>,
    recorder: PrometheusRecorder,
}

/// Which bound a piece of work counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Everything a person or a device waits for.
    Prompt,
    /// A poll that waited and looks again.
    Look,
    /// Writing an upload.
    Upload,
}

/// One poll that waits; dropping it ends the waiting.
pub(crate) struct WaitingPoll<'a>(&'a AtomicUsize);

impl App {
    /// Sets up handlers over a headquarters whose workers do not run yet.
    pub(crate) fn new(hq: Arc<Headquarters>, package_links: PackageLinks) -> Self {
        App {
            hq,
            package_links,
            workers: Mutex::default(),
            work: Arc::new(Semaphore::new(WORK_AT_ONCE)),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
            buffers: Arc::new(Semaphore::new(BUFFER_UNITS)),
            polls_waiting: AtomicUsize::new(0),
            report: tokio::sync::Mutex::default(),
            recorder: PrometheusBuilder::new().build_recorder(),
        }
    }

    /// Headquarters itself, for what needs no database.
    pub(crate) fn hq(&self) -> &Arc<Headquarters> {
        &self.hq
    }

    /// How channels get at the bytes of packages.
    pub(crate) fn package_links(&self) -> PackageLinks {
        self.package_links
    }

    /// Where this node's metrics are recorded.
    pub(crate) fn recorder(&self) -> &PrometheusRecorder {
        &self.recorder
    }

    /// Starts the worker threads.
    ///
    /// # Errors
    /// Broken: the machine gives no threads.
    pub(crate) fn start_workers(&self) -> std::io::Result<()> {
        let workers = Workers::start(&self.hq)?;
        *self.workers.lock().unwrap_or_else(PoisonError::into_inner) = Some(workers);
        Ok(())
    }

    /// Whether the worker threads were started and all of them still run.
    pub(crate) fn workers_run(&self) -> bool {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.as_ref().is_some_and(Workers::are_running)
    }

    /// Ends the worker threads after their present batch. Blocks.
    pub(crate) fn stop_workers(&self) {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(workers) = workers {
            workers.stop(&self.hq);
        }
    }

    /// Runs a use case on a thread of its own. When the caller goes away, the work still ends
    /// and still counts against its bound.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce(&Headquarters) -> Result<T, E> + Send + 'static,
    ) -> Result<T, HttpError>
    where
        T: Send + 'static,
        E: Send + 'static,
        HttpError: From<E>,
    {
        self.run_in(Lane::Prompt, work).await
    }

    /// The same in a lane of its own.
    pub(crate) async fn run_in<T, E>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Headquarters) -> Result<T, E> + Send + 'static,
    ) -> Result<T, HttpError>
    where
        T: Send + 'static,
        E: Send + 'static,
        HttpError: From<E>,
    {
        let bound = match lane {
            Lane::Prompt => &self.work,
            Lane::Look => &self.looks,
            Lane::Upload => &self.uploads,
        };
        let permit = Arc::clone(bound).acquire_owned().await.expect("bounds are never closed");
        let hq = Arc::clone(&self.hq);
        let span = tracing::Span::current();
        let done = spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| work(&hq))
        });
        match done.await {
            Ok(outcome) => Ok(outcome?),
            Err(panic) => Err(HttpError::broken(&panic)),
        }
    }

    /// Reserves memory for an upload of so many bytes, waiting while others use it.
    pub(crate) async fn reserve_buffer(&self, bytes: u64) -> OwnedSemaphorePermit {
        let units = u32::try_from(bytes.min(UPLOAD_BYTES_MAX) / BUFFER_UNIT + 1)
            .expect("an upload has few units");
        let buffers = Arc::clone(&self.buffers);
        buffers.acquire_many_owned(units).await.expect("bounds are never closed")
    }

    /// Counts a poll as waiting until the returned guard is dropped.
    pub(crate) fn count_waiting_poll(&self) -> WaitingPoll<'_> {
        self.polls_waiting.fetch_add(1, Ordering::Relaxed);
        WaitingPoll(&self.polls_waiting)
    }

    /// How many polls wait.
    pub(crate) fn polls_waiting(&self) -> usize {
        self.polls_waiting.load(Ordering::Relaxed)
    }

    /// The state of headquarters in numbers, at most a second old; computed once however many
    /// ask.
    pub(crate) async fn report(&self) -> Result<Arc<CheckReport>, HttpError> {
        let mut kept = self.report.lock().await;
        if let Some((made, report)) = kept.as_ref()
            && made.elapsed() < REPORT_AGE_MAX
        {
            return Ok(Arc::clone(report));
        }
        let report = Arc::new(self.run(|hq| hq.check(CheckDepth::Counts)).await?);
        *kept = Some((Instant::now(), Arc::clone(&report)));
        Ok(report)
    }
}

impl Drop for WaitingPoll<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
