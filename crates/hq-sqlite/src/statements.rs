//! Statements, what they mark as their own, and their aggregates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{params, params_from_iter};
use tillsync_domain::ids::{
    AccountNumber, DatabaseId, DocumentNumber, RunId, StatementId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_hq::storage::{
    AggregateRecord, PostedCounts, ShiftRecord, StatementFilter, StatementReads, StatementRecord,
    StatementWrites, StorageError, TransactionRecord, TrialBalance, Voucher,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, read_one, text_list, to_json, visit_all};
use crate::error::refused;
use crate::transactions::{transaction_record, transaction_select};

const STATEMENT: &str = "SELECT id, number, store, kind, state, error, failures, transactions,
    shifts, amounts, default_account, run, created_at, updated_at FROM statement";

/// The transactions of a statement's shifts, by shift and arrival.
pub(crate) const OF_SHIFTS: &str = concat!(
    transaction_select!(
        "shift CROSS JOIN transaction_state AS state
            ON state.shift = shift.number AND state.is_voided = 0"
    ),
    " WHERE shift.statement = ?1 ORDER BY shift.number, state.position"
);

/// The transactions of a statement as [`StatementReads::statement_transactions`] wants them.
pub(crate) const OF_STATEMENT: &str = concat!(
    transaction_select!("transaction_state AS state INDEXED BY transaction_statement"),
    " WHERE state.statement = ?1 ORDER BY state.account, state.currency, state.position"
);

/// Takes whether transactions are taken up, and whether shifts are.
pub(crate) const READY: &str = "SELECT id FROM edge_database WHERE kind = 'channel' AND (
        ?1 AND EXISTS (
            SELECT 1 FROM transaction_state INDEXED BY transaction_ready
            WHERE validation = 'Successful' AND statement IS NULL AND store = edge_database.id)
        OR ?2 AND EXISTS (
            SELECT 1 FROM shift INDEXED BY shift_ready
            WHERE status = 'Closed' AND statement IS NULL AND store = edge_database.id
                AND opened_at IS NOT NULL))
    ORDER BY id";

/// Takes a statement and a list of numbers.
pub(crate) const UNMARK: &str = "UPDATE transaction_state SET statement = NULL, voucher = NULL
    WHERE number IN (SELECT value FROM json_each(?2)) AND statement = ?1";

