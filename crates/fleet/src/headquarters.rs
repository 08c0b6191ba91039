//! What an operator does at headquarters, over its interface.

use std::collections::BTreeMap;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tillsync_domain::ids::{CustomerKey, DatabaseId};
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::job::JobName;
use tillsync_domain::money::Currency;
use tillsync_domain::profile::{DEFAULT_PROFILE, ProfileOption};
use tillsync_exchange::device::Secret;
use ureq::Agent;
use ureq::http::StatusCode;

use crate::commerce::{CommerceError, agent, answer, unexpected, url_of};
use crate::error::FleetError;
use crate::sales::decimal_of;
use crate::server::Address;
use crate::waiting::{Deadline, pause};

/// How long a job may run before nobody waits for it any more.
const RUN_LIMIT: Duration = Duration::from_secs(300);

/// How often a running job is asked whether it has ended.
const ASK_EVERY: Duration = Duration::from_millis(20);

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

/// How far what was uploaded has come on its way to the ledger, in counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionsStatus {
    /// Sales and orders by validation status.
    pub by_validation: BTreeMap<String, u64>,
    /// Orders by order status.
    pub by_order_status: BTreeMap<String, u64>,
    /// Validated, but in no statement.
    pub ready: u64,
    /// Posted.
    pub posted: u64,
    /// Set aside because their number was known with other content.
    pub quarantined: u64,
}

/// The end of the day in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostedReport {
    /// Orders that have their sales order.
    pub orders_created: u64,
    /// Sales that are posted.
    pub sales_posted: u64,
    /// Statements that are posted.
    pub statements_posted: u64,
    /// What the ledger says was sold, tax included, by currency.
    pub amounts: BTreeMap<String, Decimal>,
    /// Customer keys in postings that are no account.
    pub temporary_ids: u64,
}

impl TransactionsStatus {
    /// Those that are on their way: neither posted, nor found to be wrong, nor of a kind that is
    /// never posted.
    pub fn on_their_way(&self) -> u64 {
        let count =
            |counts: &BTreeMap<String, u64>, status: &str| counts.get(status).copied().unwrap_or(0);
        let validating = ["New", "Waiting"].map(|status| count(&self.by_validation, status));
        validating.iter().sum::<u64>() + self.ready
    }
}

/// A client of headquarters' operator interface.
#[derive(Debug)]
pub struct HeadquartersClient {
    agent: Agent,
    address: Address,
    token: Secret,
}

impl HeadquartersClient {
    /// A client with an operator's token.
    pub fn new(address: Address, token: Secret) -> Self {
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

    /// How far sales and orders have come.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn transactions(&self) -> Result<TransactionsStatus, FleetError> {
        let body = self.get("/api/v1/status")?;
        let found = &body["transactions"];
        let counts = |name: &str| {
            let counts = found[name].as_object().into_iter().flatten();
            counts.map(|(status, count)| (status.clone(), count.as_u64().unwrap_or(0))).collect()
        };
        let count = |name: &str| found[name].as_u64().unwrap_or(0);
        Ok(TransactionsStatus {
            by_validation: counts("by_validation"),
            by_order_status: counts("by_order_status"),
            ready: count("ready"),
            posted: count("posted"),
            quarantined: count("quarantined"),
        })
    }

    /// Adds items or replaces them, and returns the version of the change log that has them;
    /// 0 when nothing changed.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: refused, or an odd answer.
    pub fn put_items(&self, items: &[Item]) -> Result<u64, FleetError> {
        let path = "/api/v1/items";
        let items: Vec<_> = items.iter().map(item_json).collect();
        match self.put(path, &json!({"items": items}))? {
            (StatusCode::OK, body) => Ok(body["version"].as_u64().unwrap_or(0)),
            (status, body) => Err(request_error(path, unexpected(status, &body))),
        }
    }

