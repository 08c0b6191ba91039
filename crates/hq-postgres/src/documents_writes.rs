//! Taking documents in, and writing down what became of them.

use std::collections::HashMap;

use jiff::Timestamp;
use postgres::types::Type;
use serde_json::value::RawValue;
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::{AccountNumber, CustomerKey, EntryId, TransactionNumber};
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    ArrivingContent, ArrivingDocument, DocumentWrites, InsertCounts, OperationSource, OrderState,
    StorageError, TransactionEdit, TransactionHeader, Verdict,
};
use uuid::Uuid;

use crate::columns::{micros, storable, storable_or_none};
use crate::error::refused;
use crate::tx::{PgTx, Target, Values};

/// Takes the columns of many rows as lists; the rows get their positions in this order.
macro_rules! insert_into {
    ($table:literal, $role:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (id, counter, number, kind, created_at, origin, staff, relayed_at, content, hash,
                source, epoch, received_at",
            $role,
            ")
            SELECT id, counter, number, kind, created_at, origin, staff, relayed_at, content,
                hash, $12, $13, $14",
            $role,
            " FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
                $6::text[], $7::text[], $8::bigint[], $9::text[], $10::bytea[], $11::text[])
                WITH ORDINALITY AS sent (id, counter, number, kind, created_at, origin, staff,
                    relayed_at, content, hash, role, line)
            ORDER BY line
            ON CONFLICT DO NOTHING RETURNING id, number, position"
        )
    };
}

const INSERT: &str = insert_into!("document", ", role");
const SET_ASIDE: &str = insert_into!("document_quarantine", "");

/// Rows inserted by one statement: enough to spare round trips, few enough for memory.
const ROWS_AT_ONCE: usize = 2_000;

const DOING: &str = "take documents in";

const T: Type = Type::TEXT;
const N: Type = Type::INT8;

const TRANSACTION: Target = Target {
    sql: "COPY transaction_state (position, number, kind, store, received_at, customer_guid,
        customer_account, ship_to, shift, receipt, currency, total, is_voided, validation)
        FROM STDIN BINARY",
    types: &[N, T, T, T, N, Type::UUID, T, Type::UUID, T, T, T, N, Type::BOOL, T],
};

const ORDERS: &str = "INSERT INTO order_state
    (position, store, status, tries, modified_at, is_repaired)
    SELECT position, $2, 'New', 0, $3, false FROM unnest($1::bigint[]) AS new (position)";

const REPAIR: &str = "UPDATE transaction_state
    SET repaired = $2, customer_guid = $3, customer_account = $4, ship_to = $5, shift = $6,
        receipt = $7, currency = $8, total = $9, is_voided = $10, validation = $11,
        findings = NULL, validated_at = NULL, account = NULL
    WHERE number = $1 AND statement IS NULL";

/// Takes lists of numbers, statuses, findings and accounts.
const VERDICTS: &str = "UPDATE transaction_state AS state
    SET validation = found.validation, findings = found.findings, validated_at = $5,
        account = coalesce(found.account, state.account)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS found (number, validation, findings, account)
    WHERE state.number = found.number AND state.statement IS NULL";

const EDIT: Target = Target {
    sql: "COPY transaction_edit (number, at, operator, field, old, new) FROM STDIN BINARY",
    types: &[T, N, T, T, T, T],
};

/// A document with its hash.
type Hashed<'d> = (&'d ArrivingDocument, [u8; 32]);

/// What a document is known by, with its position.
type Inserted = ((EntryId, TransactionNumber), i64);

