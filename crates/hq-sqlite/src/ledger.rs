//! The ledger: vouchers that come to zero and never change, and the balances that follow from
//! their entries.

use std::collections::BTreeMap;

use rusqlite::params;
use tillsync_domain::ids::{AccountNumber, DatabaseId, DocumentNumber, StatementId};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_hq::storage::{LedgerEntry, StorageError, TrialBalance, Voucher};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all};
use crate::error::{Doing, refused};

impl SqliteTx<'_> {
    pub(crate) fn voucher_insert(&self, voucher: &Voucher) -> Result<(), StorageError> {
        let doing = "post a voucher";
        // Wide enough for any sum of 64-bit amounts.
        let sum: i128 = voucher.entries.iter().map(|entry| i128::from(entry.amount)).sum();
        if sum != 0 || voucher.entries.len() < 2 {
            let reason = "a voucher has at least two entries and comes to zero";
            return Err(refused(doing, reason));
        }
        self.entries_insert(voucher).doing(doing)?;
        let sql = "INSERT INTO voucher (number, statement, state, store, currency, posted_at, text)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values = params![
            voucher.number.as_str(),
            voucher.statement.as_uuid().as_bytes(),
            voucher.state.as_str(),
            voucher.store.as_str(),
            voucher.currency.code(),
            voucher.posted_at.as_microsecond(),
            voucher.text,
        ];
        change(self.connection, sql, values, doing)?;
        Ok(())
    }

    fn entries_insert(&self, voucher: &Voucher) -> rusqlite::Result<()> {
        let sql = "INSERT INTO ledger_entry (voucher, line, account, customer, amount)
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = self.connection.prepare_cached(sql)?;
        for (entry, line) in voucher.entries.iter().zip(1_i64..) {
            let customer = entry.customer.as_ref().map(AccountNumber::as_str);
            let (account, amount) = (entry.account.as_str(), entry.amount);
            insert.execute(params![voucher.number.as_str(), line, account, customer, amount])?;
        }
        Ok(())
    }

    pub(crate) fn vouchers_page(
        &self,
        statement: Option<&StatementId>,
        after: Option<&DocumentNumber>,
        limit: usize,
    ) -> Result<Vec<Voucher>, StorageError> {
        let of_statement = if statement.is_some() { "statement = ?1" } else { "?1 IS NULL" };
        let sql = format!(
            "SELECT page.number, statement, state, store, currency, posted_at, text, account,
                customer, amount
            FROM (SELECT * FROM voucher WHERE {of_statement} AND number > ?2
                ORDER BY number LIMIT ?3) AS page
            CROSS JOIN ledger_entry AS entry ON entry.voucher = page.number
            ORDER BY page.number, line"
        );
        let values = params![
            statement.map(|id| id.as_uuid().as_bytes()),
            after.map_or("", DocumentNumber::as_str),
            bounded(limit),
        ];
        let rows = read_all(self.connection, &sql, values, "read vouchers", |row| {
            Ok((voucher(row)?, entry(row)?))
        })?;
        let mut vouchers: Vec<Voucher> = Vec::new();
        for (voucher, entry) in rows {
            match vouchers.last_mut().filter(|last| last.number == voucher.number) {
                Some(last) => last.entries.push(entry),
                None => vouchers.push(Voucher { entries: vec![entry], ..voucher }),
            }
        }
        Ok(vouchers)
    }

    pub(crate) fn balance_of(
        &self,
        account: &AccountNumber,
    ) -> Result<BTreeMap<Currency, i64>, StorageError> {
        let sql = "SELECT currency, sum(amount)
            FROM ledger_entry CROSS JOIN voucher ON voucher.number = ledger_entry.voucher
            WHERE customer = ?1 GROUP BY currency";
        let doing = "sum up what a customer owes";
        let balances = read_all(self.connection, sql, [account.as_str()], doing, |row| {
            Ok((row.text()?, row.value()?))
        })?;
        Ok(balances.into_iter().collect())
    }

    pub(crate) fn ledger_balances(
        &self,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<TrialBalance>, StorageError> {
        let doing = "sum up the ledger";
        let of_store = if store.is_some() { "store = ?1" } else { "?1 IS NULL" };
        let store = [store.map(DatabaseId::as_str)];
        let sql = format!(
            "SELECT store, currency, count(*) FROM voucher WHERE {of_store}
            GROUP BY store, currency"
        );
        let vouchers = read_all(self.connection, &sql, store, doing, |row| {
            Ok((ledger_key(row)?, row.unsigned()?))
        })?;
        let sql = format!(
            "SELECT store, currency, account, sum(amount)
            FROM voucher CROSS JOIN ledger_entry ON ledger_entry.voucher = voucher.number
            WHERE {of_store} GROUP BY store, currency, account"
        );
        let sums = read_all(self.connection, &sql, store, doing, |row| {
            let key = ledger_key(row)?;
            let account = row.named(&LedgerAccount::ALL, LedgerAccount::as_str)?;
            Ok((key, account, row.value()?))
        })?;
        let mut balances: BTreeMap<_, _> = vouchers
            .into_iter()
            .map(|((store, currency), vouchers)| {
                let accounts = BTreeMap::new();
                let balance = TrialBalance { store: store.clone(), currency, accounts, vouchers };
                ((store, currency), balance)
            })
            .collect();
        for (key, account, sum) in sums {
            if let Some(balance) = balances.get_mut(&key) {
                balance.accounts.insert(account, sum);
            }
        }
        Ok(balances.into_values().collect())
    }
}

fn ledger_key(row: &mut Columns<'_>) -> rusqlite::Result<(DatabaseId, Currency)> {
    Ok((row.text()?, row.text()?))
}

fn voucher(row: &mut Columns<'_>) -> rusqlite::Result<Voucher> {
    Ok(Voucher {
        number: row.text()?,
        statement: row.id(StatementId::from_uuid)?,
        state: row.named(&StatementState::ALL, StatementState::as_str)?,
        store: row.text()?,
        currency: row.text()?,
        posted_at: row.time()?,
        text: row.value()?,
        entries: Vec::new(),
    })
}

fn entry(row: &mut Columns<'_>) -> rusqlite::Result<LedgerEntry> {
    Ok(LedgerEntry {
        account: row.named(&LedgerAccount::ALL, LedgerAccount::as_str)?,
        customer: row.parsed_or_none(AccountNumber::parse)?,
        amount: row.value()?,
    })
}
