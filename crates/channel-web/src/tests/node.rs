//! A channel or register that serves on a free port, and a program that uses it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tillsync_domain::clock::Clock;
use tillsync_domain::entropy::Entropy;
use tillsync_exchange::messages::DatabaseKind;
use tokio::sync::oneshot;
use ureq::Agent;
use ureq::http::HeaderMap;

use crate::dial::trust::believing;
use crate::{
    AttemptLimits, EnrolOptions, Entrance, PlainHttp, ServeError, ServeOptions, SetupError,
    SignInPolicy, TlsFiles, create_api_token, enrol, serve_blocking,
};

pub(super) struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the edge of the test process")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(super) struct MachineEntropy;

impl Entropy for MachineEntropy {
    #[expect(clippy::disallowed_methods, reason = "the edge of the test process")]
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(6) {
            chunk.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..chunk.len()]);
        }
    }
}

pub(super) struct Node {
    pub(super) dir: TempDir,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    kind: DatabaseKind,
    encryption: Option<Encryption>,
    /// How staff sign in from the next start on.
    pub(super) sign_in: SignInPolicy,
    /// How often strangers may try from the next start on.
    pub(super) attempts: AttemptLimits,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// How a node is reached, and whom it believes.
#[derive(Clone)]
pub(super) struct Encryption {
    pub(super) authority: PathBuf,
    pub(super) files: TlsFiles,
}

pub(super) fn kind_of(name: &str) -> DatabaseKind {
    if name.contains('.') { DatabaseKind::Register } else { DatabaseKind::Channel }
}

pub(super) fn enrol_at(dir: &Path, name: &str, upstream: &str) -> Result<(), SetupError> {
    enrol_believing(dir, name, (upstream, None))
}

fn enrol_believing(
    dir: &Path,
    name: &str,
    (upstream, upstream_ca): (&str, Option<&Path>),
) -> Result<(), SetupError> {
    let options = EnrolOptions {
        data_dir: dir,
        kind: kind_of(name),
        upstream,
        code: name,
        plain_http: PlainHttp::LoopbackOnly,
        upstream_ca,
    };
    enrol(options, &MachineEntropy).map(drop)
}

pub(super) fn options(dir: &Path, kind: DatabaseKind) -> ServeOptions {
    ServeOptions {
        data_dir: dir.to_owned(),
        kind,
        listen: "127.0.0.1:0".parse().expect("an address"),
        plain_http: PlainHttp::LoopbackOnly,
        entrance: Entrance::default(),
        upstream_ca: None,
        reconnect_max: Duration::from_millis(300),
        realtime_wait_max: Duration::from_millis(500),
        country_default: None,
        currency_default: "EUR".parse().expect("a currency"),
        sign_in: SignInPolicy::default(),
        clock: Arc::new(MachineClock),
        entropy: Arc::new(MachineEntropy),
    }
}

impl Node {
    /// Enrols, makes a token and serves.
    pub(super) fn start(name: &str, upstream: &str) -> Self {
        Node::start_with(name, upstream, None)
    }

    /// The same, with encryption in both directions.
    pub(super) fn start_with(name: &str, upstream: &str, encryption: Option<Encryption>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = encryption.as_ref().map(|encryption| encryption.authority.as_path());
        enrol_believing(dir.path(), name, (upstream, authority)).expect("enrols");
        let kind = kind_of(name);
        let sources = (&MachineClock as &dyn Clock, &MachineEntropy as &dyn Entropy);
        let token = create_api_token(dir.path(), kind, "test", sources).expect("a token");
        let token = token.reveal().to_owned();
        let address = "127.0.0.1:0".parse().expect("an address");
        let (stop, thread) = (None, None);
        let mut node = Node {
            dir,
            address,
            token,
            kind,
            encryption,
            sign_in: SignInPolicy::default(),
            attempts: AttemptLimits::default(),
            stop,
            thread,
        };
        node.serve();
        node
    }

    pub(super) fn serve(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (listening, heard) = mpsc::channel();
        let mut options = options(self.dir.path(), self.kind);
        options.sign_in = self.sign_in;
        options.entrance.attempts = self.attempts;
        if let Some(Encryption { authority, files }) = self.encryption.clone() {
            options.upstream_ca = Some(authority);
            options.entrance.tls = Some(files);
        }
        self.thread = Some(std::thread::spawn(move || {
            let on_listening = move |address| listening.send(address).expect("is waited for");
            serve_blocking(options, on_listening, async move { drop(stopped.await) })
        }));
        self.stop = Some(stop);
        self.address = heard.recv().expect("the node listens");
    }

    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("ends well");
        }
    }

    pub(super) fn url(&self) -> String {
        match &self.encryption {
            None => format!("http://{}", self.address),
            Some(_) => format!("https://localhost:{}", self.address.port()),
        }
    }

    pub(super) fn call(&self, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call_with(verb, path, body, &[("Authorization", format!("Bearer {}", self.token))])
    }

    pub(super) fn call_with(
        &self,
        verb: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, String)],
    ) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, text) = self.send((verb, path), body, headers);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Calls as the program of the node, and looks at a header of the answer.
    pub(super) fn call_for_header(
        &self,
        verb: &str,
        path: &str,
        header: &str,
    ) -> (u16, Value, Option<String>) {
        let bearer = [("Authorization", format!("Bearer {}", self.token))];
        let (status, text, headers) = self.exchange((verb, path), Vec::new(), &bearer);
        let header = headers.get(header).map(|value| value.to_str().expect("text").to_owned());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)), header)
    }

    /// Sends a form.
    pub(super) fn call_form(
        &self,
        path: &str,
        body: &str,
        headers: &[(&str, String)],
    ) -> (u16, String) {
        self.send(("POST", path), body.as_bytes().to_vec(), headers)
    }

    /// The same with a body and an answer as they travel.
    pub(super) fn call_text(&self, verb: &str, path: &str, body: &str) -> (u16, String) {
        let headers = [("Authorization", format!("Bearer {}", self.token))];
        self.send((verb, path), body.as_bytes().to_vec(), &headers)
    }

    fn send(&self, call: (&str, &str), body: Vec<u8>, headers: &[(&str, String)]) -> (u16, String) {
        let (status, text, _) = self.exchange(call, body, headers);
        (status, text)
    }

    fn exchange(
        &self,
        (verb, path): (&str, &str),
        body: Vec<u8>,
        headers: &[(&str, String)],
    ) -> (u16, String, HeaderMap) {
        let mut request =
            ureq::http::Request::builder().method(verb).uri(format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(20)));
        let config = match &self.encryption {
            None => config,
            Some(Encryption { authority, .. }) => {
                config.tls_config(believing(Some(authority)).expect("an authority"))
            }
        };
        let agent = config.build().new_agent();
        let request = request.body(body).expect("a request");
        let mut response = agent.run(request).expect("answers");
        let text = response.body_mut().read_to_string().expect("a body");
        (response.status().as_u16(), text, response.headers().clone())
    }

    pub(super) fn create(&self, last_name: &str) -> Value {
        let body = serde_json::json!({"FirstName": "Ada", "LastName": last_name});
        let (status, customer) = self.call("POST", "/Commerce/Customers", &body);
        assert_eq!(status, 201, "{customer}");
        customer
    }

    pub(super) fn status(&self) -> Value {
        self.call_with("GET", "/status", &Value::Null, &[]).1
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// Waits until something holds, and fails the test when it never does.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let (_ticks, ticked) = mpsc::channel::<()>();
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        let _ = ticked.recv_timeout(Duration::from_millis(20));
    }
    panic!("{what} never happened");
}