impl DocumentWrites for PgTx<'_> {
    fn documents_insert_once(
        &mut self,
        source: &OperationSource,
        documents: &[ArrivingDocument],
    ) -> Result<InsertCounts, StorageError> {
        let mut counts = InsertCounts::default();
        for documents in documents.chunks(ROWS_AT_ONCE) {
            let new = self.documents_take_in(source, documents, &mut counts)?;
            self.transactions_insert(source, &new)?;
            let steps = new.iter().filter_map(|(_, document)| match &document.content {
                ArrivingContent::Shift(event) => Some((&document.row, event)),
                _ => None,
            });
            self.shifts_step(source, steps, DOING)?;
        }
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
            SET status = $2, error = $3, tries = $4, next_try_at = $5, modified_at = $6,
                editor = $7, status_before = $8, is_repaired = $9, sales_order = $10, hold = $11
            WHERE position = (SELECT position FROM transaction_state WHERE number = $1)";
        let values: Values<'_> = &[
            &number.as_str(),
            &state.status.as_str(),
            &storable_or_none(state.error.as_ref()),
            &i64::from(state.tries),
            &micros(state.next_try_at),
            &state.modified_at.as_microsecond(),
            &storable_or_none(state.editor.as_ref()),
            &state.status_before.map(|status| status.as_str()),
            &state.is_repaired,
            &state.sales_order.as_ref().map(|number| number.as_str()),
            &state.hold,
        ];
        if self.change(sql, values, doing)? != 1 {
            return Err(refused(doing, "there is no order of that number"));
        }
        // The hold of a posted order can be lifted: what does not change is not written.
        let sql = "UPDATE transaction_state SET account = $2
            WHERE number = $1 AND account IS DISTINCT FROM $2";
        if let Some(account) = account {
            self.change(sql, &[&number.as_str(), &account.as_str()], doing)?;
        }
        Ok(())
    }

    fn verdicts_put(&mut self, verdicts: &[Verdict], now: Timestamp) -> Result<(), StorageError> {
        let all = || verdicts.iter();
        let values: Values<'_> = &[
            &all().map(|verdict| verdict.number.as_str()).collect::<Vec<_>>(),
            &all().map(|verdict| verdict.status.as_str()).collect::<Vec<_>>(),
            &all().map(|verdict| storable_or_none(verdict.findings.as_ref())).collect::<Vec<_>>(),
            &all()
                .map(|verdict| verdict.account.as_ref().map(AccountNumber::as_str))
                .collect::<Vec<_>>(),
            &now.as_microsecond(),
        ];
        self.change(VERDICTS, values, "write down what validation found")?;
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
        let values: Values<'_> = &[
            &number.as_str(),
            &content.get(),
            &guid,
            &account,
            &header.ship_to.as_ref().map(|address| address.as_uuid()),
            &header.shift.as_ref().map(|shift| shift.as_str()),
            &header.receipt.as_ref().map(|receipt| receipt.as_str()),
            &currency.map(|currency| currency.code()),
            &total,
            &header.is_voided,
            &first_validation(header).as_str(),
        ];
        if self.change(REPAIR, values, doing)? == 0 {
            return Ok(false);
        }
        if edits.is_empty() {
            return Ok(true);
        }
        self.copy_in(&EDIT, doing, |rows| {
            edits.iter().try_for_each(|edit| {
                rows.write(&[
                    &edit.number.as_str(),
                    &edit.at.as_microsecond(),
                    &storable(&edit.operator),
                    &storable(&edit.field),
                    &edit.old,
                    &edit.new,
                ])
            })
        })?;
        Ok(true)
    }
}

