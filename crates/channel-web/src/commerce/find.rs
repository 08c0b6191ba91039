//! Reading customers: by key, by keyword, by a list of keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tillsync_channel::find;
use tillsync_channel::remote_search::{add_to_store, search_all_stores};
use tillsync_channel::search::{self, PAGE_MAX};
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::realtime::{FOUND_MAX, SearchCall};

use super::input::{Fields, refuse_rest};
use super::keyed::KeyedCall;
use super::output::{CustomerJson, CustomersJson, customer_answer};
use super::paging::{Settings, page_of};
use super::{Arrived, body_of, for_client, for_reader, read_json, requests};
use crate::app::App;
use crate::odata::{Detail, ODataError, customer_key};

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
    #[serde(default)]
    search_location: Option<Value>,
    /// What is not known here would have narrowed the result.
    #[serde(flatten)]
    rest: Fields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ToAdd {
    #[serde(alias = "accountNumber")]
    account_number: String,
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
    let step = for_reader(&app, &headers, move |app, _| {
        let search: Search = read_json(&body)?;
        let criteria = search.customer_search_criteria;
        refuse_rest("CustomerSearchCriteria.", &criteria.rest)?;
        let page = page_of(search.query_result_settings)?;
        let keyword = criteria.keyword.unwrap_or_default();
        if is_remote(criteria.search_location.as_ref())? {
            let top = page.top.min(FOUND_MAX);
            return Ok(Step::Ask(SearchCall { keyword, top, skip: page.skip }));
        }
        let found = search::search_customers(&app.edge, &keyword, page)?;
        Ok(Step::Done(found.into_iter().collect()))
    });
    match step.await? {
        Step::Done(found) => Ok(Json(found)),
        Step::Ask(call) => {
            let found = app.run_upstream(move |app| {
                search_all_stores(&app.edge, &*app.upstream, &call, app.now())
            });
            Ok(Json(CustomersJson::of_all_stores(found.await??.customers)))
        }
    }
}

/// What is left to do once the request was read: all stores are searched by headquarters.
enum Step {
    Done(CustomersJson),
    Ask(SearchCall),
}

/// Where to search, by name or number.
fn is_remote(location: Option<&Value>) -> Result<bool, ODataError> {
    let is = |name: &str, number: u64| {
        location.is_some_and(|it| it.as_str() == Some(name) || it.as_u64() == Some(number))
    };
    if location.is_none_or(Value::is_null) || is("None", 0) || is("Local", 1) {
        return Ok(false);
    }
    if is("Remote", 2) {
        return Ok(true);
    }
    let message = "must be Local (1), which is this store, or Remote (2), which is all stores; for \
                   both ask twice";
    let target = "CustomerSearchCriteria.SearchLocation";
    Err(ODataError::fields(vec![Detail::invalid(target, message)]))
}

/// `POST /Commerce/Customers/AddToStore`: takes a customer of another store into this one (F92).
#[utoipa::path(post, path = "/Commerce/Customers/AddToStore", tag = "customers",
    request_body = requests::CustomerToAdd,
    responses((status = 200, body = CustomerJson,
        headers(("ETag" = String, description = "the state of the customer")))))]
pub(crate) async fn add_customer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    let key = for_client(&app, &headers, move |_, _| {
        let ToAdd { account_number } = read_json(&body)?;
        customer_key(&account_number)
    });
    let key = key.await?;
    let added =
        app.run_upstream(move |app| add_to_store(&app.edge, &*app.upstream, &key, app.now()));
    Ok(customer_answer(StatusCode::OK, added.await??))
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
