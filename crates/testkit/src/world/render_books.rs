//! What was sold, ordered and posted, as stable text: no GUIDs, no times, one line each.

use std::collections::BTreeMap;

use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::money::Currency;
use tillsync_hq::storage::TransactionRecord;

use super::World;

impl World {
    /// Sales and orders at headquarters by receipt.
    pub fn render_transactions(&self) -> String {
        let numbers: BTreeMap<_, _> =
            self.all_statements().into_iter().map(|found| (found.id, found.number)).collect();
        let mut lines: Vec<_> = self
            .all_transactions()
            .iter()
            .map(|record| {
                let mut line = describe(record);
                if let Some(number) = record.statement.and_then(|id| numbers.get(&id)) {
                    line.push_str(&format!(", {number}"));
                }
                line
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }

    /// Statements in the order in which they were begun.
    pub fn render_statements(&self) -> String {
        let lines = self.all_statements().into_iter().map(|found| {
            let amounts: Vec<_> =
                found.amounts.iter().map(|(c, minor)| money(*c, *minor)).collect();
            let error = found.error.map_or_else(String::new, |error| format!(" ({error})"));
            format!(
                "{} {} {} {}{error}: {} transactions, {} shifts, {}",
                found.number,
                found.store,
                found.kind.as_str(),
                found.state.as_str(),
                found.transactions,
                found.shifts,
                if amounts.is_empty() { "nothing".into() } else { amounts.join(", ") },
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Every voucher with its entries.
    pub fn render_ledger(&self) -> String {
        let lines = self.all_vouchers().into_iter().map(|voucher| {
            let entry = |entry: &tillsync_hq::storage::LedgerEntry| {
                let amount = voucher.currency.from_minor(entry.amount);
                format!("{} {amount}", entry.account.as_str())
            };
            let entries: Vec<_> = voucher.entries.iter().map(entry).collect();
            let (number, store, text) = (&voucher.number, &voucher.store, &voucher.text);
            format!("{number} {store} {} {text}: {}", voucher.currency, entries.join(", "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What each store's accounts come to, a line each.
    pub fn trial_balance(&self) -> String {
        let balances = self.hq().trial_balances(None).expect("hq answers");
        let lines = balances.iter().flat_map(|balance| {
            balance.accounts.iter().map(|(account, minor)| {
                let amount = balance.currency.from_minor(*minor);
                format!("{} {} {amount} {}", balance.store, account.as_str(), balance.currency)
            })
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn describe(record: &TransactionRecord) -> String {
    let header = &record.header;
    let receipt = header.receipt.as_ref().map_or("no receipt", |receipt| receipt.as_str());
    let kind = match header.kind {
        DocumentKind::Order => "order",
        _ if header.is_voided => "voided sale",
        _ => "sale",
    };
    let customer = match (&record.account, &header.customer) {
        (Some(account), Some(CustomerKey::Temporary(_))) => format!("{account}/GUID"),
        (Some(account), _) => account.to_string(),
        (None, Some(key)) => key.for_people().to_owned(),
        (None, None) => "nobody".to_owned(),
    };
    let total = header.total.map_or_else(String::new, |(c, minor)| money(c, minor));
    let mut text = format!("{receipt} {kind} {customer} {total}: {}", record.validation.as_str());
    if let Some(order) = &record.order {
        let number = order.sales_order.as_ref().map_or("", |number| number.as_str());
        text.push_str(&format!(", {} {number}", order.status.as_str()));
        if order.hold.is_some() {
            text.push_str(" on hold");
        }
    }
    text
}

fn money(currency: Currency, minor: i64) -> String {
    format!("{} {currency}", currency.from_minor(minor))
}
