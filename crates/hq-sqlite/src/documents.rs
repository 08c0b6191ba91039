//! Reading documents: transactions by all that they are looked up by, and what work is due.

use std::collections::{HashMap, HashSet};

use rusqlite::types::ToSql;
use rusqlite::{params, params_from_iter};
use tillsync_domain::ids::{
    AccountNumber, CustomerGuid, DatabaseId, ReceiptNumber, ShiftNumber, TransactionNumber,
};
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::validation::ValidationStatus;
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{
    DocumentPosition, DocumentReads, DueOrders, DueTransactions, OperationSource, ShiftRecord,
    StagedCustomer, StorageError, TransactionCounts, TransactionEdit, TransactionFilter,
    TransactionRecord,
};

use crate::SqliteTx;
use crate::columns::{Columns, bounded, read_all, read_one, text_list};
use crate::transactions::{TRANSACTION, document_columns, received_document};

const QUARANTINED: &str =
    concat!("SELECT ", document_columns!("document_quarantine"), " FROM document_quarantine");

impl DocumentReads for SqliteTx<'_> {
    fn transaction_get(
        &mut self,
        number: &TransactionNumber,
    ) -> Result<Option<TransactionRecord>, StorageError> {
        let sql = format!("{TRANSACTION} WHERE state.number = ?1");
        let found = self.transactions(&sql, [number.as_str()], "read a transaction")?;
        Ok(found.into_iter().next())
    }

    fn transactions_list(
        &mut self,
        filter: &TransactionFilter,
    ) -> Result<Vec<TransactionRecord>, StorageError> {
        let (sql, values) = list_query(filter);
        self.transactions(&sql, params_from_iter(values), "list transactions")
    }

    fn transactions_of(
        &mut self,
        guid: Option<&CustomerGuid>,
        account: Option<&AccountNumber>,
        before: Option<DocumentPosition>,
        limit: usize,
    ) -> Result<Vec<TransactionRecord>, StorageError> {
        // Each part reads its own index backwards, no further than one page.
        let part = |key: &str| {
            format!(
                "SELECT position FROM (
                    SELECT position FROM transaction_state
                    WHERE {key} AND position < ?3 ORDER BY position DESC LIMIT ?4)"
            )
        };
        let parts = ["customer_guid = ?1", "customer_account = ?2", "account = ?2"].map(part);
        let sql = format!(
            "{TRANSACTION} WHERE state.position IN ({}) ORDER BY state.position DESC LIMIT ?4",
            parts.join(" UNION ")
        );
        let values = params![
            guid.map(|guid| guid.as_uuid().as_bytes()),
            account.map(AccountNumber::as_str),
            before.map_or(i64::MAX, |position| bounded(position.0)),
            bounded(limit),
        ];
        self.transactions(&sql, values, "read the history of a customer")
    }

    fn orders_due(&mut self, due: &DueOrders) -> Result<Vec<TransactionRecord>, StorageError> {
        let doing = "find orders that are due";
        let store = due.store.as_ref().map(DatabaseId::as_str);
        let (after, limit) = (bounded(due.after.0), bounded(due.limit));
        if let Some(only) = &due.only {
            let sql = format!(
                "{TRANSACTION} WHERE state.number IN (SELECT value FROM json_each(?1))
                    AND synchronized.status IN ('New', 'Waiting', 'Failed')
                    AND state.position > ?2 AND (?3 IS NULL OR state.store = ?3)
                ORDER BY state.position LIMIT ?4"
            );
            return self.transactions(&sql, params![numbers(only), after, store, limit], doing);
        }
        let (index, of_store) = match store {
            Some(_) => ("order_due_store", "store = ?4"),
            None => ("order_due", "?4 IS NULL"),
        };
        // The two halves come from indexes that hold open orders only.
        let sql = format!(
            "{TRANSACTION} WHERE state.position IN (
                SELECT position FROM (
                    SELECT position FROM order_state INDEXED BY {index}
                    WHERE status IN ('New', 'Waiting') AND position > ?1 AND {of_store}
                    ORDER BY position LIMIT ?2)
                UNION ALL
                SELECT position FROM (
                    SELECT position FROM order_state INDEXED BY order_retry
                    WHERE status = 'Failed' AND next_try_at <= ?3 AND position > ?1
                        AND {of_store}
                    ORDER BY position LIMIT ?2))
            ORDER BY state.position LIMIT ?2"
        );
        self.transactions(&sql, params![after, limit, due.now.as_microsecond(), store], doing)
    }

    fn transactions_due(
        &mut self,
        due: &DueTransactions,
    ) -> Result<Vec<TransactionRecord>, StorageError> {
        let doing = "find transactions to validate";
        let store = due.store.as_ref().map(DatabaseId::as_str);
        let (after, limit) = (bounded(due.after.0), bounded(due.limit));
        if let Some(only) = &due.only {
            let sql = format!(
                "{TRANSACTION} WHERE state.number IN (SELECT value FROM json_each(?1))
                    AND state.statement IS NULL
                    AND state.position > ?2 AND (?3 IS NULL OR state.store = ?3)
                ORDER BY state.position LIMIT ?4"
            );
            return self.transactions(&sql, params![numbers(only), after, store, limit], doing);
        }
        let (index, of_store) = match store {
            Some(_) => ("transaction_due_store", "store = ?3"),
            None => ("transaction_due", "?3 IS NULL"),
        };
        let sql = format!(
            "{TRANSACTION} WHERE state.position IN (
                SELECT position FROM transaction_state INDEXED BY {index}
                WHERE validation IN ('New', 'Waiting') AND position > ?1 AND {of_store}
                ORDER BY position LIMIT ?2)
            ORDER BY state.position"
        );
        self.transactions(&sql, params![after, limit, store], doing)
    }

    fn transaction_edits(
        &mut self,
        number: &TransactionNumber,
    ) -> Result<Vec<TransactionEdit>, StorageError> {
        let sql = "SELECT number, at, operator, field, old, new FROM transaction_edit
            WHERE number = ?1 ORDER BY ordinal";
        let doing = "read the changes made to a transaction";
        read_all(self.connection, sql, [number.as_str()], doing, |row| {
            Ok(TransactionEdit {
                number: row.text()?,
                at: row.time()?,
                operator: row.value()?,
                field: row.value()?,
                old: row.value()?,
                new: row.value()?,
            })
        })
    }

    fn receipts_known(
        &mut self,
        receipts: &[ReceiptNumber],
    ) -> Result<HashMap<ReceiptNumber, Vec<TransactionNumber>>, StorageError> {
        let sql = "SELECT receipt, number
            FROM transaction_state INDEXED BY transaction_receipt
            WHERE receipt IN (SELECT value FROM json_each(?1)) AND is_voided = 0
            ORDER BY receipt, position";
        let wanted = text_list(receipts.iter().map(ReceiptNumber::as_str));
        let doing = "look up receipt numbers";
        let found = read_all(self.connection, sql, [wanted], doing, |row| {
            Ok((row.text::<ReceiptNumber>()?, row.text::<TransactionNumber>()?))
        })?;
        let mut known: HashMap<_, Vec<_>> = HashMap::new();
        for (receipt, number) in found {
            known.entry(receipt).or_default().push(number);
        }
        Ok(known)
    }

    fn shifts_known(
        &mut self,
        shifts: &[ShiftNumber],
    ) -> Result<HashSet<ShiftNumber>, StorageError> {
        let sql = "SELECT number FROM shift
            WHERE number IN (SELECT value FROM json_each(?1)) AND opened_at IS NOT NULL";
        let wanted = text_list(shifts.iter().map(ShiftNumber::as_str));
        let known = read_all(self.connection, sql, [wanted], "look up shifts", |row| row.text())?;
        Ok(known.into_iter().collect())
    }

    fn shift_get(&mut self, shift: &ShiftNumber) -> Result<Option<ShiftRecord>, StorageError> {
        self.shift_find(shift)
    }

    fn shifts_list(
        &mut self,
        store: Option<&DatabaseId>,
        status: Option<ShiftStatus>,
        after: Option<&ShiftNumber>,
        limit: usize,
    ) -> Result<Vec<ShiftRecord>, StorageError> {
        self.shifts_page(store, status, after, limit)
    }

    fn customers_staged(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<HashMap<CustomerGuid, StagedCustomer>, StorageError> {
        // A creation that is still to be tried may correct one that failed.
        let sql = "WITH wanted (guid) AS (SELECT DISTINCT unhex(value) FROM json_each(?1)),
            staged (guid, failed) AS (
                SELECT guid, (
                    SELECT max(position) FROM operation
                    WHERE customer = guid AND kind = 'create_customer' AND status = 2)
                FROM wanted
                WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias.guid = wanted.guid)
                    AND EXISTS (SELECT 1 FROM operation WHERE customer = wanted.guid)),
            hopeful (guid) AS (
                SELECT guid FROM staged WHERE EXISTS (
                    SELECT 1 FROM operation
                    WHERE customer = guid AND kind = 'create_customer' AND status = 0))
            SELECT staged.guid, failed IS NOT NULL AND hopeful.guid IS NULL,
                coalesce(operation.error, '')
            FROM staged LEFT JOIN hopeful ON hopeful.guid = staged.guid
            LEFT JOIN operation ON operation.position = staged.failed";
        let hex: Vec<_> = guids.iter().map(|guid| guid.as_uuid().simple().to_string()).collect();
        let wanted = text_list(hex.iter().map(String::as_str));
        let doing = "look up what is staged of customers";
        let staged = read_all(self.connection, sql, [wanted], doing, |row| {
            let guid = row.id(CustomerGuid::from_uuid)?;
            let (has_failed, error) = (row.value::<bool>()?, row.value()?);
            let pending = StagedCustomer::Pending;
            Ok((guid, if has_failed { StagedCustomer::Failed(error) } else { pending }))
        })?;
        Ok(staged.into_iter().collect())
    }

    fn documents_quarantined(
        &mut self,
        after: DocumentPosition,
        limit: usize,
    ) -> Result<Vec<(DocumentPosition, DocumentRow, OperationSource)>, StorageError> {
        let sql = format!("{QUARANTINED} WHERE position > ?1 ORDER BY position LIMIT ?2");
        let page = params![bounded(after.0), bounded(limit)];
        let doing = "list documents that were set aside";
        read_all(self.connection, &sql, page, doing, received_document)
    }

    fn transaction_counts(&mut self) -> Result<TransactionCounts, StorageError> {
        let mut counts = self.counted()?;
        let rest =
            |statuses: &HashMap<String, u64>, all: u64| all.saturating_sub(statuses.values().sum());
        let sql = "SELECT validation, count(*) FROM transaction_state
            INDEXED BY transaction_unsuccessful WHERE validation <> 'Successful'
            GROUP BY validation";
        let mut found = self.by_status(sql, "count transactions by validation")?;
        let successful = rest(&found, counts.transactions);
        found.insert(ValidationStatus::Successful.as_str().to_owned(), successful);
        let names = ValidationStatus::ALL.map(ValidationStatus::as_str);
        counts.found.by_validation = nonzero(names, &found).collect();
        let sql = "SELECT status, count(*) FROM order_state INDEXED BY order_unfinished
            WHERE status <> 'Succeeded' GROUP BY status";
        let mut found = self.by_status(sql, "count orders by status")?;
        let succeeded = rest(&found, counts.orders);
        found.insert(OrderStatus::Succeeded.as_str().to_owned(), succeeded);
        let names = OrderStatus::ALL.map(OrderStatus::as_str);
        counts.found.by_order_status = nonzero(names, &found).collect();
        Ok(counts.found)
    }
}

