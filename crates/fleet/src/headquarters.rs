//! What an operator does at headquarters, over its interface.

use std::time::Duration;

use serde_json::{Value, json};
use tillsync_domain::job::JobName;
use tillsync_exchange::device::Secret;
use ureq::Agent;
use ureq::http::StatusCode;

use crate::commerce::{CommerceError, agent, answer, unexpected, url_of};
use crate::error::FleetError;
use crate::server::Address;
use crate::waiting::{Deadline, pause};

/// How long a job may run before nobody waits for it any more.
const RUN_LIMIT: Duration = Duration::from_secs(300);

/// How often a running job is asked whether it has ended.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How headquarters' inbox is, in counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxStatus {
    /// Customers with an account.
    pub customers: u64,
    /// Operations that wait for promotion.
    pub pending: u64,
    /// Operations that failed.
    pub failed: u64,
}

/// A client of headquarters' operator interface.
#[derive(Debug)]
pub struct HeadquartersClient {
    agent: Agent,
    address: Address,
    token: Secret,
}

impl HeadquartersClient {
    pub(crate) fn new(address: Address, token: Secret) -> Self {
        HeadquartersClient { agent: agent(), address, token }
    }

    /// How the inbox is.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn status(&self) -> Result<InboxStatus, FleetError> {
        let body = self.get("/api/v1/status")?;
        let operations = |status: &str| {
            let counts = body.get("operations").and_then(|all| all.get("by_status"));
            counts.and_then(|counts| counts.get(status)).and_then(Value::as_u64).unwrap_or(0)
        };
        Ok(InboxStatus {
            customers: body.get("customers").and_then(Value::as_u64).unwrap_or(0),
            pending: operations("Pending"),
            failed: operations("Failed"),
        })
    }

    /// Starts a job, waits for the end of its run and returns the run as the interface shows it.
    ///
    /// # Errors
    /// Busy: no answer came, or another run goes on. Broken: an odd answer, or no end.
    pub fn run_job(&self, job: JobName) -> Result<Value, FleetError> {
        let path = format!("/api/v1/jobs/{job}/runs");
        let deadline = Deadline::after(RUN_LIMIT);
        let started = loop {
            match self.post(&path, &json!({}))? {
                // Its live run holds the lease for a moment.
                (status, _) if is_busy(status) && !deadline.is_over() => pause(ASK_EVERY),
                (StatusCode::ACCEPTED | StatusCode::OK, body) => break body,
                (status, body) => return Err(request_error(&path, unexpected(status, &body))),
            }
        };
        let Some(run) = started.get("run").and_then(Value::as_str) else {
            return Err(request_error(&path, unexpected(StatusCode::ACCEPTED, &started)));
        };
        let path = format!("/api/v1/runs/{run}");
        loop {
            let record = self.get(&path)?;
            let is_running = record.get("outcome").and_then(Value::as_str) == Some("running");
            if !is_running || deadline.is_over() {
                return Ok(record);
            }
            pause(ASK_EVERY);
        }
    }

    fn get(&self, path: &str) -> Result<Value, FleetError> {
        let get = || {
            let url = url_of(&self.address, path)?;
            match answer(self.agent.get(url).header("Authorization", self.bearer()).call())? {
                (StatusCode::OK, body) => Ok(body),
                (status, body) => Err(unexpected(status, &body)),
            }
        };
        get().map_err(|error| request_error(path, error))
    }

    fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), FleetError> {
        let post = || {
            let url = url_of(&self.address, path)?;
            answer(self.agent.post(url).header("Authorization", self.bearer()).send_json(body))
        };
        post().map_err(|error| request_error(path, error))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.reveal())
    }
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE
}

fn request_error(path: &str, source: CommerceError) -> FleetError {
    FleetError::Request { server: "headquarters".to_owned(), what: path.to_owned(), source }
}
