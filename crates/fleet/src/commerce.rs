//! What a till or web shop does at an edge over HTTP: creates and finds customers here, sells in
//! `sales.rs`.
//!
//! One client belongs to one thread; its connection is kept open between requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use ureq::Agent;
use ureq::http::StatusCode;

use crate::fleet::EdgeDoor;
use crate::server::Address;

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The most that an answer may hold, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// What makes a repeated request the same request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(pub String);

/// Why a request got no useful answer.
#[derive(Debug, thiserror::Error)]
pub enum CommerceError {
    /// The server does not run.
    #[error("the server does not run")]
    Down,
    /// No answer came, or it broke off. Whether the server did what it was asked is unknown.
    #[error("no answer came")]
    NoAnswer(#[source] Box<ureq::Error>),
    /// An answer that the client does not expect.
    #[error("unexpected answer {status}: {body}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
}

impl CommerceError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CommerceError::Down | CommerceError::NoAnswer(_) => ErrorKind::Busy,
            CommerceError::Unexpected { .. } => ErrorKind::Broken,
        }
    }
}

/// One rule that one field of a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRefusal {
    /// The field's path, such as `Addresses[0].Street`.
    pub field: String,
    /// Why it was refused.
    pub reason: String,
}

/// What became of a request to create a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateAnswer {
    /// The edge has it durably, under this key.
    Created(CustomerKey),
    /// Its data break rules; sending it again is of no use.
    Refused(Vec<FieldRefusal>),
}

/// How an edge is, in counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeStatus {
    /// Customers that can be found there.
    pub customers: u64,
    /// Those among them without an account.
    pub pending: u64,
    /// What it recorded and its upstream has not acknowledged.
    pub unsent: u64,
    /// The version of headquarters' change log up to which it has applied what each job sent.
    pub applied: BTreeMap<String, u64>,
    /// Whether its upstream answers, in its own word.
    pub upstream: String,
}

impl EdgeStatus {
    /// How far it has applied what a job sent; 0 while nothing came.
    pub fn applied_of(&self, job: JobName) -> u64 {
        self.applied.get(job.as_str()).copied().unwrap_or(0)
    }
}

/// A client of one edge's interface for tills.
#[derive(Debug)]
pub struct CommerceClient {
    agent: Agent,
    door: EdgeDoor,
}

impl CommerceClient {
    /// A client for an edge, wherever it listens at each request.
    pub fn new(door: &EdgeDoor) -> Self {
        CommerceClient { agent: agent(), door: door.clone() }
    }

    /// Creates a customer; the same key with the same customer is the same request.
    ///
    /// # Errors
    /// Busy: no answer came; ask again with the same key. Broken: an odd answer.
    pub fn create_customer(
        &self,
        customer: &[u8],
        key: &IdempotencyKey,
    ) -> Result<CreateAnswer, CommerceError> {
        let url = url_of(&self.door.address, "/Commerce/Customers")?;
        let response = self
            .agent
            .post(url)
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &key.0)
            .send(customer);
        match answer(response)? {
            (StatusCode::OK | StatusCode::CREATED, body) => match account_of(&body) {
                Some(account) => Ok(CreateAnswer::Created(account)),
                None => Err(unexpected(StatusCode::OK, &body)),
            },
            (StatusCode::BAD_REQUEST, body) => Ok(CreateAnswer::Refused(refusals_of(&body))),
            (status, body) => Err(unexpected(status, &body)),
        }
    }

    /// Looks a customer up; nothing when the edge does not know it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn find_customer(&self, key: &CustomerKey) -> Result<Option<Value>, CommerceError> {
        self.find(&format!("/Commerce/Customers('{key}')"))
    }

    /// The customers that a search for words finds, at most `top`.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn search_customers(&self, words: &str, top: usize) -> Result<Vec<Value>, CommerceError> {
        let criteria = serde_json::json!({
            "CustomerSearchCriteria": {"Keyword": words},
            "QueryResultSettings": {"Paging": {"Top": top, "Skip": 0}},
        });
        page_of(self.post("/Commerce/Customers/Search", &criteria)?)
    }

    /// How the edge is.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn status(&self) -> Result<EdgeStatus, CommerceError> {
        let url = url_of(&self.door.address, "/status")?;
        let (status, body) = answer(self.agent.get(url).call())?;
        let count = |name: &str| {
            let count = body.get(name).and_then(Value::as_u64);
            count.ok_or_else(|| unexpected(status, &body))
        };
        Ok(EdgeStatus {
            customers: count("customers")?,
            pending: count("pending")?,
            unsent: count("unsent")?,
            applied: body["applied"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(job, version)| (job.clone(), version.as_u64().unwrap_or(0)))
                .collect(),
            upstream: body["upstream"]["state"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Asks for one thing; nothing when the edge does not know it.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Value>, CommerceError> {
        let url = url_of(&self.door.address, path)?;
        match answer(self.agent.get(url).header("Authorization", self.bearer()).call())? {
            (StatusCode::OK, body) => Ok(Some(body)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) => Err(unexpected(status, &body)),
        }
    }

    pub(crate) fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), CommerceError> {
        let url = url_of(&self.door.address, path)?;
        answer(self.agent.post(url).header("Authorization", self.bearer()).send_json(body))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.door.token.reveal())
    }
}

