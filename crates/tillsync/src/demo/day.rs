//! The day of the demo's tills: they are given goods, sell while links are cut and after, count
//! their drawers, and headquarters posts it all.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::job::JobName;
use tillsync_domain::money::Currency;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_fleet::{
    CommerceClient, Deadline, Edge, HeadquartersClient, TransactionsStatus, pause,
};

use super::interrupt::Interrupt;
use super::load::Loaded;
use super::progress::Progress;
use super::till::{Till, WISHES};
use crate::failure::Failure;
use crate::item_file::read_items;

/// The project's own items.
const ITEMS: &[u8] = include_bytes!("../../../../data/items.csv");

/// The currency of every sale.
const CURRENCY: &str = "EUR";

/// Customers that each till serves, at most.
const SERVED_PER_TILL_MAX: usize = 40;

/// Customers that all tills together serve, roughly at most.
const SERVED_MAX: usize = 2_000;

/// Tills that are worked at the same time.
const STAFF: usize = 16;

/// How long tills may take to get their goods, and documents to reach headquarters.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often they are looked at meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How often the jobs of the end of the day are run, at most, until nothing is left.
const ROUNDS_MAX: usize = 3;

/// The jobs that are repeated until nothing is left.
const SETTLING: [JobName; 4] = [
    JobName::SynchronizeOrders,
    JobName::ValidateTransactions,
    JobName::TransactionalStatements,
    JobName::FinancialStatements,
];

/// Every till of the fleet, in the order of its edges.
#[derive(Debug)]
pub(super) struct Day {
    /// The tills.
    pub(super) tills: Vec<Till>,
    /// The currency of every amount.
    pub(super) currency: Currency,
}

impl Day {
    /// Puts the items in, gives each store a customer for unnamed sales, and opens every till.
    ///
    /// # Errors
    /// Broken: headquarters refuses, or does not answer. Busy: Ctrl-C.
    pub(super) fn begin(
        edges: &[Edge],
        hq: &HeadquartersClient,
        interrupt: &Interrupt,
    ) -> Result<Day, Failure> {
        let items = read_items(ITEMS)?.items;
        let version = hq.put_items(&items)?;
        for edge in edges.iter().filter(|edge| edge.kind == DatabaseKind::Channel) {
            hq.create_default_customer(&edge.id, &format!("Counter sales {}", edge.id))?;
        }
        let mut progress = Progress::begin("tills open", edges.len() as u64);
        let clients: Vec<_> = edges.iter().map(|edge| CommerceClient::new(&edge.door)).collect();
        let has_goods = |client: &CommerceClient| {
            let products = JobName::Products1040;
            client.status().is_ok_and(|status| status.applied_of(products) >= version)
        };
        // A till without goods says so when it opens.
        wait_for(interrupt, || clients.iter().all(has_goods))?;
        let currency = CURRENCY.parse().expect("a currency");
        let mut tills: Vec<_> = edges.iter().map(|edge| Till::at(edge, currency)).collect();
        if let [over, .., short] = &mut tills[..] {
            over.difference = Decimal::ONE;
            short.difference = -Decimal::TWO;
        }
        let mut day = Day { tills, currency };
        day.at_every_till(|_, till| till.open());
        progress.set(edges.len() as u64);
        progress.end();
        Ok(day)
    }

    /// Serves customers where they were created, each by the key that was answered, and some who
    /// say no name.
    pub(super) fn sell(&mut self, loaded: &Loaded) {
        let limit = (SERVED_MAX / self.tills.len().max(1)).clamp(1, SERVED_PER_TILL_MAX);
        let mut queues: Vec<Vec<&CustomerKey>> = vec![Vec::new(); self.tills.len()];
        for one in &loaded.accepted {
            let queue = &mut queues[one.edge];
            if queue.len() < limit {
                queue.push(&one.key);
            }
        }
        self.at_every_till(|index, till| {
            till.serve_unnamed();
            for (turn, customer) in queues[index].iter().enumerate() {
                // Neighbours begin with different wishes, so that few customers have them all.
                till.serve(customer, turn + index * 3);
                if turn % WISHES == WISHES - 1 {
                    till.serve_unnamed();
                }
            }
        });
    }

    /// Serves somebody again at every till, once every account is known everywhere.
    pub(super) fn sell_again(&mut self) {
        self.at_every_till(|_, till| till.serve_again());
    }

    /// Closes every till and waits until headquarters has all of it.
    ///
    /// # Errors
    /// Busy: Ctrl-C.
    pub(super) fn close(&mut self, edges: &[Edge], interrupt: &Interrupt) -> Result<(), Failure> {
        self.at_every_till(|_, till| till.close());
        let clients: Vec<_> = edges.iter().map(|edge| CommerceClient::new(&edge.door)).collect();
        // Registers before their store: what they have sent is then counted there.
        let is_sent = |client: &CommerceClient| client.status().is_ok_and(|edge| edge.unsent == 0);
        wait_for(interrupt, || clients.iter().rev().all(is_sent))?;
        Ok(())
    }

    fn at_every_till(&mut self, work: impl Fn(usize, &mut Till) + Sync) {
        let share = self.tills.len().div_ceil(STAFF).max(1);
        std::thread::scope(|scope| {
            for (chunk, tills) in self.tills.chunks_mut(share).enumerate() {
                let work = &work;
                scope.spawn(move || {
                    for (place, till) in tills.iter_mut().enumerate() {
                        work(chunk * share + place, till);
                    }
                });
            }
        });
    }
}

/// Runs every job of a day once by hand, then those that settle again until nothing is on its
/// way, and returns the runs.
///
/// # Errors
/// Broken: headquarters does not answer. Busy: Ctrl-C.
pub(super) fn run_jobs(
    hq: &HeadquartersClient,
    interrupt: &Interrupt,
) -> Result<Vec<(String, Value)>, Failure> {
    // Classic posting is the other mode: never both.
    let day = JobName::ALL.into_iter().filter(|job| *job != JobName::ClassicStatements);
    let day: Vec<_> = day.collect();
    let mut progress = Progress::begin("running the jobs", day.len() as u64);
    let mut runs = Vec::new();
    for round in 0..ROUNDS_MAX {
        let jobs = if round == 0 { &day[..] } else { &SETTLING };
        for job in jobs {
            interrupt.check()?;
            runs.push((job.to_string(), hq.run_job(*job)?));
            progress.set(runs.len().min(day.len()) as u64);
        }
        if TransactionsStatus::on_their_way(&hq.transactions()?) == 0 {
            break;
        }
    }
    progress.end();
    Ok(runs)
}

fn wait_for(interrupt: &Interrupt, mut holds: impl FnMut() -> bool) -> Result<bool, Failure> {
    let deadline = Deadline::after(WAIT_MAX);
    loop {
        interrupt.check()?;
        if holds() {
            return Ok(true);
        }
        if deadline.is_over() {
            return Ok(false);
        }
        pause(ASK_EVERY);
    }
}
