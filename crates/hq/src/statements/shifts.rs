//! Shifts of a statement: what was counted against what was paid.

use std::collections::BTreeMap;

use tillsync_domain::document::{Body, DocumentKind};
use tillsync_domain::ids::ShiftNumber;
use tillsync_domain::money::Currency;
use tillsync_domain::shift::{Count, ShiftAct};
use tillsync_domain::statement::{Drawer, PlannedVoucher};
use tillsync_exchange::rows::document::{UnreadableDocument, read_body};

use super::StatementProblem;
use crate::storage::{ShiftRecord, StatementRecord, StorageError, WriteTx};

/// The vouchers that settle the drawers of a statement's shifts.
pub(super) fn differences(
    tx: &mut dyn WriteTx,
    statement: &StatementRecord,
) -> Result<Result<Vec<(Currency, PlannedVoucher)>, StatementProblem>, StorageError> {
    let shifts = tx.statement_shifts(&statement.id)?;
    if shifts.is_empty() {
        return Ok(Ok(vec![]));
    }
    let mut drawers = BTreeMap::new();
    for shift in &shifts {
        match counted_drawer(shift) {
            Ok(drawer) => drawers.insert(shift.number.clone(), (&shift.store, drawer)),
            Err(problem) => return Ok(Err(problem)),
        };
    }
    let mut problem = None;
    tx.statement_shift_transactions(&statement.id, &mut |record| {
        let Some(shift) = record.header.shift.clone() else { return Ok(()) };
        let Some((store, drawer)) = drawers.get_mut(&shift) else { return Ok(()) };
        // Another store's sale is not in this drawer, whatever shift it names.
        if record.source.source != **store {
            return Ok(());
        }
        let number = record.row.number.clone();
        match read_body(&record.row.kind, record.content()) {
            Ok(body) => {
                let put = body.trade().map_or(Ok(()), |trade| drawer.put_payments(trade));
                if let Err(source) = put {
                    problem.get_or_insert(StatementProblem::Sum { number, source });
                }
            }
            Err(source) => {
                problem.get_or_insert(StatementProblem::Unreadable { number, shift, source });
            }
        }
        Ok(())
    })?;
    if let Some(problem) = problem {
        return Ok(Err(problem));
    }
    let mut plans = Vec::new();
    for (shift, (_, drawer)) in drawers {
        match drawer.plan_differences(&shift) {
            Ok(vouchers) => plans.extend(vouchers),
            Err(source) => return Ok(Err(StatementProblem::Drawer { shift, source })),
        }
    }
    Ok(Ok(plans))
}

/// A drawer with its float, and with what was counted in it.
fn counted_drawer(shift: &ShiftRecord) -> Result<Drawer, StatementProblem> {
    let number = &shift.number;
    let counts = |text: &str| {
        shift_counts(number, text)
            .map_err(|source| StatementProblem::UnreadableCount { shift: number.clone(), source })
    };
    let mut drawer = Drawer::default();
    let float = counts(&shift.float)?;
    let counted = shift.counted.as_deref().map(counts).transpose()?.unwrap_or_default();
    drawer
        .put_float(&float)
        .and_then(|()| drawer.note_counted(&counted))
        .map_err(|source| StatementProblem::Drawer { shift: number.clone(), source })?;
    Ok(drawer)
}

/// Reads counts as a shift record has them: the list alone, as in the shift's documents.
fn shift_counts(shift: &ShiftNumber, counts: &str) -> Result<Vec<Count>, UnreadableDocument> {
    let content = format!(r#"{{"shift":"{shift}","counts":{counts}}}"#);
    let body = read_body(DocumentKind::ShiftClosed.as_str(), &content)?;
    let Body::Shift(event) = body else { return Ok(vec![]) };
    Ok(match event.act {
        ShiftAct::Opened { float: counts } | ShiftAct::Closed { counted: counts } => counts,
        ShiftAct::BlindClosed => vec![],
    })
}
