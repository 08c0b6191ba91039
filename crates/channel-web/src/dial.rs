//! The dialer: an upstream over HTTP.
//!
//! It must never show its credential to anybody but the upstream, nor over plain HTTP beyond this
//! machine unless that was asked for. How packages come is told in `dial/fetch.rs`.

mod fetch;
mod realtime;
pub(crate) mod trust;

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tillsync_channel::identity::{Identity, UpstreamUrl};
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, MANIFEST_HEADER, Poll,
    PollAnswer, Refusal, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreateCustomerCall, CreateOrderCall, CreatedCustomer,
    OrderAnswer, SearchAnswer, SearchCall,
};
use tillsync_web::{PlainHttp, TrustError};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Timeout};

use fetch::Links;

/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The longest wait for a short answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// The longest an upload may take on a slow line.
const UPLOAD_MAX: Duration = Duration::from_secs(180);
/// What a poll may take beyond the wait it asked for.
const POLL_MARGIN: Duration = Duration::from_secs(10);
/// The largest answer that is not a package.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// How upstreams are dialled.
#[derive(Debug, Clone)]
pub struct Dialing {
    /// Whether plain HTTP may leave this machine.
    pub plain_http: PlainHttp,
    /// The only authorities whose certificates are believed, in PEM form; those that this machine
    /// trusts when absent.
    pub authority: Option<PathBuf>,
}

/// Why an upstream cannot be dialled at all.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Secrets would travel in the clear.
    #[error(
        "{0} is beyond this machine, and plain HTTP would show credentials and customers to the \
         network; use https://, reach it through an encrypted tunnel on 127.0.0.1, or allow plain \
         HTTP explicitly"
    )]
    PlainHttp(String),
    /// No certificate can be believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl DialError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DialError::PlainHttp(_) => ErrorKind::Invalid,
            DialError::Trust(error) => error.kind(),
        }
    }
}

/// An upstream over HTTP.
pub struct HttpUpstream {
    agent: Agent,
    base: UpstreamUrl,
    caller: Option<Caller>,
    links: Links,
    realtime_wait_max: realtime::WaitMax,
}

/// Who calls: nobody in particular before the enrolment.
struct Caller {
    database: DatabaseId,
    credential: Secret,
}

impl HttpUpstream {
    /// The upstream of an enrolled database.
    ///
    /// # Errors
    /// Invalid: the address must not be dialled, or nobody can be believed. NotFound, Broken: the
    /// authorities cannot be read.
    pub fn of(identity: &Identity, dialing: &Dialing) -> Result<Self, DialError> {
        let (database, credential) = (identity.database.clone(), identity.credential.clone());
        let caller = Some(Caller { database, credential });
        Ok(HttpUpstream { caller, ..HttpUpstream::anonymous(&identity.upstream, dialing)? })
    }

    /// An upstream for somebody without a credential, who can only enrol.
    ///
    /// # Errors
    /// As [`HttpUpstream::of`].
    pub fn anonymous(base: &UpstreamUrl, dialing: &Dialing) -> Result<Self, DialError> {
        let way = way_to(base.as_str(), dialing.plain_http)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(ANSWER_MAX));
        let config = if stays_here(base.as_str()) { config.proxy(None) } else { config };
        let config = match way {
            Way::Encrypted => config.tls_config(trust::believing(dialing.authority.as_deref())?),
            Way::ThisMachine | Way::Plain => config,
        };
        let links = Links::new(dialing.plain_http);
        let (agent, base) = (config.build().new_agent(), base.clone());
        let realtime_wait_max = realtime::WaitMax::default();
        Ok(HttpUpstream { agent, base, caller: None, links, realtime_wait_max })
    }

    fn post<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
        wait_max: Duration,
    ) -> Result<A, UpstreamError> {
        let request =
            self.agent.post(self.url(path)).config().timeout_global(Some(wait_max)).build();
        // Who enrols has no credential yet, and an empty one is refused like a wrong one.
        let request = match &self.caller {
            Some(_) => request.header("Authorization", self.bearer()),
            None => request,
        };
        read_answer(request.send_json(question))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/exchange/v1/{path}", self.base.as_str())
    }

    fn bearer(&self) -> String {
        let credential = self.caller.as_ref().map_or("", |caller| caller.credential.reveal());
        format!("Bearer {credential}")
    }
}

