//! Fetching packages: from the upstream, or from where it sends its callers for the bytes.
//!
//! A link is tried first and never relied on: a store's network may not reach the bucket, or
//! something in between may answer in its place. Then the upstream itself sends what is missing. No
//! credential ever goes along a link, and no link into a log.

use std::io::{self, Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tillsync_channel::upstream::UpstreamError;
use tillsync_domain::ids::{DatabaseId, PackageId};
use tillsync_exchange::package::BYTES_HEADER;
use tillsync_web::{PlainHttp, TrustError};
use ureq::http::header::{CONTENT_LENGTH, LOCATION};
use ureq::http::{HeaderMap, HeaderName, Response, StatusCode};
use ureq::{Agent, Body};

use super::{ANSWER_MAX, CONNECT_MAX, HttpUpstream, Way, refused, trust, unreachable, way_to};

/// The longest silence while a package comes.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The longest wait until a bucket begins to answer: the upstream has the package as well.
const LINK_ANSWER_MAX: Duration = Duration::from_secs(10);
/// The most packages that are fetched without a link after links have failed.
const PAUSE_MAX: u32 = 64;

/// Bytes copied at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// What is remembered of links: a network that does not lead to the bucket today will not do so in
/// a minute, and trying it takes seconds.
pub(super) struct Links {
    plain_http: PlainHttp,
    /// One for each [`Way`].
    agents: [OnceLock<Agent>; 3],
    failures: AtomicU32,
    pause: AtomicU32,
}

/// Whether the upstream may answer with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redirect {
    Wanted,
    Unwanted,
}

/// Where the bytes are, if not in the answer.
struct Link {
    url: String,
    bytes: u64,
}

/// Why a link led nowhere.
enum LinkError {
    /// Somebody else's fault; the words hold no part of the link.
    Way(String),
    /// The bytes came and could not be written down here.
    Sink(io::Error),
}

impl HttpUpstream {
    /// Fetches a package on behalf of a database.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    pub fn fetch_for(
        &self,
        database: &DatabaseId,
        package: PackageId,
        sink: &mut dyn Write,
    ) -> Result<(), UpstreamError> {
        let redirect = if self.links.are_due() { Redirect::Wanted } else { Redirect::Unwanted };
        let mut response = self.ask_for(database, package, redirect)?;
        let mut sink = CountingSink { sink, written: 0 };
        if redirect == Redirect::Wanted && response.status() == StatusCode::TEMPORARY_REDIRECT {
            match self.follow(response.headers(), &mut sink) {
                Ok(()) => return Ok(()),
                Err(LinkError::Sink(error)) => return Err(UpstreamError::Sink(error)),
                Err(LinkError::Way(why)) => {
                    tracing::warn!(
                        %package, %why,
                        "the package store itself could not be reached; the upstream sends the rest"
                    );
                }
            }
            response = self.ask_for(database, package, Redirect::Unwanted)?;
        }
        if !response.status().is_success() {
            return Err(refused(&mut response));
        }
        // A package never changes: what is here already need not be written again.
        let mut body = response.body_mut().as_reader();
        skip(&mut body, sink.written)?;
        copy(&mut body, &mut sink).map_err(|error| match error {
            LinkError::Way(why) => UpstreamError::Unreachable(why),
            LinkError::Sink(error) => UpstreamError::Sink(error),
        })
    }

    fn ask_for(
        &self,
        database: &DatabaseId,
        package: PackageId,
        redirect: Redirect,
    ) -> Result<Response<Body>, UpstreamError> {
        let mut path = format!("packages/{package}?database={database}");
        if redirect == Redirect::Wanted {
            path += "&redirect=true";
        }
        let request = self.agent.get(self.url(&path)).config();
        let request = request
            .timeout_global(None)
            .timeout_recv_response(Some(ANSWER_MAX))
            .timeout_per_read(Some(SILENCE_MAX))
            .build();
        request.header("Authorization", self.bearer()).call().map_err(unreachable)
    }

    fn follow(&self, headers: &HeaderMap, sink: &mut CountingSink<'_>) -> Result<(), LinkError> {
        let followed = link_in(headers)
            .ok_or_else(|| LinkError::Way("the upstream gave no usable link".to_owned()))
            .and_then(|link| self.links.fetch(&link, sink));
        self.links.note(followed.is_ok());
        followed
    }
}

