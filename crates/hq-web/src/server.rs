//! The server: one socket, the worker threads, and an orderly end.
//!
//! It must never serve plain HTTP beyond loopback unless that was asked for in so many words.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tillsync_domain::kind::ErrorKind;
use tillsync_hq::Headquarters;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::routes::router;

/// Connections at once: every channel holds one for its poll and sometimes one more.
const CONNECTIONS_MAX: usize = 25_000;

/// The most bytes of a request's head, and of what is read ahead of a connection's body.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// How long a caller may take to send a request's head, from the first byte or the last answer.
const HEAD_TIME_MAX: Duration = Duration::from_secs(60);

/// How long answers that are under way may take when the server ends.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long a connection that was just made may take to ask something when the server ends.
const FIRST_WORD_MAX: Duration = Duration::from_millis(300);

/// The pause after the machine refused a connection, for want of file descriptors as a rule.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Whether unencrypted HTTP may leave the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only on loopback addresses.
    LoopbackOnly,
    /// On any address: something in front encrypts.
    Allowed,
}

/// How channels get at the bytes of packages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PackageLinks {
    /// Headquarters reads them and sends them on.
    #[default]
    ThroughHeadquarters,
    /// From the bucket itself, by links that are valid for a few minutes. Packages in a folder
    /// come through headquarters nevertheless, and so does what a channel cannot reach.
    Direct,
}

/// What to serve, and where.
pub struct ServeOptions {
    /// The node.
    pub hq: Arc<Headquarters>,
    /// The address; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Whether the address may be another than loopback.
    pub plain_http: PlainHttp,
    /// How channels get at the bytes of packages.
    pub package_links: PackageLinks,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Secrets and customers would travel in the clear.
    #[error(
        "{0} can be reached from other machines, and plain HTTP would show credentials and \
         customers to the network; listen on 127.0.0.1 behind a proxy that speaks TLS, or allow \
         plain HTTP explicitly"
    )]
    PlainHttp(SocketAddr),
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
    #[error("start the worker threads")]
    Workers(#[source] std::io::Error),
}

impl ServeError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ServeError::PlainHttp(_) => ErrorKind::Invalid,
            ServeError::Listen { .. } => ErrorKind::Conflict,
            ServeError::Workers(_) => ErrorKind::Broken,
        }
    }
}

/// Serves until `stop` completes; then answers every waiting poll, lets what is under way end
/// within [`DRAIN_MAX`], and stops the workers after their present batch.
///
/// `on_listening` hears the real address before the first request is taken.
///
/// # Errors
/// Invalid: plain HTTP on a public address. Conflict: the address is taken. Broken: no threads.
pub async fn serve(
    options: ServeOptions,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let ServeOptions { hq, listen, plain_http, package_links } = options;
    if plain_http == PlainHttp::LoopbackOnly && !listen.ip().is_loopback() {
        return Err(ServeError::PlainHttp(listen));
    }
    let failed = |source| ServeError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let app = Arc::new(App::new(hq, package_links));
    app.start_workers().map_err(ServeError::Workers)?;
    on_listening(address);
    tracing::info!(%address, "headquarters serves");

    let mut open = Connections::new(router(&app));
    accept_until(&listener, &mut open, stop).await;
    take_the_rest(&listener, &mut open).await;
    drop(listener);
    app.hq().signals().stop();
    open.drain().await;
    // Both the join of the threads and the drop of the node may block.
    let stopped = spawn_blocking(move || app.stop_workers()).await;
    if let Err(error) = stopped {
        tracing::error!(%error, "stop the workers");
    }
    Ok(())
}

/// Takes connections until `stop` completes.
async fn accept_until(
    listener: &TcpListener,
    open: &mut Connections,
    stop: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await.expect("never closed");
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => return,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => open.serve(stream, place),
                Err(error) => {
                    tracing::warn!(%error, "take a connection");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            },
        }
    }
}

/// Takes the connections that the machine has made already: whoever made one may have asked, and
/// closing the socket would cut it off.
async fn take_the_rest(listener: &TcpListener, open: &mut Connections) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { return };
        open.serve(stream, place);
    }
}

/// The connections that are open.
struct Connections {
    router: Router,
    in_use: GracefulShutdown,
    ending: watch::Sender<bool>,
}

impl Connections {
    fn new(router: Router) -> Self {
        let (ending, _) = watch::channel(false);
        Connections { router, in_use: GracefulShutdown::new(), ending }
    }

    /// Serves one connection in a task of its own.
    fn serve(&mut self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Answers are small and awaited; a refusal here costs only delay.
        let _ = stream.set_nodelay(true);
        let was_used = Arc::new(AtomicBool::new(false));
        let router = TowerToHyperService::new(self.router.clone());
        let marks_use = Arc::clone(&was_used);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            marks_use.store(true, Ordering::Relaxed);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.in_use.watch(connection);
        let mut ending = self.ending.subscribe();
        tokio::spawn(async move {
            let _place = place;
            // A connection on which nothing was ever asked has nothing to wait for.
            let is_idle_at_the_end = async {
                let ended = ending.wait_for(|ending| *ending).await;
                drop(ended);
                tokio::time::sleep(FIRST_WORD_MAX).await;
                if was_used.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    }
                }
                () = is_idle_at_the_end => {}
            }
        });
    }

    /// Lets what is under way end, within [`DRAIN_MAX`].
    async fn drain(self) {
        self.ending.send_replace(true);
        if tokio::time::timeout(DRAIN_MAX, self.in_use.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
    }
}
