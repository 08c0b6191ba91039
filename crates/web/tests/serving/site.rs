//! A server of a few routes on a free port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tillsync_web::{Bounds, Connections, Entrance, Limits, ServerTls, TlsFiles};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long a test waits for a condition.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Site {
    pub(crate) fn open(entrance: Entrance, bounds: Bounds) -> Self {
        let tls = entrance.tls.as_ref().map(|files| ServerTls::open(files).expect("good files"));
        let router = Limits::new(&entrance, |_, message| message.into_response()).over(routes());
        let (listening, heard) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                listening.send(listener.local_addr().expect("bound")).expect("is waited for");
                let mut open = Connections::new(router, tls, bounds);
                open.accept_until(&listener, async { drop(stopped.await) }).await;
                open.take_the_rest(&listener).await;
                drop(listener);
                open.drain().await;
            });
        });
        let address = heard.recv_timeout(PATIENCE).expect("it listens");
        Site { address, stop: Some(stop), server: Some(server) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    /// Sends a request in the clear and returns what came back.
    pub(crate) fn ask(&self, request: &str) -> String {
        said(self.connect(), request)
    }

    /// Agrees on TLS and returns what came back, with the certificate that was shown.
    pub(crate) fn ask_encrypted(
        &self,
        trust: RootCertStore,
        version: &'static SupportedProtocolVersion,
    ) -> (String, CertificateDer<'static>) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(trust)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut stream = StreamOwned::new(connection, self.connect());
        let answer =
            said(&mut stream, "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let shown = stream.conn.peer_certificates().expect("it showed one")[0].clone();
        (answer, shown.into_owned())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.server.take().expect("it is stopped once").join();
        if !std::thread::panicking() {
            ended.expect("it ends well");
        }
    }
}

/// The files `server.pem` and `server.key` of a folder.
pub(crate) fn files_in(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("server.pem"), key: folder.join("server.key") }
}

/// Sends a request and reads until the server hangs up.
pub(crate) fn said(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer and its end");
    String::from_utf8(answer).expect("text")
}

pub(crate) fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n")
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn routes() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/secret", get(secret))
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/exchange/v1/enrol", get(enrol))
}

async fn secret(headers: HeaderMap) -> Response {
    let is_good = headers.get("authorization").is_some_and(|value| value == "good");
    if is_good { StatusCode::OK.into_response() } else { StatusCode::UNAUTHORIZED.into_response() }
}

async fn enrol(headers: HeaderMap) -> StatusCode {
    match headers.get("code").map(|value| value.as_bytes()) {
        Some(b"good") => StatusCode::OK,
        Some(b"away") => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    }
}
