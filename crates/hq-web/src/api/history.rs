//! What a customer bought and owes, by either key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::CustomerKey;
use tillsync_hq::history::CustomerBalance;
use tillsync_hq::storage::DocumentPosition;
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::amounts::Amount;
use super::transactions::Transaction;
use crate::app::App;
use crate::input::{PageSize, Params, Segment, parse_option};
use crate::refusal::HttpError;

/// What a customer owes; negative where it paid ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// Its account; absent while it is pending.
    pub account: Option<String>,
    /// The GUID it was created under; absent for an account that headquarters did not give.
    pub guid: Option<String>,
    /// By the ledger.
    pub posted: Vec<Amount>,
    /// What the transactions that are not posted yet will add.
    pub unposted: Vec<Amount>,
    /// How many those are.
    pub unposted_transactions: u64,
}

/// The parameters of a history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryParams {
    /// Only those before this position: the `next` of the page before.
    before: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists what a customer bought and ordered, newest arrival first, whichever key it was written
/// with.
#[utoipa::path(get, path = "/api/v1/customers/{key}/orders", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID"), HistoryParams),
    responses((status = 200, body = Page<Transaction>)))]
pub(crate) async fn list_customer_orders(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
    Params(params): Params<HistoryParams>,
) -> Result<Json<Page<Transaction>>, HttpError> {
    let size = params.limit.items()?;
    let before: Option<u64> = parse_option(params.before.as_ref())?;
    let before = before.map(DocumentPosition);
    let history = app.run(move |hq| hq.order_history(&key, before, size + 1)).await?;
    let transactions = history.transactions.into_iter().map(Transaction::from).collect();
    let position = |transaction: &Transaction| transaction.position.to_string();
    Ok(Json(Page::cut(transactions, size, position)))
}

/// Shows what a customer owes.
#[utoipa::path(get, path = "/api/v1/customers/{key}/balance", tag = "customers",
    params(("key" = String, Path, description = "account number or GUID")),
    responses((status = 200, body = Balance)))]
pub(crate) async fn show_balance(
    State(app): State<Arc<App>>,
    Segment(key): Segment<CustomerKey>,
) -> Result<Json<Balance>, HttpError> {
    let balance = app.run(move |hq| hq.customer_balance(&key)).await?;
    Ok(Json(balance.into()))
}

impl From<CustomerBalance> for Balance {
    fn from(balance: CustomerBalance) -> Self {
        Balance {
            account: balance.keys.account.map(|account| account.to_string()),
            guid: balance.keys.guid.map(|guid| guid.to_string()),
            posted: Amount::list(&balance.posted),
            unposted: Amount::list(&balance.unposted),
            unposted_transactions: balance.unposted_transactions,
        }
    }
}
