//! What must hold of sales, orders and the books in every world, whatever the story. Everything
//! is computed here anew from the documents, and not by the code that is checked.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use tillsync_channel::identity::database_file;
use tillsync_channel::inspect::visit_documents;
use tillsync_domain::document::{Body, DocumentKind};
use tillsync_domain::ids::{AccountNumber, StatementId, TransactionNumber};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_domain::trade::{Tender, Trade, TradeKind};
use tillsync_exchange::rows::document::read_body;
use tillsync_hq::storage::{StatementRecord, TransactionRecord, Voucher};

use super::World;
use super::day::Sums;
use super::selling::{AcknowledgedStep, AcknowledgedTrade};

impl World {
    /// No acknowledged document is lost, changed or doubled.
    pub(super) fn check_documents(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for known in &self.acknowledged_trades {
            let number = &known.view.number;
            let arrived = self.received(number).is_some_and(|record| is_same(known, &record));
            let here = self.nodes[&known.at].edge.is_some()
                && self
                    .transaction_at(&known.at, number)
                    .is_some_and(|view| view.trade == known.view.trade);
            if !arrived && !here {
                findings.push(format!("{number}, acknowledged at {}, is lost", known.at));
            }
        }
        for AcknowledgedStep { at, shift, status } in &self.acknowledged_steps {
            let arrived = self.hq().storage().read(|tx| tx.shift_get(shift)).expect("hq answers");
            let is_there = arrived.is_some_and(|record| record.status >= *status);
            let here = self.nodes[at].edge.is_some() && self.knows_step(at, shift, *status);
            if !is_there && !here {
                let status = status.as_str();
                findings.push(format!("shift {shift}, {status} at {at}, is lost"));
            }
        }
        let mut entries = HashSet::new();
        for record in self.all_transactions() {
            if !entries.insert(record.row.id) {
                findings.push(format!("hq has {} twice", record.row.number));
            }
        }
        for at in self.edges() {
            findings.extend(self.check_numbers(&at));
        }
        findings
    }

    fn knows_step(
        &self,
        at: &str,
        shift: &tillsync_domain::ids::ShiftNumber,
        status: tillsync_domain::shift::ShiftStatus,
    ) -> bool {
        let found = tillsync_channel::shifts::find_shift(self.edge(at), shift).expect("readable");
        found.is_some_and(|view| view.status() >= status)
    }

    /// An edge has no number twice, and what it shows of its registers is what headquarters has.
    fn check_numbers(&self, at: &str) -> Vec<String> {
        let node = &self.nodes[at];
        let file = node.folder.join(database_file(node.kind));
        let (mut numbers, mut findings) = (HashSet::new(), Vec::new());
        visit_documents(&file, &mut |document| {
            if !numbers.insert(document.number.clone()) {
                findings.push(format!("{at} lists {} twice", document.number));
            }
        })
        .expect("the database can be read");
        findings
    }

    /// The books agree with the documents they were made of, to the cent.
    pub(super) fn check_books(&self) -> Vec<String> {
        let transactions = self.all_transactions();
        let statements: HashMap<_, _> =
            self.all_statements().into_iter().map(|found| (found.id, found)).collect();
        let vouchers = self.all_vouchers();
        let mut findings = self.check_membership(&transactions, &statements);
        findings.extend(check_balance(&vouchers));
        findings.extend(self.check_customers_of(&vouchers));
        let is_posted = |id: &StatementId| {
            statements.get(id).is_some_and(|s| s.state == StatementState::Posted)
        };
        let posted: Vec<_> = transactions
            .iter()
            .filter(|record| record.statement.as_ref().is_some_and(is_posted))
            .collect();
        let final_vouchers: Vec<_> =
            vouchers.iter().filter(|voucher| is_posted(&voucher.statement)).collect();
        findings.extend(check_links(&posted, &final_vouchers));
        findings.extend(check_accounts(&posted, &final_vouchers));
        findings.extend(self.check_customer_ledgers(&posted, &final_vouchers));
        findings
    }

    /// Every posted transaction is in one posted statement of its store, and no voided sale is.
    fn check_membership(
        &self,
        transactions: &[TransactionRecord],
        statements: &HashMap<StatementId, StatementRecord>,
    ) -> Vec<String> {
        let mut findings = Vec::new();
        let mut members: HashMap<TransactionNumber, u32> = HashMap::new();
        for id in statements.keys() {
            let read = self.hq().storage().read(|tx| {
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
    fn check_customers_of(&self, vouchers: &[Voucher]) -> Vec<String> {
        let mut findings = Vec::new();
        for voucher in vouchers {
            for entry in &voucher.entries {
                let is_customers = entry.account == LedgerAccount::Customers;
                let is_known = entry.customer.as_ref().is_none_or(|account| {
                    let key = tillsync_domain::ids::CustomerKey::Numbered(account.clone());
                    self.resolve(&key).is_some()
                });
                if is_customers != entry.customer.is_some() || !is_known {
                    findings.push(format!("{} posts on {:?}", voucher.number, entry.customer));
                }
            }
        }
        let report = self.hq().posting_report().expect("hq answers");
        if report.temporary_ids_in_postings > 0 {
            findings.push(format!("{} temporary ids", report.temporary_ids_in_postings));
        }
        findings
    }

    /// What a customer owes is what its documents say.
    fn check_customer_ledgers(
        &self,
        posted: &[&TransactionRecord],
        vouchers: &[&Voucher],
    ) -> Vec<String> {
        let mut expected: Sums<AccountNumber> = BTreeMap::new();
        for record in posted {
            // Unnamed sales are paid at once, so they change no balance.
            let Some(key) = &record.header.customer else { continue };
            let Some(account) = self.resolve(key) else { continue };
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
}

fn is_same(known: &AcknowledgedTrade, record: &TransactionRecord) -> bool {
    let sent = read_body(&record.row.kind, record.row.content.get()).expect("it was recorded");
    let kind = match &sent {
        Body::Sale(sale) if sale.is_voided => TradeKind::VoidedSale,
        Body::Sale(_) => TradeKind::Sale,
        _ => TradeKind::Order,
    };
    sent.trade() == Some(&known.view.trade) && kind == known.view.kind
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
