//! The ways in which a customer comes into being, one customer each: through headquarters while
//! the till waits, with an answer that gets lost on the way, at a register that is cut off, and
//! where customer data is kept from registers.
//!
//! Each takes a row of the input. It must leave the chain as it found it.

use std::time::Duration;

use serde_json::{Value, json};
use tillsync_domain::ids::{CustomerKey, DatabaseId, PENDING_SYNC};
use tillsync_domain::job::JobName;
use tillsync_domain::profile::{NotHere, ProfileOption};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_fleet::{
    CommerceClient, CommerceError, CreateAnswer, Deadline, Edge, EdgeStatus, FleetError,
    HeadquartersClient, IdempotencyKey, pause,
};

use super::input::{Input, InputError, Row, RowNumber};
use super::interrupt::Interrupt;
use super::load::Accepted;
use super::report::Claim;
use crate::failure::{CommandError, Failure};

/// Rows that ways may take: more than there are ways, since an edge may refuse some.
const ROWS: usize = 20;

/// How long something may take to reach every edge.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often edges are asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How one customer came into being.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// In a few words.
    pub(super) what: &'static str,
    /// Where.
    pub(super) at: DatabaseId,
    /// What the till was answered.
    pub(super) answered: String,
    /// The key that was answered; nothing where the till was refused.
    pub(super) key: Option<CustomerKey>,
}

impl Way {
    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let key = self.key.as_ref().map(CustomerKey::to_string);
        json!({"what": self.what, "at": self.at.as_str(), "answered": self.answered, "key": key})
    }

    /// For people.
    pub(super) fn cells(&self) -> [String; 3] {
        [self.what.to_owned(), self.at.to_string(), self.answered.clone()]
    }
}

/// What became of all of them.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// Each way.
    pub(super) ways: Vec<Way>,
    /// The customers.
    pub(super) accepted: Vec<Accepted>,
    /// Customers that had an account in the answer to their till.
    pub(super) created_sync: u64,
    /// What must hold.
    pub(super) claims: Vec<Claim>,
}

/// Tries every way.
///
/// # Errors
/// Broken: headquarters or the input does not do what it should. Busy: Ctrl-C.
pub(super) fn try_ways(
    input: &Input,
    edges: &[Edge],
    hq: &HeadquartersClient,
    interrupt: &Interrupt,
) -> Result<Ways, Failure> {
    let Some(store) = edges.iter().position(|edge| edge.kind == DatabaseKind::Channel) else {
        return Ok(Ways::default());
    };
    let ours = |edge: &Edge| edge.kind == DatabaseKind::Register && edge.store == edges[store].id;
    let register = edges.iter().position(ours);
    let rows = first_rows(input)?.into_iter();
    let mut trial = Trial { edges, hq, interrupt, rows, ways: Ways::default() };
    trial.set_option(ProfileOption::CreateCustomersAsync, false)?;
    trial.through_headquarters(store)?;
    trial.answer_lost(store)?;
    if let Some(register) = register {
        trial.look_often(register)?;
        trial.cut_off(register)?;
        trial.cut_off_and_filtered(register)?;
    }
    trial.set_option(ProfileOption::CreateCustomersAsync, true)?;
    Ok(trial.ways)
}

/// The first rows that hold a customer.
fn first_rows(input: &Input) -> Result<Vec<(RowNumber, Value)>, Failure> {
    let mut rows = Vec::new();
    let visited = input.visit(|row| {
        if let Row::Customer { number, request } = row {
            rows.push((number, request));
        }
        if rows.len() < ROWS { Ok(()) } else { Err(Stop::Enough) }
    });
    match visited {
        Ok(()) | Err(Stop::Enough) => Ok(rows),
        Err(Stop::Input(error)) => Err(error.into()),
    }
}

enum Stop {
    Enough,
    Input(InputError),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Stop::Input(error)
    }
}

struct Trial<'a> {
    edges: &'a [Edge],
    hq: &'a HeadquartersClient,
    interrupt: &'a Interrupt,
    rows: std::vec::IntoIter<(RowNumber, Value)>,
    ways: Ways,
}

