//! The ledger: vouchers that come to zero and never change, and the balances that follow from
//! their entries.

use std::collections::BTreeMap;

use postgres::types::Type;
use tillsync_domain::ids::{AccountNumber, DatabaseId, DocumentNumber, StatementId};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{LedgerAccount, StatementState};
use tillsync_hq::storage::{LedgerEntry, StorageError, TrialBalance, Voucher};

use crate::columns::{Columns, Read, bounded, storable};
use crate::error::refused;
use crate::tx::{PgTx, Target, Values};

const T: Type = Type::TEXT;
const N: Type = Type::INT8;

const ENTRY: Target = Target {
    sql: "COPY ledger_entry (voucher, line, account, customer, amount) FROM STDIN BINARY",
    types: &[T, N, T, T, N],
};
const VOUCHER: Target = Target {
    sql: "COPY voucher (number, statement, state, store, currency, posted_at, text)
        FROM STDIN BINARY",
    types: &[T, Type::UUID, T, T, T, N, T],
};

impl PgTx<'_> {
    /// Entries before their vouchers: a voucher seals what is there.
    pub(crate) fn vouchers_post(&mut self, vouchers: &[Voucher]) -> Result<(), StorageError> {
        let doing = "post vouchers";
        // Wide enough for any sum of 64-bit amounts.
        let sum = |voucher: &Voucher| -> i128 {
            voucher.entries.iter().map(|entry| i128::from(entry.amount)).sum()
        };
        if vouchers.iter().any(|voucher| sum(voucher) != 0 || voucher.entries.len() < 2) {
            let reason = "a voucher has at least two entries and comes to zero";
            return Err(refused(doing, reason));
        }
        if vouchers.is_empty() {
            return Ok(());
        }
        self.copy_in(&ENTRY, doing, |rows| {
            vouchers.iter().try_for_each(|voucher| {
                voucher.entries.iter().zip(1_i64..).try_for_each(|(entry, line)| {
                    let customer = entry.customer.as_ref().map(AccountNumber::as_str);
                    let (number, account) = (voucher.number.as_str(), entry.account.as_str());
                    rows.write(&[&number, &line, &account, &customer, &entry.amount])
                })
            })
        })?;
        self.copy_in(&VOUCHER, doing, |rows| {
            vouchers.iter().try_for_each(|voucher| {
                rows.write(&[
                    &voucher.number.as_str(),
                    voucher.statement.as_uuid(),
                    &voucher.state.as_str(),
                    &voucher.store.as_str(),
                    &voucher.currency.code(),
                    &voucher.posted_at.as_microsecond(),
                    &storable(&voucher.text),
                ])
            })
        })
    }

    pub(crate) fn vouchers_page(
        &mut self,
        statement: Option<&StatementId>,
        after: Option<&DocumentNumber>,
        limit: usize,
    ) -> Result<Vec<Voucher>, StorageError> {
        let of_statement = if statement.is_some() { "statement = $1" } else { "$1::uuid IS NULL" };
        let sql = format!(
            "SELECT page.number, statement, state, store, currency, posted_at, text, account,
                customer, amount
            FROM (SELECT * FROM voucher WHERE {of_statement} AND number > $2
                ORDER BY number LIMIT $3) AS page
            JOIN ledger_entry AS entry ON entry.voucher = page.number
            ORDER BY page.number, line"
        );
        let values: Values<'_> = &[
            &statement.map(|id| id.as_uuid()),
            &after.map_or("", DocumentNumber::as_str),
            &bounded(limit),
        ];
        let rows =
            self.read_all(&sql, values, "read vouchers", |row| Ok((voucher(row)?, entry(row)?)))?;
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
        &mut self,
        account: &AccountNumber,
    ) -> Result<BTreeMap<Currency, i64>, StorageError> {
        let sql = "SELECT currency, sum(amount)::bigint
            FROM ledger_entry JOIN voucher ON voucher.number = ledger_entry.voucher
            WHERE customer = $1 GROUP BY currency";
        let doing = "sum up what a customer owes";
        let balances =
            self.read_all(sql, &[&account.as_str()], doing, |row| Ok((row.text()?, row.value()?)))?;
        Ok(balances.into_iter().collect())
    }

    pub(crate) fn ledger_balances(
        &mut self,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<TrialBalance>, StorageError> {
        let doing = "sum up the ledger";
        let of_store = if store.is_some() { "store = $1" } else { "$1::text IS NULL" };
        let store = store.map(DatabaseId::as_str);
        let sql = format!(
            "SELECT store, currency, count(*) FROM voucher WHERE {of_store}
            GROUP BY store, currency"
        );
        let vouchers =
            self.read_all(&sql, &[&store], doing, |row| Ok((ledger_key(row)?, row.unsigned()?)))?;
        let sql = format!(
            "SELECT store, currency, account, sum(amount)::bigint
            FROM voucher JOIN ledger_entry ON ledger_entry.voucher = voucher.number
            WHERE {of_store} GROUP BY store, currency, account"
        );
        let sums = self.read_all(&sql, &[&store], doing, |row| {
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

fn ledger_key(row: &mut Columns<'_>) -> Read<(DatabaseId, Currency)> {
    Ok((row.text()?, row.text()?))
}

fn voucher(row: &mut Columns<'_>) -> Read<Voucher> {
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

fn entry(row: &mut Columns<'_>) -> Read<LedgerEntry> {
    Ok(LedgerEntry {
        account: row.named(&LedgerAccount::ALL, LedgerAccount::as_str)?,
        customer: row.parsed_or_none(AccountNumber::parse)?,
        amount: row.value()?,
    })
}
