//! Creates the customers of the input at all edges at once, as their clients would.
//!
//! It must never give a customer up silently: each row ends accepted, refused with a reason, or
//! counted as not accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tillsync_domain::ids::CustomerKey;
use tillsync_fleet::{CommerceClient, CreateAnswer, Edge, EdgeDoor, IdempotencyKey, pause};

use super::input::{Input, Refusal, Row, RowNumber};
use super::interrupt::Interrupt;
use super::progress::Progress;
use crate::failure::{CommandError, Failure};

/// Clients of each edge: enough that their commits share a flush to disk.
const CLIENTS_PER_EDGE_MAX: usize = 24;

/// Clients of all edges together.
const CLIENTS_MAX: usize = 256;

/// Requests that wait for each client.
const QUEUE: usize = 32;

/// Tries of one request, always under the same key.
const TRIES_MAX: u32 = 10;

/// The wait between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// A customer that an edge has durably.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// Its row.
    pub(super) row: RowNumber,
    /// Where, by position among the edges.
    pub(super) edge: usize,
    /// The key that the edge answered.
    pub(super) key: CustomerKey,
}

/// What became of all rows.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Rows read.
    pub(super) customers_in: u64,
    /// Customers created, by row.
    pub(super) accepted: Vec<Accepted>,
    /// Rows refused by each edge; those whose row itself is broken count for none.
    pub(super) refused_at: Vec<u64>,
    /// Rows refused.
    pub(super) refused: u64,
    /// Every reason, by row.
    pub(super) refusals: Vec<Refusal>,
    /// Rows that no edge took in the end, with the last error.
    pub(super) not_accepted: Vec<(RowNumber, String)>,
}

/// Creates every customer of the input, row by row round the edges, but for those that there are
/// already.
///
/// # Errors
/// Broken: the input cannot be read. Busy: Ctrl-C.
pub(super) fn create_customers(
    input: &Input,
    edges: &[Edge],
    already: &[Accepted],
    interrupt: &Interrupt,
) -> Result<Loaded, Failure> {
    let mut progress = Progress::begin("creating customers", input.count()?);
    let done = Arc::new(AtomicU64::new(0));
    let mut clients = start_clients(edges, &done)?;
    let refused_at = vec![0; edges.len()];
    let mut loaded = Loaded { refused_at, accepted: already.to_vec(), ..Loaded::default() };
    let fed = feed(input, &clients, &mut loaded, &mut |loaded| {
        let already = loaded.accepted.len() as u64;
        progress.set(done.load(Ordering::Relaxed) + already + loaded.refused);
        interrupt.check()
    });
    for client in &mut clients {
        client.queue = None;
    }
    for client in clients {
        let outcome = client.thread.join().map_err(|_| CommandError::Process {
            doing: "create customers",
            source: std::io::Error::other("a client thread panicked"),
        })?;
        loaded.take(client.edge, outcome);
    }
    fed?;
    loaded.accepted.sort_unstable_by_key(|accepted| accepted.row);
    loaded.refusals.sort_by_key(|refusal| refusal.row);
    loaded.not_accepted.sort();
    progress.set(loaded.customers_in);
    progress.end();
    Ok(loaded)
}

impl Loaded {
    fn take(&mut self, edge: usize, outcome: ClientOutcome) {
        let accepted = outcome.accepted.into_iter();
        self.accepted.extend(accepted.map(|(row, key)| Accepted { row, edge, key }));
        self.refused += outcome.refused;
        self.refused_at[edge] += outcome.refused;
        self.refusals.extend(outcome.refusals);
        self.not_accepted.extend(outcome.not_accepted);
    }
}

struct Client {
    edge: usize,
    queue: Option<SyncSender<Job>>,
    thread: JoinHandle<ClientOutcome>,
}

struct Job {
    row: RowNumber,
    request: Value,
}

#[derive(Default)]
struct ClientOutcome {
    accepted: Vec<(RowNumber, CustomerKey)>,
    refused: u64,
    refusals: Vec<Refusal>,
    not_accepted: Vec<(RowNumber, String)>,
}

/// Clients in an order in which neighbours belong to different edges.
fn start_clients(edges: &[Edge], done: &Arc<AtomicU64>) -> Result<Vec<Client>, CommandError> {
    let mut clients = Vec::new();
    let clients_per_edge = (CLIENTS_MAX / edges.len().max(1)).clamp(1, CLIENTS_PER_EDGE_MAX);
    for _ in 0..clients_per_edge {
        for (edge, door) in edges.iter().map(|edge| edge.door.clone()).enumerate() {
            let (queue, jobs) = sync_channel(QUEUE);
            let done = Arc::clone(done);
            let thread = std::thread::Builder::new()
                .name("client".to_owned())
                .spawn(move || work(&door, &jobs, &done))
                .map_err(|source| CommandError::Process { doing: "start a client", source })?;
            clients.push(Client { edge, queue: Some(queue), thread });
        }
    }
    Ok(clients)
}

fn feed(
    input: &Input,
    clients: &[Client],
    loaded: &mut Loaded,
    on_row: &mut dyn FnMut(&Loaded) -> Result<(), CommandError>,
) -> Result<(), Failure> {
    let mut round = clients.iter().cycle();
    input.visit(|row| {
        loaded.customers_in += 1;
        on_row(loaded)?;
        match row {
            Row::Refused(refusal) => {
                loaded.refused += 1;
                loaded.refusals.push(refusal);
            }
            Row::Customer { number, .. } if loaded.accepted.iter().any(|it| it.row == number) => {}
            Row::Customer { number, request } => {
                let client = round.next().and_then(|client| client.queue.as_ref());
                let sent = client.map(|queue| queue.send(Job { row: number, request }));
                if !matches!(sent, Some(Ok(()))) {
                    loaded.not_accepted.push((number, "its client ended".to_owned()));
                }
            }
        }
        Ok(())
    })
}

fn work(door: &EdgeDoor, jobs: &Receiver<Job>, done: &AtomicU64) -> ClientOutcome {
    let client = CommerceClient::new(door);
    let mut outcome = ClientOutcome::default();
    for Job { row, request } in jobs {
        match create(&client, &request, row) {
            Ok(CreateAnswer::Created(key)) => outcome.accepted.push((row, key)),
            Ok(CreateAnswer::Refused(fields)) => {
                outcome.refused += 1;
                outcome.refusals.extend(fields.into_iter().map(|refusal| Refusal {
                    row,
                    field: refusal.field,
                    reason: refusal.reason,
                }));
            }
            Err(reason) => outcome.not_accepted.push((row, reason)),
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    outcome
}

/// Creates one customer. Without an answer it is tried again under the same key, so that it is
/// created once however often it is asked for.
fn create(
    client: &CommerceClient,
    request: &Value,
    row: RowNumber,
) -> Result<CreateAnswer, String> {
    let body = request.to_string().into_bytes();
    let key = IdempotencyKey(format!("row-{}", row.0));
    let mut last = String::new();
    for _ in 0..TRIES_MAX {
        match client.create_customer(&body, &key) {
            Ok(answer) => return Ok(answer),
            Err(error) => last = format!("{:#}", anyhow::Error::from(error)),
        }
        pause(TRY_AGAIN);
    }
    Err(last)
}
