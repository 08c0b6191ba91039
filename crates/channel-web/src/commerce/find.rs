//! Reading customers: by key, by keyword, by a list of keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tillsync_channel::find;
use tillsync_channel::search::{self, PAGE_MAX};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;

use super::input::{Fields, refuse_rest};
use super::keyed::KeyedCall;
use super::output::{CustomerJson, CustomersJson, customer_answer};
use super::paging::{Settings, page_of};
use super::{Arrived, body_of, for_reader, read_json, requests};
use crate::app::App;
use crate::odata::{ODataError, customer_key};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Search {
    #[serde(alias = "customerSearchCriteria")]
    customer_search_criteria: Criteria,
    #[serde(alias = "queryResultSettings", default)]
    query_result_settings: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Criteria {
    #[serde(default)]
    keyword: Option<String>,
    /// What is not known here would have narrowed the result.
    #[serde(flatten)]
    rest: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ByAccounts {
    #[serde(alias = "accountNumbers")]
    account_numbers: Vec<String>,
}

/// `GET /Commerce/Customers('KEY')`, by the account or by the GUID (F93).
#[utoipa::path(get, path = "/Commerce/Customers('{key}')", tag = "customers",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "an account or a GUID")),
    responses((status = 200, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer")))))]
pub(crate) fn show_customer(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let view = find::find_customer(&app.edge, &customer_key(&call.key)?)?;
    let view = view.ok_or_else(ODataError::no_customer)?;
    Ok(customer_answer(StatusCode::OK, view))
}

/// `POST /Commerce/Customers/Search`.
#[utoipa::path(post, path = "/Commerce/Customers/Search", tag = "customers",
    request_body = requests::CustomerSearch,
    responses((status = 200, body = CustomersJson)))]
pub(crate) async fn search_customers(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<CustomersJson>, ODataError> {
    let body = body_of(body)?;
    for_reader(&app, &headers, move |app, _| {
        let search: Search = read_json(&body)?;
        let page = page_of(search.query_result_settings)?;
        let criteria = search.customer_search_criteria;
        refuse_rest("CustomerSearchCriteria.", &criteria.rest)?;
        let keyword = criteria.keyword.unwrap_or_default();
        let found = search::search_customers(&app.edge, &keyword, page)?;
        Ok(Json(found.into_iter().collect()))
    })
    .await
}

/// `POST /Commerce/Customers/GetByAccountNumbers`; unknown ones are left out.
#[utoipa::path(post, path = "/Commerce/Customers/GetByAccountNumbers", tag = "customers",
    request_body = requests::AccountNumbers,
    responses((status = 200, body = CustomersJson)))]
pub(crate) async fn list_by_accounts(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<CustomersJson>, ODataError> {
    let body = body_of(body)?;
    for_reader(&app, &headers, move |app, _| {
        let ByAccounts { account_numbers } = read_json(&body)?;
        if account_numbers.len() > PAGE_MAX as usize {
            let message = format!("at most {PAGE_MAX} accounts can be asked for at once");
            return Err(ODataError::new(ErrorKind::Invalid, message));
        }
        let keys: Vec<CustomerKey> =
            account_numbers.iter().filter_map(|text| text.parse().ok()).collect();
        let found = find::find_customers(&app.edge, &keys)?;
        Ok(Json(found.into_iter().collect()))
    })
    .await
}