impl Trial<'_> {
    /// Headquarters is asked while the till waits, and its answer has the account.
    fn through_headquarters(&mut self, store: usize) -> Result<(), Failure> {
        let Some(key) = self.create(store, "through headquarters")? else { return Ok(()) };
        let has_account = matches!(key, CustomerKey::Numbered(_));
        self.claim("a customer created through headquarters had its account at once", has_account);
        Ok(())
    }

    /// Headquarters creates the customer, and its answer gets lost: the store creates it too, and
    /// it is the same customer.
    fn answer_lost(&mut self, store: usize) -> Result<(), Failure> {
        let edge = &self.edges[store];
        edge.link.deafen();
        let created = self.create(store, "through headquarters, whose answer got lost");
        let Some(key) = created? else {
            edge.link.mend();
            return Ok(());
        };
        let given = self.hq.account_of(&key)?;
        edge.link.mend();
        let client = CommerceClient::new(&edge.door);
        let shown = || -> Option<String> {
            let found = client.find_customer(&key).ok()??;
            found["AccountNumber"].as_str().map(str::to_owned)
        };
        let was_pending = matches!(key, CustomerKey::Temporary(_));
        let is_the_same = self.wait(|| given.is_some() && shown() == given)?;
        self.claim(
            "a customer whose answer got lost was pending, and got the account that headquarters \
             had given it already",
            was_pending && is_the_same,
        );
        Ok(())
    }

    /// Lets registers look every second whether their store is there again: nobody looks on for
    /// the usual minute.
    fn look_often(&mut self, register: usize) -> Result<(), Failure> {
        let version = self.hq.set_health_check_interval(1)?;
        let client = CommerceClient::new(&self.edges[register].door);
        let job = JobName::Registers1090;
        let goes_by_it = || client.status().is_ok_and(|status| status.applied_of(job) >= version);
        let holds = self.wait(goes_by_it)?;
        let what = format!("registers went by their offline profile when job {job} had brought it");
        self.claim(&what, holds);
        Ok(())
    }

    /// The register creates by itself, whatever its profile says.
    fn cut_off(&mut self, register: usize) -> Result<(), Failure> {
        let edge = &self.edges[register];
        edge.link.cut();
        let created = self.create(register, "at a register that is cut off");
        edge.link.mend();
        let Some(key) = created? else { return Ok(()) };
        let client = CommerceClient::new(&edge.door);
        let has_account = || match client.find_customer(&key) {
            Ok(Some(found)) => found["IsAsyncCustomer"] == json!(false),
            Ok(None) | Err(_) => false,
        };
        let was_pending = matches!(key, CustomerKey::Temporary(_));
        let is_promoted = self.wait(has_account)?;
        self.claim(
            "a register that was cut off created its customer by itself, and learned its account \
             when it was connected again",
            was_pending && is_promoted,
        );
        Ok(())
    }

    /// The register may hold no customers, so it creates none while it is cut off. The customer
    /// comes later, like all others.
    fn cut_off_and_filtered(&mut self, register: usize) -> Result<(), Failure> {
        let edge = &self.edges[register];
        let client = CommerceClient::new(&edge.door);
        let is = |good: &dyn Fn(&EdgeStatus) -> bool| client.status().is_ok_and(|s| good(&s));
        let version = self.hq.filter_customer_data(true)?;
        let job = JobName::Registers1090;
        let is_empty = |at: &EdgeStatus| at.applied_of(job) >= version && at.customers == 0;
        let is_emptied = self.wait(|| is(&is_empty))?;
        edge.link.cut();
        let has_noticed = self.wait(|| is(&|at| at.upstream == "cut"))?;
        let refused = match self.rows.as_slice().first() {
            Some((row, request)) => {
                let body = request.to_string().into_bytes();
                client.create_customer(&body, &IdempotencyKey(format!("row-{}", row.0))).err()
            }
            None => None,
        };
        edge.link.mend();
        let version = self.hq.filter_customer_data(false)?;
        let is_back = |at: &EdgeStatus| at.applied_of(job) >= version && at.customers > 0;
        let is_filled = self.wait(|| is(&is_back))?;
        let code = NotHere::OfflineFiltered.code();
        let is_refused = matches!(&refused, Some(CommerceError::Unexpected { body, .. })
            if body.contains(code));
        let answered = if is_refused { format!("refused: {code}") } else { format!("{refused:?}") };
        let what = "at a register that is cut off and may hold no customers";
        self.ways.ways.push(Way { what, at: edge.id.clone(), answered, key: None });
        self.claim(
            "customer data was kept from a register: it was emptied, created nobody while it was \
             cut off, and has everybody again",
            is_emptied && has_noticed && is_refused && is_filled,
        );
        Ok(())
    }

    /// Creates the customer of the next row that the edge does not refuse. A refused row is left
    /// to those who create all others, who report it.
    fn create(&mut self, index: usize, what: &'static str) -> Result<Option<CustomerKey>, Failure> {
        let edge = &self.edges[index];
        let client = CommerceClient::new(&edge.door);
        for (row, request) in self.rows.by_ref() {
            let body = request.to_string().into_bytes();
            let answer = client.create_customer(&body, &IdempotencyKey(format!("row-{}", row.0)));
            let key = match answer.map_err(|source| failed(edge, source))? {
                CreateAnswer::Created(key) => key,
                CreateAnswer::Refused(_) => continue,
            };
            let answered = match &key {
                CustomerKey::Temporary(_) => PENDING_SYNC.to_owned(),
                CustomerKey::Numbered(account) => {
                    self.ways.created_sync += 1;
                    account.to_string()
                }
            };
            let at = edge.id.clone();
            self.ways.ways.push(Way { what, at, answered, key: Some(key.clone()) });
            self.ways.accepted.push(Accepted { row, edge: index, key: key.clone() });
            return Ok(Some(key));
        }
        Ok(None)
    }

    /// Sets an option and waits until every edge goes by it.
    fn set_option(&mut self, option: ProfileOption, value: bool) -> Result<(), Failure> {
        let version = self.hq.set_profile_option(option, value)?;
        let job = JobName::ChannelConfiguration1070;
        let clients: Vec<_> =
            self.edges.iter().map(|edge| CommerceClient::new(&edge.door)).collect();
        let goes_by_it = |client: &CommerceClient| {
            client.status().is_ok_and(|status| status.applied_of(job) >= version)
        };
        let what = format!("every edge went by {option} = {value} when job {job} had brought it");
        let holds = self.wait(|| clients.iter().all(goes_by_it))?;
        self.claim(&what, holds);
        Ok(())
    }

    fn wait(&self, is_so: impl Fn() -> bool) -> Result<bool, CommandError> {
        let deadline = Deadline::after(WAIT_MAX);
        while !is_so() {
            if deadline.is_over() {
                return Ok(false);
            }
            self.interrupt.check()?;
            pause(ASK_EVERY);
        }
        Ok(true)
    }

    fn claim(&mut self, what: &str, holds: bool) {
        self.ways.claims.push(Claim { what: what.to_owned(), holds });
    }
}

fn failed(edge: &Edge, source: CommerceError) -> FleetError {
    let what = "/Commerce/Customers".to_owned();
    FleetError::Request { server: edge.id.to_string(), what, source }
}
