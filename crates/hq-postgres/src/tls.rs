//! Encrypted connections: whom this program believes, and who it says that it is.
//!
//! The files are read once, when the database is opened. A server that is trusted less than the
//! URL demands is never connected to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{TlsFiles, Trust};

/// Where libpq looks below the home folder.
const ROOTS: &str = ".postgresql/root.crt";
const CERTIFICATE: &str = ".postgresql/postgresql.crt";
const KEY: &str = ".postgresql/postgresql.key";

/// What means the authorities that the system trusts.
const SYSTEM: &str = "system";

/// Why no encrypted connection can be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("read the certificates of {} in PEM form: {source}", path.display())]
    ReadCertificates { path: PathBuf, source: pem::Error },
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    #[error("a certificate of {} is of no use: {source}", path.display())]
    BadCertificate { path: PathBuf, source: Error },
    #[error(
        "read the private key {} in PEM form, without a passphrase: {source}",
        path.display()
    )]
    ReadKey { path: PathBuf, source: pem::Error },
    #[error("sslcert is given without sslkey, or the other way round")]
    HalfAPair,
    #[error("certificate and key of this program do not fit: {0}")]
    BadPair(Error),
    #[error(
        "sslmode asks for a server that an authority has certified, but no authority is named: \
         sslrootcert is missing"
    )]
    NoAuthority,
    #[error("sslrootcert=system is only good with sslmode=verify-full: anybody gets a certificate")]
    SystemTooWide,
    #[error("the system has no authorities that it trusts; name some with sslrootcert")]
    EmptySystem,
    #[error("prepare encrypted connections: {0}")]
    Prepare(Error),
}

/// What makes encrypted connections; nothing when none is wanted.
pub(crate) fn connector(
    trust: Trust,
    files: &TlsFiles,
) -> Result<Option<MakeRustlsConnect>, TlsError> {
    if trust == Trust::Nothing {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Nothing | Trust::Anybody => Arc::new(AcceptsAnybody(Arc::clone(&provider))),
        Trust::Authority => Arc::new(IgnoresName(authorities(trust, files, &provider)?)),
        Trust::Name => authorities(trust, files, &provider)?,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Prepare)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match own_pair(files)? {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            config.with_client_auth_cert(chain, key).map_err(TlsError::BadPair)?
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn authorities(
    trust: Trust,
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let usual = files.home.as_ref().map(|home| home.join(ROOTS)).filter(|path| path.exists());
    let roots = match files.roots.clone().or(usual) {
        Some(path) if path != Path::new(SYSTEM) => roots_in(&path)?,
        Some(_) if trust != Trust::Name => return Err(TlsError::SystemTooWide),
        None if trust != Trust::Name => return Err(TlsError::NoAuthority),
        _ => roots_of_system()?,
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    verifier.build().map_err(|error| TlsError::Prepare(Error::General(error.to_string())))
}

fn roots_in(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::BadCertificate { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() { Err(TlsError::EmptySystem) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::ReadCertificates { path: path.to_owned(), source };
    let found = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if found.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(found) }
}

/// The certificate by which the server knows this program, with its key.
type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own_pair(files: &TlsFiles) -> Result<Option<Pair>, TlsError> {
    let usual = |name| files.home.as_ref().map(|home| home.join(name));
    let (certificate, key) = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (None, None) => match (usual(CERTIFICATE), usual(KEY)) {
            (Some(certificate), Some(key)) if certificate.exists() => (certificate, key),
            _ => return Ok(None),
        },
        _ => return Err(TlsError::HalfAPair),
    };
    let chain = certificates(&certificate)?;
    let read = PrivateKeyDer::from_pem_file(&key);
    let key = read.map_err(|source| TlsError::ReadKey { path: key, source })?;
    Ok(Some((chain, key)))
}

/// Encryption without knowing with whom.
#[derive(Debug)]
struct AcceptsAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Asks the authorities, but not under which name.
#[derive(Debug)]
struct IgnoresName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for IgnoresName {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(end, chain, name, status, now) {
            // The name is looked at last: everything else was found to be good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
