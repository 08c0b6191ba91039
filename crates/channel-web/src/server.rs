//! The server: one database, one socket, the exchange threads, and an orderly end.
//!
//! It must never serve plain HTTP beyond loopback unless that was asked for in so many words.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tillsync_channel::edge::OpenError;
use tillsync_channel::exchange_loop::{ExchangeLoop, LoopOptions};
use tillsync_channel::{Edge, EdgeOptions, RealDisk};
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_exchange::messages::DatabaseKind;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::cache::PackageCache;
use crate::dial::{DialError, HttpUpstream, PlainHttp};
use crate::routes::router;

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
    /// The longest wait before an upstream that is away is tried again.
    pub reconnect_max: Duration,
    /// The longest wait for a call that headquarters answers while a till waits.
    pub realtime_wait_max: Duration,
    /// The country of an address that names none (F31).
    pub country_default: Option<String>,
    /// The currency of a sale, an order or a count that names none.
    pub currency_default: Currency,
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
         customers to the network; listen on 127.0.0.1 behind a proxy that speaks TLS, or allow \
         plain HTTP explicitly"
    )]
    PlainHttp(SocketAddr),
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
/// Invalid: plain HTTP where it is not allowed. NotFound: not enrolled. Conflict: the address or
/// the folder is in use. Broken: the database or the machine failed.
pub async fn serve(
    options: ServeOptions,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let listen = options.listen;
    if options.plain_http == PlainHttp::LoopbackOnly && !listen.ip().is_loopback() {
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

    // An answer that waits for a delayed acknowledgement would cost a till 40 ms.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let (stopping, stopped) = oneshot::channel::<()>();
    let served = axum::serve(listener, router(&opened.app)).with_graceful_shutdown(async move {
        stop.await;
        drop(stopping);
    });
    let drained = async {
        let _ = stopped.await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        served = served => served.map_err(failed)?,
        () = drained => tracing::warn!("some requests did not end in time and were cut off"),
    }
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
        let ServeOptions { data_dir, kind, plain_http, clock, .. } = options;
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
        let upstream = HttpUpstream::of(edge.identity(), plain_http)?;
        let upstream = Arc::new(upstream.waiting(options.realtime_wait_max + margin));
        let cache = PackageCache::open(&data_dir.join("cache")).map_err(folder)?;
        let app = Arc::new(App::new(Arc::new(edge), upstream, cache, Arc::clone(&clock)));
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