impl Links {
    pub(super) fn new(plain_http: PlainHttp) -> Self {
        let (failures, pause) = (AtomicU32::new(0), AtomicU32::new(0));
        Links { plain_http, agents: Default::default(), failures, pause }
    }

    /// Whether the next package is to be fetched by a link.
    fn are_due(&self) -> bool {
        let less = |pause: u32| pause.checked_sub(1);
        self.pause.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err()
    }

    fn note(&self, went_well: bool) {
        if went_well {
            self.failures.store(0, Ordering::Relaxed);
            return;
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(PAUSE_MAX.ilog2());
        self.pause.store(1 << failures, Ordering::Relaxed);
    }

    fn fetch(&self, link: &Link, sink: &mut CountingSink<'_>) -> Result<(), LinkError> {
        let way = way_to(&link.url, self.plain_http)
            .map_err(|error| LinkError::Way(error.to_string()))?;
        let failed = |error: ureq::Error| LinkError::Way(in_words(&error));
        let agent = self.agent(way).map_err(|error| LinkError::Way(error.to_string()))?;
        let mut response = agent.get(&link.url).call().map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(LinkError::Way(format!("it answered {}", response.status())));
        }
        // A page of a hotel's network is no package: not a byte of it may get into the file.
        let length = number_in(response.headers(), &CONTENT_LENGTH);
        if length != Some(link.bytes) {
            return Err(LinkError::Way("it answered with something else".to_owned()));
        }
        copy(&mut response.body_mut().as_reader(), sink)
    }

    fn agent(&self, way: Way) -> Result<&Agent, TrustError> {
        let kept = &self.agents[way as usize];
        if let Some(agent) = kept.get() {
            return Ok(agent);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(CONNECT_MAX))
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_recv_response(Some(LINK_ANSWER_MAX))
            .timeout_per_read(Some(SILENCE_MAX));
        // A bucket is believed as this machine believes: the upstream's authority is another's.
        let config = match way {
            Way::ThisMachine => config.proxy(None),
            Way::Plain => config,
            Way::Encrypted => config.tls_config(trust::believing(None)?),
        };
        Ok(kept.get_or_init(|| config.build().new_agent()))
    }
}

fn link_in(headers: &HeaderMap) -> Option<Link> {
    let url = headers.get(LOCATION)?.to_str().ok()?.to_owned();
    let is_url = url.starts_with("https://") || url.starts_with("http://");
    let bytes = number_in(headers, &HeaderName::from_static(BYTES_HEADER))?;
    is_url.then_some(Link { url, bytes })
}

fn number_in(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The driver's words, unless they could quote the link.
fn in_words(error: &ureq::Error) -> String {
    match error {
        _ if trust::problem_in(error).is_some() => {
            "its certificate is not one that this machine trusts".to_owned()
        }
        ureq::Error::Io(error) => error.kind().to_string(),
        ureq::Error::Timeout(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            error.to_string()
        }
        _ => "the request failed".to_owned(),
    }
}

/// A sink that knows how much it was given.
struct CountingSink<'a> {
    sink: &'a mut dyn Write,
    written: u64,
}

fn skip(from: &mut dyn Read, bytes: u64) -> Result<(), UpstreamError> {
    let skipped = io::copy(&mut from.take(bytes), &mut io::sink());
    skipped.map(drop).map_err(|error| UpstreamError::Unreachable(error.to_string()))
}

