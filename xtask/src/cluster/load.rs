//! A client at every store that creates customers and never gives up on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tillsync_fleet::{
    CommerceClient, CreateAnswer, Deadline, Edge, EdgeDoor, IdempotencyKey, pause,
};

/// The pause of a client between two customers.
const BETWEEN: Duration = Duration::from_millis(200);

/// The wait before the same thing is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// How long one answer may take: no store is ever killed here.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Customers by their identification number, with the key that was answered.
pub(super) type Told = Vec<(String, String)>;

/// Running clients.
pub(super) struct Load {
    is_stopping: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<Told>>>,
}

impl Load {
    /// Starts a client at every edge.
    pub(super) fn start(edges: &[Edge]) -> Result<Load> {
        let mut load =
            Load { is_stopping: Arc::default(), acknowledged: Arc::default(), threads: vec![] };
        for edge in edges {
            let (name, door) = (edge.id.to_string(), edge.door.clone());
            let (stopping, count) = (Arc::clone(&load.is_stopping), Arc::clone(&load.acknowledged));
            let work = move || create_customers(&name, &door, &stopping, &count);
            let thread = std::thread::Builder::new().name("client".to_owned()).spawn(work);
            load.threads.push(thread.context("start a client")?);
        }
        Ok(load)
    }

    /// How many customers have been acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends the clients, each after the answer to what it has asked for.
    pub(super) fn stop(self) -> Result<Told> {
        self.is_stopping.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok(all)
    }
}

fn create_customers(
    name: &str,
    door: &EdgeDoor,
    is_stopping: &AtomicBool,
    acknowledged: &AtomicU64,
) -> Result<Told> {
    let client = CommerceClient::new(door);
    let mut told = Vec::new();
    for number in 0_u64.. {
        if is_stopping.load(Ordering::SeqCst) {
            break;
        }
        let identification = format!("{name}-{number}");
        let key = create(&client, &identification)?;
        told.push((identification, key));
        acknowledged.fetch_add(1, Ordering::Relaxed);
        pause(BETWEEN);
    }
    Ok(told)
}

/// Asks for one customer, always under the same key, until there is an answer.
fn create(client: &CommerceClient, identification: &str) -> Result<String> {
    let customer = json!({
        "FirstName": "Cluster",
        "LastName": identification,
        "IdentificationNumber": identification,
    });
    let body = customer.to_string().into_bytes();
    let key = IdempotencyKey(identification.to_owned());
    let deadline = Deadline::after(ANSWER_MAX);
    loop {
        match client.create_customer(&body, &key) {
            Ok(CreateAnswer::Created(key)) => return Ok(key.to_string()),
            Ok(CreateAnswer::Refused(fields)) => {
                return Err(anyhow!("{identification} was refused: {fields:?}"));
            }
            Err(error) if deadline.is_over() => return Err(error.into()),
            Err(_) => pause(TRY_AGAIN),
        }
    }
}
