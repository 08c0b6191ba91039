//! Waiting until every edge knows every account, for as long as something moves.

use std::time::Duration;

use tillsync_fleet::{
    CommerceClient, Deadline, Edge, EdgeStatus, HeadquartersClient, InboxStatus, pause,
};

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
    /// Every edge knows every customer by its account, those aside that failed at headquarters.
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

/// The customers that there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Population {
    /// Those that every edge is to know.
    pub(super) customers: u64,
    /// Those besides that headquarters keeps to itself.
    pub(super) hidden: u64,
}

/// Waits until each edge knows every customer by its account.
///
/// A customer that headquarters recorded as failed gets no account and is not waited for.
///
/// # Errors
/// Busy: Ctrl-C.
pub(super) fn wait_until_known(
    clients: &[CommerceClient],
    hq: &HeadquartersClient,
    population: Population,
    interrupt: &Interrupt,
) -> Result<Converged, CommandError> {
    let Population { customers, hidden } = population;
    let seen = |inbox: InboxStatus| InboxStatus {
        customers: inbox.customers.saturating_sub(hidden),
        ..inbox
    };
    let total = customers * clients.len() as u64;
    let mut progress = Progress::begin("accounts known at edges", total);
    let mut statuses = Vec::new();
    let mut still = Deadline::after(STILL_MAX);
    while !still.is_over() {
        interrupt.check()?;
        let asked = ask_edges(clients);
        let is_still = asked == statuses;
        if !is_still {
            still = Deadline::after(STILL_MAX);
            statuses = asked;
        }
        progress.set(statuses.iter().map(|edge| edge.customers - edge.pending).sum());
        let is_settled = statuses.iter().all(|edge| is_settled(edge, customers))
            // The edges are not asked all at once: what moved in between shows one round later.
            || is_still
                && is_all_sent(&statuses)
                && hq.status().is_ok_and(|inbox| is_explained(&statuses, &seen(inbox), customers));
        if is_settled {
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

fn is_all_sent(edges: &[EdgeStatus]) -> bool {
    edges.iter().all(|edge| edge.unsent == 0)
}

/// Whether failures at headquarters are all that keeps the edges from being settled: everything
/// has arrived and is dealt with there, and every edge knows every account that there is.
fn is_explained(edges: &[EdgeStatus], inbox: &InboxStatus, customers: u64) -> bool {
    let knows_all =
        |edge: &EdgeStatus| edge.customers.saturating_sub(edge.pending) >= inbox.customers;
    // One failed customer can have several failed operations, so this sum is an upper bound.
    let has_arrived = inbox.customers + inbox.failed >= customers;
    inbox.failed > 0 && inbox.pending == 0 && has_arrived && edges.iter().all(knows_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS: u64 = 10;

    fn edge(customers: u64, pending: u64) -> EdgeStatus {
        EdgeStatus { customers, pending, ..EdgeStatus::default() }
    }

    fn inbox(customers: u64, pending: u64, failed: u64) -> InboxStatus {
        InboxStatus { customers, pending, failed }
    }

    #[test]
    fn a_recorded_failure_explains_a_customer_that_stays_pending_where_it_was_created() {
        let edges = [edge(10, 1), edge(9, 0)];
        assert!(!edges.iter().all(|edge| is_settled(edge, CUSTOMERS)));
        assert!(is_explained(&edges, &inbox(9, 0, 2), CUSTOMERS));
    }

    #[test]
    fn without_a_failure_nothing_is_explained() {
        assert!(!is_explained(&[edge(10, 1)], &inbox(9, 0, 0), CUSTOMERS));
        assert!(!is_explained(&[edge(10, 1)], &inbox(10, 0, 0), CUSTOMERS));
    }

    #[test]
    fn a_failure_does_not_explain_what_waits_is_missing_or_is_unknown_at_an_edge() {
        assert!(!is_explained(&[edge(10, 2)], &inbox(8, 1, 1), CUSTOMERS));
        assert!(!is_explained(&[edge(10, 2)], &inbox(8, 0, 1), CUSTOMERS));
        assert!(!is_explained(&[edge(10, 1), edge(10, 2)], &inbox(9, 0, 1), CUSTOMERS));
    }

    #[test]
    fn what_is_not_sent_yet_is_noticed() {
        assert!(is_all_sent(&[edge(10, 0)]));
        assert!(!is_all_sent(&[edge(10, 0), EdgeStatus { unsent: 1, ..edge(10, 1) }]));
    }
}
