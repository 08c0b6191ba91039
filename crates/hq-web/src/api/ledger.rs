//! The ledger: what statements posted, and what that comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{DatabaseId, DocumentNumber, StatementId};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::amounts::decimal;
use crate::app::App;
use crate::input::{PageSize, Params, parse_option};
use crate::refusal::HttpError;

/// The ledger of one store and currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialBalance {
    /// The store.
    pub store: String,
    /// The currency.
    pub currency: String,
    /// The balance of each account that has entries: debits positive, credits negative. They come
    /// to zero.
    pub accounts: BTreeMap<String, String>,
    /// Vouchers.
    pub vouchers: u64,
}

/// A voucher: entries that come to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Voucher {
    /// Its number.
    pub number: String,
    /// The statement that posted it, by its id.
    pub statement: String,
    /// The state of the statement in which it was posted.
    pub state: String,
    /// The store.
    pub store: String,
    /// The currency.
    pub currency: String,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// What it is, for people.
    pub text: String,
    /// At least two.
    pub entries: Vec<LedgerEntry>,
}

/// One line of a voucher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// The account of the ledger, such as `sales`.
    pub account: String,
    /// The customer's account, beside `customers` and nothing else.
    pub customer: Option<String>,
    /// Debits are positive, credits negative.
    pub amount: String,
}

/// Whose ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerParams {
    /// Only of this store.
    store: Option<String>,
}

/// The parameters of the list of vouchers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VoucherParams {
    /// Only of this statement, by its id.
    statement: Option<String>,
    /// Only those behind this number: the `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Shows the balance of every ledger account, by store and currency.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "statements", params(LedgerParams),
    responses((status = 200, body = Page<TrialBalance>)))]
pub(crate) async fn show_ledger(
    State(app): State<Arc<App>>,
    Params(params): Params<LedgerParams>,
) -> Result<Json<Page<TrialBalance>>, HttpError> {
    let store: Option<DatabaseId> = parse_option(params.store.as_ref())?;
    let balances = app.run(move |hq| hq.trial_balances(store.as_ref())).await?;
    Ok(Json(Page::whole(balances.into_iter().map(TrialBalance::from).collect())))
}

/// Lists vouchers, by number.
#[utoipa::path(get, path = "/api/v1/vouchers", tag = "statements", params(VoucherParams),
    responses((status = 200, body = Page<Voucher>)))]
pub(crate) async fn list_vouchers(
    State(app): State<Arc<App>>,
    Params(params): Params<VoucherParams>,
) -> Result<Json<Page<Voucher>>, HttpError> {
    let size = params.limit.items()?;
    let statement: Option<StatementId> = parse_option(params.statement.as_ref())?;
    let after: Option<DocumentNumber> = parse_option(params.after.as_ref())?;
    let vouchers =
        app.run(move |hq| hq.list_vouchers(statement.as_ref(), after.as_ref(), size + 1)).await?;
    let vouchers = vouchers.into_iter().map(Voucher::from).collect();
    Ok(Json(Page::cut(vouchers, size, |voucher: &Voucher| voucher.number.clone())))
}

impl From<tillsync_hq::storage::TrialBalance> for TrialBalance {
    fn from(balance: tillsync_hq::storage::TrialBalance) -> Self {
        let currency = balance.currency;
        let accounts = balance.accounts.into_iter();
        TrialBalance {
            store: balance.store.to_string(),
            currency: currency.to_string(),
            accounts: accounts
                .map(|(account, minor)| (account.as_str().to_owned(), decimal(currency, minor)))
                .collect(),
            vouchers: balance.vouchers,
        }
    }
}

impl From<tillsync_hq::storage::Voucher> for Voucher {
    fn from(voucher: tillsync_hq::storage::Voucher) -> Self {
        let currency = voucher.currency;
        let entry = |entry: tillsync_hq::storage::LedgerEntry| LedgerEntry {
            account: entry.account.as_str().to_owned(),
            customer: entry.customer.map(|customer| customer.to_string()),
            amount: decimal(currency, entry.amount),
        };
        Voucher {
            number: voucher.number.to_string(),
            statement: voucher.statement.to_string(),
            state: voucher.state.as_str().to_owned(),
            store: voucher.store.to_string(),
            currency: currency.to_string(),
            posted_at: voucher.posted_at,
            text: voucher.text,
            entries: voucher.entries.into_iter().map(entry).collect(),
        }
    }
}
