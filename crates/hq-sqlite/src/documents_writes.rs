//! Taking documents in, and writing down what became of them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{AccountNumber, CustomerKey, TransactionNumber};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    ArrivingContent, ArrivingDocument, DocumentWrites, InsertCounts, OperationSource, OrderState,
    StorageError, TransactionEdit, TransactionHeader, Verdict,
};

use crate::SqliteTx;
use crate::columns::{bounded, change, to_json};
use crate::error::{Doing, refused};

macro_rules! insert_into {
    ($table:literal, $role:literal, $role_value:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, counter, number, kind, created_at, origin, staff, relayed_at, content, hash,
             source, epoch, received_at",
            $role,
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13",
            $role_value,
            ") ON CONFLICT DO NOTHING"
        )
    };
}

const TRANSACTION: &str = "INSERT INTO transaction_state
    (position, number, kind, store, received_at, customer_guid, customer_account, ship_to, shift,
     receipt, currency, total, is_voided, validation)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const ORDER: &str = "INSERT INTO order_state
    (position, store, status, tries, modified_at, is_repaired)
    VALUES (?1, ?2, 'New', 0, ?3, 0)";

const REPAIR: &str = "UPDATE transaction_state
    SET repaired = ?2, customer_guid = ?3, customer_account = ?4, ship_to = ?5, shift = ?6,
        receipt = ?7, currency = ?8, total = ?9, is_voided = ?10, validation = ?11,
        findings = NULL, validated_at = NULL, account = NULL
    WHERE number = ?1 AND statement IS NULL";

/// Takes a list of number, status, findings and account.
pub(crate) const VERDICTS: &str = "UPDATE transaction_state
    SET validation = value ->> 1, findings = value ->> 2, validated_at = ?2,
        account = coalesce(value ->> 3, account)
    FROM json_each(?1)
    WHERE number = value ->> 0 AND statement IS NULL";

/// New transactions and orders of one call.
#[derive(Default)]
struct Added {
    transactions: u64,
    orders: u64,
}

impl DocumentWrites for SqliteTx<'_> {
    fn documents_insert_once(
        &mut self,
        source: &OperationSource,
        documents: &[ArrivingDocument],
    ) -> Result<InsertCounts, StorageError> {
        let doing = "take documents in";
        let mut counts = InsertCounts::default();
        let mut added = Added::default();
        for document in documents {
            let Some(position) =
                self.document_insert_once(source, document, &mut counts).doing(doing)?
            else {
                continue;
            };
            match &document.content {
                ArrivingContent::Transaction(header) => {
                    self.transaction_insert(position, source, document, header).doing(doing)?;
                    added.transactions += 1;
                    added.orders += u64::from(header.kind == DocumentKind::Order);
                }
                ArrivingContent::Shift(event) => {
                    self.shift_step(source, &document.row, event).doing(doing)?;
                }
                ArrivingContent::Unknown => {}
            }
        }
        let sql = "UPDATE headquarters
            SET transactions = transactions + ?1, orders = orders + ?2";
        let values = [bounded(added.transactions), bounded(added.orders)];
        change(self.connection, sql, values, "count transactions")?;
        Ok(counts)
    }

    fn order_put(
        &mut self,
        number: &TransactionNumber,
        state: &OrderState,
        account: Option<&AccountNumber>,
    ) -> Result<(), StorageError> {
        let doing = "store where an order stands";
        let sql = "UPDATE order_state
            SET status = ?2, error = ?3, tries = ?4, next_try_at = ?5, modified_at = ?6,
                editor = ?7, status_before = ?8, is_repaired = ?9, sales_order = ?10, hold = ?11
            WHERE position = (SELECT position FROM transaction_state WHERE number = ?1)";
        let values = params![
            number.as_str(),
            state.status.as_str(),
            state.error,
            state.tries,
            state.next_try_at.map(|time| time.as_microsecond()),
            state.modified_at.as_microsecond(),
            state.editor,
            state.status_before.map(|status| status.as_str()),
            state.is_repaired,
            state.sales_order.as_ref().map(|number| number.as_str()),
            state.hold,
        ];
        if change(self.connection, sql, values, doing)? != 1 {
            return Err(refused(doing, "there is no order of that number"));
        }
        // The hold of a posted order can be lifted: what does not change is not written.
        let sql = "UPDATE transaction_state SET account = ?2
            WHERE number = ?1 AND account IS NOT ?2";
        if let Some(account) = account {
            change(self.connection, sql, [number.as_str(), account.as_str()], doing)?;
        }
        Ok(())
    }

    fn verdicts_put(&mut self, verdicts: &[Verdict], now: Timestamp) -> Result<(), StorageError> {
        #[derive(Serialize)]
        struct Row<'v>(&'v str, &'v str, Option<&'v str>, Option<&'v str>);
        let rows: Vec<_> = verdicts
            .iter()
            .map(|verdict| {
                Row(
                    verdict.number.as_str(),
                    verdict.status.as_str(),
                    verdict.findings.as_deref(),
                    verdict.account.as_ref().map(AccountNumber::as_str),
                )
            })
            .collect();
        let values = params![to_json(&rows), now.as_microsecond()];
        change(self.connection, VERDICTS, values, "write down what validation found")?;
        Ok(())
    }

    fn transaction_repair(
        &mut self,
        number: &TransactionNumber,
        content: &RawValue,
        header: &TransactionHeader,
        edits: &[TransactionEdit],
    ) -> Result<bool, StorageError> {
        let doing = "replace the content of a transaction";
        let (guid, account) = written_keys(header);
        let (currency, total) = header.total.unzip();
        let values = params![
            number.as_str(),
            content.get(),
            guid,
            account,
            header.ship_to.as_ref().map(|address| address.as_uuid().as_bytes()),
            header.shift.as_ref().map(|shift| shift.as_str()),
            header.receipt.as_ref().map(|receipt| receipt.as_str()),
            currency.map(|currency| currency.code()),
            total,
            header.is_voided,
            first_validation(header).as_str(),
        ];
        if change(self.connection, REPAIR, values, doing)? == 0 {
            return Ok(false);
        }
        let sql = "INSERT INTO transaction_edit (number, at, operator, field, old, new)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for edit in edits {
            let values = params![
                edit.number.as_str(),
                edit.at.as_microsecond(),
                edit.operator,
                edit.field,
                edit.old,
                edit.new,
            ];
            change(self.connection, sql, values, doing)?;
        }
        Ok(true)
    }
}

