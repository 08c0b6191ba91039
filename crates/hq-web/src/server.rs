//! The server: one socket, the worker threads, and an orderly end.
//!
//! It must never serve plain HTTP beyond loopback unless that was asked for in so many words.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tillsync_domain::kind::ErrorKind;
use tillsync_hq::Headquarters;
use tillsync_web::{Bounds, Connections, Entrance, Limits, PlainHttp, ServerTls, TlsError};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::refusal;
use crate::routes::router;

/// Connections at once: every channel holds one for its poll and sometimes one more.
const CONNECTIONS_MAX: usize = 25_000;

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
    /// Whether the address may be another than loopback without TLS.
    pub plain_http: PlainHttp,
    /// How the server is entered.
    pub entrance: Entrance,
    /// How channels get at the bytes of packages.
    pub package_links: PackageLinks,
}

/// Why the server did not start.
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
            ServeError::Tls(error) => error.kind(),
            ServeError::Listen { .. } => ErrorKind::Conflict,
            ServeError::Workers(_) => ErrorKind::Broken,
        }
    }
}

/// Serves until `stop` completes; then answers every waiting poll, lets what is under way end
/// within a bound, and stops the workers after their present batch.
///
/// `on_listening` hears the real address before the first request is taken.
///
/// # Errors
/// Invalid: plain HTTP on a public address, or a certificate that is none. NotFound: no such
/// certificate. Conflict: the address is taken. Broken: no threads.
pub async fn serve(
    options: ServeOptions,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let ServeOptions { hq, listen, plain_http, entrance, package_links } = options;
    let tls = entrance.tls.as_ref().map(ServerTls::open).transpose()?;
    if tls.is_none() && plain_http == PlainHttp::LoopbackOnly && !listen.ip().is_loopback() {
        return Err(ServeError::PlainHttp(listen));
    }
    let failed = |source| ServeError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let app = Arc::new(App::new(hq, package_links));
    app.start_workers().map_err(ServeError::Workers)?;
    on_listening(address);
    tracing::info!(%address, "headquarters serves");

    let limits = Limits::new(&entrance, refusal::too_many);
    let bounds = Bounds { connections_max: CONNECTIONS_MAX, ..Bounds::default() };
    let mut open = Connections::new(limits.over(router(&app)), tls, bounds);
    open.accept_until(&listener, stop).await;
    open.take_the_rest(&listener).await;
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
