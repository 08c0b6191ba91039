//! Reading certificates and keys in PEM form, and saying what is wrong with them.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a text is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PemProblem {
    #[error("there is no certificate in it (a block BEGIN CERTIFICATE)")]
    NoCertificate,
    #[error("there is no private key in it (a block BEGIN PRIVATE KEY)")]
    NoKey,
    #[error(
        "the private key in it has a passphrase; give one without, readable by the server only"
    )]
    Passphrase,
    #[error("it is not in PEM form: {0}")]
    Form(pem::Error),
}

/// The certificates of a text, in its order; at least one.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemProblem> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found = found.map_err(PemProblem::Form)?;
    if found.is_empty() { Err(PemProblem::NoCertificate) } else { Ok(found) }
}

/// The first private key of a text.
pub(crate) fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, PemProblem> {
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if has_passphrase(bytes) => Err(PemProblem::Passphrase),
        Err(pem::Error::NoItemsFound) => Err(PemProblem::NoKey),
        Err(error) => Err(PemProblem::Form(error)),
    }
}

fn has_passphrase(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("BEGIN ENCRYPTED PRIVATE KEY")
}
