//! Operations as operators see them: found, repaired, with a log.

use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};
use serde_json::value::RawValue;
use tillsync_domain::ids::{CustomerGuid, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_hq::storage::{
    OperationAct, OperationEvent, OperationReads, OperationRecord, OperationSelection,
    OperationWrites, StorageError,
};
use uuid::Uuid;

use crate::SqliteTx;
use crate::columns::{Columns, bounded, change, read_all, text_list};
use crate::customers::{customer_row, customer_select};
use crate::inbox::{OPERATION, QUARANTINED, quarantined};

const EVENT: &str = "INSERT INTO operation_event
    (operation, at, operator, act, error, field, old, new)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// The identities of a JSON list of hexadecimal texts.
const LISTED: &str = "(SELECT unhex(value) FROM json_each(?1))";

impl OperationReads for SqliteTx<'_> {
    fn operation_get(&mut self, id: &OperationId) -> Result<Option<OperationRecord>, StorageError> {
        let sql = format!("{OPERATION} WHERE id = ?1");
        let found = self.operations(&sql, [id.as_uuid().as_bytes()], "read an operation")?;
        Ok(found.into_iter().next())
    }

    fn operations_select(
        &mut self,
        selection: &OperationSelection,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "list operations";
        let (sql, values) = selection_query(selection);
        let values = params_from_iter(values);
        if selection.status == Some(OperationStatus::Quarantined) {
            return read_all(self.connection, &sql, values, doing, quarantined);
        }
        self.operations(&sql, values, doing)
    }

    fn customers_named(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<Vec<CustomerRow>, StorageError> {
        let customer = customer_select!();
        let sql = format!("{customer} WHERE customer.guid IN {LISTED} ORDER BY account");
        let guids = [listed(guids.iter().map(CustomerGuid::as_uuid))];
        read_all(self.connection, &sql, guids, "read customers", customer_row)
    }

    fn creations_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let sql = format!(
            "{OPERATION} INDEXED BY operation_customer
            WHERE customer IN {LISTED} AND kind = 'create_customer' ORDER BY position"
        );
        let guids = [listed(guids.iter().map(CustomerGuid::as_uuid))];
        self.operations(&sql, guids, "read the creations of customers")
    }

    fn operation_events(
        &mut self,
        operations: &[OperationId],
    ) -> Result<Vec<OperationEvent>, StorageError> {
        let sql = format!(
            "SELECT operation, at, operator, act, error, field, old, new FROM operation_event
            WHERE operation IN {LISTED} ORDER BY ordinal"
        );
        let ids = [listed(operations.iter().map(OperationId::as_uuid))];
        read_all(self.connection, &sql, ids, "read the log of operations", operation_event)
    }
}

impl OperationWrites for SqliteTx<'_> {
    fn operation_repair(
        &mut self,
        id: &OperationId,
        content: &RawValue,
        events: &[OperationEvent],
    ) -> Result<bool, StorageError> {
        let sql = "UPDATE operation
            SET repaired = ?2, status = 0, error = NULL, next_try_at = NULL
            WHERE id = ?1 AND status <> 1";
        let values = params![id.as_uuid().as_bytes(), content.get()];
        if change(self.connection, sql, values, "repair an operation")? == 0 {
            return Ok(false);
        }
        self.operation_events_add(events)?;
        Ok(true)
    }

    fn operation_events_add(&mut self, events: &[OperationEvent]) -> Result<(), StorageError> {
        for event in events {
            let (act, error, field, old, new) = match &event.act {
                OperationAct::Failed(error) => (0, Some(error), None, None, None),
                OperationAct::Repaired { field, old, new } => {
                    (1, None, Some(field), old.as_ref(), new.as_ref())
                }
                OperationAct::Synchronized => (2, None, None, None, None),
            };
            let values = params![
                event.operation.as_uuid().as_bytes(),
                event.at.as_microsecond(),
                event.operator,
                act,
                error,
                field,
                old,
                new,
            ];
            change(self.connection, EVENT, values, "write the log of an operation")?;
        }
        Ok(())
    }
}

fn selection_query(selection: &OperationSelection) -> (String, Vec<Value>) {
    // The indexes of what is open hold nothing else; a customer has few operations.
    let (select, index, condition) = match selection.status {
        None => (OPERATION, "", "1"),
        Some(OperationStatus::Pending) => (OPERATION, "operation_pending", "status = 0"),
        Some(OperationStatus::Succeeded) => (OPERATION, "", "status = 1"),
        Some(OperationStatus::Failed) => (OPERATION, "operation_failed", "status = 2"),
        Some(OperationStatus::Quarantined) => (QUARANTINED, "", "1"),
    };
    let mut sql = select.to_owned();
    if !index.is_empty() && selection.customer.is_none() {
        sql += &format!(" INDEXED BY {index}");
    }
    sql += &format!(" WHERE {condition} AND position > ?1");
    let mut values = vec![Value::Integer(bounded(selection.after.0))];
    let mut only = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            sql += &format!(" AND {condition} ?{}", values.len());
        }
    };
    let time = |time: jiff::Timestamp| Value::Integer(time.as_microsecond());
    let customer = selection.customer.map(|it| Value::Blob(it.as_uuid().as_bytes().to_vec()));
    only("customer =", customer);
    only("kind =", selection.kind.clone().map(Value::Text));
    only("source =", selection.channel.as_ref().map(|it| Value::Text(it.as_str().to_owned())));
    only("created_at >=", selection.since.map(time));
    only("created_at <", selection.until.map(time));
    values.push(Value::Integer(bounded(selection.limit)));
    sql += &format!(" ORDER BY position LIMIT ?{}", values.len());
    (sql, values)
}

fn listed<'i>(ids: impl Iterator<Item = &'i Uuid>) -> String {
    let texts: Vec<_> = ids.map(|id| id.as_simple().to_string()).collect();
    text_list(texts.iter().map(String::as_str))
}

fn operation_event(row: &mut Columns<'_>) -> rusqlite::Result<OperationEvent> {
    let (operation, at, operator) = (row.id(OperationId::from_uuid)?, row.time()?, row.value()?);
    let (act, error, field) = (row.value::<i64>()?, row.value()?, row.value()?);
    let (old, new) = (row.value()?, row.value()?);
    let act = match (act, error, field) {
        (0, Some(error), None) => OperationAct::Failed(error),
        (1, None, Some(field)) => OperationAct::Repaired { field, old, new },
        (2, None, None) => OperationAct::Synchronized,
        (act, ..) => return Err(row.corrupt(&act)),
    };
    Ok(OperationEvent { operation, at, operator, act })
}