/// Copies and keeps apart whose fault a failure is.
fn copy(from: &mut dyn Read, sink: &mut CountingSink<'_>) -> Result<(), LinkError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut buffer).map_err(|error| LinkError::Way(error.to_string()))?;
        if read == 0 {
            return Ok(());
        }
        sink.sink.write_all(&buffer[..read]).map_err(LinkError::Sink)?;
        sink.written += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::sync::{Arc, Mutex, mpsc};

    use tillsync_channel::identity::UpstreamUrl;
    use tillsync_exchange::device::Secret;

    use super::super::{Caller, Dialing};
    use super::*;

    /// A server that answers every request by a function of its head, and keeps the heads.
    struct Server {
        address: SocketAddr,
        heads: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Server {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = listener.local_addr().expect("an address");
            let heads = Arc::<Mutex<Vec<String>>>::default();
            let kept = Arc::clone(&heads);
            std::thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    let head = head_of(&stream);
                    let answer = answer(&head);
                    kept.lock().expect("no panic").push(head);
                    // Whoever hangs up has no use for the answer.
                    let _ = stream.write_all(&answer);
                }
            });
            Server { address, heads }
        }

        fn heads(&self) -> Vec<String> {
            self.heads.lock().expect("no panic").clone()
        }
    }

    fn head_of(stream: &TcpStream) -> String {
        let (mut reader, mut head) = (BufReader::new(stream), String::new());
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).expect("a head") > 0 {}
        head
    }

    fn ok(bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        [head.as_bytes(), bytes].concat()
    }

    fn sent_to(url: &str, bytes: usize) -> Vec<u8> {
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: {url}\r\n{BYTES_HEADER}: {bytes}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .into_bytes()
    }

    const PACKAGE: &[u8] = b"these are the bytes of the package";

    /// An upstream that sends whoever follows links to a URL, and gives the bytes to the others.
    fn upstream(link: impl Into<String>) -> Server {
        let link = link.into();
        Server::start(move |head| {
            let is_wanted = head.lines().next().is_some_and(|line| line.contains("redirect=true"));
            if is_wanted { sent_to(&link, PACKAGE.len()) } else { ok(PACKAGE) }
        })
    }

    fn dialer(upstream: &Server, plain_http: PlainHttp) -> HttpUpstream {
        let base = UpstreamUrl::parse(&format!("http://{}", upstream.address)).expect("a URL");
        let database = "S1".parse().expect("a database");
        let caller = Some(Caller { database, credential: Secret::from_random([7; 32]) });
        let dialing = Dialing { plain_http, authority: None };
        HttpUpstream { caller, ..HttpUpstream::anonymous(&base, &dialing).expect("loopback") }
    }

    fn fetch(dialer: &HttpUpstream) -> Result<Vec<u8>, UpstreamError> {
        let package = "00000007-0000-7000-8000-000000000001".parse().expect("an id");
        let mut bytes = Vec::new();
        dialer.fetch_for(&"S1".parse().expect("a database"), package, &mut bytes)?;
        Ok(bytes)
    }

    fn begins_with(head: &str, begin: &str) -> bool {
        head.starts_with(&format!("GET {begin}"))
    }

    #[test]
    fn a_link_is_followed_once_and_the_credential_stays_with_the_upstream() {
        let bucket = Server::start(|_| ok(PACKAGE));
        let upstream = upstream(format!("http://{}/a?signature=secret", bucket.address));
        let dialer = dialer(&upstream, PlainHttp::LoopbackOnly);
        for _ in 0..2 {
            assert_eq!(fetch(&dialer).expect("the package"), PACKAGE);
        }
        let (asked, followed) = (upstream.heads(), bucket.heads());
        assert_eq!((asked.len(), followed.len()), (2, 2), "the bytes come from the bucket only");
        assert!(asked.iter().all(|head| head.to_lowercase().contains("authorization: bearer")));
        assert!(followed.iter().all(|head| begins_with(head, "/a?signature=secret ")));
        assert!(followed.iter().all(|head| !head.to_lowercase().contains("authorization")));
    }

    #[test]
    fn whatever_a_bucket_does_wrong_the_upstream_sends_the_package() {
        let another = sent_to("http://127.0.0.1:1/", PACKAGE.len());
        let torn = ok(PACKAGE)[..ok(PACKAGE).len() - 9].to_vec();
        for wrong in [
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
            ok(b"<html>Welcome to our hotel. Please accept.</html>"),
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(),
            another,
            torn,
            b"".to_vec(),
        ] {
            let said = String::from_utf8_lossy(&wrong).into_owned();
            let bucket = Server::start(move |_| wrong.clone());
            let upstream = upstream(format!("http://{}/a", bucket.address));
            let dialer = dialer(&upstream, PlainHttp::LoopbackOnly);
            assert_eq!(fetch(&dialer).expect(&said), PACKAGE, "{said}");
            assert_eq!((upstream.heads().len(), bucket.heads().len()), (2, 1), "{said}");
        }
    }

    #[test]
    fn links_that_fail_are_left_alone_for_ever_longer_and_work_again_by_themselves() {
        let (works, is_working) = mpsc::channel();
        let state = Mutex::new(false);
        let bucket = Server::start(move |_| {
            let mut works = state.lock().expect("no panic");
            *works |= is_working.try_recv().is_ok();
            if *works { ok(PACKAGE) } else { ok(b"no") }
        });
        let upstream = upstream(format!("http://{}/a", bucket.address));
        let dialer = dialer(&upstream, PlainHttp::LoopbackOnly);
        let mut tries = Vec::new();
        for _ in 0..12 {
            assert_eq!(fetch(&dialer).expect("through the upstream"), PACKAGE);
            tries.push(bucket.heads().len());
        }
        assert_eq!(tries, [1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4]);
        works.send(()).expect("the bucket listens");
        while bucket.heads().len() < 7 {
            assert_eq!(fetch(&dialer).expect("through either"), PACKAGE);
        }
        let asked = upstream.heads().len();
        assert_eq!(fetch(&dialer).expect("by a link"), PACKAGE);
        assert_eq!(upstream.heads().len(), asked + 1, "no second question");
    }

    #[test]
    fn a_link_is_not_followed_in_the_clear_beyond_this_machine_unless_that_is_allowed() {
        let upstream = upstream("http://bucket.invalid/a?signature=secret");
        let strict = dialer(&upstream, PlainHttp::LoopbackOnly);
        assert_eq!(fetch(&strict).expect("through the upstream"), PACKAGE);
        let link = Link { url: "http://bucket.invalid/a?signature=secret".to_owned(), bytes: 1 };
        let mut sink = CountingSink { sink: &mut Vec::new(), written: 0 };
        let Err(LinkError::Way(why)) = strict.links.fetch(&link, &mut sink) else {
            panic!("it is dialled");
        };
        assert!(why.contains("plain HTTP") && !why.contains("secret"), "{why}");
        let open = dialer(&upstream, PlainHttp::Allowed);
        assert_eq!(fetch(&open).expect("nobody has that name"), PACKAGE);
    }

    #[test]
    fn an_upstream_that_knows_no_links_or_cannot_give_the_package_is_heard() {
        let old = Server::start(|_| ok(PACKAGE));
        assert_eq!(fetch(&dialer(&old, PlainHttp::LoopbackOnly)).expect("as ever"), PACKAGE);
        let body = r#"{"code":"not_found","message":"it is lost"}"#;
        let lost = Server::start(move |_| {
            let length = body.len();
            format!(
                "HTTP/1.1 404 Not Found\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n\
                 {body}"
            )
            .into_bytes()
        });
        let error = fetch(&dialer(&lost, PlainHttp::LoopbackOnly)).expect_err("lost");
        assert_eq!(error.kind(), tillsync_domain::kind::ErrorKind::NotFound);
        assert_eq!(lost.heads().len(), 1);
    }
}
