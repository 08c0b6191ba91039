//! Failures in the log of operations.

use std::collections::HashMap;

use jiff::Timestamp;
use tillsync_domain::ids::OperationId;

use crate::storage::{OperationAct, OperationEvent, OperationRecord};

/// The last known errors of operations, before they are tried once more.
pub(crate) fn last_errors(records: &[OperationRecord]) -> HashMap<OperationId, String> {
    records.iter().filter_map(|it| Some((it.row.id, it.error.clone()?))).collect()
}

/// The lines of the log about failures. A failure like the one before is one more try of the
/// operation and no line of its own, so that what is tried for ever does not fill the log.
pub(crate) fn new_failures(
    failures: &[(OperationId, String, Option<Timestamp>)],
    before: &HashMap<OperationId, String>,
    at: Timestamp,
) -> Vec<OperationEvent> {
    failures
        .iter()
        .filter(|(operation, error, _)| before.get(operation) != Some(error))
        .map(|(operation, error, _)| OperationEvent {
            operation: *operation,
            at,
            operator: None,
            act: OperationAct::Failed(error.clone()),
        })
        .collect()
}