/// Counts together with the totals that the large ones follow from.
#[derive(Default)]
struct Counted {
    found: TransactionCounts,
    transactions: u64,
    orders: u64,
}

impl SqliteTx<'_> {
    fn counted(&self) -> Result<Counted, StorageError> {
        let sql = "WITH sales (rows, oldest) AS (
                SELECT count(*), min(received_at)
                FROM transaction_state INDEXED BY transaction_blocked
                WHERE validation = 'Waiting' AND kind = 'sale'),
            orders (rows, oldest) AS (
                SELECT count(*), min(state.received_at)
                FROM order_state INDEXED BY order_unfinished
                CROSS JOIN transaction_state AS state ON state.position = order_state.position
                WHERE order_state.status <> 'Succeeded' AND order_state.status = 'Waiting')
            SELECT headquarters.transactions, headquarters.orders, headquarters.posted,
                (SELECT count(*) FROM order_state INDEXED BY order_on_hold
                    WHERE hold IS NOT NULL),
                sales.rows + orders.rows, sales.oldest, orders.oldest,
                (SELECT count(*) FROM transaction_state INDEXED BY transaction_ready
                    WHERE validation = 'Successful' AND statement IS NULL),
                (SELECT count(*) FROM document_quarantine),
                (SELECT count(*) FROM document INDEXED BY document_unknown
                    WHERE role = 'unknown')
            FROM headquarters, sales, orders";
        let counted = read_one(self.connection, sql, [], "count transactions", |row| {
            let (transactions, orders) = (row.unsigned()?, row.unsigned()?);
            let (posted, on_hold) = (row.unsigned()?, row.unsigned()?);
            let blocked_by_customer = row.unsigned()?;
            let oldest = [row.time_or_none()?, row.time_or_none()?];
            let found = TransactionCounts {
                on_hold,
                blocked_by_customer,
                oldest_blocked_at: oldest.into_iter().flatten().min(),
                posted,
                ready: row.unsigned()?,
                quarantined: row.unsigned()?,
                unknown: row.unsigned()?,
                ..TransactionCounts::default()
            };
            Ok(Counted { found, transactions, orders })
        })?;
        Ok(counted.unwrap_or_default())
    }

    fn by_status(
        &self,
        sql: &str,
        doing: &'static str,
    ) -> Result<HashMap<String, u64>, StorageError> {
        let read = |row: &mut Columns<'_>| Ok((row.value()?, row.unsigned()?));
        Ok(read_all(self.connection, sql, [], doing, read)?.into_iter().collect())
    }
}

