//! The part of the report about sales, orders and the ledger.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use tillsync_domain::statement::LedgerAccount;

use crate::demo::takings::{StoreTakings, Takings};
use crate::output;

impl Takings {
    /// Adds what scripts rely on to the report's object.
    pub(super) fn put_json(&self, report: &mut Value) {
        let Takings { sums, posted, .. } = self;
        let text = |amount| Value::String(self.text(amount));
        for (name, value) in [
            ("orders_taken", json!(sums.orders)),
            ("orders_created", json!(posted.orders_created)),
            ("sales_made", json!(sums.sales)),
            ("sales_voided", json!(sums.voided)),
            ("sales_posted", json!(posted.sales_posted)),
            ("statements_posted", json!(posted.statements_posted)),
            ("currency", json!(self.currency.code())),
            ("amount_sold", text(sums.sold)),
            ("amount_posted", text(self.amount_posted())),
            ("amount_ordered", text(sums.ordered)),
            ("deposits", text(sums.deposits)),
            ("on_account", text(sums.on_account)),
            ("over_short", text(self.over_posted())),
            ("temporary_ids_in_postings", json!(posted.temporary_ids_in_postings)),
            ("ledger_balanced", json!(self.is_balanced())),
            ("not_posted", json!(self.not_posted)),
            ("sale_problems", json!(self.problems)),
        ] {
            report[name] = value;
        }
        let ledger = self.ledger().into_iter();
        let ledger: Map<_, _> =
            ledger.map(|(account, amount)| (account.as_str().to_owned(), text(amount))).collect();
        report["ledger"] = ledger.into();
        report["sold"] = self.stores.iter().map(|store| self.store_json(store)).collect();
    }

    fn store_json(&self, store: &StoreTakings) -> Value {
        json!({
            "store": store.id.as_str(),
            "sales": store.sums.sales,
            "orders": store.sums.orders,
            "statements": store.statements,
            "amount_sold": self.text(store.sums.sold),
            "amount_posted": self.text(store.posted()),
        })
    }

    /// What each store sold, and the trial balance.
    pub(super) fn text_section(&self) -> String {
        let mut text = format!("Sold and posted ({})\n", self.currency);
        let header =
            ["Store", "Sales", "Sold", "Posted", "Orders", "Deposits", "Statements", "Over/short"];
        text += &output::table(header, self.stores.iter().map(|store| self.store_cells(store)));
        text += "\nOver/short: counted less what should be in the drawers; -1.00 is 1.00 short.\n";
        text += "\nTrial balance (debits positive, credits negative)\n";
        let ledger = self.ledger();
        for account in LedgerAccount::ALL {
            let amount = ledger.get(&account).copied().unwrap_or_default();
            writeln!(text, "  {:<12}{:>14}", account.as_str(), self.text(amount))
                .expect("a string takes every text");
        }
        let total = ledger.values().sum();
        writeln!(text, "  {:<12}{:>14}", "together", self.text(total))
            .expect("a string takes every text");
        text
    }

    fn store_cells(&self, store: &StoreTakings) -> [String; 8] {
        let sums = &store.sums;
        let short = store.ledger.get(&LedgerAccount::OverShort).copied().unwrap_or_default();
        [
            store.id.to_string(),
            sums.sales.to_string(),
            self.text(sums.sold),
            self.text(store.posted()),
            sums.orders.to_string(),
            self.text(sums.deposits),
            store.statements.to_string(),
            self.text(-short),
        ]
    }
}
