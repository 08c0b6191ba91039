//! What must hold of the books of any headquarters, whatever the story. Everything is computed
//! here anew from the documents, and not by the code that is checked.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use tillsync_domain::document::{Body, DocumentKind};
use tillsync_domain::ids::{AccountNumber, CustomerKey, StatementId, TransactionNumber};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_domain::trade::{Tender, Trade};
use tillsync_exchange::rows::document::read_body;
use tillsync_hq::storage::{
    DocumentPosition, StatementFilter, StatementRecord, Storage, TransactionFilter,
    TransactionRecord, Voucher,
};

/// Rows that are read at once.
const PAGE: usize = 500;

/// Amounts by what they are of, in a currency's smallest unit.
type Sums<K> = BTreeMap<(K, Currency), i64>;

/// The books agree with the documents they were made of, to the cent.
pub fn check_books(storage: &dyn Storage) -> Vec<String> {
    let transactions = all_transactions(storage);
    let statements: HashMap<_, _> =
        all_statements(storage).into_iter().map(|found| (found.id, found)).collect();
    let vouchers = all_vouchers(storage);
    let mut findings = check_membership(storage, &transactions, &statements);
    findings.extend(check_balance(&vouchers));
    findings.extend(check_customers_of(storage, &vouchers));
    let is_posted =
        |id: &StatementId| statements.get(id).is_some_and(|s| s.state == StatementState::Posted);
    let posted: Vec<_> = transactions
        .iter()
        .filter(|record| record.statement.as_ref().is_some_and(is_posted))
        .collect();
    let final_vouchers: Vec<_> =
        vouchers.iter().filter(|voucher| is_posted(&voucher.statement)).collect();
    findings.extend(check_links(&posted, &final_vouchers));
    findings.extend(check_accounts(&posted, &final_vouchers));
    findings.extend(check_customer_ledgers(storage, &posted, &final_vouchers));
    findings
}

/// Every posted transaction is in one posted statement of its store, and no voided sale is.
fn check_membership(
    storage: &dyn Storage,
    transactions: &[TransactionRecord],
    statements: &HashMap<StatementId, StatementRecord>,
) -> Vec<String> {
    let mut findings = Vec::new();
    let mut members: HashMap<TransactionNumber, u32> = HashMap::new();
    for id in statements.keys() {
        let read = storage.read(|tx| {
            let mut numbers = Vec::new();
            tx.statement_transactions(id, &mut |record| {
                numbers.push(record.row.number);
                Ok(())
            })?;
            Ok(numbers)
        });
        for number in read.expect("hq answers") {
            *members.entry(number).or_default() += 1;
        }
    }
    for record in transactions {
        let number = &record.row.number;
        let times = members.get(number).copied().unwrap_or(0);
        let statement = record.statement.and_then(|id| statements.get(&id));
        let is_posted = statement.is_some_and(|s| s.state == StatementState::Posted);
        if is_posted != record.posted_at.is_some() || times != u32::from(statement.is_some()) {
            findings.push(format!("{number} is in {times} statements, posted: {is_posted}"));
        }
        if statement.is_some_and(|s| s.store != record.source.source) {
            findings.push(format!("{number} is in a statement of another store"));
        }
        if statement.is_some() && record.header.is_voided {
            findings.push(format!("{number} was voided, but is in a statement"));
        }
    }
    findings
}

/// No customer of a voucher is anything but an account that headquarters gave.
fn check_customers_of(storage: &dyn Storage, vouchers: &[Voucher]) -> Vec<String> {
    let mut findings = Vec::new();
    for voucher in vouchers {
        for entry in &voucher.entries {
            let is_customers = entry.account == LedgerAccount::Customers;
            let is_known = entry.customer.as_ref().is_none_or(|account| {
                let key = CustomerKey::Numbered(account.clone());
                resolve(storage, &key).is_some()
            });
            if is_customers != entry.customer.is_some() || !is_known {
                findings.push(format!("{} posts on {:?}", voucher.number, entry.customer));
            }
        }
    }
    let temporary = storage.read(|tx| tx.temporary_ids_in_postings()).expect("hq answers");
    if temporary > 0 {
        findings.push(format!("{temporary} temporary ids"));
    }
    findings
}

