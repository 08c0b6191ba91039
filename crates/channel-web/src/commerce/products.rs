//! `POST /Commerce/Products/Search`: what can be sold here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use tillsync_channel::items::find_items;
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_domain::money::Currency;
use utoipa::ToSchema;

use super::amount::Amount;
use super::input::{Fields, refuse_rest};
use super::paging::{Settings, page_of};
use super::{Arrived, body_of, for_reader, read_json, requests};
use crate::app::App;
use crate::odata::ODataError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Search {
    #[serde(alias = "productSearchCriteria", default)]
    product_search_criteria: Option<Criteria>,
    #[serde(alias = "queryResultSettings", default)]
    query_result_settings: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Criteria {
    search_condition: Option<String>,
    #[serde(flatten)]
    rest: Fields,
}

/// A page of products.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Products)]
pub(crate) struct ProductsJson {
    value: Vec<ProductJson>,
}

/// A product; `Price` is the one in the currency of the store, without tax.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Product)]
struct ProductJson {
    item_id: String,
    name: String,
    tax_rate_percent: Amount,
    currency_code: &'static str,
    price: Option<Amount>,
    prices: Vec<PriceJson>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Price)]
struct PriceJson {
    currency_code: &'static str,
    price: Amount,
}

/// By the beginning of the number or a part of the name; everything when nothing is asked for.
#[utoipa::path(post, path = "/Commerce/Products/Search", tag = "products",
    request_body = requests::ProductSearch,
    responses((status = 200, body = ProductsJson)))]
pub(crate) async fn search_products(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<ProductsJson>, ODataError> {
    let body = body_of(body)?;
    for_reader(&app, &headers, move |app, _| {
        let search: Search = read_json(&body)?;
        let page = page_of(search.query_result_settings)?;
        let criteria = search.product_search_criteria.unwrap_or_default();
        refuse_rest("ProductSearchCriteria.", &criteria.rest)?;
        let text = criteria.search_condition.unwrap_or_default();
        let currency = app.edge.currency_default();
        let found = find_items(&app.edge, &text, page)?;
        let value = found.into_iter().map(|item| ProductJson::of(item, currency)).collect();
        Ok(Json(ProductsJson { value }))
    })
    .await
}

impl ProductJson {
    fn of(item: Item, currency: Currency) -> Self {
        let own = item.prices.iter().find(|price| price.currency == currency);
        ProductJson {
            price: own.map(|price| Amount(price.price)),
            currency_code: currency.code(),
            item_id: item.number.to_string(),
            tax_rate_percent: Amount(item.tax_rate),
            prices: item.prices.iter().map(PriceJson::from).collect(),
            name: item.name,
        }
    }
}

impl From<&ItemPrice> for PriceJson {
    fn from(price: &ItemPrice) -> Self {
        PriceJson { currency_code: price.currency.code(), price: Amount(price.price) }
    }
}
