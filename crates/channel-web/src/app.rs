//! What all handlers share, and the one bridge from async to the synchronous edge.

use std::sync::Arc;

use jiff::Timestamp;
use metrics::{counter, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tillsync_channel::Edge;
use tillsync_domain::clock::Clock;
use tillsync_domain::kind::ErrorKind;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::auth::SignInPolicy;
use crate::cache::PackageCache;
use crate::dial::HttpUpstream;
use crate::relay::Offers;
use crate::sign_in::PinGate;

/// What all handlers share.
pub(crate) struct App {
    pub(crate) edge: Arc<Edge>,
    pub(crate) upstream: Arc<HttpUpstream>,
    pub(crate) cache: PackageCache,
    pub(crate) offers: Offers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) recorder: PrometheusRecorder,
    pub(crate) sign_in: SignInPolicy,
    pub(crate) pins: PinGate,
    relays: Arc<Semaphore>,
}

/// Requests that may wait for the upstream at once; each holds a thread. A store has far fewer
/// registers, and none of them more than two requests under way.
const RELAYS_MAX: usize = 256;

/// Why work was not done to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unserved {
    /// It broke off without a result: a bug, or a machine without threads.
    #[error("internal error; the log of this node says more")]
    BrokeOff,
    /// Too many requests wait for the upstream already.
    #[error("too many requests wait for headquarters; try again later")]
    TooMany,
}

impl Unserved {
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Unserved::BrokeOff => ErrorKind::Broken,
            Unserved::TooMany => ErrorKind::Busy,
        }
    }
}

impl App {
    pub(crate) fn new(
        edge: Arc<Edge>,
        upstream: Arc<HttpUpstream>,
        cache: PackageCache,
        (clock, sign_in): (Arc<dyn Clock>, SignInPolicy),
    ) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let offers = Offers::default();
        let relays = Arc::new(Semaphore::new(RELAYS_MAX));
        let pins = PinGate::default();
        App { edge, upstream, cache, offers, clock, recorder, sign_in, pins, relays }
    }

    /// Counts a customer that was created here.
    pub(crate) fn count_created(&self) {
        with_local_recorder(&self.recorder, || {
            counter!("tillsync_customers_created_total").increment(1);
        });
    }

    /// Counts a sale or an order that was recorded here.
    pub(crate) fn count_recorded(&self) {
        with_local_recorder(&self.recorder, || {
            counter!("tillsync_transactions_recorded_total").increment(1);
        });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs work that waits for the database only.
    pub(crate) async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, Unserved>
    where
        F: FnOnce(&App) -> T + Send + 'static,
        T: Send + 'static,
    {
        let app = Arc::clone(self);
        spawn_blocking(move || work(&app)).await.map_err(|_| Unserved::BrokeOff)
    }

    /// Runs work that may wait for the upstream. It gets a thread of its own, since the end of
    /// the runtime would wait for a blocking task, and so for an upstream that holds a poll.
    pub(crate) async fn run_upstream<T, F>(self: &Arc<Self>, work: F) -> Result<T, Unserved>
    where
        F: FnOnce(&App) -> T + Send + 'static,
        T: Send + 'static,
    {
        let place = Arc::clone(&self.relays).try_acquire_owned();
        let place = place.map_err(|_| Unserved::TooMany)?;
        let app = Arc::clone(self);
        let (answer, answered) = oneshot::channel();
        std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || {
                drop(answer.send(work(&app)));
                drop(place);
            })
            .map_err(|_| Unserved::BrokeOff)?;
        answered.await.map_err(|_| Unserved::BrokeOff)
    }
}
