//! Clients that create customers through every edge and never give up on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tillsync_fleet::{
    CommerceClient, CreateAnswer, Deadline, Edge, EdgeDoor, IdempotencyKey, pause,
};

/// Clients of each edge.
const CLIENTS_PER_EDGE: usize = 2;

/// The pause of a client between two customers: load, but not a flood.
const BETWEEN: Duration = Duration::from_millis(15);

/// The wait before the same customer is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// How long one customer may take once nothing is killed any more.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(60);

/// Running clients.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Acknowledged>>,
}

#[derive(Default)]
struct Shared {
    is_stopping: AtomicBool,
    acknowledged: AtomicU64,
}

/// What the clients were told.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// Each customer by its identification number, and the key that was answered.
    pub(super) customers: Vec<(String, String)>,
    /// Customers that got no answer or a refusal, and the last error.
    pub(super) unanswered: Vec<String>,
}

impl Acknowledged {
    /// How many customers were acknowledged.
    pub(super) fn count(&self) -> u64 {
        self.customers.len() as u64
    }
}

impl Load {
    /// Starts the clients of every edge.
    pub(super) fn start(edges: &[Edge]) -> Result<Load> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::new();
        for edge in edges {
            for client in 0..CLIENTS_PER_EDGE {
                let (door, shared) = (edge.door.clone(), Arc::clone(&shared));
                let name = format!("{}-{client}", edge.id);
                let thread = std::thread::Builder::new()
                    .name(name.clone())
                    .spawn(move || create_customers(&name, &door, &shared))
                    .context("start a client")?;
                threads.push(thread);
            }
        }
        Ok(Load { shared, threads })
    }

    /// How many customers have been acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends the clients, each after the answer to its present customer.
    pub(super) fn stop(self) -> Result<Acknowledged> {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        let mut all = Acknowledged::default();
        for thread in self.threads {
            let one = thread.join().map_err(|_| anyhow!("a client panicked"))?;
            all.customers.extend(one.customers);
            all.unanswered.extend(one.unanswered);
        }
        Ok(all)
    }
}

fn create_customers(name: &str, door: &EdgeDoor, shared: &Shared) -> Acknowledged {
    let client = CommerceClient::new(door);
    let mut outcome = Acknowledged::default();
    for number in 0_u64.. {
        if shared.is_stopping.load(Ordering::SeqCst) {
            break;
        }
        let identification = format!("{name}-{number}");
        match create(&client, &identification, shared) {
            Ok(key) => {
                outcome.customers.push((identification, key));
                shared.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => outcome.unanswered.push(format!("{identification}: {error}")),
        }
        pause(BETWEEN);
    }
    outcome
}

/// Asks for one customer, always under the same key, until there is an answer.
fn create(client: &CommerceClient, identification: &str, shared: &Shared) -> Result<String> {
    let customer = json!({
        "FirstName": "Crash",
        "LastName": identification,
        "IdentificationNumber": identification,
        "Addresses": [{"Street": "High Street", "City": "Albury"}],
    });
    let body = customer.to_string().into_bytes();
    let key = IdempotencyKey(identification.to_owned());
    let mut last_chance = None;
    loop {
        let error = match client.create_customer(&body, &key) {
            Ok(CreateAnswer::Created(key)) => return Ok(key.to_string()),
            Ok(CreateAnswer::Refused(fields)) => return Err(anyhow!("refused: {fields:?}")),
            Err(error) => error,
        };
        if shared.is_stopping.load(Ordering::SeqCst) {
            let chance = last_chance.get_or_insert_with(|| Deadline::after(LAST_ANSWER_MAX));
            if chance.is_over() {
                return Err(error.into());
            }
        }
        pause(TRY_AGAIN);
    }
}