/// What a customer owes is what its documents say.
fn check_customer_ledgers(
    storage: &dyn Storage,
    posted: &[&TransactionRecord],
    vouchers: &[&Voucher],
) -> Vec<String> {
    let mut expected: Sums<AccountNumber> = BTreeMap::new();
    for record in posted {
        // Unnamed sales are paid at once, so they change no balance.
        let Some(key) = &record.header.customer else { continue };
        let Some(account) = resolve(storage, key) else { continue };
        let body = body_of(record);
        let trade = body.trade().expect("a transaction");
        let paid = trade.payments_total() - trade.paid_by(Tender::CustomerAccount);
        let bought = match &body {
            Body::Order(_) => Decimal::ZERO,
            _ => trade.total,
        };
        let owed = bought - paid;
        add(&mut expected, account, trade.currency, owed);
    }
    let mut booked: Sums<AccountNumber> = BTreeMap::new();
    for voucher in vouchers {
        for entry in &voucher.entries {
            if let Some(account) = &entry.customer {
                *booked.entry((account.clone(), voucher.currency)).or_default() += entry.amount;
            }
        }
    }
    differences("customer", &expected, &booked)
}

/// Every voucher comes to zero, and so does every store in every currency.
fn check_balance(vouchers: &[Voucher]) -> Vec<String> {
    let mut findings = Vec::new();
    for voucher in vouchers {
        let sum: i64 = voucher.entries.iter().map(|entry| entry.amount).sum();
        if sum != 0 || voucher.entries.len() < 2 {
            findings.push(format!("{} comes to {sum}", voucher.number));
        }
    }
    findings
}

/// Every posted sale names the invoice voucher of its customer, unless that came to nothing.
fn check_links(posted: &[&TransactionRecord], vouchers: &[&Voucher]) -> Vec<String> {
    let mut findings = Vec::new();
    for record in posted.iter().filter(|record| record.header.kind == DocumentKind::Sale) {
        let currency = record.header.total.map(|(currency, _)| currency);
        let invoices = vouchers.iter().filter(|voucher| {
            voucher.state == StatementState::CustomerOrderInvoiced
                && Some(voucher.statement) == record.statement
                && Some(voucher.currency) == currency
        });
        let is_own = |voucher: &&&Voucher| {
            let mut customers = voucher.entries.iter().filter_map(|entry| entry.customer.as_ref());
            customers.any(|customer| record.account.as_ref().is_none_or(|own| own == customer))
        };
        let own: Vec<_> = invoices.filter(is_own).map(|voucher| &voucher.number).collect();
        let is_right = match &record.voucher {
            Some(named) => own.contains(&named),
            None => own.is_empty() || record.account.is_none(),
        };
        if !is_right {
            findings.push(format!("{} names {:?}, not {own:?}", record.row.number, record.voucher));
        }
    }
    findings
}

