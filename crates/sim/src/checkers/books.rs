//! The ledger balances, its books agree with the documents to the cent, and nothing is posted on a
//! temporary id.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tillsync_hq::storage::Storage;
use tillsync_testkit::books::check_books;
use uuid::Uuid;

use super::scene::{rows, text};
use super::{Checker, Scene};

#[derive(Default)]
pub(super) struct Books {
    /// What was compared with its documents: they never change, so only what is new is looked at.
    compared: Option<(PathBuf, (i64, i64, i64))>,
}

impl Checker for Books {
    fn name(&self) -> &'static str {
        "books"
    }

    fn look(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let mut findings = temporary_ids(scene);
        if !findings.is_empty() {
            // Books like these cannot even be read.
            return findings;
        }
        let state = Some((scene.chain.hq.file(), posted(scene)));
        if self.compared != state {
            findings.extend(compare(scene));
            // What was wrong is looked at again.
            self.compared = state.filter(|_| findings.is_empty());
        }
        findings
    }

    fn look_at_rest(&mut self, scene: &Scene<'_>) -> Vec<String> {
        self.compared = None;
        self.look(scene)
    }
}

fn posted(scene: &Scene<'_>) -> (i64, i64, i64) {
    let sql = "SELECT (SELECT posted FROM headquarters), (SELECT count(*) FROM voucher),
        (SELECT count(*) FROM ledger_entry)";
    let read = |row: &rusqlite::Row<'_>| {
        let count = |column| row.get(column).expect("a count");
        (count(0), count(1), count(2))
    };
    rows(&scene.hq(), sql, [], read).pop().expect("one row")
}

fn compare(scene: &Scene<'_>) -> Vec<String> {
    let storage = scene.chain.hq.storage();
    let storage: &dyn Storage = storage.as_ref();
    check_books(storage)
}

/// Every account that anything is booked on, or that stands beside a key, was given.
fn temporary_ids(scene: &Scene<'_>) -> Vec<String> {
    let given: BTreeSet<&String> = scene.aliases().values().collect();
    let mut findings = Vec::new();
    for (what, sql) in [
        ("a voucher", "SELECT DISTINCT customer FROM ledger_entry WHERE customer IS NOT NULL"),
        ("an aggregate", "SELECT DISTINCT account FROM aggregate"),
        (
            "a transaction",
            "SELECT DISTINCT account FROM transaction_state WHERE account IS NOT NULL",
        ),
    ] {
        let used = rows(&scene.hq(), sql, [], |row| text(row, 0));
        for account in used.into_iter().filter(|account| !given.contains(account)) {
            let kind = if account.parse::<Uuid>().is_ok() { "temporary id" } else { "unknown" };
            findings.push(format!("{what} is on {account}, which is no account: {kind}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::small::Small;
    use super::*;

    fn posted_sale() -> Small {
        let mut small = Small::new();
        small.customer("S1");
        small.sale("S1");
        small.settle();
        small.assert_rests::<Books>();
        small
    }

    #[test]
    fn a_voucher_that_is_a_cent_off_is_found() {
        let small = posted_sale();
        small.harm_hq("UPDATE ledger_entry SET amount = amount + 1 WHERE account = 'sales'");
        small.assert_finds::<Books>("comes to 1");
    }

    #[test]
    fn books_that_are_not_the_documents_are_found() {
        let small = posted_sale();
        small.harm_hq(
            "UPDATE ledger_entry SET amount = amount - 1 WHERE account = 'sales';
             UPDATE ledger_entry SET amount = amount + 1 WHERE account = 'sales-tax'",
        );
        small.assert_finds::<Books>("S1 sales: the documents say");
    }

    #[test]
    fn a_posting_on_a_temporary_id_is_found() {
        let small = posted_sale();
        small.harm_hq(
            "UPDATE ledger_entry SET customer = '01980a5e-7c1f-7000-8000-000000000001'
                WHERE customer IS NOT NULL",
        );
        small.assert_finds::<Books>("which is no account: temporary id");
    }

    #[test]
    fn a_sale_that_is_in_no_statement_although_it_is_posted_is_found() {
        let small = posted_sale();
        small.harm_hq("UPDATE transaction_state SET posted_at = NULL");
        small.assert_finds::<Books>("statements, posted: true");
    }
}