    /// Creates the customer to whom unnamed sales of a store are posted, and returns its account.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: refused, or an odd answer.
    pub fn create_default_customer(
        &self,
        store: &DatabaseId,
        name: &str,
    ) -> Result<String, FleetError> {
        let path = format!("/api/v1/databases/{store}/default-customer");
        match self.put(&path, &json!({"create": name}))? {
            (StatusCode::OK, body) => match body["account"].as_str() {
                Some(account) => Ok(account.to_owned()),
                None => Err(request_error(&path, unexpected(StatusCode::OK, &body))),
            },
            (status, body) => Err(request_error(&path, unexpected(status, &body))),
        }
    }

    /// Sets an option of the functionality profile that every store has unless it was given
    /// another one, and returns the version of the change log that has it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: refused, or an odd answer.
    pub fn set_profile_option(
        &self,
        option: ProfileOption,
        value: bool,
    ) -> Result<u64, FleetError> {
        let path = format!("/api/v1/profiles/{DEFAULT_PROFILE}");
        let mut change = serde_json::Map::new();
        change.insert(option.as_str().to_owned(), value.into());
        match self.patch(&path, &change.into())? {
            (StatusCode::OK, body) => Ok(body["version"].as_u64().unwrap_or(0)),
            (status, body) => Err(request_error(&path, unexpected(status, &body))),
        }
    }

    /// Sets how often registers look whether their store is there again, in seconds, and returns
    /// the version of the change log that has it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: refused, or an odd answer.
    pub fn set_health_check_interval(&self, seconds: u32) -> Result<u64, FleetError> {
        let path = format!("/api/v1/offline-profiles/{DEFAULT_PROFILE}");
        match self.patch(&path, &json!({"health_check_interval_s": seconds}))? {
            (StatusCode::OK, body) => Ok(body["version"].as_u64().unwrap_or(0)),
            (status, body) => Err(request_error(&path, unexpected(status, &body))),
        }
    }

    /// Keeps customer rows in shared tables from registers, or no longer, and returns the version
    /// of the change log that has it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: refused, or an odd answer.
    pub fn filter_customer_data(&self, is_on: bool) -> Result<u64, FleetError> {
        let path = "/api/v1/exclusion/filter";
        let choice = json!({"filter_shared_customer_data": is_on, "confirmed": true});
        match self.put(path, &choice)? {
            (StatusCode::OK, _) => {}
            (status, body) => return Err(request_error(path, unexpected(status, &body))),
        }
        Ok(self.get("/api/v1/exclusion")?["version"].as_u64().unwrap_or(0))
    }