/// What is booked on each account of each store is what its documents say. Drawers apart: what
/// was counted stands in no sale.
fn check_accounts(posted: &[&TransactionRecord], vouchers: &[&Voucher]) -> Vec<String> {
    use LedgerAccount::{Cards, Cash, Discounts, GiftCards, Sales, SalesTax};
    let mut expected: Sums<String> = BTreeMap::new();
    let mut invoiced: Sums<String> = BTreeMap::new();
    for record in posted {
        let store = record.source.source.as_str();
        let body = body_of(record);
        let trade: &Trade = body.trade().expect("a transaction");
        let mut book = |account: LedgerAccount, amount: Decimal| {
            let place = format!("{store} {}", account.as_str());
            add(&mut expected, place, trade.currency, amount);
        };
        for (tender, account) in
            [(Tender::Cash, Cash), (Tender::Card, Cards), (Tender::GiftCard, GiftCards)]
        {
            book(account, trade.paid_by(tender));
        }
        if matches!(body, Body::Sale(_)) {
            for line in trade.lines.iter().filter(|line| !line.is_voided) {
                book(Sales, -(line.net + line.discount));
                book(Discounts, line.discount);
                book(SalesTax, -line.tax);
            }
            let statement = record.statement.expect("posted").to_string();
            add(&mut invoiced, statement, trade.currency, trade.total);
        }
    }
    let mut booked: Sums<String> = BTreeMap::new();
    let mut invoices: Sums<String> = BTreeMap::new();
    for voucher in vouchers {
        for entry in &voucher.entries {
            if entry.account == LedgerAccount::Customers {
                if voucher.state == StatementState::CustomerOrderInvoiced {
                    let key = (voucher.statement.to_string(), voucher.currency);
                    *invoices.entry(key).or_default() += entry.amount;
                }
            } else if voucher.state != StatementState::IncomeExpensePosted {
                let place = format!("{} {}", voucher.store, entry.account.as_str());
                *booked.entry((place, voucher.currency)).or_default() += entry.amount;
            }
        }
    }
    let mut findings = differences("account", &expected, &booked);
    findings.extend(differences("the invoices of statement", &invoiced, &invoices));
    findings
}

fn body_of(record: &TransactionRecord) -> Body {
    read_body(&record.row.kind, record.content()).expect("what is posted can be read")
}

fn add<K: Ord>(sums: &mut Sums<K>, what: K, currency: Currency, amount: Decimal) {
    let minor = currency.to_minor(amount).expect("what is posted is exact");
    *sums.entry((what, currency)).or_default() += minor;
}

fn differences<K: Ord + Clone + std::fmt::Display>(
    what: &str,
    expected: &Sums<K>,
    found: &Sums<K>,
) -> Vec<String> {
    let places: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let at = |sums: &Sums<K>, place| sums.get(place).copied().unwrap_or(0);
    places
        .into_iter()
        .filter(|place| at(expected, place) != at(found, place))
        .map(|place| {
            let (documents, books) = (at(expected, place), at(found, place));
            let (name, currency) = place;
            format!("{what} {name}: the documents say {documents} {currency}, the books {books}")
        })
        .collect()
}

/// Every statement, oldest first.
pub fn all_statements(storage: &dyn Storage) -> Vec<StatementRecord> {
    let mut filter = StatementFilter { limit: PAGE, ..StatementFilter::default() };
    let mut all = Vec::new();
    loop {
        let page = storage.read(|tx| tx.statements_list(&filter)).expect("hq answers");
        filter.before = page.last().map(|last| last.id);
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            all.reverse();
            return all;
        }
    }
}

/// Every sale and order, in order of arrival.
pub fn all_transactions(storage: &dyn Storage) -> Vec<TransactionRecord> {
    let mut filter = TransactionFilter { limit: PAGE, ..TransactionFilter::default() };
    let mut all: Vec<TransactionRecord> = Vec::new();
    loop {
        filter.after = all.last().map_or(DocumentPosition(0), |last| last.position);
        let page = storage.read(|tx| tx.transactions_list(&filter)).expect("hq answers");
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

/// Every voucher, by number.
pub fn all_vouchers(storage: &dyn Storage) -> Vec<Voucher> {
    let mut all: Vec<Voucher> = Vec::new();
    loop {
        let after = all.last().map(|last| last.number.clone());
        let page = storage.read(|tx| tx.vouchers_list(None, after.as_ref(), PAGE));
        let page = page.expect("hq answers");
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

fn resolve(storage: &dyn Storage, key: &CustomerKey) -> Option<AccountNumber> {
    let alias = storage.read(|tx| tx.alias_get(key)).expect("hq answers");
    alias.map(|alias| alias.account)
}
