//! The server: one database, one socket, the exchange threads, and an orderly end.
//!
//! It must never serve plain HTTP beyond loopback unless that was asked for in so many words.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tillsync_channel::edge::OpenError;
use tillsync_channel::exchange_loop::{ExchangeLoop, LoopOptions};
use tillsync_channel::offline_profile::{OfflineProfileSource, effective_offline_profile};
use tillsync_channel::{Edge, EdgeOptions, RealDisk};
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_web::{Bounds, Connections, Entrance, Limits, PlainHttp, ServerTls, TlsError};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::auth::SignInPolicy;
use crate::cache::PackageCache;
use crate::dial::{DialError, Dialing, HttpUpstream};
use crate::odata;
use crate::routes::router;

/// Connections at once: the registers of a store have two each, and programs a few.
const CONNECTIONS_MAX: usize = 2_000;

/// How long answers that are under way may take when the server ends.
const DRAIN_MAX: Duration = Duration::from_secs(3);
/// How much longer a register waits for a call than the channel that passes it on.
const RELAY_MARGIN: Duration = Duration::from_secs(1);

/// What to serve, and how.
pub struct ServeOptions {
    /// The folder of the database.
    pub data_dir: PathBuf,
    /// Channel or register.
    pub kind: DatabaseKind,
    /// The address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whether plain HTTP may leave this machine, in either direction.
    pub plain_http: PlainHttp,
    /// How the server is entered.
    pub entrance: Entrance,
    /// The authorities of the upstream's certificate, in PEM form; those that this machine trusts
    /// when absent.
    pub upstream_ca: Option<PathBuf>,
    /// The longest wait before an upstream that is away is tried again.
    pub reconnect_max: Duration,
    /// The longest wait for a call that headquarters answers while a till waits.
    pub realtime_wait_max: Duration,
    /// The country of an address that names none (F31).
    pub country_default: Option<String>,
    /// The currency of a sale, an order or a count that names none.
    pub currency_default: Currency,
    /// How staff sign in.
    pub sign_in: SignInPolicy,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where identities and jitter come from.
    pub entropy: Arc<dyn Entropy>,
}

/// Why the node did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Secrets and customers would travel in the clear.
    #[error(
        "{0} can be reached from other machines, and plain HTTP would show credentials and \
         customers to the network; give a certificate (--tls-certificate, --tls-key), listen on \
         127.0.0.1 behind a proxy that speaks TLS, or allow plain HTTP explicitly"
    )]
    PlainHttp(SocketAddr),
    /// There is no certificate to show.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The upstream must not or cannot be dialled.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process serves the same folder.
    #[error("another process serves {}", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("use the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// The address is taken or not this machine's.
    #[error("listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
    /// The machine gives no threads.
    #[error("start the exchange threads")]
    Threads(#[source] std::io::Error),
}

impl ServeError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ServeError::PlainHttp(_) => ErrorKind::Invalid,
            ServeError::Tls(error) => error.kind(),
            ServeError::Dial(error) => error.kind(),
            ServeError::Open(error) => error.kind(),
            ServeError::InUse(_) | ServeError::Listen { .. } => ErrorKind::Conflict,
            ServeError::Folder { .. } | ServeError::Threads(_) => ErrorKind::Broken,
        }
    }
}

