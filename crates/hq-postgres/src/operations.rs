//! Operations as operators see them: found, repaired, with a log.

use serde_json::value::RawValue;
use tillsync_domain::ids::{CustomerGuid, OperationId};
use tillsync_domain::operation::OperationStatus;
use tillsync_exchange::rows::download::CustomerRow;
use tillsync_hq::storage::{
    OperationAct, OperationEvent, OperationReads, OperationRecord, OperationSelection,
    OperationWrites, StorageError,
};

use crate::columns::{Columns, Read, bounded, corrupt, storable, storable_or_none};
use crate::customers::{customer_row, customer_select};
use crate::inbox::{OPERATION, QUARANTINED, operation, quarantined};
use crate::tx::{PgTx, Query, Values};

/// Takes the columns of many lines as lists; the lines get their ordinals in this order.
const EVENTS: &str = "INSERT INTO operation_event
    (operation, at, operator, act, error, field, old, new)
    SELECT operation, at, operator, act, error, field, old, new
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[],
        $7::text[], $8::text[])
        WITH ORDINALITY AS done (operation, at, operator, act, error, field, old, new, line)
    ORDER BY line";

impl OperationReads for PgTx<'_> {
    fn operation_get(&mut self, id: &OperationId) -> Result<Option<OperationRecord>, StorageError> {
        let sql = format!("{OPERATION} WHERE id = $1");
        let found = self.operations(&sql, &[id.as_uuid()], "read an operation")?;
        Ok(found.into_iter().next())
    }

    fn operations_select(
        &mut self,
        selection: &OperationSelection,
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let doing = "list operations";
        let query = selection_query(selection);
        if selection.status == Some(OperationStatus::Quarantined) {
            return self.read_query(&query, doing, quarantined);
        }
        self.read_query(&query, doing, operation)
    }

    fn customers_named(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<Vec<CustomerRow>, StorageError> {
        let customer = customer_select!();
        let sql = format!("{customer} WHERE customer.guid = ANY($1) ORDER BY account");
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        self.read_all(&sql, &[&guids], "read customers", customer_row)
    }

    fn creations_of(
        &mut self,
        guids: &[CustomerGuid],
    ) -> Result<Vec<OperationRecord>, StorageError> {
        let sql = format!(
            "{OPERATION} WHERE customer = ANY($1) AND kind = 'create_customer' ORDER BY position"
        );
        let guids: Vec<_> = guids.iter().map(CustomerGuid::as_uuid).collect();
        self.operations(&sql, &[&guids], "read the creations of customers")
    }

    fn operation_events(
        &mut self,
        operations: &[OperationId],
    ) -> Result<Vec<OperationEvent>, StorageError> {
        let sql = "SELECT operation, at, operator, act, error, field, old, new
            FROM operation_event WHERE operation = ANY($1) ORDER BY ordinal";
        let ids: Vec<_> = operations.iter().map(OperationId::as_uuid).collect();
        self.read_all(sql, &[&ids], "read the log of operations", operation_event)
    }
}

impl OperationWrites for PgTx<'_> {
    fn operation_repair(
        &mut self,
        id: &OperationId,
        content: &RawValue,
        events: &[OperationEvent],
    ) -> Result<bool, StorageError> {
        let sql = "UPDATE operation
            SET repaired = $2, status = 0, error = NULL, next_try_at = NULL
            WHERE id = $1 AND status <> 1";
        if self.change(sql, &[id.as_uuid(), &content.get()], "repair an operation")? == 0 {
            return Ok(false);
        }
        self.operation_events_add(events)?;
        Ok(true)
    }

    fn operation_events_add(&mut self, events: &[OperationEvent]) -> Result<(), StorageError> {
        if events.is_empty() {
            return Ok(());
        }
        let lines: Vec<_> = events.iter().map(line).collect();
        let ids: Vec<_> = events.iter().map(|event| event.operation.as_uuid()).collect();
        let times: Vec<_> = events.iter().map(|event| event.at.as_microsecond()).collect();
        let operators: Vec<_> =
            events.iter().map(|event| storable_or_none(event.operator.as_ref())).collect();
        let acts: Vec<_> = lines.iter().map(|line| line.act).collect();
        let texts = |of: fn(&Line<'_>) -> Option<String>| lines.iter().map(of).collect::<Vec<_>>();
        let errors = texts(|line| line.error.map(|text| storable(text).into_owned()));
        let fields = texts(|line| line.field.map(|text| storable(text).into_owned()));
        let olds = texts(|line| line.old.map(|text| storable(text).into_owned()));
        let news = texts(|line| line.new.map(|text| storable(text).into_owned()));
        let values: Values<'_> = &[&ids, &times, &operators, &acts, &errors, &fields, &olds, &news];
        self.change(EVENTS, values, "write the log of an operation")?;
        Ok(())
    }
}

/// The columns of a line that depend on what was done.
#[derive(Default)]
struct Line<'e> {
    act: i64,
    error: Option<&'e str>,
    field: Option<&'e str>,
    old: Option<&'e str>,
    new: Option<&'e str>,
}

fn line(event: &OperationEvent) -> Line<'_> {
    match &event.act {
        OperationAct::Failed(error) => Line { act: 0, error: Some(error), ..Line::default() },
        OperationAct::Repaired { field, old, new } => Line {
            act: 1,
            field: Some(field),
            old: old.as_deref(),
            new: new.as_deref(),
            ..Line::default()
        },
        OperationAct::Synchronized => Line { act: 2, ..Line::default() },
    }
}

fn selection_query(selection: &OperationSelection) -> Query {
    let (select, condition) = match selection.status {
        None => (OPERATION, "true"),
        Some(OperationStatus::Pending) => (OPERATION, "status = 0"),
        Some(OperationStatus::Succeeded) => (OPERATION, "status = 1"),
        Some(OperationStatus::Failed) => (OPERATION, "status = 2"),
        Some(OperationStatus::Quarantined) => (QUARANTINED, "true"),
    };
    let mut query = Query::new(select);
    query.push(&format!(" WHERE {condition}"));
    query.push_value(" AND position > ", bounded(selection.after.0));
    if let Some(customer) = selection.customer {
        query.push_value(" AND customer = ", *customer.as_uuid());
    }
    if let Some(kind) = &selection.kind {
        query.push_value(" AND kind = ", storable(kind).into_owned());
    }
    if let Some(channel) = &selection.channel {
        query.push_value(" AND source = ", channel.as_str().to_owned());
    }
    if let Some(since) = selection.since {
        query.push_value(" AND created_at >= ", since.as_microsecond());
    }
    if let Some(until) = selection.until {
        query.push_value(" AND created_at < ", until.as_microsecond());
    }
    query.push_value(" ORDER BY position LIMIT ", bounded(selection.limit));
    query
}

fn operation_event(row: &mut Columns<'_>) -> Read<OperationEvent> {
    let (operation, at, operator) = (row.id(OperationId::from_uuid)?, row.time()?, row.value()?);
    let (act, error, field) = (row.value::<i64>()?, row.value()?, row.value()?);
    let (old, new) = (row.value()?, row.value()?);
    let act = match (act, error, field) {
        (0, Some(error), None) => OperationAct::Failed(error),
        (1, None, Some(field)) => OperationAct::Repaired { field, old, new },
        (2, None, None) => OperationAct::Synchronized,
        (act, ..) => return Err(corrupt(&act)),
    };
    Ok(OperationEvent { operation, at, operator, act })
}
