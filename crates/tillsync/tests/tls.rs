//! The program over TLS from end to end: a headquarters, a store, and a customer between them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// A folder with an authority in `ca.pem`, and `server.pem` and `server.key` that it has signed.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parameters = CertificateParams::new([]).expect("no names");
    parameters.distinguished_name.push(DnType::CommonName, "test authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write("ca.pem", parameters.self_signed(&key).expect("signed").pem());
    let issuer = Issuer::new(parameters, key);
    let pair = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address");
    write("server.pem", server.signed_by(&pair, &issuer).expect("signed").pem());
    write("server.key", pair.serialize_pem());
    write("other.key", KeyPair::generate().expect("a key").serialize_pem());
    folder
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillsync"));
    command.args(arguments.split_whitespace()).current_dir(folder);
    for variable in ["DATA_DIR", "DATABASE", "TLS_CERTIFICATE", "TLS_KEY", "UPSTREAM_CA"] {
        command.env_remove(format!("TILLSYNC_{variable}"));
    }
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).stdin(Stdio::null()).output().expect("the program starts")
}

/// What a command that must succeed says last.
fn said(folder: &Path, arguments: &str) -> String {
    let output = run(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {stderr}");
    let stdout = String::from_utf8(output.stdout).expect("text");
    stdout.lines().last().unwrap_or_default().to_owned()
}

/// A server until it is dropped, and where it listens.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path, arguments: &str) -> Self {
        let shown = "--tls-certificate server.pem --tls-key server.key --stop-with-stdin";
        let mut process = command(folder, &format!("{arguments} {shown}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let listening: Value = serde_json::from_str(&line).expect("where it listens");
        let url = listening["listening"].as_str().expect("a URL").to_owned();
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        Server { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let ended = self.process.wait().expect("it ends");
        assert!(ended.success() || std::thread::panicking(), "{ended}");
    }
}

/// A program that believes the authority of the folder and no other.
fn agent(folder: &Path) -> ureq::Agent {
    let pem = std::fs::read(folder.join("ca.pem")).expect("a file");
    let roots: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item.expect("PEM") {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    ureq::Agent::config_builder().proxy(None).tls_config(tls).build().new_agent()
}

#[test]
fn a_customer_gets_an_account_when_everything_goes_by_https() {
    let place = folder();
    let place = place.path();
    said(place, "hq serve --data-dir hq --stop-with-stdin");
    said(place, "hq add-channel S1 --data-dir .");
    let code = said(place, "hq activation-code S1 --data-dir .");
    let hq = Server::start(place, "hq serve --data-dir hq");

    let enrol = format!("channel enrol --data-dir s1 --hq {} --code {code}", hq.url);
    let refused = run(place, &enrol);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("an authority that is not trusted here"), "{why}");
    said(place, &format!("{enrol} --upstream-ca ca.pem"));
    let token = said(place, "channel token --data-dir s1 --name test");
    let store = Server::start(place, "channel serve --data-dir s1 --upstream-ca ca.pem");

    let (agent, customers) = (agent(place), format!("{}/Commerce/Customers", store.url));
    let bearer = format!("Bearer {token}");
    let created = agent
        .post(&customers)
        .header("Authorization", &bearer)
        .send_json(json!({"FirstName": "Ada", "LastName": "Lovelace"}));
    let created: Value = created.expect("created").body_mut().read_json().expect("a customer");
    let key = created["AccountNumber"].as_str().expect("a key");
    let (_ticks, ticked) = mpsc::channel::<()>();
    let has_account = (0..1_000).any(|_| {
        // Between two looks.
        let _ = ticked.recv_timeout(Duration::from_millis(20));
        let found = agent.get(format!("{customers}('{key}')")).header("Authorization", &bearer);
        let found: Value = found.call().expect("found").body_mut().read_json().expect("a customer");
        found["IsAsyncCustomer"] == false
    });
    assert!(has_account, "it went up, was promoted, and came down");
}

#[test]
fn a_server_does_not_start_with_a_key_that_does_not_fit() {
    let place = folder();
    for server in ["hq serve --data-dir hq", "channel serve --data-dir s1"] {
        let output = run(
            place.path(),
            &format!("{server} --tls-certificate server.pem --tls-key other.key --stop-with-stdin"),
        );
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{why}");
        assert!(why.contains("the key other.key does not fit the certificate server.pem"), "{why}");
    }
    let half = run(place.path(), "hq serve --data-dir hq --tls-certificate server.pem");
    assert_eq!(half.status.code(), Some(2), "a certificate needs its key");
}