impl SqliteTx<'_> {
    /// The position of a new document; nothing for one that is known or was set aside.
    fn document_insert_once(
        &self,
        source: &OperationSource,
        document: &ArrivingDocument,
        counts: &mut InsertCounts,
    ) -> rusqlite::Result<Option<i64>> {
        let row = &document.row;
        let hash = row.content_hash().0;
        let role = match document.content {
            ArrivingContent::Transaction(_) => "transaction",
            ArrivingContent::Shift(_) => "shift",
            ArrivingContent::Unknown => "unknown",
        };
        let values: [&dyn rusqlite::ToSql; 14] = [
            row.id.as_uuid().as_bytes(),
            &row.counter.cast_signed(),
            &row.number.as_str(),
            &row.kind,
            &row.created_at.as_microsecond(),
            &row.origin.as_str(),
            &row.staff.as_ref().map(|staff| staff.as_str()),
            &row.relayed_at.map(|time| time.as_microsecond()),
            &row.content.get(),
            &hash,
            &source.source.as_str(),
            source.epoch.as_uuid().as_bytes(),
            &source.received_at.as_microsecond(),
            &role,
        ];
        let sql = insert_into!("document", ", role", ", ?14");
        if self.connection.prepare_cached(sql)?.execute(&values[..])? == 1 {
            counts.inserted += 1;
            return Ok(Some(self.connection.last_insert_rowid()));
        }
        let known = "SELECT hash FROM document WHERE number = ?1";
        let mut known = self.connection.prepare_cached(known)?;
        let known = known.query_row([row.number.as_str()], |row| row.get::<_, [u8; 32]>(0));
        // No document of that number: then it is the id that another one has.
        if known.optional()? == Some(hash) {
            counts.repeated += 1;
        } else {
            let sql = insert_into!("document_quarantine", "", "");
            self.connection.prepare_cached(sql)?.execute(&values[..13])?;
            counts.quarantined += 1;
        }
        Ok(None)
    }

    fn transaction_insert(
        &self,
        position: i64,
        source: &OperationSource,
        document: &ArrivingDocument,
        header: &TransactionHeader,
    ) -> rusqlite::Result<()> {
        let store = source.source.as_str();
        let received_at = source.received_at.as_microsecond();
        let (guid, account) = written_keys(header);
        let (currency, total) = header.total.unzip();
        let values = params![
            position,
            document.row.number.as_str(),
            header.kind.as_str(),
            store,
            received_at,
            guid,
            account,
            header.ship_to.as_ref().map(|address| address.as_uuid().as_bytes()),
            header.shift.as_ref().map(|shift| shift.as_str()),
            header.receipt.as_ref().map(|receipt| receipt.as_str()),
            currency.map(|currency| currency.code()),
            total,
            header.is_voided,
            first_validation(header).as_str(),
        ];
        self.connection.prepare_cached(TRANSACTION)?.execute(values)?;
        if header.kind == DocumentKind::Order {
            let values = params![position, store, received_at];
            self.connection.prepare_cached(ORDER)?.execute(values)?;
        }
        Ok(())
    }
}

fn written_keys(header: &TransactionHeader) -> (Option<&[u8; 16]>, Option<&str>) {
    match &header.customer {
        None => (None, None),
        Some(CustomerKey::Temporary(guid)) => (Some(guid.as_uuid().as_bytes()), None),
        Some(CustomerKey::Numbered(account)) => (None, Some(account.as_str())),
    }
}

/// A voided sale needs no rules: nothing of it is ever posted.
fn first_validation(header: &TransactionHeader) -> ValidationStatus {
    if header.is_voided { ValidationStatus::None } else { ValidationStatus::New }
}