    /// The account of a customer, by either key; nothing while headquarters does not know it.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn account_of(&self, key: &CustomerKey) -> Result<Option<String>, FleetError> {
        let path = format!("/api/v1/customers/{key}");
        match self.ask(&path)? {
            (StatusCode::OK, body) => Ok(body["customer"]["account"].as_str().map(str::to_owned)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) => Err(request_error(&path, unexpected(status, &body))),
        }
    }

    /// What is posted.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn postings(&self) -> Result<PostedReport, FleetError> {
        let body = self.get("/api/v1/postings")?;
        let count = |name: &str| body[name].as_u64().unwrap_or(0);
        let amounts = body["amounts_posted"].as_array().into_iter().flatten();
        let amount = |amount: &Value| {
            Some((amount["currency"].as_str()?.to_owned(), decimal_of(&amount["amount"])?))
        };
        Ok(PostedReport {
            orders_created: count("orders_created"),
            sales_posted: count("sales_posted"),
            statements_posted: count("statements_posted"),
            amounts: amounts.filter_map(amount).collect(),
            temporary_ids: count("temporary_ids_in_postings"),
        })
    }

    /// The balance of each ledger account in a currency, of all stores together: debits positive,
    /// credits negative.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn ledger(&self, currency: Currency) -> Result<BTreeMap<String, Decimal>, FleetError> {
        let body = self.get("/api/v1/ledger")?;
        let mut ledger = BTreeMap::new();
        let balances = body["items"].as_array().into_iter().flatten();
        for balance in balances.filter(|balance| balance["currency"] == currency.code()) {
            for (account, amount) in balance["accounts"].as_object().into_iter().flatten() {
                let sum: &mut Decimal = ledger.entry(account.clone()).or_default();
                *sum += decimal_of(amount).unwrap_or_default();
            }
        }
        Ok(ledger)
    }

    /// One series of the metrics, by its name with its labels; 0 while nothing was counted.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn metric(&self, series: &str) -> Result<f64, FleetError> {
        let Value::String(text) = self.get("/metrics")? else {
            return Err(request_error("/metrics", unexpected(StatusCode::OK, &Value::Null)));
        };
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0.0))
    }

    /// Everything of a list of the interface, page by page, as it stands there.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn list(&self, path: &str) -> Result<Vec<Value>, FleetError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}?limit=1000{after}"))?;
            let Value::Array(items) = page["items"].take() else {
                return Err(request_error(path, unexpected(StatusCode::OK, &page)));
            };
            all.extend(items);
            after = match &page["next"] {
                Value::Null => return Ok(all),
                Value::String(next) => format!("&after={next}"),
                next => format!("&after={next}"),
            };
        }
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
                (status, body) => break Self::started(&path, status, &body)?,
            }
        };
        self.wait_for_run(&started, deadline)
    }

    /// The same, unless a run goes on already. It is waited for this long: the node that runs it
    /// may be gone.
    ///
    /// # Errors
    /// Busy: no answer came. Broken: an odd answer.
    pub fn run_job_if_free(
        &self,
        job: JobName,
        limit: Duration,
    ) -> Result<Option<Value>, FleetError> {
        let path = format!("/api/v1/jobs/{job}/runs");
        match self.post(&path, &json!({}))? {
            (status, _) if is_busy(status) => Ok(None),
            (status, body) => {
                let started = Self::started(&path, status, &body)?;
                self.wait_for_run(&started, Deadline::after(limit)).map(Some)
            }
        }
    }

    fn started(path: &str, status: StatusCode, body: &Value) -> Result<String, FleetError> {
        match (status, body.get("run").and_then(Value::as_str)) {
            (StatusCode::ACCEPTED | StatusCode::OK, Some(run)) => Ok(run.to_owned()),
            _ => Err(request_error(path, unexpected(status, body))),
        }
    }

    fn wait_for_run(&self, run: &str, deadline: Deadline) -> Result<Value, FleetError> {
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
        match self.ask(path)? {
            (StatusCode::OK, body) => Ok(body),
            (status, body) => Err(request_error(path, unexpected(status, &body))),
        }
    }

    fn ask(&self, path: &str) -> Result<(StatusCode, Value), FleetError> {
        let get = || {
            let url = url_of(&self.address, path)?;
            answer(self.agent.get(url).header("Authorization", self.bearer()).call())
        };
        get().map_err(|error| request_error(path, error))
    }

    fn patch(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), FleetError> {
        let patch = || {
            let url = url_of(&self.address, path)?;
            answer(self.agent.patch(url).header("Authorization", self.bearer()).send_json(body))
        };
        patch().map_err(|error| request_error(path, error))
    }

    fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), FleetError> {
        let post = || {
            let url = url_of(&self.address, path)?;
            answer(self.agent.post(url).header("Authorization", self.bearer()).send_json(body))
        };
        post().map_err(|error| request_error(path, error))
    }

    fn put(&self, path: &str, body: &Value) -> Result<(StatusCode, Value), FleetError> {
        let put = || {
            let url = url_of(&self.address, path)?;
            answer(self.agent.put(url).header("Authorization", self.bearer()).send_json(body))
        };
        put().map_err(|error| request_error(path, error))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.reveal())
    }
}

fn item_json(item: &Item) -> Value {
    let price = |price: &ItemPrice| {
        let (amount, currency) = (price.price.to_string(), price.currency.code());
        json!({"amount": amount, "currency": currency})
    };
    json!({
        "number": item.number.as_str(),
        "name": item.name,
        "tax_rate": item.tax_rate.to_string(),
        "is_active": item.is_active,
        "prices": item.prices.iter().map(price).collect::<Vec<_>>(),
    })
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE
}

fn request_error(path: &str, source: CommerceError) -> FleetError {
    FleetError::Request { server: "headquarters".to_owned(), what: path.to_owned(), source }
}
