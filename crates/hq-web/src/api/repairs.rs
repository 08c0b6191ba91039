//! Repairs of what was uploaded, the same for sales and orders (F94, F95).

use serde::{Deserialize, Serialize};
use tillsync_domain::ids::TransactionNumber;
use tillsync_hq::repair_transactions::FieldChange;
use utoipa::ToSchema;

use super::transactions::Transaction;
use crate::app::App;
use crate::refusal::HttpError;

/// What to change in a sale or an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The changes, made in this order.
    pub changes: Vec<Change>,
}

/// One change of the content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which field, as a JSON pointer into the content, such as `/trade/customer`.
    pub pointer: String,
    /// What it becomes; absent or null to remove it. Amounts are texts, such as `"12.30"`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub value: Option<serde_json::Value>,
}

impl Repair {
    /// Makes the changes in the operator's name.
    pub(super) async fn carry_out(
        self,
        app: &App,
        number: TransactionNumber,
        operator: String,
    ) -> Result<Transaction, HttpError> {
        let change = |Change { pointer, value }| FieldChange { pointer, value };
        let changes: Vec<_> = self.changes.into_iter().map(change).collect();
        let record = app.run(move |hq| hq.repair_transaction(&number, &operator, &changes)).await?;
        Ok(record.into())
    }
}
