//! Encryption on both sides of a node: as it is dialled, and as it dials.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tillsync_channel::identity::UpstreamUrl;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::EnrolRequest;
use tillsync_exchange::version::SPOKEN;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::fake_hq::FakeHq;
use super::node::{Encryption, Node, until};
use crate::{Dialing, HttpUpstream, PlainHttp, TlsFiles};

/// An authority, and a folder for what it signs.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// When a certificate is good.
enum Validity {
    Now,
    Past,
    Future,
}

impl Authority {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut parameters = CertificateParams::new([]).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("signed").pem();
        std::fs::write(folder.path().join("ca.pem"), certificate).expect("written");
        Authority { folder, issuer: Issuer::new(parameters, key) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str, validity: Validity) -> TlsFiles {
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        match validity {
            Validity::Now => {}
            Validity::Past => parameters.not_after = date_time_ymd(2001, 1, 1),
            Validity::Future => parameters.not_before = date_time_ymd(4000, 1, 1),
        }
        let pair = KeyPair::generate().expect("a key");
        let signed = parameters.signed_by(&pair, &self.issuer).expect("signed").pem();
        let folder = self.folder.path();
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(&certificate, signed).expect("written");
        std::fs::write(&key, pair.serialize_pem()).expect("written");
        TlsFiles { certificate, key }
    }

    fn encryption(&self) -> Encryption {
        let files = self.sign("localhost", Validity::Now);
        Encryption { authority: self.file(), files }
    }
}

/// Speaks TLS in front of a headquarters that does not.
struct Front {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Front {
    fn before(behind: SocketAddr, files: &TlsFiles) -> Self {
        let chain = CertificateDer::pem_file_iter(&files.certificate).expect("a file");
        let chain = chain.map(|certificate| certificate.expect("a certificate")).collect();
        let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut outside = acceptor.accept(stream).await?;
                    let mut inside = TcpStream::connect(behind).await?;
                    tokio::io::copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        Front { address, _runtime: runtime }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

fn enrolment(url: &str, authority: Option<&Path>) -> Result<(), UpstreamError> {
    let url = UpstreamUrl::parse(url).expect("a URL");
    let authority = authority.map(Path::to_owned);
    let dialing = Dialing { plain_http: PlainHttp::LoopbackOnly, authority };
    let upstream = HttpUpstream::anonymous(&url, &dialing).expect("it may be dialled");
    let credential_hash = Secret::from_random([7; 32]).hash();
    let request = EnrolRequest { code: "S1".to_owned(), credential_hash, protocol: SPOKEN };
    upstream.enrol(&request).map(drop)
}

#[test]
fn everything_between_till_store_and_headquarters_can_go_by_https() {
    let authority = Authority::new("ours");
    let hq = FakeHq::start();
    let front = Front::before(hq.address, &authority.encryption().files);
    let channel = Node::start_with("S1", &front.url(), Some(authority.encryption()));
    let register = Node::start_with("S1.R1", &channel.url(), Some(authority.encryption()));
    let created = register.create("Till");
    until("the upload", || hq.desk().inbox.len() == 1);
    let key = created["AccountNumber"].as_str().expect("a key");
    let found = channel.call("GET", &format!("/Commerce/Customers('{key}')"), &Value::Null);
    assert_eq!(found.0, 200, "{}", found.1);
    hq.offer_items(&["S1.R1"]);
    until("the download", || register.status()["applied"] != json!({}));
}

#[test]
fn whoever_is_not_believed_is_named_and_counts_as_a_line_that_is_cut() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (namesake, hq) = (Authority::new("ours"), FakeHq::start());
    let cases = [
        (&ours, "localhost", Validity::Now, ""),
        (&theirs, "localhost", Validity::Now, "an authority that is not trusted here"),
        (&namesake, "localhost", Validity::Now, "an authority that is not trusted here"),
        (&ours, "hq.example.com", Validity::Now, "hq.example.com"),
        (&ours, "localhost", Validity::Past, "has expired"),
        (&ours, "localhost", Validity::Future, "is not valid yet"),
    ];
    for (signer, name, validity, words) in cases {
        let front = Front::before(hq.address, &signer.sign(name, validity));
        match enrolment(&front.url(), Some(&ours.file())) {
            Ok(()) => assert_eq!(words, "", "it is believed"),
            Err(error) => {
                assert!(!words.is_empty() && error.to_string().contains(words), "{error}");
                assert!(error.is_communication(), "{error}");
            }
        }
    }
    let front = Front::before(hq.address, &ours.sign("localhost", Validity::Now));
    let error = enrolment(&front.url(), None).expect_err("no machine trusts it");
    assert!(error.to_string().contains("--upstream-ca"), "{error}");
    let plain = format!("https://localhost:{}", hq.address.port());
    let error = enrolment(&plain, Some(&ours.file())).expect_err("it speaks no TLS");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert!(error.is_communication(), "{error}");
}

#[test]
fn an_authority_that_cannot_be_read_is_an_error_before_anything_is_dialled() {
    let authority = Authority::new("ours");
    let url = UpstreamUrl::parse("https://hq.invalid").expect("a URL");
    let dial = |file: PathBuf| {
        let dialing = Dialing { plain_http: PlainHttp::LoopbackOnly, authority: Some(file) };
        HttpUpstream::anonymous(&url, &dialing).err().expect("nobody to believe")
    };
    let missing = dial(authority.folder.path().join("missing.pem"));
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    let key = dial(authority.sign("localhost", Validity::Now).key);
    assert_eq!(key.kind(), ErrorKind::Invalid, "{key}");
    assert!(key.to_string().contains("names no authority"), "{key}");
}

#[test]
fn a_program_with_wrong_tokens_is_told_to_wait_in_the_words_of_its_interface() {
    let hq = FakeHq::start();
    let channel = Node::start("S1", &hq.url());
    let ask = |path: &str, token: &str| {
        let bearer = [("Authorization", format!("Bearer {token}"))];
        channel.call_with("POST", path, &json!({}), &bearer)
    };
    let (status, body) = (0..1_000)
        .map(|_| ask("/Commerce/Customers/Search", "wrong"))
        .find(|(status, _)| *status != 401)
        .expect("a limit");
    assert_eq!((status, &body["error"]["code"]), (429, &json!("busy")), "{body}");
    let (status, body) = ask("/exchange/v1/hello", "wrong");
    assert_eq!((status, &body["code"]), (429, &json!("busy")), "{body}");
    let (status, _) = channel.call("POST", "/Commerce/Customers/Search", &json!({}));
    assert_eq!(status, 400, "who has a good token is heard");
}
