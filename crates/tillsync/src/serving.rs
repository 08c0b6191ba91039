//! What every server process does besides serving: logs, the line that says where it listens,
//! and ending when it is asked to.

use std::future::Future;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tillsync_web::{AttemptLimits, Entrance, TlsFiles};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::failure::CommandError;
use crate::output;

/// How long the end of a server waits for work that nobody can stop.
const ABANDON_AFTER: Duration = Duration::from_secs(1);

/// How a server listens and ends.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The server's certificate in PEM form, followed by those between it and an authority.
    /// Callers then speak https:// to it. A renewed file is taken up within seconds.
    #[arg(long, value_name = "FILE.pem", env = "TILLSYNC_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of that certificate in PEM form, without a passphrase.
    #[arg(long, value_name = "FILE.pem", env = "TILLSYNC_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Speak plain HTTP beyond this machine; without TLS anybody on the way can read along.
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// A proxy in front that says in X-Forwarded-For where requests come from: failures count
    /// against that address then, not against the proxy. May be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    trusted_proxy: Vec<IpAddr>,
    /// End when standard input does, so that the server never outlives its parent.
    #[arg(long, hide = true)]
    pub(crate) stop_with_stdin: bool,
}

impl ServeArguments {
    /// How the server is entered.
    pub(crate) fn entrance(&self) -> Entrance {
        let files = self.tls_certificate.clone().zip(self.tls_key.clone());
        Entrance {
            tls: files.map(|(certificate, key)| TlsFiles { certificate, key }),
            trusted_proxies: self.trusted_proxy.clone(),
            attempts: AttemptLimits::default(),
        }
    }

    /// Tells the parent, in one line of JSON, where the server listens.
    pub(crate) fn announce(&self) -> impl FnOnce(SocketAddr) + use<> {
        let scheme = if self.tls_certificate.is_some() { "https" } else { "http" };
        move |address| {
            let listening = format!("{scheme}://{address}");
            output::line(&serde_json::json!({"listening": listening}).to_string());
        }
    }

    /// Ends when the process is asked to end: Ctrl-C, SIGTERM, or the end of standard input.
    pub(crate) fn stop_requested(
        &self,
    ) -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
        let failed = |source| CommandError::Process { doing: "listen to signals", source };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let input = if self.stop_with_stdin { Some(input_ended()?) } else { None };
        Ok(async move {
            let input_ended = async {
                match input {
                    // The reader is gone only after it has reported.
                    Some(input) => input.await.unwrap_or_default(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = input_ended => {}
            }
        })
    }
}

/// Sends logs to standard error, warnings and errors unless `RUST_LOG` says otherwise.
pub(crate) fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Runs a server to its end. What still waits for an answer from elsewhere then is abandoned.
pub(crate) fn run_to_end<T>(runtime: Runtime, server: impl Future<Output = T>) -> T {
    let ended = runtime.block_on(server);
    runtime.shutdown_timeout(ABANDON_AFTER);
    ended
}

/// The runtime of a server.
pub(crate) fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| CommandError::Process { doing: "start the runtime", source })
}

/// Reports when standard input ends. A thread of its own, since a read cannot be taken back.
fn input_ended() -> Result<oneshot::Receiver<()>, CommandError> {
    let (sender, receiver) = oneshot::channel();
    let reading = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut bytes = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut bytes).is_ok_and(|count| count > 0) {}
        // The server may be ending for another reason already.
        let _ = sender.send(());
    });
    reading.map_err(|source| CommandError::Process { doing: "watch standard input", source })?;
    Ok(receiver)
}
