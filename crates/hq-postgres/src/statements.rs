//! Statements, what they mark as their own, and their aggregates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tillsync_domain::ids::{
    AccountNumber, DatabaseId, DocumentNumber, RunId, StatementId, TransactionNumber,
};
use tillsync_domain::money::Currency;
use tillsync_domain::statement::{StatementKind, StatementState};
use tillsync_hq::storage::{
    AggregateRecord, PostedCounts, ShiftRecord, StatementFilter, StatementReads, StatementRecord,
    StatementWrites, StorageError, TransactionRecord, TrialBalance, Voucher,
};

use crate::columns::{Columns, Read, bounded, corrupt, storable_or_none, to_json};
use crate::error::refused;
use crate::transactions::{transaction_record, transaction_select};
use crate::tx::{PgTx, Query, Values};

const STATEMENT: &str = "SELECT id, number, store, kind, state, error, failures, transactions,
    shifts, amounts, default_account, run, created_at, updated_at FROM statement";

/// The transactions of a statement's shifts, by shift and arrival.
pub(crate) const OF_SHIFTS: &str = concat!(
    transaction_select!(
        "shift JOIN transaction_state AS state
            ON state.shift = shift.number AND NOT state.is_voided"
    ),
    " WHERE shift.statement = $1 ORDER BY shift.number, state.position"
);

/// The transactions of a statement as [`StatementReads::statement_transactions`] wants them.
pub(crate) const OF_STATEMENT: &str = concat!(
    transaction_select!("transaction_state AS state"),
    " WHERE state.statement = $1 ORDER BY state.account NULLS FIRST,
        state.currency NULLS FIRST, state.position"
);

/// Takes whether transactions are taken up, and whether shifts are.
pub(crate) const READY: &str = "SELECT id FROM edge_database WHERE kind = 'channel' AND (
        $1 AND EXISTS (
            SELECT 1 FROM transaction_state
            WHERE validation = 'Successful' AND statement IS NULL AND store = edge_database.id)
        OR $2 AND EXISTS (
            SELECT 1 FROM shift
            WHERE status = 'Closed' AND statement IS NULL AND store = edge_database.id
                AND opened_at IS NOT NULL))
    ORDER BY id";

/// Takes a statement and a list of numbers.
pub(crate) const UNMARK: &str = "UPDATE transaction_state SET statement = NULL, voucher = NULL
    WHERE number = ANY($2) AND statement = $1";

impl StatementReads for PgTx<'_> {
    fn statement_get(&mut self, id: &StatementId) -> Result<Option<StatementRecord>, StorageError> {
        let sql = format!("{STATEMENT} WHERE id = $1");
        let key: Values<'_> = &[&id.as_uuid()];
        self.read_one(&sql, key, "read a statement", statement)
    }

    fn statement_by_number(
        &mut self,
        number: &DocumentNumber,
    ) -> Result<Option<StatementRecord>, StorageError> {
        let sql = format!("{STATEMENT} WHERE number = $1");
        self.read_one(&sql, &[&number.as_str()], "look up a statement", statement)
    }

    fn statements_list(
        &mut self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementRecord>, StorageError> {
        self.read_query(&list_query(filter), "list statements", statement)
    }

    fn statements_failed_count(&mut self) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM statement WHERE error IS NOT NULL";
        self.count(sql, "count statements that stopped")
    }

    fn stores_ready(&mut self, kind: StatementKind) -> Result<Vec<DatabaseId>, StorageError> {
        let takes: Values<'_> = &[&kind.takes_transactions(), &kind.takes_shifts()];
        let doing = "find stores that have something to post";
        self.read_all(READY, takes, doing, |row| row.text())
    }

    fn posted_counts(&mut self) -> Result<PostedCounts, StorageError> {
        let sql =
            "SELECT (SELECT coalesce(sum(amount), 0)::bigint FROM tally WHERE name = 'posted') - (
                    SELECT count(*) FROM transaction_state
                    WHERE kind = 'customer_order' AND posted_at IS NOT NULL),
                (SELECT count(*) FROM statement WHERE state = 'Posted')";
        let counts = self.read_one(sql, &[], "count what is posted", |row| {
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
        self.visit_all(OF_STATEMENT, &[&id.as_uuid()], read, sink)
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
        self.visit_all(OF_SHIFTS, &[&id.as_uuid()], read, sink)
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
        crate::postings_check::temporary_ids(self)
    }

    fn postings_check(&mut self) -> Result<Vec<String>, StorageError> {
        crate::postings_check::contradictions(self)
    }
}

