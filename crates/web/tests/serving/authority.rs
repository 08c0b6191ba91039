//! An authority for tests, and what it signs.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both in PEM form.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new([]).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, "test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("signed").der().clone();
        Authority { certificate, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn sign(&self, name: &str) -> Signed {
        let parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("signed").pem();
        Signed { certificate, key: key.serialize_pem() }
    }

    /// Whoever believes this authority and no other.
    pub(crate) fn trust(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add(self.certificate.clone()).expect("a certificate");
        store
    }
}

impl Signed {
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("server.key"), &self.key).expect("written");
        std::fs::write(folder.join("server.pem"), &self.certificate).expect("written");
    }
}
