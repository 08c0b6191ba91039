//! What all handlers share, and the one bridge from async to the synchronous edge.

use std::sync::Arc;

use jiff::Timestamp;
use metrics::{counter, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tillsync_channel::Edge;
use tillsync_domain::clock::Clock;
use tillsync_domain::kind::ErrorKind;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::cache::PackageCache;
use crate::dial::HttpUpstream;
use crate::relay::Offers;

/// What all handlers share.
pub(crate) struct App {
    pub(crate) edge: Arc<Edge>,
    pub(crate) upstream: Arc<HttpUpstream>,
    pub(crate) cache: PackageCache,
    pub(crate) offers: Offers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) recorder: PrometheusRecorder,
}

/// The work broke off without a result: a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokeOff;

impl BrokeOff {
    pub(crate) const MESSAGE: &'static str = "internal error; the log of this node says more";

    pub(crate) fn kind(self) -> ErrorKind {
        ErrorKind::Broken
    }
}

impl App {
    pub(crate) fn new(
        edge: Arc<Edge>,
        upstream: Arc<HttpUpstream>,
        cache: PackageCache,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let offers = Offers::default();
        App { edge, upstream, cache, offers, clock, recorder }
    }

    /// Counts a customer that was created here.
    pub(crate) fn count_created(&self) {
        with_local_recorder(&self.recorder, || {
            counter!("tillsync_customers_created_total").increment(1);
        });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs work that waits for the database only.
    pub(crate) async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, BrokeOff>
    where
        F: FnOnce(&App) -> T + Send + 'static,
        T: Send + 'static,
    {
        let app = Arc::clone(self);
        spawn_blocking(move || work(&app)).await.map_err(|_| BrokeOff)
    }

    /// Runs work that may wait for the upstream. It gets a thread of its own, since the end of
    /// the runtime would wait for a blocking task, and so for an upstream that holds a poll.
    pub(crate) async fn run_upstream<T, F>(self: &Arc<Self>, work: F) -> Result<T, BrokeOff>
    where
        F: FnOnce(&App) -> T + Send + 'static,
        T: Send + 'static,
    {
        let app = Arc::clone(self);
        let (answer, answered) = oneshot::channel();
        std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || drop(answer.send(work(&app))))
            .map_err(|_| BrokeOff)?;
        answered.await.map_err(|_| BrokeOff)
    }
}
