//! What a customer bought and ordered, as far as this database knows.

use tillsync_domain::ids::CustomerKey;

use crate::db::DbError;
use crate::edge::Edge;
use crate::search::Page;
use crate::transactions::{TransactionCriteria, TransactionView, search_transactions};

/// The sales and orders of a customer, by either key, latest entry first. What was written with
/// the other key is among them, once the two are known to be one customer (F120).
///
/// # Errors
/// Broken or Busy: the database failed.
pub fn order_history(
    edge: &Edge,
    customer: &CustomerKey,
    page: Page,
) -> Result<Vec<TransactionView>, DbError> {
    let customer = Some(customer.clone());
    search_transactions(edge, &TransactionCriteria { customer, ..Default::default() }, page)
}