fn nonzero<const N: usize>(
    names: [&'static str; N],
    counts: &HashMap<String, u64>,
) -> impl Iterator<Item = (&'static str, u64)> {
    names
        .into_iter()
        .filter_map(|name| Some((name, *counts.get(name)?)))
        .filter(|(_, count)| *count > 0)
}

fn numbers(numbers: &[TransactionNumber]) -> String {
    text_list(numbers.iter().map(TransactionNumber::as_str))
}

pub(crate) fn list_query(filter: &TransactionFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = format!("{TRANSACTION} WHERE state.position > ?1");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(bounded(filter.after.0))];
    let mut narrow = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        sql += &format!(" AND {condition} = ?{}", values.len());
    };
    if let Some(kind) = filter.kind {
        narrow("state.kind", Box::new(kind.as_str()));
    }
    if let Some(store) = &filter.store {
        // A plus keeps the index of a store's whole history out where another one has the few.
        let is_of_few = !matches!(filter.validation, None | Some(ValidationStatus::Successful))
            || filter.statement.is_some();
        let column = if is_of_few { "+state.store" } else { "state.store" };
        narrow(column, Box::new(store.as_str().to_owned()));
    }
    // The second half of each condition names the index that holds the few, not the history.
    match filter.validation {
        None => {}
        Some(ValidationStatus::Successful) => {
            narrow("state.validation", Box::new(ValidationStatus::Successful.as_str()));
        }
        Some(status) => {
            let few = "state.validation <> 'Successful' AND state.validation";
            narrow(few, Box::new(status.as_str()));
        }
    }
    match filter.order_status {
        None => {}
        Some(OrderStatus::Succeeded) => {
            narrow("synchronized.status", Box::new(OrderStatus::Succeeded.as_str()));
        }
        Some(status) => {
            let few = "state.position IN (SELECT position FROM order_state
                WHERE status <> 'Succeeded') AND synchronized.status";
            narrow(few, Box::new(status.as_str()));
        }
    }
    if let Some(statement) = &filter.statement {
        narrow("state.statement", Box::new(*statement.as_uuid().as_bytes()));
    }
    if filter.is_on_hold {
        sql += " AND state.position IN (SELECT position FROM order_state WHERE hold IS NOT NULL)";
    }
    values.push(Box::new(bounded(filter.limit)));
    sql += &format!(" ORDER BY state.position LIMIT ?{}", values.len());
    (sql, values)
}
