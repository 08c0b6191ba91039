//! What the tills took, held against what their databases hold and what headquarters posted.
//!
//! It must never ask a server: what counts is what is on disk.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use tillsync_channel::inspect::visit_documents;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_domain::trade::Tender;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_fleet::Edge;
use tillsync_hq::Headquarters;
use tillsync_hq::history::PostingReport;
use tillsync_hq::storage::{StatementFilter, TransactionCounts, TransactionFilter};

use super::day::Day;
use super::report::Claim;
use super::till::{Entry, Till};
use crate::failure::Failure;

/// Transactions and statements read in one go.
const PAGE: usize = 1_000;

/// Sums of what tills acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Finished sales.
    pub(super) sales: u64,
    /// Sales voided before they were finished.
    pub(super) voided: u64,
    /// Customer orders.
    pub(super) orders: u64,
    /// What the sales come to, returns taken off.
    pub(super) sold: Decimal,
    /// What the orders come to.
    pub(super) ordered: Decimal,
    /// What was paid for orders in advance.
    pub(super) deposits: Decimal,
    /// What was sold on account.
    pub(super) on_account: Decimal,
    /// How much more was counted than should have been in the drawers.
    pub(super) over: Decimal,
}

/// One store with its registers.
#[derive(Debug)]
pub(super) struct StoreTakings {
    /// The store.
    pub(super) id: DatabaseId,
    /// What its tills acknowledged.
    pub(super) sums: Sums,
    /// What headquarters posted, in the ledger's signs.
    pub(super) ledger: BTreeMap<LedgerAccount, Decimal>,
    /// Statements posted.
    pub(super) statements: u64,
}

/// Everything about sales, orders and the ledger.
#[derive(Debug)]
pub(super) struct Takings {
    /// The currency of every amount.
    pub(super) currency: Currency,
    /// What all tills acknowledged.
    pub(super) sums: Sums,
    /// Every store.
    pub(super) stores: Vec<StoreTakings>,
    /// What headquarters posted, by its own report.
    pub(super) posted: PostingReport,
    /// Sales and orders at headquarters that are neither posted nor of a kind that never is.
    pub(super) not_posted: Vec<String>,
    /// What tills did not take, what databases lost or hold otherwise.
    pub(super) problems: Vec<String>,
    has_other_currency: bool,
    counts: TransactionCounts,
}

impl Sums {
    fn of<'a>(tills: impl Iterator<Item = &'a Till>) -> Sums {
        let mut sums = Sums::default();
        for till in tills {
            sums.over += till.difference;
            till.journal.iter().for_each(|entry| sums.add(entry));
        }
        sums
    }

    fn add(&mut self, entry: &Entry) {
        let total = entry.recorded.total;
        if entry.is_order() {
            let payments = entry.request.payments.iter();
            self.orders += 1;
            self.ordered += total;
            self.deposits += payments.map(|(_, amount)| *amount).sum::<Decimal>();
        } else if entry.is_sale() {
            self.sales += 1;
            self.sold += total;
            self.on_account += entry.paid_by(Tender::CustomerAccount);
        } else {
            self.voided += 1;
        }
    }
}

impl StoreTakings {
    /// What was posted as sold, tax included.
    pub(super) fn posted(&self) -> Decimal {
        let of = |account| self.ledger.get(&account).copied().unwrap_or_default();
        let books = [LedgerAccount::Sales, LedgerAccount::Discounts, LedgerAccount::SalesTax];
        -books.map(of).iter().sum::<Decimal>()
    }
}

/// Reads every database.
///
/// # Errors
/// Broken: a database cannot be read.
pub(super) fn read_takings(
    hq: &Headquarters,
    edges: &[Edge],
    day: &Day,
) -> Result<Takings, Failure> {
    let currency = day.currency;
    let mut problems: Vec<_> = day.tills.iter().flat_map(|till| till.problems.clone()).collect();
    for (edge, till) in edges.iter().zip(&day.tills) {
        compare_edge(edge, till, &mut problems)?;
    }
    let not_posted = compare_headquarters(hq, day, &mut problems)?;
    let mut stores = read_stores(edges, day);
    let mut has_other_currency = false;
    for balance in hq.trial_balances(None)? {
        let store = stores.iter_mut().find(|store| store.id == balance.store);
        match store.filter(|_| balance.currency == currency) {
            None => has_other_currency = true,
            Some(store) => {
                let accounts = balance.accounts.into_iter();
                store.ledger = accounts
                    .map(|(account, minor)| (account, currency.from_minor(minor)))
                    .collect();
            }
        }
    }
    count_statements(hq, &mut stores)?;
    Ok(Takings {
        currency,
        sums: Sums::of(day.tills.iter()),
        stores,
        posted: hq.posting_report()?,
        not_posted,
        problems,
        has_other_currency,
        counts: hq.storage().read(|tx| tx.transaction_counts())?,
    })
}

fn read_stores(edges: &[Edge], day: &Day) -> Vec<StoreTakings> {
    let stores = edges.iter().filter(|edge| edge.kind == DatabaseKind::Channel);
    let of_store = |edge: &Edge| StoreTakings {
        id: edge.id.clone(),
        sums: Sums::of(day.tills.iter().filter(|till| till.store == edge.id)),
        ledger: BTreeMap::new(),
        statements: 0,
    };
    stores.map(of_store).collect()
}

