//! What headquarters posted in the end, held against what clerks were told.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use serde_json::Value;
use tillsync_fleet::{Decimal, HeadquartersClient, PostedReport};

use super::clerk::{LOST_PER_SHIFT, Sold, euro};
use crate::trial::print_counts;

/// What headquarters knows of sales, orders and shifts.
#[derive(Debug, Default)]
pub(crate) struct Books {
    transactions: Vec<Transaction>,
    shifts: Vec<(String, bool)>,
    posted: PostedReport,
    ledger: BTreeMap<String, Decimal>,
}

#[derive(Debug)]
struct Transaction {
    number: String,
    is_order: bool,
    total: Option<Decimal>,
    /// Why it is not posted, when it is not.
    waits: Option<String>,
}

/// The end of every sale and order.
#[derive(Debug, Default)]
pub(crate) struct BooksJudgement {
    /// Acknowledged, but not at headquarters, or there with another amount.
    pub(crate) lost: Vec<String>,
    /// At headquarters twice, or never acknowledged.
    pub(crate) doubled: Vec<String>,
    /// Not posted, with the reason.
    pub(crate) not_posted: Vec<String>,
    /// Sums that do not agree.
    pub(crate) wrong: Vec<String>,
    /// What clerks were told that sales come to.
    pub(crate) amount_told: Decimal,
    /// What the ledger says.
    pub(crate) amount_posted: Decimal,
    /// Statements that are posted.
    pub(crate) statements: u64,
}

impl BooksJudgement {
    /// Prints counts and sums, beside what clerks were told.
    pub(crate) fn print(&self, told: &Sold, posting_runs: u64) {
        let orders = told.trades.iter().filter(|trade| trade.is_order).count();
        let counts = [
            ("sales", (told.trades.len() - orders).to_string()),
            ("orders", orders.to_string()),
            ("shifts", told.shifts_closed.to_string()),
            ("lost", self.lost.len().to_string()),
            ("doubled", self.doubled.len().to_string()),
            ("not posted", self.not_posted.len().to_string()),
            ("sold, EUR", format!("{:.2}", self.amount_told)),
            ("posted, EUR", format!("{:.2}", self.amount_posted)),
            ("statements", self.statements.to_string()),
            ("posting runs", posting_runs.to_string()),
        ];
        print_counts("sales and orders", counts);
    }

    /// Everything that is wrong, for people.
    pub(crate) fn findings(&self) -> impl Iterator<Item = String> {
        let BooksJudgement { lost, doubled, not_posted, wrong, .. } = self;
        let lost = lost.iter().map(|one| format!("lost: {one}"));
        let doubled = doubled.iter().map(|one| format!("doubled: {one}"));
        let not_posted = not_posted.iter().map(|one| format!("not posted: {one}"));
        lost.chain(doubled).chain(not_posted).chain(wrong.iter().cloned())
    }
}

impl Books {
    /// Reads what headquarters shows to operators.
    pub(crate) fn read(hq: &HeadquartersClient) -> Result<Books> {
        let transactions = hq.list("/api/v1/transactions")?;
        let transactions = transactions.iter().map(transaction_of).collect::<Result<_>>()?;
        let shifts = hq.list("/api/v1/shifts")?;
        let shift = |shift: &Value| {
            let is_posted = shift["status"] == "Closed" && shift["statement"].is_string();
            (shift["number"].as_str().unwrap_or_default().to_owned(), is_posted)
        };
        Ok(Books {
            transactions,
            shifts: shifts.iter().map(shift).collect(),
            posted: hq.postings()?,
            ledger: hq.ledger(euro())?,
        })
    }

    /// Holds what clerks were told against what there is.
    pub(crate) fn judge(&self, told: &Sold) -> BooksJudgement {
        let mut judgement = BooksJudgement {
            statements: self.posted.statements_posted,
            amount_posted: self.posted.amounts.values().sum(),
            ..BooksJudgement::default()
        };
        let mut at_hq = HashMap::new();
        let known: HashSet<_> = told.trades.iter().map(|trade| trade.number.as_str()).collect();
        for transaction in &self.transactions {
            let number = transaction.number.as_str();
            if at_hq.insert(number, transaction).is_some() || !known.contains(number) {
                judgement.doubled.push(number.to_owned());
            }
            if let Some(reason) = &transaction.waits {
                judgement.not_posted.push(format!("{number}: {reason}"));
            }
        }
        let (mut sales, mut orders, mut deposits) = (0, 0, Decimal::ZERO);
        for trade in &told.trades {
            if trade.is_order {
                orders += 1;
                deposits += trade.paid;
            } else {
                sales += 1;
                judgement.amount_told += trade.total;
            }
            let found = at_hq.get(trade.number.as_str()).map(|found| (found.is_order, found.total));
            if found != Some((trade.is_order, Some(trade.total))) {
                let (number, total) = (&trade.number, trade.total);
                judgement.lost.push(format!("{number} over {total}, but there is {found:?}"));
            }
        }
        let shifts_posted = self.shifts.iter().filter(|(_, is_posted)| *is_posted).count();
        let balance = |account: &str| self.ledger.get(account).copied().unwrap_or_default();
        let counts = [
            ("posted sales", sales, self.posted.sales_posted),
            ("orders created", orders, self.posted.orders_created),
            ("shifts at headquarters", told.shifts_closed, self.shifts.len() as u64),
            ("shifts posted", told.shifts_closed, shifts_posted as u64),
            ("temporary ids in postings", 0, self.posted.temporary_ids),
        ];
        let lost_cash = LOST_PER_SHIFT * Decimal::from(told.shifts_closed);
        let amounts = [
            ("amount posted", judgement.amount_told, judgement.amount_posted),
            ("cash in the ledger", -lost_cash, balance("cash")),
            ("cards in the ledger", Decimal::ZERO, balance("cards")),
            ("customers in the ledger", -deposits, balance("customers")),
            ("the ledger together", Decimal::ZERO, self.ledger.values().sum()),
        ];
        let counts = counts.into_iter().filter(|(_, expected, found)| expected != found);
        let counts = counts.map(|(what, expected, found)| wrong(what, expected, found));
        let amounts = amounts.into_iter().filter(|(_, expected, found)| expected != found);
        let amounts = amounts.map(|(what, expected, found)| wrong(what, expected, found));
        judgement.wrong = counts.chain(amounts).collect();
        judgement
    }
}

