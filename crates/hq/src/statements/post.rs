//! Posting: aggregates per resolved account, their sales orders and invoices, and the vouchers.
//!
//! Every number is taken in the transaction that uses it. Which entries a voucher has is planned
//! in the domain; here is only what it is planned from and where it goes.

use jiff::Timestamp;
use tillsync_domain::ids::AccountNumber;
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{
    Aggregate, Aggregates, Contribution, PlannedEntry, PlannedVoucher, StatementState, Totals,
    Unpostable, plan_voucher,
};
use tillsync_domain::trade::Tender;
use tillsync_exchange::rows::document::read_body;

use super::StatementProblem;
use super::calculate::Step;
use super::numbers::Draw;
use super::shifts::differences;
use crate::storage::{
    AggregateLine, AggregateRecord, LedgerEntry, SequenceName, StatementRecord, StorageError,
    Voucher, WriteTx,
};

/// Aggregates read at once.
const AGGREGATE_PAGE: usize = 1_000;

/// Aggregated: sales are summed per resolved account and currency (F102), those that name nobody
/// under the store's default customer.
pub(super) fn step_to_aggregated(tx: &mut dyn WriteTx, statement: &mut StatementRecord) -> Step {
    let default = tx.database_get(&statement.store)?.and_then(|record| record.default_customer);
    let default = default.as_ref();
    let mut aggregates = Aggregates::default();
    let (mut unnamed, mut problem) = (0, None);
    tx.statement_transactions(&statement.id, &mut |record| {
        unnamed += u64::from(record.account.is_none());
        let Some(account) = record.account.as_ref().or(default) else { return Ok(()) };
        let added = read_body(&record.row.kind, record.content())
            .map_err(|_| Unpostable::NeverPosted("an unreadable document"))
            .and_then(|body| Contribution::of(&body))
            .and_then(|contribution| aggregates.add(account, &contribution));
        if let Err(source) = added {
            problem.get_or_insert(StatementProblem::Sum { number: record.row.number, source });
        }
        Ok(())
    })?;
    let store = statement.store.clone();
    match default {
        None if unnamed > 0 => {
            return Ok(Err(StatementProblem::NoDefaultCustomer { store, transactions: unnamed }));
        }
        Some(account)
            if unnamed > 0 && tx.accounts_taken(std::slice::from_ref(account))?.is_empty() =>
        {
            return Ok(Err(StatementProblem::BadDefaultCustomer { store }));
        }
        _ => {}
    }
    if let Some(problem) = problem {
        return Ok(Err(problem));
    }
    let records: Vec<_> = aggregates
        .into_sums()
        .map(|(key, aggregate)| aggregate_record(statement, key, aggregate))
        .collect();
    tx.aggregates_put(&statement.id, &records)?;
    statement.default_account = default.filter(|_| unnamed > 0).cloned();
    Ok(Ok(()))
}

/// Customer order created: each sum of sales has a sales order.
pub(super) fn step_to_order_created(tx: &mut dyn WriteTx, statement: &StatementRecord) -> Step {
    let mut aggregates = aggregates_of(tx, statement)?;
    let sold = || |aggregate: &&mut AggregateRecord| !aggregate.lines.is_empty();
    let needed = aggregates.iter_mut().filter(sold()).count();
    let mut orders = match Draw::of(tx, SequenceName::SalesOrder, needed)? {
        Ok(draw) => draw,
        Err(problem) => return Ok(Err(problem)),
    };
    for aggregate in aggregates.iter_mut().filter(sold()) {
        aggregate.sales_order = Some(orders.next());
    }
    tx.aggregates_put(&statement.id, &aggregates)?;
    orders.keep(tx)?;
    Ok(Ok(()))
}

