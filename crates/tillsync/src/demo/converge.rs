//! Waiting until every edge knows every account, for as long as something moves.

use std::time::Duration;

use tillsync_fleet::{CommerceClient, Deadline, Edge, EdgeStatus, pause};

use super::interrupt::Interrupt;
use super::progress::Progress;
use crate::failure::CommandError;

/// How long nothing may move before the wait is given up.
const STILL_MAX: Duration = Duration::from_secs(60);

/// How often the edges are asked.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Converged {
    /// Every edge knows every customer by its account.
    Yes,
    /// Nothing moved any more.
    No,
}

/// How every edge is; one that does not answer counts as empty.
pub(super) fn ask_edges(clients: &[CommerceClient]) -> Vec<EdgeStatus> {
    clients.iter().map(|client| client.status().unwrap_or_default()).collect()
}

/// Clients that ask edges how they are.
pub(super) fn clients_of(edges: &[Edge]) -> Vec<CommerceClient> {
    edges.iter().map(|edge| CommerceClient::new(&edge.door)).collect()
}

/// Waits until each edge knows `customers` customers, all with their accounts.
///
/// # Errors
/// Busy: Ctrl-C.
pub(super) fn wait_until_known(
    clients: &[CommerceClient],
    customers: u64,
    interrupt: &Interrupt,
) -> Result<Converged, CommandError> {
    let total = customers * clients.len() as u64;
    let mut progress = Progress::begin("accounts known at edges", total);
    let mut statuses = Vec::new();
    let mut still = Deadline::after(STILL_MAX);
    while !still.is_over() {
        interrupt.check()?;
        let asked = ask_edges(clients);
        if asked != statuses {
            still = Deadline::after(STILL_MAX);
            statuses = asked;
        }
        progress.set(statuses.iter().map(|edge| edge.customers - edge.pending).sum());
        if statuses.iter().all(|edge| is_settled(edge, customers)) {
            progress.end();
            return Ok(Converged::Yes);
        }
        pause(ASK_EVERY);
    }
    progress.end();
    Ok(Converged::No)
}

fn is_settled(edge: &EdgeStatus, customers: u64) -> bool {
    edge.pending == 0 && edge.unsent == 0 && edge.customers >= customers
}
