//! Whom the dialer believes, and why it did not believe somebody.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use tillsync_web::{TrustError, certificate_problem, trusted_authorities};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// TLS that believes the authorities of a file; without one, those that this machine trusts, for a
/// chain's machines may trust an authority of its own.
pub(crate) fn believing(authority: Option<&Path>) -> Result<TlsConfig, TrustError> {
    let found = trusted_authorities(authority)?;
    let roots: Vec<_> = found.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// Why a certificate was not believed, or TLS not agreed on; nothing for another failure.
pub(super) fn problem_in(error: &ureq::Error) -> Option<String> {
    let tls = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref().and_then(|cause| {
            let cause: &(dyn Error + 'static) = cause;
            cause.downcast_ref::<rustls::Error>()
        })?,
        _ => return None,
    };
    Some(certificate_problem(tls).unwrap_or_else(|| match tls {
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS there; is it an http:// address?".to_owned()
        }
        other => format!("no encrypted connection came about: {other}"),
    }))
}
