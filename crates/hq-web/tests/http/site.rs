//! A headquarters that serves on a free port, a store that speaks to it, and an operator.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tillsync_domain::clock::Clock;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::MANIFEST_HEADER;
use tillsync_exchange::package::{Manifest, PackageWriter, Span};
use tillsync_exchange::rows::Table;
use tillsync_hq::{Headquarters, PackageStore};
use tillsync_hq_web::{
    Allowance, AttemptLimits, Entrance, PackageLinks, PlainHttp, ServeOptions, serve,
};
use tillsync_testkit::builders::{creation, database, epoch_id, package_id};
use tillsync_testkit::headquarters::open_headquarters_over;
use tokio::sync::oneshot;
use ureq::http::{HeaderMap, Request};

/// How long a test waits for a condition.
const PATIENCE: Duration = Duration::from_secs(20);

/// A headquarters with a group `retail` of one address book.
pub(crate) struct Site {
    pub(crate) hq: Arc<Headquarters>,
    pub(crate) address: SocketAddr,
    pub(crate) operator: String,
    clock: Arc<WallClock>,
    folder: TempDir,
    /// What each database remembers as the session it applied last.
    applied: Mutex<BTreeMap<String, Value>>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// The machine's clock, put forward by as many microseconds.
#[derive(Default)]
struct WallClock(AtomicI64);

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the edge of a test process")]
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.bytes));
        })
    }

    /// The body of an answer that must have this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The message of a refusal that must have this status and code.
    pub(crate) fn refusal(&self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        body["message"].as_str().expect("a message").to_owned()
    }
}

/// Tests knock at every door.
fn many_attempts() -> Entrance {
    let many = Allowance { at_once: 1_000_000, one_every: Duration::from_millis(1) };
    let attempts = AttemptLimits { enrolments: many, credentials: many };
    Entrance { attempts, ..Entrance::default() }
}