/// Serves until `stop` completes; then lets what is under way end, stops the exchange and folds
/// the write-ahead log into the database file.
///
/// `on_listening` hears the real address before the first request is taken.
///
/// # Errors
/// Invalid: plain HTTP where it is not allowed, or a certificate that is none. NotFound: not
/// enrolled, or no such certificate. Conflict: the address or
/// the folder is in use. Broken: the database or the machine failed.
pub async fn serve(
    options: ServeOptions,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let listen = options.listen;
    let entrance = options.entrance.clone();
    let tls = entrance.tls.as_ref().map(ServerTls::open).transpose()?;
    let is_plain = tls.is_none() && options.plain_http == PlainHttp::LoopbackOnly;
    if is_plain && !listen.ip().is_loopback() {
        return Err(ServeError::PlainHttp(listen));
    }
    let failed = |source| ServeError::Listen { listen, source };
    let opened = spawn_blocking(move || Opened::open(options)).await;
    let opened = opened.map_err(|error| ServeError::Threads(std::io::Error::other(error)))??;
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let exchange = opened.start_exchange().map_err(ServeError::Threads)?;
    on_listening(address);
    tracing::info!(%address, database = %opened.app.edge.identity().database, "the node serves");

    let limits = Limits::new(&entrance, odata::too_many);
    let bounds =
        Bounds { connections_max: CONNECTIONS_MAX, drain_max: DRAIN_MAX, ..Bounds::default() };
    let mut open = Connections::new(limits.over(router(&opened.app)), tls, bounds);
    open.accept_until(&listener, stop).await;
    open.take_the_rest(&listener).await;
    drop(listener);
    open.drain().await;
    let ended = spawn_blocking(move || opened.close(exchange)).await;
    ended.map_err(|error| ServeError::Threads(std::io::Error::other(error)))
}

/// The same for a caller without a runtime. Calls upstream that are under way are abandoned.
///
/// # Errors
/// As [`serve`].
pub fn serve_blocking(
    options: ServeOptions,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ServeError::Threads)?;
    let served = runtime.block_on(serve(options, on_listening, stop));
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// How long a till waits for its upstream: as the offline profile says, where one came.
fn wait_max(edge: &Edge, usual: Duration) -> Duration {
    match effective_offline_profile(edge) {
        Ok(profile) if profile.source != OfflineProfileSource::UntilDistributed => {
            Duration::from_millis(profile.settings.request_timeout_ms.into())
        }
        Ok(_) | Err(_) => usual,
    }
}

/// An open database with everything that serves it.
struct Opened {
    app: Arc<App>,
    clock: Arc<dyn Clock>,
    reconnect_max: Duration,
    /// Held as long as the folder is served; a killed process loses it by itself.
    _lock: File,
}

impl Opened {
    fn open(options: ServeOptions) -> Result<Self, ServeError> {
        let ServeOptions { data_dir, kind, plain_http, clock, sign_in, .. } = options;
        let dialing = Dialing { plain_http, authority: options.upstream_ca };
        let edge_options = EdgeOptions {
            entropy: options.entropy,
            country_default: options.country_default,
            currency_default: options.currency_default,
            disk: Arc::new(RealDisk),
        };
        let edge = Edge::open(&data_dir, kind, edge_options)?;
        let folder = |source| ServeError::Folder { path: data_dir.clone(), source };
        let lock = File::create(data_dir.join("serve.lock")).map_err(folder)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ServeError::InUse(data_dir)),
            Err(TryLockError::Error(source)) => return Err(folder(source)),
        }
        // The channel in between gives up first, so that its register hears what it knows.
        let margin = if kind == DatabaseKind::Register { RELAY_MARGIN } else { Duration::ZERO };
        let edge = Arc::new(edge);
        let (upstream, asked) = (HttpUpstream::of(edge.identity(), &dialing)?, Arc::clone(&edge));
        let usual = options.realtime_wait_max + margin;
        let upstream = Arc::new(upstream.waiting(move || wait_max(&asked, usual)));
        let cache = PackageCache::open(&data_dir.join("cache")).map_err(folder)?;
        let app = Arc::new(App::new(edge, upstream, cache, (Arc::clone(&clock), sign_in)));
        Ok(Opened { app, clock, reconnect_max: options.reconnect_max, _lock: lock })
    }

    fn start_exchange(&self) -> std::io::Result<ExchangeLoop> {
        let options = LoopOptions { reconnect_max: self.reconnect_max, ..LoopOptions::default() };
        let (edge, upstream) = (Arc::clone(&self.app.edge), Arc::clone(&self.app.upstream));
        ExchangeLoop::start(edge, upstream, Arc::clone(&self.clock), options)
    }

    fn close(self, exchange: ExchangeLoop) {
        exchange.stop();
        if let Err(error) = self.app.edge.db().checkpoint() {
            tracing::warn!(%error, "the write-ahead log stays beside the database");
        }
    }
}
