//! Many customers at once, created at every edge.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tillsync_fleet::{
    CommerceClient, CreateAnswer, Deadline, Edge, EdgeDoor, IdempotencyKey, pause,
};

/// Clients of each edge: they share its transactions.
const CLIENTS_PER_EDGE: u64 = 8;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The wait before the same thing is asked for again.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Acknowledged customers.
#[derive(Debug, Default)]
pub(super) struct Customers {
    /// Each by its identification number, and the key that was answered.
    pub(super) keys: Vec<(String, String)>,
}

impl Customers {
    /// Creates so many at each edge; the word tells them from others.
    pub(super) fn create(edges: &[Edge], (word, count): (&str, u64)) -> Result<Customers> {
        let mut threads = Vec::new();
        for edge in edges {
            for client in 0..CLIENTS_PER_EDGE {
                let (name, door) = (format!("{word}-{}", edge.id), edge.door.clone());
                let numbers = (client..count).step_by(CLIENTS_PER_EDGE as usize);
                let work = move || create_all(&name, &door, numbers);
                let thread = std::thread::Builder::new().name("client".to_owned()).spawn(work);
                threads.push(thread.context("start a client")?);
            }
        }
        let mut all = Customers::default();
        for thread in threads {
            all.keys.extend(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok(all)
    }

    /// Counts others too.
    pub(super) fn add(&mut self, others: Customers) {
        self.keys.extend(others.keys);
    }
}

fn create_all(
    name: &str,
    door: &EdgeDoor,
    numbers: impl Iterator<Item = u64>,
) -> Result<Vec<(String, String)>> {
    let client = CommerceClient::new(door);
    let create = |number| {
        let identification = format!("{name}-{number}");
        let key = create_one(&client, &identification)?;
        Ok((identification, key))
    };
    numbers.map(create).collect()
}

fn create_one(client: &CommerceClient, identification: &str) -> Result<String> {
    let customer = json!({
        "FirstName": "Moved",
        "LastName": identification,
        "IdentificationNumber": identification,
        "Addresses": [{"Street": "High Street", "City": "Albury"}],
    });
    let body = customer.to_string().into_bytes();
    let key = IdempotencyKey(identification.to_owned());
    let deadline = Deadline::after(ANSWER_MAX);
    loop {
        match client.create_customer(&body, &key) {
            Ok(CreateAnswer::Created(key)) => return Ok(key.to_string()),
            Ok(CreateAnswer::Refused(fields)) => bail!("{identification} was refused: {fields:?}"),
            Err(error) if deadline.is_over() => return Err(error.into()),
            Err(_) => pause(TRY_AGAIN),
        }
    }
}