impl Upstream for HttpUpstream {
    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        self.post("enrol", request, ANSWER_MAX)
    }

    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        self.post("hello", hello, ANSWER_MAX)
    }

    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        let manifest = serde_json::to_string(manifest).expect("a manifest is a plain struct");
        let request =
            self.agent.post(self.url("uploads")).config().timeout_global(Some(UPLOAD_MAX)).build();
        let answer = request
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/zstd")
            .header(MANIFEST_HEADER, manifest)
            .send(bytes);
        read_answer(answer)
    }

    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError> {
        self.post("poll", poll, Duration::from_millis(poll.wait_ms) + POLL_MARGIN)
    }

    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError> {
        match &self.caller {
            Some(caller) => self.fetch_for(&caller.database, package, sink),
            None => Err(UpstreamError::Refused {
                kind: ErrorKind::Forbidden,
                message: "enrol first".to_owned(),
                watermark: None,
                fields: Vec::new(),
            }),
        }
    }

    fn report(
        &self,
        session: SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        self.post(&format!("downloads/{session}"), report, ANSWER_MAX)
    }

    fn create_customer(&self, call: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        self.call("customers", call)
    }

    fn create_order(&self, call: &CreateOrderCall) -> Result<OrderAnswer, UpstreamError> {
        self.call("orders", call)
    }

    fn search_customers(&self, call: &SearchCall) -> Result<SearchAnswer, UpstreamError> {
        self.call("customers/search", call)
    }

    fn add_to_store(&self, call: &AddToStoreCall) -> Result<AddToStoreAnswer, UpstreamError> {
        self.call("customers/add-to-store", call)
    }
}

/// How an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Within this machine.
    ThisMachine,
    /// By TLS.
    Encrypted,
    /// In the clear, as was asked for.
    Plain,
}

/// Decides for every address, the upstream's and those that it sends its callers to, whether it may
/// be dialled.
fn way_to(url: &str, plain_http: PlainHttp) -> Result<Way, DialError> {
    let Some(rest) = url.strip_prefix("http://") else { return Ok(Way::Encrypted) };
    match plain_http {
        _ if is_loopback(rest) => Ok(Way::ThisMachine),
        PlainHttp::Allowed => Ok(Way::Plain),
        // What stands behind the path may be a secret.
        PlainHttp::LoopbackOnly => {
            let address = url.split('?').next().unwrap_or_default();
            Err(DialError::PlainHttp(address.to_owned()))
        }
    }
}

/// Whether an address is on this machine, where no proxy stands between.
fn stays_here(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    is_loopback(rest)
}

/// Whether the host of `host[:port][/path]` is this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    // What stands before an '@' would be a user: such a text is no host here.
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn read_answer<A: DeserializeOwned>(
    answer: Result<Response<ureq::Body>, ureq::Error>,
) -> Result<A, UpstreamError> {
    let mut response = answer.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(refused(&mut response));
    }
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    // It did something, but what it said about it is lost: the same as no answer.
    serde_json::from_slice(&body.map_err(unreachable)?)
        .map_err(|_| UpstreamError::Unreachable("its answer cannot be read".to_owned()))
}

fn refused(response: &mut Response<ureq::Body>) -> UpstreamError {
    let status = response.status();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let refusal = body.ok().and_then(|body| serde_json::from_slice::<Refusal>(&body).ok());
    match (refusal, status) {
        (Some(refusal), _) => UpstreamError::Refused {
            kind: kind_of(&refusal.code),
            message: refusal.message,
            watermark: refusal.watermark.map(Into::into),
            fields: refusal.fields,
        },
        // Said by something in between.
        (
            None,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
        ) => UpstreamError::Unreachable(format!("answered {status}")),
        (None, _) => UpstreamError::Refused {
            kind: if status.is_server_error() { ErrorKind::Broken } else { ErrorKind::Invalid },
            message: format!("answered {status}; is this the address of a tillsync upstream?"),
            watermark: None,
            fields: Vec::new(),
        },
    }
}

fn kind_of(code: &str) -> ErrorKind {
    [
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Forbidden,
        ErrorKind::Busy,
    ]
    .into_iter()
    .find(|kind| kind.code() == code)
    .unwrap_or(ErrorKind::Broken)
}

fn unreachable(error: ureq::Error) -> UpstreamError {
    if let ureq::Error::Timeout(what) = error
        && !matches!(what, Timeout::Connect | Timeout::Resolve)
    {
        return UpstreamError::Slow(what.to_string());
    }
    let problem = trust::problem_in(&error);
    UpstreamError::Unreachable(problem.unwrap_or_else(|| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine_unless_allowed() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:1/", true),
            ("http://hq.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            let base = UpstreamUrl::parse(url).expect("a URL");
            let dial = |plain_http| {
                HttpUpstream::anonymous(&base, &Dialing { plain_http, authority: None }).is_ok()
            };
            assert_eq!(dial(PlainHttp::LoopbackOnly), expected, "{url}");
            assert!(dial(PlainHttp::Allowed), "{url}");
        }
    }
}
