//! Items and their prices, as tills get them by job 1040.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::ItemNumber;
use tillsync_domain::item::{Item as DomainItem, ItemPrice};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::amounts::Amount;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, PageSize, Params, parse, parse_option};
use crate::refusal::HttpError;

/// The largest body that sets items, in bytes.
pub(crate) const ITEMS_BYTES_MAX: usize = 1 << 20;

/// The most items set at once.
const ITEMS_MAX: usize = 1_000;

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its number.
    pub number: String,
    /// What the receipt says.
    pub name: String,
    /// Sales tax in percent, as a decimal such as `25.5`.
    pub tax_rate: String,
    /// Whether it may be sold; true when absent. An item is never deleted.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// Its prices without tax, one per currency.
    pub prices: Vec<Amount>,
}

/// Items to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemList {
    /// At most 1000. An item that exists is replaced with its prices.
    pub items: Vec<Item>,
}

/// What became of items that were set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemsPut {
    /// The version of the change log with the changes; absent when nothing changed.
    pub version: Option<u64>,
}

/// The parameters of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemParams {
    /// Part of a number or name; absent for all.
    #[serde(default)]
    text: String,
    /// Only numbers behind this one: the `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Finds items, by number.
#[utoipa::path(get, path = "/api/v1/items", tag = "items", params(ItemParams),
    responses((status = 200, body = Page<Item>)))]
pub(crate) async fn find_items(
    State(app): State<Arc<App>>,
    Params(params): Params<ItemParams>,
) -> Result<Json<Page<Item>>, HttpError> {
    let size = params.limit.items()?;
    let after: Option<ItemNumber> = parse_option(params.after.as_ref())?;
    let found =
        app.run(move |hq| hq.find_items(params.text.trim(), after.as_ref(), size + 1)).await?;
    let items = found.into_iter().map(Item::from).collect();
    Ok(Json(Page::cut(items, size, |item: &Item| item.number.clone())))
}

/// Adds items or replaces them with their prices: all of them, or none when one is wrong.
#[utoipa::path(put, path = "/api/v1/items", tag = "items", request_body = ItemList,
    responses((status = 200, body = ItemsPut)))]
pub(crate) async fn put_items(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Body(list): Body<ItemList>,
) -> Result<Json<ItemsPut>, HttpError> {
    if list.items.len() > ITEMS_MAX {
        return Err(HttpError::invalid(format!("at most {ITEMS_MAX} items are set at once")));
    }
    let items = list.items.iter().map(Item::item).collect::<Result<Vec<_>, _>>()?;
    let count = items.len();
    let version = app.run(move |hq| hq.put_items(&items)).await?;
    tracing::info!(count, operator, "an operator set items");
    Ok(Json(ItemsPut { version: version.map(|version| version.0) }))
}

fn yes() -> bool {
    true
}

impl Item {
    fn item(&self) -> Result<DomainItem, HttpError> {
        let price = |price: &Amount| {
            Ok(ItemPrice { currency: parse(&price.currency)?, price: decimal(&price.amount)? })
        };
        Ok(DomainItem {
            number: parse(&self.number)?,
            name: self.name.clone(),
            tax_rate: decimal(&self.tax_rate)?,
            is_active: self.is_active,
            prices: self.prices.iter().map(price).collect::<Result<_, HttpError>>()?,
        })
    }
}

fn decimal(text: &str) -> Result<Decimal, HttpError> {
    Decimal::from_str_exact(text)
        .map_err(|_| HttpError::invalid(format!("{text:?} is no decimal number such as 12.30")))
}

impl From<DomainItem> for Item {
    fn from(item: DomainItem) -> Self {
        let price = |price: ItemPrice| Amount {
            amount: price.price.to_string(),
            currency: price.currency.to_string(),
        };
        Item {
            number: item.number.to_string(),
            name: item.name,
            tax_rate: item.tax_rate.normalize().to_string(),
            is_active: item.is_active,
            prices: item.prices.into_iter().map(price).collect(),
        }
    }
}