/// Customer order invoiced: each sales order has its invoice, and the invoice its voucher unless
/// it comes to nothing at all.
pub(super) fn step_to_invoiced(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
    now: Timestamp,
) -> Step {
    let state = StatementState::CustomerOrderInvoiced;
    let mut aggregates = aggregates_of(tx, statement)?;
    let mut plans = Vec::new();
    for (at, aggregate) in aggregates.iter().enumerate() {
        if aggregate.sales_order.is_some() {
            plans.push((at, plan_voucher(state, &aggregate.account, &totals_of(aggregate)?)));
        }
    }
    let planned = plans.iter().filter(|(_, plan)| plan.is_some()).count();
    let mut invoices = match Draw::of(tx, SequenceName::Invoice, plans.len())? {
        Ok(draw) => draw,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut numbers = match Draw::of(tx, SequenceName::Voucher, planned)? {
        Ok(draw) => draw,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut vouchers = Vec::with_capacity(planned);
    for (at, plan) in plans {
        let aggregate = &mut aggregates[at];
        aggregate.invoice = Some(invoices.next());
        if let Some(plan) = plan {
            let place = Place { statement, state, currency: aggregate.currency, now };
            let voucher = place.voucher(plan, &mut numbers);
            aggregate.voucher = Some(voucher.number.clone());
            vouchers.push(voucher);
        }
    }
    tx.vouchers_insert(&vouchers)?;
    tx.aggregates_put(&statement.id, &aggregates)?;
    invoices.keep(tx)?;
    numbers.keep(tx)?;
    Ok(Ok(()))
}

/// Discounts, payments and gift cards posted: a voucher for each account that has any.
pub(super) fn step_to_vouchers(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
    state: StatementState,
    now: Timestamp,
) -> Step {
    let mut plans = Vec::new();
    for aggregate in aggregates_of(tx, statement)? {
        if let Some(plan) = plan_voucher(state, &aggregate.account, &totals_of(&aggregate)?) {
            plans.push((aggregate.currency, plan));
        }
    }
    insert_vouchers(tx, (statement, state), plans, now)
}

/// Income/expense posted: what was counted in each shift agrees with the books.
pub(super) fn step_to_income_expense(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
    now: Timestamp,
) -> Step {
    match differences(tx, statement)? {
        Ok(plans) => {
            let state = StatementState::IncomeExpensePosted;
            insert_vouchers(tx, (statement, state), plans, now)
        }
        Err(problem) => Ok(Err(problem)),
    }
}

/// Vouchers linked: each transaction names the voucher of the invoice that holds it.
pub(super) fn step_to_linked(tx: &mut dyn WriteTx, statement: &StatementRecord) -> Step {
    tx.vouchers_link(&statement.id, statement.default_account.as_ref())?;
    Ok(Ok(()))
}

/// Posted: nothing of it changes any more.
pub(super) fn step_to_posted(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
    now: Timestamp,
) -> Step {
    tx.transactions_post(&statement.id, now)?;
    Ok(Ok(()))
}

fn insert_vouchers(
    tx: &mut dyn WriteTx,
    (statement, state): (&StatementRecord, StatementState),
    plans: Vec<(Currency, PlannedVoucher)>,
    now: Timestamp,
) -> Step {
    let mut numbers = match Draw::of(tx, SequenceName::Voucher, plans.len())? {
        Ok(draw) => draw,
        Err(problem) => return Ok(Err(problem)),
    };
    let vouchers: Vec<_> = plans
        .into_iter()
        .map(|(currency, plan)| {
            Place { statement, state, currency, now }.voucher(plan, &mut numbers)
        })
        .collect();
    tx.vouchers_insert(&vouchers)?;
    numbers.keep(tx)?;
    Ok(Ok(()))
}

/// Where and when a voucher is posted.
struct Place<'a> {
    statement: &'a StatementRecord,
    state: StatementState,
    currency: Currency,
    now: Timestamp,
}

impl Place<'_> {
    fn voucher(&self, plan: PlannedVoucher, numbers: &mut Draw) -> Voucher {
        let entry = |planned: PlannedEntry| LedgerEntry {
            account: planned.account,
            customer: planned.customer,
            amount: planned.amount,
        };
        Voucher {
            number: numbers.next(),
            statement: self.statement.id,
            state: self.state,
            store: self.statement.store.clone(),
            currency: self.currency,
            posted_at: self.now,
            text: plan.text,
            entries: plan.entries.into_iter().map(entry).collect(),
        }
    }
}

fn aggregate_record(
    statement: &StatementRecord,
    (account, currency): (AccountNumber, Currency),
    aggregate: Aggregate,
) -> AggregateRecord {
    let Totals { net, discount, tax, payments } = aggregate.totals();
    let lines = aggregate.lines.into_iter().map(|(item, line)| AggregateLine {
        item,
        quantity: line.quantity.normalize().to_string(),
        net: line.net,
        discount: line.discount,
        tax: line.tax,
    });
    AggregateRecord {
        statement: statement.id,
        account,
        currency,
        transactions: aggregate.transactions,
        net,
        discount,
        tax,
        payments: payments.into_iter().map(|(t, amount)| (t.as_str().to_owned(), amount)).collect(),
        lines: lines.collect(),
        sales_order: None,
        invoice: None,
        voucher: None,
    }
}

/// What the vouchers of an aggregate are planned from.
fn totals_of(aggregate: &AggregateRecord) -> Result<Totals, StorageError> {
    let tender = |(name, amount): (&String, &i64)| {
        let tender = Tender::ALL.into_iter().find(|tender| tender.as_str() == name);
        let corrupt = || StorageError::Corrupt { doing: "read an aggregate", value: name.clone() };
        tender.map(|tender| (tender, *amount)).ok_or_else(corrupt)
    };
    Ok(Totals {
        net: aggregate.net,
        discount: aggregate.discount,
        tax: aggregate.tax,
        payments: aggregate.payments.iter().map(tender).collect::<Result<_, _>>()?,
    })
}

/// Every aggregate of a statement. A statement is bounded, and so are they.
fn aggregates_of(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
) -> Result<Vec<AggregateRecord>, StorageError> {
    let mut aggregates: Vec<AggregateRecord> = Vec::new();
    loop {
        let after = aggregates.last().map(|last| (last.account.clone(), last.currency));
        let after = after.as_ref().map(|(account, currency)| (account, *currency));
        let page = tx.aggregates_list(&statement.id, after, AGGREGATE_PAGE)?;
        let is_last = page.len() < AGGREGATE_PAGE;
        aggregates.extend(page);
        if is_last {
            return Ok(aggregates);
        }
    }
}