impl Site {
    /// Serves a new headquarters.
    pub(crate) fn open() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let packages =
            PackageStore::open_folder(&folder.path().join("packages")).expect("a folder");
        Site::serve((folder, packages), PackageLinks::default(), many_attempts())
    }

    /// Serves a new headquarters where so many failures come to a limit.
    pub(crate) fn open_strictly(at_once: u32) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let packages =
            PackageStore::open_folder(&folder.path().join("packages")).expect("a folder");
        let few = Allowance { at_once, one_every: Duration::from_secs(60) };
        let attempts = AttemptLimits { enrolments: few, credentials: few };
        let entrance = Entrance { attempts, ..Entrance::default() };
        Site::serve((folder, packages), PackageLinks::default(), entrance)
    }

    /// Serves a new headquarters whose packages are elsewhere.
    pub(crate) fn open_over(packages: PackageStore, links: PackageLinks) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        Site::serve((folder, packages), links, many_attempts())
    }

    fn serve(
        (folder, packages): (TempDir, PackageStore),
        package_links: PackageLinks,
        entrance: Entrance,
    ) -> Site {
        let clock = Arc::new(WallClock::default());
        let hq = open_headquarters_over(folder.path(), packages, Arc::clone(&clock) as _);
        let operator = hq.create_operator_token("test").expect("a token").reveal().to_owned();
        let (listening, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let options = ServeOptions {
            hq: Arc::clone(&hq),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            plain_http: PlainHttp::LoopbackOnly,
            entrance,
            package_links,
        };
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let on_listening = move |address| listening.send(address).expect("the test waits");
            let stop = async { drop(stopped.await) };
            runtime.block_on(serve(options, on_listening, stop)).expect("it serves");
        });
        let address = address.recv_timeout(PATIENCE).expect("it listens");
        let applied = Mutex::default();
        let (stop, server) = (Some(stop), Some(server));
        let site = Site { hq, address, operator, clock, folder, applied, stop, server };
        let settings = json!({"address_books": ["retail"]});
        site.operate("PUT", "/api/v1/groups/retail", Some(settings)).expect(200);
        site
    }

    /// Serves a new headquarters where nothing runs by itself, with a store S1; returns the
    /// store's credential.
    pub(crate) fn open_scheduled() -> (Site, String) {
        let site = Site::open();
        let settings = json!({"address_books": ["retail"], "mode": "scheduled"});
        site.operate("PUT", "/api/v1/groups/retail", Some(settings)).expect(200);
        let settings = json!({"address_books": ["default"], "mode": "scheduled"});
        site.operate("PUT", "/api/v1/groups/default", Some(settings)).expect(200);
        let secret = site.enrol_store("S1");
        (site, secret)
    }

    /// Starts a job and waits for its end.
    pub(crate) fn run(&self, job: &str, request: Value) -> Value {
        let path = format!("/api/v1/jobs/{job}/runs");
        let started = wait_for("the job is free", || {
            let answer = self.operate("POST", &path, Some(request.clone()));
            // Live mode may be at it just now.
            if answer.status == 503 { None } else { Some(answer.expect(202)) }
        });
        let path = format!("/api/v1/runs/{}", started["run"].as_str().expect("an id"));
        wait_for("the run ends", || Some(self.get(&path)).filter(|run| run["outcome"] != "running"))
    }

    /// Lets time pass at headquarters.
    pub(crate) fn pass(&self, time: SignedDuration) {
        let micros = i64::try_from(time.as_micros()).expect("a short time");
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }

    /// Asks for an orderly end without waiting for it.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Asks for the end and waits for it; returns how long that took.
    pub(crate) fn wait_until_stopped(&mut self) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "a stopwatch of a test process")]
        let begun = Instant::now();
        self.begin_stop();
        if let Some(server) = self.server.take() {
            server.join().expect("the server ends well");
        }
        begun.elapsed()
    }

    /// Where packages lie.
    pub(crate) fn packages(&self) -> PathBuf {
        self.folder.path().join("packages")
    }

    /// Sends a request with a credential, or without.
    pub(crate) fn call(
        &self,
        (verb, path): (&str, &str),
        secret: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(verb).uri(self.url(path));
        if let Some(secret) = secret {
            request = request.header("Authorization", format!("Bearer {secret}"));
        }
        match body {
            None if verb == "GET" => send(request.body(()).expect("a request")),
            body => {
                let text = body.map_or(String::new(), |body| body.to_string());
                let request = request.header("Content-Type", "application/json");
                send(request.body(text).expect("a request"))
            }
        }
    }

    /// Sends a request as an operator.
    pub(crate) fn operate(&self, verb: &str, path: &str, body: Option<Value>) -> Answer {
        self.call((verb, path), Some(&self.operator), body)
    }

    /// Reads something as an operator.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.operate("GET", path, None).expect(200)
    }

    /// Adds a store and enrols its device over HTTP; returns its credential.
    pub(crate) fn enrol_store(&self, id: &str) -> String {
        let new = json!({"id": id, "kind": "channel", "group": "retail"});
        self.operate("POST", "/api/v1/databases", Some(new)).expect(201);
        self.enrol(id, None).0
    }

    /// Adds a register and enrols its device through a store.
    pub(crate) fn enrol_register(&self, id: &str, channel: &str, relay: &str) -> String {
        let new = json!({"id": id, "kind": "register", "channel": channel});
        self.operate("POST", "/api/v1/databases", Some(new)).expect(201);
        self.enrol(id, Some(relay)).0
    }

    /// Redeems a new activation code; returns the credential and the answer.
    pub(crate) fn enrol(&self, id: &str, relay: Option<&str>) -> (String, Answer) {
        let path = format!("/api/v1/databases/{id}/activation-code");
        let code = self.operate("POST", &path, None).expect(201)["code"].clone();
        let mut bytes = [7; 32];
        bytes[..id.len()].copy_from_slice(id.as_bytes());
        let secret = Secret::from_random(bytes);
        let request = json!({
            "code": code,
            "credential_hash": secret.hash().to_string(),
            "protocol": {"min": 1, "max": 1},
        });
        let answer = self.call(("POST", "/exchange/v1/enrol"), relay, Some(request));
        (secret.reveal().to_owned(), answer)
    }

    /// Uploads a package.
    pub(crate) fn upload(&self, secret: Option<&str>, package: &(Manifest, Vec<u8>)) -> Answer {
        let (manifest, bytes) = package;
        let header = serde_json::to_string(manifest).expect("a manifest");
        let mut request = Request::builder()
            .method("POST")
            .uri(self.url("/exchange/v1/uploads"))
            .header(MANIFEST_HEADER, header);
        if let Some(secret) = secret {
            request = request.header("Authorization", format!("Bearer {secret}"));
        }
        send(request.body(bytes.clone()).expect("a request"))
    }

    /// Polls for a database, waiting at most so long.
    pub(crate) fn poll(&self, secret: &str, id: &str, wait_ms: u64) -> Answer {
        self.call(("POST", "/exchange/v1/poll"), Some(secret), Some(self.poll_body(id, wait_ms)))
    }

    /// The body of a poll of a database that remembers what it applied here.
    pub(crate) fn poll_body(&self, id: &str, wait_ms: u64) -> Value {
        json!({
            "database": id, "wait_ms": wait_ms, "pulled": 0, "mode": "live",
            "applied": self.applied.lock().expect("no panic").get(id),
            "health": {
                "pending": 0, "oldest_pending_at": null, "unsent": 0,
                "now": "2026-01-01T00:00:00Z",
            },
        })
    }

    /// Reports that a database has applied what it was offered, and has it remember.
    pub(crate) fn apply(&self, secret: &str, id: &str, offer: &Value) -> Answer {
        let session = offer["session"].as_str().expect("an id");
        let path = format!("/exchange/v1/downloads/{session}");
        let body = json!({"database": id, "result": "applied"});
        let answer = self.call(("POST", path.as_str()), Some(secret), Some(body));
        self.applied.lock().expect("no panic").insert(id.to_owned(), json!(session));
        answer
    }

    /// How many operations were ever stored.
    pub(crate) fn stored_operations(&self) -> u64 {
        let status = self.get("/api/v1/status");
        let counts = status["operations"]["by_status"].as_object().expect("counts");
        counts.values().map(|count| count.as_u64().expect("a count")).sum()
    }

    /// One gauge or counter of `/metrics`, with its labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.call(("GET", "/metrics"), None, None);
        assert_eq!(text.status, 200);
        let text = String::from_utf8(text.bytes).expect("text");
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(|value| value.parse().expect("a number"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(server) = self.server.take() {
            // A test that fails already must not be hidden by a second panic.
            let ended = server.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server ends well");
        }
    }
}

