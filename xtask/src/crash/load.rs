//! Clients that create customers through every edge, sell to them, and never give up on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tillsync_fleet::{
    CommerceClient, CreateAnswer, CustomerKey, Deadline, Edge, EdgeDoor, IdempotencyKey, pause,
};

use super::clerk::{Clerk, Sold};

/// How much is done at each edge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Clients. The first answers for the drawer.
    pub(crate) clients: usize,
    /// The pause of a client between two customers: load, but not a flood.
    pub(crate) between: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { clients: 2, between: Duration::from_millis(15) }
    }
}

/// Customers that the first client serves in one shift.
const SERVED_PER_SHIFT: u64 = 40;

/// The wait before the same thing is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// How long one answer may take once nothing is killed any more.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(60);

/// Running clients.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Acknowledged>>,
}

/// What the clients know of the end of the load.
#[derive(Default)]
pub(crate) struct Shared {
    is_stopping: AtomicBool,
    acknowledged: AtomicU64,
}

/// What the clients were told.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Each customer by its identification number, and the key that was answered.
    pub(crate) customers: Vec<(String, String)>,
    /// Sales, orders and shifts.
    pub(crate) sold: Sold,
    /// What got no answer or a refusal, and the last error.
    pub(crate) unanswered: Vec<String>,
}

impl Acknowledged {
    /// How many customers were acknowledged.
    pub(crate) fn count(&self) -> u64 {
        self.customers.len() as u64
    }
}

impl Load {
    /// Starts the clients of every edge.
    pub(crate) fn start(edges: &[Edge], pace: Pace) -> Result<Load> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for edge in edges {
            for client in 0..pace.clients {
                let (door, shared) = (edge.door.clone(), Arc::clone(&shared));
                let name = format!("{}-{client}", edge.id);
                let between = pace.between;
                let work = move || serve_customers(&name, &door, (client == 0, between), &shared);
                let thread = std::thread::Builder::new().name("client".to_owned()).spawn(work);
                threads.push(thread.context("start a client")?);
            }
        }
        Ok(Load { shared, threads })
    }

    /// How many customers have been acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends the clients, each after the answer to what it has asked for.
    pub(crate) fn stop(self) -> Result<Acknowledged> {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        let mut all = Acknowledged::default();
        for thread in self.threads {
            let one = thread.join().map_err(|_| anyhow!("a client panicked"))?;
            all.customers.extend(one.customers);
            all.sold.add(one.sold);
            all.unanswered.extend(one.unanswered);
        }
        // Only now: nobody sells any more.
        all.unanswered.extend(all.sold.close_shifts(&self.shared));
        Ok(all)
    }
}

impl Shared {
    /// Asks until there is an answer; once nothing is killed any more, not for ever.
    ///
    /// # Errors
    /// No answer came until the end.
    pub(crate) fn ask<T>(&self, mut request: impl FnMut() -> Result<T>) -> Result<T> {
        let mut last_chance = None;
        loop {
            let error = match request() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if self.is_stopping.load(Ordering::SeqCst) {
                let chance = last_chance.get_or_insert_with(|| Deadline::after(LAST_ANSWER_MAX));
                if chance.is_over() {
                    return Err(error);
                }
            }
            pause(TRY_AGAIN);
        }
    }
}

fn serve_customers(
    name: &str,
    door: &EdgeDoor,
    (has_drawer, between): (bool, Duration),
    shared: &Shared,
) -> Acknowledged {
    let client = CommerceClient::new(door);
    let mut clerk = Clerk::at(name, door, shared);
    let mut outcome = Acknowledged::default();
    for number in 0_u64.. {
        if shared.is_stopping.load(Ordering::SeqCst) {
            break;
        }
        if has_drawer && number % SERVED_PER_SHIFT == 0 {
            clerk.change_shift();
        }
        let identification = format!("{name}-{number}");
        match create(&client, &identification, shared) {
            Ok(key) => {
                clerk.serve(&key, number);
                outcome.customers.push((identification, key.to_string()));
                shared.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => outcome.unanswered.push(format!("{identification}: {error}")),
        }
        pause(between);
    }
    let (sold, unanswered) = clerk.end();
    outcome.sold = sold;
    outcome.unanswered.extend(unanswered);
    outcome
}

/// Asks for one customer, always under the same key, until there is an answer.
fn create(client: &CommerceClient, identification: &str, shared: &Shared) -> Result<CustomerKey> {
    let customer = json!({
        "FirstName": "Crash",
        "LastName": identification,
        "IdentificationNumber": identification,
        "Addresses": [{"Street": "High Street", "City": "Albury"}],
    });
    let body = customer.to_string().into_bytes();
    let key = IdempotencyKey(identification.to_owned());
    match shared.ask(|| Ok(client.create_customer(&body, &key)?))? {
        CreateAnswer::Created(key) => Ok(key),
        CreateAnswer::Refused(fields) => Err(anyhow!("refused: {fields:?}")),
    }
}