impl PgTx<'_> {
    /// The new ones with their positions; the others are known or were set aside.
    fn documents_take_in<'d>(
        &mut self,
        source: &OperationSource,
        documents: &'d [ArrivingDocument],
        counts: &mut InsertCounts,
    ) -> Result<Vec<(i64, &'d ArrivingDocument)>, StorageError> {
        let hashed: Vec<Hashed<'_>> =
            documents.iter().map(|document| (document, document.row.content_hash().0)).collect();
        let inserted = self.rows_set(INSERT, source, &hashed)?;
        let mut positions: HashMap<_, _> = inserted.into_iter().collect();
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (document, hash) in hashed {
            // Of several that are the same it is the first that was inserted.
            match positions.remove(&(document.row.id, document.row.number.clone())) {
                Some(position) => new.push((position, document)),
                None => known.push((document, hash)),
            }
        }
        counts.inserted += new.len() as u64;
        if known.is_empty() {
            return Ok(new);
        }
        let numbers: Vec<_> = known.iter().map(|(known, _)| known.row.number.as_str()).collect();
        let sql = "SELECT number, hash FROM document WHERE number = ANY($1)";
        let hashes = self.read_all(sql, &[&numbers], DOING, |row| {
            Ok((row.text::<TransactionNumber>()?, row.value::<Vec<u8>>()?))
        })?;
        let hashes: HashMap<_, _> = hashes.into_iter().collect();
        // No document of that number: then it is the id that another one has.
        let is_repeat = |(document, hash): &Hashed<'_>| {
            hashes.get(&document.row.number).is_some_and(|known| known == hash)
        };
        let (repeats, others): (Vec<_>, Vec<_>) = known.into_iter().partition(is_repeat);
        counts.repeated += repeats.len() as u64;
        counts.quarantined += others.len() as u64;
        if !others.is_empty() {
            self.rows_set(SET_ASIDE, source, &others)?;
        }
        Ok(new)
    }

    /// Inserts rows; those that were new, with their positions.
    fn rows_set(
        &mut self,
        sql: &str,
        source: &OperationSource,
        documents: &[Hashed<'_>],
    ) -> Result<Vec<Inserted>, StorageError> {
        let sent = || documents.iter().map(|(document, _)| &document.row);
        let role = |content: &ArrivingContent| match content {
            ArrivingContent::Transaction(_) => "transaction",
            ArrivingContent::Shift(_) => "shift",
            ArrivingContent::Unknown => "unknown",
        };
        let ids: Vec<_> = sent().map(|row| row.id.as_uuid()).collect();
        let counters: Vec<_> = sent().map(|row| row.counter.cast_signed()).collect();
        let numbers: Vec<_> = sent().map(|row| row.number.as_str()).collect();
        let kinds: Vec<_> = sent().map(|row| storable(&row.kind)).collect();
        let created_at: Vec<_> = sent().map(|row| row.created_at.as_microsecond()).collect();
        let origins: Vec<_> = sent().map(|row| row.origin.as_str()).collect();
        let staff: Vec<_> = sent().map(|row| row.staff.as_ref().map(|id| id.as_str())).collect();
        let relayed_at: Vec<_> = sent().map(|row| micros(row.relayed_at)).collect();
        let contents: Vec<_> = sent().map(|row| row.content.get()).collect();
        let hashes: Vec<_> = documents.iter().map(|(_, hash)| hash.as_slice()).collect();
        let roles: Vec<_> = documents.iter().map(|(document, _)| role(&document.content)).collect();
        let values: Values<'_> = &[
            &ids,
            &counters,
            &numbers,
            &kinds,
            &created_at,
            &origins,
            &staff,
            &relayed_at,
            &contents,
            &hashes,
            &roles,
            &source.source.as_str(),
            source.epoch.as_uuid(),
            &source.received_at.as_microsecond(),
        ];
        self.read_all(sql, values, DOING, |row| {
            Ok(((row.id(EntryId::from_uuid)?, row.text()?), row.value()?))
        })
    }

    fn transactions_insert(
        &mut self,
        source: &OperationSource,
        new: &[(i64, &ArrivingDocument)],
    ) -> Result<(), StorageError> {
        let transactions: Vec<_> = new
            .iter()
            .filter_map(|(position, document)| match &document.content {
                ArrivingContent::Transaction(header) => {
                    Some((*position, document.row.number.as_str(), header))
                }
                _ => None,
            })
            .collect();
        if transactions.is_empty() {
            return Ok(());
        }
        let (store, received_at) = (source.source.as_str(), source.received_at.as_microsecond());
        self.copy_in(&TRANSACTION, DOING, |rows| {
            transactions.iter().try_for_each(|(position, number, header)| {
                let (guid, account) = written_keys(header);
                let (currency, total) = header.total.unzip();
                rows.write(&[
                    position,
                    number,
                    &header.kind.as_str(),
                    &store,
                    &received_at,
                    &guid,
                    &account,
                    &header.ship_to.as_ref().map(|address| address.as_uuid()),
                    &header.shift.as_ref().map(|shift| shift.as_str()),
                    &header.receipt.as_ref().map(|receipt| receipt.as_str()),
                    &currency.map(|currency| currency.code()),
                    &total,
                    &header.is_voided,
                    &first_validation(header).as_str(),
                ])
            })
        })?;
        let orders: Vec<_> = transactions
            .iter()
            .filter(|(_, _, header)| header.kind == DocumentKind::Order)
            .map(|(position, _, _)| *position)
            .collect();
        if !orders.is_empty() {
            self.change(ORDERS, &[&orders, &store, &received_at], DOING)?;
        }
        self.tally("transactions", transactions.len() as u64)?;
        self.tally("orders", orders.len() as u64)
    }
}

fn written_keys(header: &TransactionHeader) -> (Option<&Uuid>, Option<&str>) {
    match &header.customer {
        None => (None, None),
        Some(CustomerKey::Temporary(guid)) => (Some(guid.as_uuid()), None),
        Some(CustomerKey::Numbered(account)) => (None, Some(account.as_str())),
    }
}

/// A voided sale needs no rules: nothing of it is ever posted.
fn first_validation(header: &TransactionHeader) -> ValidationStatus {
    if header.is_voided { ValidationStatus::None } else { ValidationStatus::New }
}