impl StatementWrites for PgTx<'_> {
    fn statement_put(&mut self, statement: &StatementRecord) -> Result<(), StorageError> {
        let sql = "INSERT INTO statement
            (id, number, store, kind, state, error, failures, transactions, shifts, amounts,
             default_account, run, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            ON CONFLICT (id) DO UPDATE SET number = excluded.number, store = excluded.store,
                kind = excluded.kind, state = excluded.state, error = excluded.error,
                failures = excluded.failures, transactions = excluded.transactions,
                shifts = excluded.shifts, amounts = excluded.amounts,
                default_account = excluded.default_account, run = excluded.run,
                created_at = excluded.created_at, updated_at = excluded.updated_at";
        let amounts: BTreeMap<&str, i64> =
            statement.amounts.iter().map(|(currency, amount)| (currency.code(), *amount)).collect();
        let values: Values<'_> = &[
            &statement.id.as_uuid(),
            &statement.number.as_str(),
            &statement.store.as_str(),
            &statement.kind.as_str(),
            &statement.state.as_str(),
            &storable_or_none(statement.error.as_ref()),
            &i64::from(statement.failures),
            &bounded(statement.transactions),
            &bounded(statement.shifts),
            &to_json(&amounts),
            &statement.default_account.as_ref().map(AccountNumber::as_str),
            &statement.run.as_uuid(),
            &statement.created_at.as_microsecond(),
            &statement.updated_at.as_microsecond(),
        ];
        self.change(sql, values, "store a statement")?;
        Ok(())
    }

    fn statement_remove(&mut self, id: &StatementId) -> Result<(), StorageError> {
        let doing = "give a statement up";
        let key: Values<'_> = &[&id.as_uuid()];
        let sql = "SELECT EXISTS (SELECT 1 FROM voucher WHERE statement = $1)";
        let has_posted = self.read_one(sql, key, doing, |row| row.value::<bool>())?;
        if has_posted == Some(true) {
            return Err(refused(doing, "the statement has posted vouchers"));
        }
        for sql in [
            "UPDATE transaction_state SET statement = NULL, voucher = NULL WHERE statement = $1",
            "UPDATE shift SET statement = NULL WHERE statement = $1",
            "DELETE FROM aggregate_line WHERE statement = $1",
            "DELETE FROM aggregate WHERE statement = $1",
        ] {
            self.change(sql, key, doing)?;
        }
        let sql = "DELETE FROM statement WHERE id = $1";
        if self.change(sql, key, doing)? != 1 {
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
        let sql = "UPDATE transaction_state SET statement = $1
            WHERE position IN (
                SELECT position FROM transaction_state
                WHERE validation = 'Successful' AND statement IS NULL AND store = $2
                ORDER BY position LIMIT $3)";
        let values: Values<'_> = &[&id.as_uuid(), &store.as_str(), &bounded(limit)];
        self.change(sql, values, "mark transactions for a statement")
    }

    fn shifts_mark(&mut self, id: &StatementId, store: &DatabaseId) -> Result<u64, StorageError> {
        let sql = "UPDATE shift SET statement = $1
            WHERE status = 'Closed' AND statement IS NULL AND store = $2
                AND opened_at IS NOT NULL";
        let values: Values<'_> = &[&id.as_uuid(), &store.as_str()];
        self.change(sql, values, "mark shifts for a statement")
    }

    fn transactions_unmark(
        &mut self,
        id: &StatementId,
        numbers: &[TransactionNumber],
    ) -> Result<(), StorageError> {
        let numbers: Vec<_> = numbers.iter().map(TransactionNumber::as_str).collect();
        let values: Values<'_> = &[&id.as_uuid(), &numbers];
        self.change(UNMARK, values, "take transactions out of a statement")?;
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
        self.vouchers_post(vouchers)
    }

    fn vouchers_link(
        &mut self,
        id: &StatementId,
        default_account: Option<&AccountNumber>,
    ) -> Result<(), StorageError> {
        // An invoice holds sales; of an order it holds nothing.
        let sql = "UPDATE transaction_state AS state SET voucher = aggregate.voucher
            FROM aggregate
            WHERE state.statement = $1 AND state.kind = 'sale' AND aggregate.statement = $1
                AND aggregate.account = coalesce(state.account, $2)
                AND aggregate.currency = state.currency";
        let values: Values<'_> = &[&id.as_uuid(), &default_account.map(AccountNumber::as_str)];
        self.change(sql, values, "link transactions with their vouchers")?;
        Ok(())
    }

    fn transactions_post(&mut self, id: &StatementId, now: Timestamp) -> Result<(), StorageError> {
        let doing = "note that transactions are posted";
        let sql = "UPDATE transaction_state SET posted_at = $2
            WHERE statement = $1 AND posted_at IS NULL";
        let values: Values<'_> = &[&id.as_uuid(), &now.as_microsecond()];
        let posted = self.change(sql, values, doing)?;
        self.tally("posted", posted)
    }
}

fn list_query(filter: &StatementFilter) -> Query {
    let mut query = Query::new(&format!("{STATEMENT} WHERE true"));
    if let Some(store) = &filter.store {
        query.push_value(" AND store = ", store.as_str().to_owned());
    }
    if let Some(kind) = filter.kind {
        query.push_value(" AND kind = ", kind.as_str());
    }
    if filter.is_open {
        query.push(" AND state <> 'Posted'");
    }
    if filter.has_failed {
        query.push(" AND error IS NOT NULL");
    }
    if let Some(before) = &filter.before {
        let of_before = " AND ordinal < (SELECT ordinal FROM statement WHERE id = ";
        query.push_value(of_before, *before.as_uuid());
        query.push(")");
    }
    query.push_value(" ORDER BY ordinal DESC LIMIT ", bounded(filter.limit));
    query
}

fn statement(row: &mut Columns<'_>) -> Read<StatementRecord> {
    Ok(StatementRecord {
        id: row.id(StatementId::from_uuid)?,
        number: row.text()?,
        store: row.text()?,
        kind: row.named(&StatementKind::ALL, StatementKind::as_str)?,
        state: row.named(&StatementState::ALL, StatementState::as_str)?,
        error: row.value()?,
        failures: row.number()?,
        transactions: row.unsigned()?,
        shifts: row.unsigned()?,
        amounts: amounts(row)?,
        default_account: row.parsed_or_none(AccountNumber::parse)?,
        run: row.id(RunId::from_uuid)?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

fn amounts(row: &mut Columns<'_>) -> Read<BTreeMap<Currency, i64>> {
    let by_code: BTreeMap<String, i64> = row.json()?;
    by_code
        .into_iter()
        .map(|(code, amount)| match code.parse() {
            Ok(currency) => Ok((currency, amount)),
            Err(_) => Err(corrupt(&code)),
        })
        .collect()
}