/// A client that keeps its connection, speaks to this machine only and reports every status.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        // A limit on the whole of a request would start a thread for each look-up of its address.
        .timeout_connect(Some(ANSWER_LIMIT))
        .timeout_recv_response(Some(ANSWER_LIMIT))
        .timeout_recv_body(Some(ANSWER_LIMIT))
        .build()
        .new_agent()
}

pub(crate) fn url_of(address: &Address, path: &str) -> Result<String, CommerceError> {
    let address = address.get().ok_or(CommerceError::Down)?;
    Ok(format!("http://{address}{path}"))
}

/// The status and body of an answer; a body that is not JSON becomes a text.
pub(crate) fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(StatusCode, Value), CommerceError> {
    let no_answer = |error| CommerceError::NoAnswer(Box::new(error));
    let mut response = response.map_err(no_answer)?;
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let body = body.map_err(no_answer)?;
    let value = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    Ok((response.status(), value))
}

pub(crate) fn unexpected(status: StatusCode, body: &Value) -> CommerceError {
    let body = body.to_string().chars().take(300).collect();
    CommerceError::Unexpected { status: status.as_u16(), body }
}

/// The list in the answer to a search.
pub(crate) fn page_of(answer: (StatusCode, Value)) -> Result<Vec<Value>, CommerceError> {
    let (status, mut body) = answer;
    match (status, body.get_mut("value").map(Value::take)) {
        (StatusCode::OK, Some(Value::Array(found))) => Ok(found),
        _ => Err(unexpected(status, &body)),
    }
}

/// The key under which an answer's customer can be found.
fn account_of(customer: &Value) -> Option<CustomerKey> {
    customer.get("AccountNumber")?.as_str()?.parse().ok()
}

pub(crate) fn refusals_of(body: &Value) -> Vec<FieldRefusal> {
    let error = body.get("error").unwrap_or(body);
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let refusal = |value: &Value| FieldRefusal {
        field: text(value, "target"),
        reason: text(value, "message"),
    };
    let details = error.get("details").and_then(Value::as_array);
    match details.map(Vec::as_slice) {
        None | Some([]) => vec![refusal(error)],
        Some(details) => details.iter().map(refusal).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_detail_of_a_refusal_is_one_field() {
        let body = json!({"error": {"code": "invalid", "message": "2 fields", "details": [
            {"code": "invalid", "message": "required", "target": "Name"},
            {"code": "invalid", "message": "too long", "target": "Addresses[0].Street"},
        ]}});
        let fields: Vec<_> = refusals_of(&body).into_iter().map(|refusal| refusal.field).collect();
        assert_eq!(fields, ["Name", "Addresses[0].Street"]);
    }

    #[test]
    fn a_refusal_without_details_is_reported_as_a_whole() {
        let body = json!({"error": {"code": "invalid", "message": "not JSON", "target": null}});
        let expected = FieldRefusal { field: String::new(), reason: "not JSON".to_owned() };
        assert_eq!(refusals_of(&body), [expected]);
    }
}