/// Whether a database holds exactly what its own till was told, for as much money.
fn compare_edge(edge: &Edge, till: &Till, problems: &mut Vec<String>) -> Result<(), Failure> {
    let entries = till.journal.iter().map(|entry| (entry.recorded.number.as_str(), entry));
    let mut expected: HashMap<_, _> = entries.collect();
    visit_documents(&edge.database, &mut |document| {
        let trade = document.body.as_ref().and_then(|body| body.trade());
        let Some(trade) = trade.filter(|_| document.origin == edge.id) else { return };
        let number = document.number.as_str();
        match expected.remove(number) {
            Some(entry) if entry.recorded.total == trade.total => {}
            Some(entry) => problems.push(format!(
                "{}: {number} comes to {} there, but {} was answered",
                edge.id, trade.total, entry.recorded.total
            )),
            None => problems.push(format!("{}: {number} was never acknowledged", edge.id)),
        }
    })?;
    let lost = expected.keys().map(|number| format!("{}: {number} is not there", edge.id));
    problems.extend(lost);
    Ok(())
}

/// Whether headquarters holds exactly what tills were told, once each and for as much money;
/// returns what is not posted there although it should be.
fn compare_headquarters(
    hq: &Headquarters,
    day: &Day,
    problems: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    let entries = day.tills.iter().flat_map(|till| &till.journal);
    let entries: HashMap<_, _> =
        entries.map(|entry| (entry.recorded.number.as_str(), entry)).collect();
    let (mut seen, mut not_posted) = (HashSet::new(), Vec::new());
    let mut filter = TransactionFilter { limit: PAGE, ..TransactionFilter::default() };
    loop {
        let page = hq.storage().read(|tx| tx.transactions_list(&filter))?;
        for record in &page {
            let number = record.row.number.as_str();
            let total = record.header.total.map(|(currency, minor)| currency.from_minor(minor));
            match entries.get(number) {
                None => problems.push(format!("headquarters: no till acknowledged {number}")),
                Some(entry) if Some(entry.recorded.total) != total => {
                    problems.push(format!("headquarters: {number} comes to {total:?}"));
                }
                Some(_) => {}
            }
            if !seen.insert(number.to_owned()) {
                problems.push(format!("headquarters: {number} is there twice"));
            }
            if record.posted_at.is_none() && !record.header.is_voided {
                let findings = record.findings.as_deref().unwrap_or("no finding");
                not_posted.push(format!("{number}: {} {findings}", record.validation.as_str()));
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.after = last.position,
            _ => break,
        }
    }
    let lost = entries.keys().filter(|number| !seen.contains(**number));
    problems.extend(lost.map(|number| format!("headquarters: {number} is not there")));
    Ok(not_posted)
}

fn count_statements(hq: &Headquarters, stores: &mut [StoreTakings]) -> Result<(), Failure> {
    let mut filter = StatementFilter { limit: PAGE, ..StatementFilter::default() };
    loop {
        let page = hq.list_statements(&filter)?;
        for statement in page.iter().filter(|one| one.state == StatementState::Posted) {
            if let Some(store) = stores.iter_mut().find(|store| store.id == statement.store) {
                store.statements += 1;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.before = Some(last.id),
            _ => return Ok(()),
        }
    }
}

impl Takings {
    /// What the ledger says was sold, tax included.
    pub(super) fn amount_posted(&self) -> Decimal {
        let minor = self.posted.amounts_posted.get(&self.currency).copied().unwrap_or(0);
        self.currency.from_minor(minor)
    }

    /// The ledger of all stores.
    pub(super) fn ledger(&self) -> BTreeMap<LedgerAccount, Decimal> {
        let mut ledger = BTreeMap::new();
        for (account, amount) in self.stores.iter().flat_map(|store| &store.ledger) {
            *ledger.entry(*account).or_default() += *amount;
        }
        ledger
    }

    /// Whether every store's ledger comes to zero.
    pub(super) fn is_balanced(&self) -> bool {
        let sum = |store: &StoreTakings| store.ledger.values().sum::<Decimal>();
        self.stores.iter().all(|store| sum(store).is_zero())
    }

    /// How much more was counted than should have been in the drawers, as posted.
    pub(super) fn over_posted(&self) -> Decimal {
        -self.ledger().get(&LedgerAccount::OverShort).copied().unwrap_or_default()
    }

    /// An amount with all the decimals of the currency.
    pub(super) fn text(&self, amount: Decimal) -> String {
        // Nothing has no sign for people.
        let amount = if amount.is_zero() { Decimal::ZERO } else { amount };
        format!("{amount:.*}", self.currency.decimals() as usize)
    }

    /// Everything that must hold.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let Takings { sums, posted, counts, .. } = self;
        let owed = self.ledger().get(&LedgerAccount::Customers).copied().unwrap_or_default();
        let is_equal = |store: &StoreTakings| store.posted() == store.sums.sold;
        let over_short = |store: &StoreTakings| {
            let posted = store.ledger.get(&LedgerAccount::OverShort).copied().unwrap_or_default();
            posted == -store.sums.over
        };
        let claim = |what: &str, holds| Claim { what: what.to_owned(), holds };
        vec![
            claim(
                "tills took every sale and order, and no database lost, doubled or changed one",
                self.problems.is_empty() && counts.quarantined == 0 && counts.unknown == 0,
            ),
            claim("every order became one sales order", posted.orders_created == sums.orders),
            claim("every finished sale is posted", posted.sales_posted == sums.sales),
            claim("nothing else waits to be posted", self.not_posted.is_empty()),
            claim(
                "what was posted is what was sold, to the cent, at every store",
                self.amount_posted() == sums.sold
                    && self.stores.iter().all(is_equal)
                    && !self.has_other_currency,
            ),
            claim("no temporary id is in any posting", posted.temporary_ids_in_postings == 0),
            claim("the ledger of every store comes to zero", self.is_balanced()),
            claim(
                "customers owe what they bought on account, less their deposits",
                owed == sums.on_account - sums.deposits,
            ),
            claim("the difference of every drawer is posted", self.stores.iter().all(over_short)),
        ]
    }
}