impl StatementReads for SqliteTx<'_> {
    fn statement_get(&mut self, id: &StatementId) -> Result<Option<StatementRecord>, StorageError> {
        let sql = format!("{STATEMENT} WHERE id = ?1");
        let key = [id.as_uuid().as_bytes()];
        read_one(self.connection, &sql, key, "read a statement", statement)
    }

    fn statement_by_number(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<StatementRecord>, StorageError> {
        let sql = format!("{STATEMENT} WHERE number = ?1");
        read_one(self.connection, &sql, [number.as_str()], "look up a statement", statement)
    }

    fn statements_list(
        &mut self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementRecord>, StorageError> {
        let (sql, values) = list_query(filter);
        let values = params_from_iter(values);
        read_all(self.connection, &sql, values, "list statements", statement)
    }

    fn statements_failed_count(&mut self) -> Result<u64, StorageError> {
        let sql =
            "SELECT count(*) FROM statement INDEXED BY statement_failed WHERE error IS NOT NULL";
        self.count(sql, "count statements that stopped")
    }

    fn stores_ready(&mut self, kind: StatementKind) -> Result<Vec<DatabaseId>, StorageError> {
        let takes = params![kind.takes_transactions(), kind.takes_shifts()];
        let doing = "find stores that have something to post";
        read_all(self.connection, READY, takes, doing, |row| row.text())
    }

    fn posted_counts(&mut self) -> Result<PostedCounts, StorageError> {
        let sql = "SELECT posted - (
                    SELECT count(*) FROM transaction_state INDEXED BY transaction_posted_order
                    WHERE kind = 'customer_order' AND posted_at IS NOT NULL),
                (SELECT count(*) FROM statement WHERE state = 'Posted')
            FROM headquarters";
        let counts = read_one(self.connection, sql, [], "count what is posted", |row| {
            Ok(PostedCounts { sales: row.unsigned()?, statements: row.unsigned()? })
        })?;
        Ok(counts.unwrap_or_default())
    }

    fn statement_transactions(
        &mut self,
        id: &StatementId,
        sink: &mut dyn FnMut(TransactionRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let read = ("read the transactions of a statement", transaction_record);
        visit_all(self.connection, OF_STATEMENT, [id.as_uuid().as_bytes()], read, sink)
    }

    fn statement_shifts(&mut self, id: &StatementId) -> Result<Vec<ShiftRecord>, StorageError> {
        self.shifts_of_statement(id)
    }

    fn statement_shift_transactions(
        &mut self,
        id: &StatementId,
        sink: &mut dyn FnMut(TransactionRecord) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let read = ("read the transactions of a statement's shifts", transaction_record);
        visit_all(self.connection, OF_SHIFTS, [id.as_uuid().as_bytes()], read, sink)
    }

    fn aggregates_list(
        &mut self,
        id: &StatementId,
        after: Option<(&AccountNumber, Currency)>,
        limit: usize,
    ) -> Result<Vec<AggregateRecord>, StorageError> {
        self.aggregates_page(id, after, limit)
    }

    fn vouchers_list(
        &mut self,
        statement: Option<&StatementId>,
        after: Option<&DocumentNumber>,
        limit: usize,
    ) -> Result<Vec<Voucher>, StorageError> {
        self.vouchers_page(statement, after, limit)
    }

    fn customer_balance(
        &mut self,
        account: &AccountNumber,
    ) -> Result<BTreeMap<Currency, i64>, StorageError> {
        self.balance_of(account)
    }

    fn trial_balances(
        &mut self,
        store: Option<&DatabaseId>,
    ) -> Result<Vec<TrialBalance>, StorageError> {
        self.ledger_balances(store)
    }

    fn temporary_ids_in_postings(&mut self) -> Result<u64, StorageError> {
        crate::postings_check::temporary_ids(self.connection)
    }

    fn postings_check(&mut self) -> Result<Vec<String>, StorageError> {
        crate::postings_check::contradictions(self.connection)
    }
}

impl StatementWrites for SqliteTx<'_> {
    fn statement_put(&mut self, statement: &StatementRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO statement
            (id, number, store, kind, state, error, failures, transactions, shifts, amounts,
             default_account, run, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT (id) DO UPDATE SET number = excluded.number, store = excluded.store,
                kind = excluded.kind, state = excluded.state, error = excluded.error,
                failures = excluded.failures, transactions = excluded.transactions,
                shifts = excluded.shifts, amounts = excluded.amounts,
                default_account = excluded.default_account, run = excluded.run,
                created_at = excluded.created_at, updated_at = excluded.updated_at";
        let amounts: BTreeMap<&str, i64> =
            statement.amounts.iter().map(|(currency, amount)| (currency.code(), *amount)).collect();
        let values = params![
            statement.id.as_uuid().as_bytes(),
            statement.number.as_str(),
            statement.store.as_str(),
            statement.kind.as_str(),
            statement.state.as_str(),
            statement.error,
            statement.failures,
            bounded(statement.transactions),
            bounded(statement.shifts),
            to_json(&amounts),
            statement.default_account.as_ref().map(AccountNumber::as_str),
            statement.run.as_uuid().as_bytes(),
            statement.created_at.as_microsecond(),
            statement.updated_at.as_microsecond(),
        ];
        change(self.connection, sql, values, "store a statement")?;
        Ok(())
    }

    fn statement_remove(&mut self, id: &StatementId) -> Result<(), StorageError> {
        let doing = "give a statement up";
        let key = [id.as_uuid().as_bytes()];
        let sql = "SELECT EXISTS (SELECT 1 FROM voucher WHERE statement = ?1)";
        let has_posted = read_one(self.connection, sql, key, doing, |row| row.value::<bool>())?;
        if has_posted == Some(true) {
            return Err(refused(doing, "the statement has posted vouchers"));
        }
        for sql in [
            "UPDATE transaction_state SET statement = NULL, voucher = NULL WHERE statement = ?1",
            "UPDATE shift SET statement = NULL WHERE statement = ?1",
            "DELETE FROM aggregate_line WHERE statement = ?1",
            "DELETE FROM aggregate WHERE statement = ?1",
        ] {
            change(self.connection, sql, key, doing)?;
        }
        let sql = "DELETE FROM statement WHERE id = ?1";
        if change(self.connection, sql, key, doing)? != 1 {
            return Err(refused(doing, "there is no such statement"));
        }
        Ok(())
    }

    fn transactions_mark(
        &mut self,
        id: &StatementId,
        store: &DatabaseId,
        limit: usize,
    ) -> Result<u64, StorageError> {
        let sql = "UPDATE transaction_state SET statement = ?1
            WHERE position IN (
                SELECT position FROM transaction_state INDEXED BY transaction_ready
                WHERE validation = 'Successful' AND statement IS NULL AND store = ?2
                ORDER BY position LIMIT ?3)";
        let values = params![id.as_uuid().as_bytes(), store.as_str(), bounded(limit)];
        let marked = change(self.connection, sql, values, "mark transactions for a statement")?;
        Ok(marked as u64)
    }

    fn shifts_mark(&mut self, id: &StatementId, store: &DatabaseId) -> Result<u64, StorageError> {
        let sql = "UPDATE shift SET statement = ?1
            WHERE status = 'Closed' AND statement IS NULL AND store = ?2
                AND opened_at IS NOT NULL";
        let values = params![id.as_uuid().as_bytes(), store.as_str()];
        let marked = change(self.connection, sql, values, "mark shifts for a statement")?;
        Ok(marked as u64)
    }

    fn transactions_unmark(
        &mut self,
        id: &StatementId,
        numbers: &[TransactionNumber],
    ) -> Result<(), StorageError> {
        let numbers = text_list(numbers.iter().map(TransactionNumber::as_str));
        let values = params![id.as_uuid().as_bytes(), numbers];
        change(self.connection, UNMARK, values, "take transactions out of a statement")?;
        Ok(())
    }

    fn aggregates_put(
        &mut self,
        id: &StatementId,
        aggregates: &[AggregateRecord],
    ) -> Result<(), StorageError> {
        self.aggregates_replace(id, aggregates)
    }

    fn vouchers_insert(&mut self, vouchers: &[Voucher]) -> Result<(), StorageError> {
        vouchers.iter().try_for_each(|voucher| self.voucher_insert(voucher))
    }

    fn vouchers_link(
        &mut self,
        id: &StatementId,
        default_account: Option<&AccountNumber>,
    ) -> Result<(), StorageError> {
        // An invoice holds sales; of an order it holds nothing.
        let sql = "UPDATE transaction_state AS state SET voucher = aggregate.voucher
            FROM aggregate
            WHERE state.statement = ?1 AND state.kind = 'sale' AND aggregate.statement = ?1
                AND aggregate.account = coalesce(state.account, ?2)
                AND aggregate.currency = state.currency";
        let values = params![id.as_uuid().as_bytes(), default_account.map(AccountNumber::as_str)];
        change(self.connection, sql, values, "link transactions with their vouchers")?;
        Ok(())
    }

    fn transactions_post(&mut self, id: &StatementId, now: Timestamp) -> Result<(), StorageError> {
        let doing = "note that transactions are posted";
        let sql = "UPDATE transaction_state SET posted_at = ?2
            WHERE statement = ?1 AND posted_at IS NULL";
        let values = params![id.as_uuid().as_bytes(), now.as_microsecond()];
        let posted = change(self.connection, sql, values, doing)?;
        let sql = "UPDATE headquarters SET posted = posted + ?1";
        change(self.connection, sql, [bounded(posted)], doing)?;
        Ok(())
    }
}

pub(crate) fn list_query(filter: &StatementFilter) -> (String, Vec<Box<dyn ToSql>>) {
    // Left to itself, SQLite reads every statement there ever was, to spare itself a small sort.
    let index = if filter.is_open { " INDEXED BY statement_open" } else { "" };
    let mut sql = format!("{STATEMENT}{index} WHERE true");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(store) = &filter.store {
        values.push(Box::new(store.as_str().to_owned()));
        sql += &format!(" AND store = ?{}", values.len());
    }
    if let Some(kind) = filter.kind {
        values.push(Box::new(kind.as_str()));
        sql += &format!(" AND kind = ?{}", values.len());
    }
    if filter.is_open {
        sql += " AND state <> 'Posted'";
    }
    if filter.has_failed {
        sql += " AND error IS NOT NULL";
    }
    if let Some(before) = &filter.before {
        values.push(Box::new(*before.as_uuid().as_bytes()));
        let of_before = "SELECT ordinal FROM statement WHERE id";
        sql += &format!(" AND ordinal < ({of_before} = ?{})", values.len());
    }
    values.push(Box::new(bounded(filter.limit)));
    sql += &format!(" ORDER BY ordinal DESC LIMIT ?{}", values.len());
    (sql, values)
}

fn statement(row: &mut Columns<'_>) -> rusqlite::Result<StatementRecord> {
    Ok(StatementRecord {
        id: row.id(StatementId::from_uuid)?,
        number: row.text()?,
        store: row.text()?,
        kind: row.named(&StatementKind::ALL, StatementKind::as_str)?,
        state: row.named(&StatementState::ALL, StatementState::as_str)?,
        error: row.value()?,
        failures: row.value()?,
        transactions: row.unsigned()?,
        shifts: row.unsigned()?,
        amounts: amounts(row)?,
        default_account: row.parsed_or_none(AccountNumber::parse)?,
        run: row.id(RunId::from_uuid)?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

fn amounts(row: &mut Columns<'_>) -> rusqlite::Result<BTreeMap<Currency, i64>> {
    let by_code: BTreeMap<String, i64> = row.json()?;
    by_code
        .into_iter()
        .map(|(code, amount)| match code.parse() {
            Ok(currency) => Ok((currency, amount)),
            Err(_) => Err(row.corrupt(&code)),
        })
        .collect()
}
