//! The connections of one server: bounded in number and in patience, and an orderly end.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::limits::Remote;
use crate::tls::{Renewal, ServerTls};

/// How long a connection that was just made may take to ask something when the server ends.
const FIRST_WORD_MAX: Duration = Duration::from_millis(300);

/// The pause after the machine refused a connection, for want of file descriptors as a rule.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What callers may take of a server.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once; whoever comes then waits until one ends.
    pub connections_max: usize,
    /// The most bytes of a request's head, and of what is read ahead of a connection's body.
    pub head_bytes_max: usize,
    /// How long a caller may take to send a request's head, from the connection or the last
    /// answer on.
    pub head_time_max: Duration,
    /// How long a caller may take to agree on encryption.
    pub handshake_time_max: Duration,
    /// The longest silence within a request's body.
    pub body_silence_max: Duration,
    /// How long answers that are under way may take when the server ends.
    pub drain_max: Duration,
    /// How often files of a certificate are looked at.
    pub renewal_every: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            connections_max: 1_000,
            head_bytes_max: 32 << 10,
            head_time_max: Duration::from_secs(60),
            handshake_time_max: Duration::from_secs(10),
            body_silence_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(10),
            renewal_every: Duration::from_secs(5),
        }
    }
}

/// The connections that are open.
pub struct Connections {
    router: Router,
    bounds: Bounds,
    encryption: Option<TlsAcceptor>,
    _renewal: Option<Renewal>,
    in_use: GracefulShutdown,
    ending: watch::Sender<bool>,
    room: Arc<Semaphore>,
}

impl Connections {
    /// No connection yet. Must be called within a runtime.
    pub fn new(router: Router, tls: Option<ServerTls>, bounds: Bounds) -> Self {
        let (ending, _) = watch::channel(false);
        Connections {
            router: router.layer(RequestBodyTimeoutLayer::new(bounds.body_silence_max)),
            bounds,
            encryption: tls.as_ref().map(ServerTls::acceptor),
            _renewal: tls.map(|tls| tls.renew(bounds.renewal_every)),
            in_use: GracefulShutdown::new(),
            ending,
            room: Arc::new(Semaphore::new(bounds.connections_max)),
        }
    }

    /// Takes connections until `stop` completes.
    pub async fn accept_until(&mut self, listener: &TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let room = Arc::clone(&self.room);
                let place = room.acquire_owned().await.expect("never closed");
                (place, listener.accept().await)
            };
            tokio::select! {
                () = &mut stop => return,
                (place, accepted) = next => match accepted {
                    Ok((stream, from)) => self.serve(stream, from.ip(), place),
                    Err(error) => {
                        tracing::warn!(%error, "take a connection");
                        tokio::time::sleep(AFTER_REFUSAL).await;
                    }
                },
            }
        }
    }

    /// Takes the connections that the machine has made already: whoever made one may have asked,
    /// and closing the socket would cut it off.
    pub async fn take_the_rest(&mut self, listener: &TcpListener) {
        while let Ok(Ok((stream, from))) =
            tokio::time::timeout(Duration::ZERO, listener.accept()).await
        {
            let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else { return };
            self.serve(stream, from.ip(), place);
        }
    }

    /// Lets what is under way end, within the bound.
    pub async fn drain(self) {
        self.ending.send_replace(true);
        if tokio::time::timeout(self.bounds.drain_max, self.in_use.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
    }

    /// Serves one connection in a task of its own.
    fn serve(&mut self, stream: TcpStream, from: IpAddr, place: OwnedSemaphorePermit) {
        // Answers are small and awaited; a refusal here costs only delay.
        let _ = stream.set_nodelay(true);
        let was_used = Arc::new(AtomicBool::new(false));
        let conversation = Conversation {
            router: self.router.clone(),
            bounds: self.bounds,
            from: Remote(from),
            was_used: Arc::clone(&was_used),
            in_use: self.in_use.watcher(),
        };
        let encryption = self.encryption.clone();
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
                () = conversation.hold(stream, encryption) => {}
                () = is_idle_at_the_end => {}
            }
        });
    }
}

/// What is said on one connection.
struct Conversation {
    router: Router,
    bounds: Bounds,
    from: Remote,
    was_used: Arc<AtomicBool>,
    in_use: Watcher,
}

impl Conversation {
    async fn hold(self, stream: TcpStream, encryption: Option<TlsAcceptor>) {
        let Some(encryption) = encryption else { return self.answer(stream).await };
        let agreed =
            tokio::time::timeout(self.bounds.handshake_time_max, encryption.accept(stream)).await;
        match agreed {
            Ok(Ok(stream)) => self.answer(stream).await,
            Ok(Err(error)) => {
                tracing::debug!(from = %self.from.0, %error, "a caller did not agree on TLS");
            }
            Err(_) => tracing::debug!(from = %self.from.0, "a caller was too slow to agree on TLS"),
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Conversation { router, bounds, from, was_used, in_use } = self;
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            was_used.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(from);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head_time_max)
            .max_buf_size(bounds.head_bytes_max)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = in_use.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
