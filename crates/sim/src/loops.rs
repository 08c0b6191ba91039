//! What machines do by themselves, over and over, and what an operator on duty does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tillsync_channel::Edge;
use tillsync_domain::job::JobName;
use tillsync_domain::order::OrderStatus;
use tillsync_exchange::messages::{DatabaseKind, ExchangeMode};
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{
    RunOutcome, SessionFilter, StatementFilter, TransactionFilter, Trigger,
};

use crate::chain::Chain;
use crate::dice::Dice;
use crate::machines::edge::EdgeSite;
use crate::machines::hq::HqNode;
use crate::operations::keep_nothing_back;
use crate::plan::Pace;

/// How often machines act when faults have ended.
const CALM: Duration = Duration::from_secs(120);

/// How often the operator looks.
const ROUND: Duration = Duration::from_secs(300);

/// In so many rounds of a node, one looks at what only waits, and takes what a schedule asks for.
const THOROUGH_EVERY: u64 = 4;

/// Starts every machine's loops.
pub(crate) fn begin(chain: &Arc<Chain>, pace: Pace) {
    let mut dice = Dice::of(chain.seed, "loops");
    for site in chain.all_edges() {
        begin_edge(chain, &site, pace, &mut dice);
    }
    for index in 0..chain.hq.nodes.len() {
        let rounds = AtomicU64::new(0);
        let act = move |chain: &Arc<Chain>| {
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            node_round(chain, index, round.is_multiple_of(THOROUGH_EVERY));
        };
        repeat(chain, part_of(pace.node, &mut dice), pace.node, act);
    }
}

/// Starts the loops of one edge.
pub(crate) fn begin_edge(chain: &Arc<Chain>, site: &Arc<EdgeSite>, pace: Pace, dice: &mut Dice) {
    let (uploading, polling) = (Arc::clone(site), Arc::clone(site));
    let upload = move |chain: &Arc<Chain>| {
        // A store that works by schedule sends only when it is asked.
        let running = uploading.running();
        let is_live = |edge: &Arc<Edge>| edge.mode() == ExchangeMode::Live;
        if uploading.kind == DatabaseKind::Register || running.as_ref().is_some_and(is_live) {
            chain.upload(&uploading);
        }
    };
    repeat(chain, part_of(pace.edge, dice), pace.edge, upload);
    let poll = move |chain: &Arc<Chain>| chain.download(&polling);
    repeat(chain, part_of(pace.edge, dice), pace.edge, poll);
}

/// Puts an operator on duty, who does what only people may.
pub(crate) fn begin_operator(chain: &Arc<Chain>) {
    repeat(chain, Duration::from_secs(1), ROUND, operator_round);
}

fn repeat(
    chain: &Arc<Chain>,
    first: Duration,
    every: Duration,
    act: impl Fn(&Arc<Chain>) + Send + 'static,
) {
    let acting = Arc::clone(chain);
    chain.turns.begin_after(first, move || {
        if acting.is_over() {
            return;
        }
        act(&acting);
        let every = if acting.is_healing.load(Ordering::SeqCst) { CALM } else { every };
        repeat(&acting, every, every, act);
    });
}

fn part_of(whole: Duration, dice: &mut Dice) -> Duration {
    whole.mul_f64(dice.fraction())
}

fn node_round(chain: &Arc<Chain>, index: usize, is_thorough: bool) {
    let running = || chain.hq.nodes[index].running();
    if let Some(node) = running() {
        if is_thorough {
            // What waits may have been settled elsewhere.
            node.hq.signals().documents_arrived();
        }
        for (job, options) in node.hq.due_live_jobs().unwrap_or_default() {
            // A node that was killed in between has no more work to do.
            let Some(node) = running() else { return };
            chain.run_job_with(&node, job, Trigger::Live, options);
        }
    }
    let Some(node) = running().filter(|_| is_thorough) else { return };
    for job in node.hq.take_due_jobs().unwrap_or_default() {
        let Some(node) = running() else { return };
        chain.count("schedule", job.as_str());
        chain.run_job(&node, job, Trigger::Schedule);
    }
    let _ = node.hq.send_heartbeat();
}

/// Retries what is suspended or failed, and runs what waits for somebody to run it.
fn operator_round(chain: &Arc<Chain>) {
    let Some(node) = chain.any_node() else { return };
    // Newest first, whoever looks at the last hundred of all kinds overlooks what waits longest.
    let status = Some(DownloadStatus::Suspended);
    let filter = SessionFilter { status, limit: 100, ..SessionFilter::default() };
    for session in node.hq.list_sessions(&filter).unwrap_or_default() {
        chain.tell(format!("the operator retries session {}", session.id));
        let _ = node.hq.command_session(&session.id, SessionCommand::Retry);
    }
    let filter = StatementFilter { has_failed: true, limit: 100, ..StatementFilter::default() };
    for statement in node.hq.list_statements(&filter).unwrap_or_default() {
        let _ = node.hq.retry_statement(&statement.id);
    }
    give_up_edits(chain, &node);
    keep_nothing_back(chain);
    send_what_is_owed(chain);
    for job in JobName::ALL {
        if let Some(node) = chain.any_node() {
            chain.run_job(&node, job, Trigger::Manual);
        }
    }
}

/// Whoever locked an order and went home gets no chance to save.
fn give_up_edits(chain: &Chain, node: &HqNode) {
    let locked = TransactionFilter {
        order_status: Some(OrderStatus::Editing),
        limit: 100,
        ..TransactionFilter::default()
    };
    for record in node.hq.storage().read(|tx| tx.transactions_list(&locked)).unwrap_or_default() {
        chain.tell(format!("the operator gives the edit of {} up", record.row.number));
        let _ = node.hq.give_up_edit(&record.row.number);
    }
}

/// The full syncs that make up for canceled downloads.
fn send_what_is_owed(chain: &Chain) {
    let owed = chain.memory().full_syncs_due.clone();
    for (group, job) in owed {
        let Some(node) = chain.any_node() else { return };
        let full_sync_of = Some(group.parse().expect("a group"));
        let options = JobOptions { full_sync_of, ..JobOptions::default() };
        let run = chain.run_job_with(&node, job, Trigger::Manual, options);
        if run.is_some_and(|run| run.outcome == RunOutcome::Succeeded) {
            chain.memory().full_syncs_due.remove(&(group, job));
        }
    }
}
