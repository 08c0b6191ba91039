//! The certificate that a server shows, and new ones in its place while it serves.
//!
//! Files are looked at every few seconds: whoever renews a certificate need not know of a process.
//! A pair that is not good is reported and never taken; the old one stays in use.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};
use tillsync_domain::kind::ErrorKind;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_rustls::TlsAcceptor;

use crate::pem::{self, PemProblem};

/// Where a server's certificate and key are, both in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and an authority.
    pub certificate: PathBuf,
    /// Its private key, without a passphrase.
    pub key: PathBuf,
}

/// Why a server has no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the machine said.
        #[source]
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} is of no use for TLS: {problem}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Each is good, but they are not a pair.
    #[error(
        "the key {} does not fit the certificate {}; the first certificate of that file must be \
         the server's own, made for this key",
        .0.key.display(), .0.certificate.display()
    )]
    NoPair(TlsFiles),
}

impl TlsError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            TlsError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            TlsError::Read { .. } => ErrorKind::Broken,
            TlsError::Content { .. } | TlsError::NoPair(_) => ErrorKind::Invalid,
        }
    }
}

/// What encrypts a server's connections.
pub struct ServerTls {
    files: TlsFiles,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    /// The bytes that the shown certificate was read from.
    read: Pair,
}

/// Looks for new files until it is dropped.
pub(crate) struct Renewal(JoinHandle<()>);

impl ServerTls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// NotFound: a file is missing. Invalid: a file holds something else, or they do not fit.
    /// Broken: a file cannot be read.
    pub fn open(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = Pair::read(files)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(read.certified(files)?))));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3");
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(ServerTls { files: files.clone(), shown, acceptor, read })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Looks for new files that often. Must be called within a runtime.
    pub(crate) fn renew(self, every: Duration) -> Renewal {
        let ServerTls { files, shown, mut read, .. } = self;
        Renewal(tokio::spawn(async move {
            let mut trouble = None;
            loop {
                tokio::time::sleep(every).await;
                let (before, files) = (read.clone(), files.clone());
                let looked = spawn_blocking(move || look(&files, &before)).await;
                let said = match looked {
                    Ok(Ok(None)) => None,
                    Ok(Ok(Some((pair, key)))) => {
                        *shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                        read = pair;
                        tracing::info!("a new certificate is in use");
                        None
                    }
                    Ok(Err(error)) => Some(with_cause(&error)),
                    Err(error) => Some(error.to_string()),
                };
                // Once for each trouble, however often it is met.
                if let Some(error) = said.as_ref().filter(|_| said != trouble) {
                    tracing::warn!(%error, "the certificate in use stays: the new one is not good");
                }
                trouble = said;
            }
        }))
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the files hold, when that is new.
fn look(files: &TlsFiles, before: &Pair) -> Result<Option<(Pair, CertifiedKey)>, TlsError> {
    let pair = Pair::read(files)?;
    if pair == *before {
        return Ok(None);
    }
    let key = pair.certified(files)?;
    Ok(Some((pair, key)))
}

/// The two files, as they were read.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| TlsError::Read { path: path.clone(), source })
        };
        Ok(Pair { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    fn certified(&self, files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
        let content =
            |path: &PathBuf, problem: String| TlsError::Content { path: path.clone(), problem };
        let in_certificate = |problem: PemProblem| content(&files.certificate, problem.to_string());
        let in_key = |problem: PemProblem| content(&files.key, problem.to_string());
        let chain = pem::certificates(&self.certificate).map_err(in_certificate)?;
        let key = pem::private_key(&self.key).map_err(in_key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(_) => TlsError::NoPair(files.clone()),
            Error::InvalidCertificate(_) => {
                content(&files.certificate, format!("its first certificate is broken: {error}"))
            }
            error => content(&files.key, format!("its key cannot be used: {error}")),
        })
    }
}

/// The certificate that the next caller is shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn with_cause(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