fn wrong(what: &str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> String {
    format!("{what}: {expected} expected, {found} found")
}

fn transaction_of(value: &Value) -> Result<Transaction> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let number = text("/number").context("a transaction without a number")?;
    let is_waiting = value["posted_at"].is_null();
    let reason = || format!("{} {} {}", value["validation"], value["findings"], value["order"]);
    Ok(Transaction {
        number: number.to_owned(),
        is_order: text("/kind") == Some("customer_order"),
        total: text("/total/amount").and_then(|amount| amount.parse().ok()),
        waits: is_waiting.then(reason),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::clerk::Trade;
    use super::*;

    fn amount(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn trade(number: &str, is_order: bool, total: &str, paid: &str) -> Trade {
        let (total, paid) = (amount(total), amount(paid));
        Trade { number: number.to_owned(), is_order, total, paid }
    }

    fn told() -> Sold {
        let trades = vec![
            trade("a", false, "12.50", "12.50"),
            trade("b", false, "-2.50", "-2.50"),
            trade("c", true, "8.00", "4.00"),
        ];
        Sold { trades, shifts_closed: 1, ..Sold::default() }
    }

    fn transaction(number: &str, kind: &str, total: &str) -> Transaction {
        let total = json!({"amount": total, "currency": "EUR"});
        let posted_at = "2026-03-01T10:00:00Z";
        let value = json!({"number": number, "kind": kind, "total": total, "posted_at": posted_at});
        transaction_of(&value).unwrap()
    }

    fn books() -> Books {
        let account = |(name, text): (&str, &str)| (name.to_owned(), amount(text));
        let ledger = [
            ("cash", "-1.00"),
            ("cards", "0.00"),
            ("customers", "-4.00"),
            ("sales", "-10.00"),
            ("over-short", "15.00"),
        ];
        Books {
            transactions: vec![
                transaction("a", "sale", "12.50"),
                transaction("b", "sale", "-2.50"),
                transaction("c", "customer_order", "8.00"),
            ],
            shifts: vec![("S1-S1".to_owned(), true)],
            posted: PostedReport {
                orders_created: 1,
                sales_posted: 2,
                statements_posted: 2,
                amounts: BTreeMap::from([account(("EUR", "10.00"))]),
                temporary_ids: 0,
            },
            ledger: ledger.map(account).into(),
        }
    }

    fn findings(books: &Books) -> Vec<String> {
        books.judge(&told()).findings().collect()
    }

    #[test]
    fn books_that_agree_have_no_findings() {
        assert_eq!(findings(&books()), Vec::<String>::new());
    }

    #[test]
    fn a_lost_and_a_changed_sale_are_lost_and_a_strange_or_doubled_one_is_doubled() {
        let mut lost = books();
        lost.transactions.remove(0);
        assert_eq!(lost.judge(&told()).lost.len(), 1);
        let mut changed = books();
        changed.transactions[0].total = Some(amount("12.51"));
        assert_eq!(changed.judge(&told()).lost.len(), 1);
        let mut doubled = books();
        doubled.transactions.push(transaction("a", "sale", "12.50"));
        doubled.transactions.push(transaction("z", "sale", "1.00"));
        assert_eq!(doubled.judge(&told()).doubled, ["a", "z"]);
    }

    #[test]
    fn what_waits_is_named_with_its_reason() {
        let mut waiting = books();
        let value = json!({"number": "a", "kind": "sale", "validation": "Waiting",
                           "total": {"amount": "12.50"}});
        waiting.transactions[0] = transaction_of(&value).unwrap();
        assert!(findings(&waiting)[0].starts_with("not posted: a: \"Waiting\""));
    }

    #[test]
    fn each_sum_that_does_not_agree_is_named() {
        let mut wrong = books();
        wrong.posted.sales_posted = 3;
        wrong.posted.temporary_ids = 1;
        wrong.shifts[0].1 = false;
        wrong.posted.amounts.insert("EUR".to_owned(), amount("22.50"));
        wrong.ledger.insert("cash".to_owned(), amount("0.00"));
        let expected = [
            "posted sales: 2 expected, 3 found",
            "shifts posted: 1 expected, 0 found",
            "temporary ids in postings: 0 expected, 1 found",
            "amount posted: 10.00 expected, 22.50 found",
            "cash in the ledger: -1 expected, 0.00 found",
            "the ledger together: 0 expected, 1.00 found",
        ];
        assert_eq!(findings(&wrong), expected);
    }
}
