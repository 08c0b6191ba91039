//! The operator of headquarters: sets it up for trade, posts all day long, ends the day.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tillsync_fleet::{
    CommerceClient, Fleet, HeadquartersClient, JobName, Program, pause, wait_until,
};

use super::clerk::euro;

/// How long the goods may take to every till.
const GOODS_WAIT_MAX: Duration = Duration::from_secs(60);

/// The pause between two runs of the posting jobs while processes are killed.
const BETWEEN: Duration = Duration::from_millis(300);

/// How long one of those runs is waited for: whoever runs it may have been killed.
const RUN_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often the end of the day is tried.
const ROUNDS_MAX: usize = 5;

/// What turns uploads into postings, in order.
const POSTING: [JobName; 4] = [
    JobName::SynchronizeOrders,
    JobName::ValidateTransactions,
    JobName::TransactionalStatements,
    JobName::FinancialStatements,
];

/// An operator who posts again and again, whatever is killed meanwhile.
pub(crate) struct Operator {
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Operator {
    /// Begins to post.
    pub(crate) fn start(hq: HeadquartersClient) -> Result<Operator> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&is_stopping);
        let work = move || {
            let mut runs = 0;
            while !stopping.load(Ordering::SeqCst) {
                for job in POSTING {
                    // Headquarters may be down, or its dead run may still hold the lease.
                    runs += u64::from(matches!(hq.run_job_if_free(job, RUN_WAIT_MAX), Ok(Some(_))));
                }
                pause(BETWEEN);
            }
            runs
        };
        let thread = std::thread::Builder::new().name("operator".to_owned()).spawn(work);
        Ok(Operator { is_stopping, thread: thread.context("start the operator")? })
    }

    /// Stops, and says how many runs ended.
    pub(crate) fn stop(self) -> Result<u64> {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| anyhow!("the operator panicked"))
    }
}

/// Gives the chain its items, and each store a customer for unnamed sales; returns the accounts of
/// those.
pub(crate) fn set_up(fleet: &Fleet, program: &Program, items: &Path) -> Result<Vec<String>> {
    let mut import = vec!["item".into(), "import".into(), items.into(), "--data-dir".into()];
    import.push(fleet.layout().root().into());
    program.run(&import)?;
    let hq = fleet.headquarters()?;
    let mut accounts = Vec::new();
    for edge in fleet.edges().iter().filter(|edge| edge.id == edge.store) {
        let name = format!("Counter sales {}", edge.id);
        accounts.push(hq.create_default_customer(&edge.id, &name)?);
    }
    hq.run_job(JobName::Products1040)?;
    for edge in fleet.edges() {
        let client = CommerceClient::new(&edge.door);
        let has_goods =
            || client.products(euro()).is_ok_and(|goods| !goods.is_empty()).then_some(());
        if wait_until(GOODS_WAIT_MAX, has_goods).is_none() {
            bail!("{} got no items", edge.id);
        }
    }
    Ok(accounts)
}

/// Runs the jobs of the end of the day until nothing is on its way, or nothing helps.
pub(crate) fn end_day(hq: &HeadquartersClient) -> Result<()> {
    hq.run_job(JobName::P0001)?;
    hq.run_job(JobName::SynchronizeCustomers)?;
    for _ in 0..ROUNDS_MAX {
        for job in POSTING {
            let run = hq.run_job(job)?;
            if run["outcome"] != "succeeded" {
                eprintln!("{job}: {run}");
            }
        }
        if hq.transactions()?.on_their_way() == 0 {
            return Ok(());
        }
    }
    Ok(())
}
