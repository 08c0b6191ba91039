//! Names from closed lists, as they are typed.

use tillsync_domain::operation::OperationStatus;
use tillsync_domain::order::OrderStatus;
use tillsync_domain::shift::ShiftStatus;
use tillsync_domain::statement::StatementKind;
use tillsync_domain::validation::ValidationStatus;

/// What became of an operation.
pub(super) fn operation_status(text: &str) -> Result<OperationStatus, String> {
    named(text, &OperationStatus::ALL, OperationStatus::as_str)
}

/// An order status.
pub(super) fn order_status(text: &str) -> Result<OrderStatus, String> {
    named(text, &OrderStatus::ALL, OrderStatus::as_str)
}

/// A validation status.
pub(super) fn validation_status(text: &str) -> Result<ValidationStatus, String> {
    named(text, &ValidationStatus::ALL, ValidationStatus::as_str)
}

/// How far a shift has come.
pub(super) fn shift_status(text: &str) -> Result<ShiftStatus, String> {
    named(text, &ShiftStatus::ALL, ShiftStatus::as_str)
}

/// What a statement takes up.
pub(super) fn statement_kind(text: &str) -> Result<StatementKind, String> {
    named(text, &StatementKind::ALL, StatementKind::as_str)
}

/// Finds a name whatever its case, and with hyphens or without.
pub(super) fn named<T: Copy>(
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let wanted = text.replace('-', "");
    let is_it = |value: &&T| name(**value).replace('-', "").eq_ignore_ascii_case(&wanted);
    all.iter().find(is_it).copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
        format!("it is one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whatever_its_case() {
        assert_eq!(order_status("failed"), Ok(OrderStatus::Failed));
        assert_eq!(shift_status("blind-closed"), Ok(ShiftStatus::BlindClosed));
        let refused = order_status("lost").unwrap_err();
        assert_eq!(refused, "it is one of New, Waiting, Failed, Editing, Succeeded");
    }
}