/// A package of operations `first` to `last` of a store, each of which creates a customer.
pub(crate) fn package(source: &str, first: u32, last: u32) -> (Manifest, Vec<u8>) {
    package_of(source, (first, last), |writer| {
        for n in first..=last {
            writer.row(Table::Operation, &creation(n)).expect("a vector takes everything");
        }
    })
}

/// A package of entries `first` to `last` of a store's log.
pub(crate) fn package_of(
    source: &str,
    (first, last): (u32, u32),
    write: impl FnOnce(&mut PackageWriter<Vec<u8>>),
) -> (Manifest, Vec<u8>) {
    let mut writer = PackageWriter::new(Vec::new()).expect("a vector takes everything");
    write(&mut writer);
    let (bytes, contents) = writer.finish().expect("a vector takes everything");
    let span = Span::Upload {
        source: database(source),
        epoch: epoch_id(1),
        first: first.into(),
        last: last.into(),
    };
    (Manifest::new(package_id(first), Timestamp::UNIX_EPOCH, span, contents), bytes)
}

/// Repeats until it yields something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "a deadline of a test process")]
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

fn send<B: ureq::AsSendBody>(request: Request<B>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(2 * PATIENCE))
        .build()
        .into();
    let mut response = agent.run(request).expect("an answer");
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.body_mut().read_to_vec().expect("a whole body"),
    }
}
