//! Whom a caller believes, and why it did not believe a server, in words for people.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error, RootCertStore};
use tillsync_domain::kind::ErrorKind;

use crate::pem;

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("read the authorities in {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the machine said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} names no authority: {problem}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The machine has no list of authorities.
    #[error(
        "this machine trusts no authority at all (no package of CA certificates is installed); \
         install one, or name the authority of the upstream's certificate in a file"
    )]
    EmptyMachine,
}

impl TrustError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            TrustError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            TrustError::Read { .. } => ErrorKind::Broken,
            TrustError::Content { .. } | TrustError::EmptyMachine => ErrorKind::Invalid,
        }
    }
}

/// The authorities of a file in PEM form and no others; without one, those of the machine.
///
/// # Errors
/// NotFound: no such file. Invalid: it names nobody, or the machine trusts nobody. Broken: it
/// cannot be read.
pub fn trusted_authorities(
    file: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let Some(path) = file else {
        let found = rustls_native_certs::load_native_certs().certs;
        return if found.is_empty() { Err(TrustError::EmptyMachine) } else { Ok(found) };
    };
    let bytes =
        std::fs::read(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
    let content = |problem: String| TrustError::Content { path: path.to_owned(), problem };
    let found = pem::certificates(&bytes).map_err(|problem| content(problem.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in &found {
        let added = store.add(certificate.clone());
        added.map_err(|error| content(format!("a certificate in it is broken: {error}")))?;
    }
    Ok(found)
}

/// Why a server's certificate was not believed; nothing when the failure was another one.
pub fn certificate_problem(error: &Error) -> Option<String> {
    let Error::InvalidCertificate(problem) = error else { return None };
    Some(match problem {
        // The second: an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate was signed by an authority that is not trusted here; if it is the \
             chain's own, name it with --upstream-ca"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; renew it there, or set the clock of this machine"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is the clock of this machine right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {}, not for {}; use the name that stands in it",
            list(presented),
            expected.to_str()
        ),
        CertificateError::NotValidForName => {
            "its certificate is for another name; use the name that stands in it".to_owned()
        }
        other => format!("its certificate is not good: {other}"),
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
}
