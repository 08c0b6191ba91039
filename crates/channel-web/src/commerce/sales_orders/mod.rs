//! `/Commerce/SalesOrders`: sales and customer orders, their receipts, and what a customer bought.

mod input;
mod output;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tillsync_channel::clients::ClientName;
use tillsync_channel::find::find_customer;
use tillsync_channel::history;
use tillsync_channel::receipts::receipt_text;
use tillsync_channel::search::Page;
use tillsync_channel::sell::record_trade;
use tillsync_channel::transactions::{
    TransactionCriteria, TransactionView, find_transaction, search_transactions,
};
use tillsync_domain::kind::ErrorKind;

use super::paging::{OnlyPaging, Settings, page_of};
use super::{Arrived, SALE_BYTES_MAX, body_of, body_within, for_client, read_json, request_key};
use crate::app::App;
use crate::odata::{Detail, ODataError, customer_key, key_in};
pub(super) use input::{parsed, read_order, tender_text};
use output::{OrderJson, OrdersJson};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    entity: Box<RawValue>,
}

/// `POST /Commerce/SalesOrders`: the sale or order is the body.
pub(crate) async fn create_order(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    let body = body_within(SALE_BYTES_MAX, body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| {
        let entity: Box<RawValue> = read_json(&body)?;
        create(app, (&client, &request), &entity)
    })
    .await
}

/// `POST /Commerce/SalesOrders/CreateEntity`: the sale or order is the body's `entity`.
pub(crate) async fn create_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    let body = body_within(SALE_BYTES_MAX, body)?;
    let request = headers.clone();
    for_client(&app, &headers, move |app, client| {
        let Wrapped { entity } = read_json(&body)?;
        create(app, (&client, &request), &entity)
    })
    .await
}

fn create(
    app: &App,
    (client, headers): (&ClientName, &HeaderMap),
    entity: &RawValue,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    // A number of its own already makes a repeat harmless; else the key becomes the number.
    let key = request_key(headers, client)?.map(|key| key.transaction_number());
    let mut trade = read_order(app.edge.identity(), entity)?;
    trade.number = trade.number.or(key);
    let view = record_trade(&app.edge, trade, app.now())?;
    app.count_recorded();
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// `GET /Commerce/SalesOrders('ID')`.
pub(super) fn show_order(app: &App, segment: &str) -> Result<Json<OrderJson>, ODataError> {
    Ok(Json(find(app, segment)?.into()))
}

/// `GET /Commerce/SalesOrders('ID')/Receipt`: plain text.
pub(super) fn show_receipt(app: &App, segment: &str) -> Result<Response, ODataError> {
    let text = receipt_text(&find(app, segment)?);
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn find(app: &App, segment: &str) -> Result<TransactionView, ODataError> {
    let nobody =
        || ODataError::new(ErrorKind::NotFound, "this store knows no sale or order with that id");
    let key = key_in("SalesOrders", segment)?.ok_or_else(ODataError::nothing_here)?;
    // A text that can be no number is the number of nothing.
    let number = key.parse().map_err(|_| nobody())?;
    find_transaction(&app.edge, &number)?.ok_or_else(nobody)
}

/// `Customers('KEY')/GetOrderHistory`, by either key, latest first.
pub(super) fn order_history(
    app: &App,
    segment: &str,
    page: Page,
) -> Result<Json<OrdersJson>, ODataError> {
    let key = customer_key(segment)?;
    let found = history::order_history(&app.edge, &key, page)?;
    // Sales of a customer that is not known here are here all the same.
    if found.is_empty() && find_customer(&app.edge, &key)?.is_none() {
        return Err(ODataError::no_customer());
    }
    Ok(Json(found.into_iter().collect()))
}

pub(super) fn page_of_body(body: &[u8]) -> Result<Page, ODataError> {
    let only: OnlyPaging =
        if body.trim_ascii().is_empty() { OnlyPaging::default() } else { read_json(body)? };
    page_of(only.query_result_settings)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Search {
    #[serde(alias = "salesOrderSearchCriteria")]
    sales_order_search_criteria: Criteria,
    #[serde(alias = "queryResultSettings", default)]
    query_result_settings: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Criteria {
    customer_account_number: Option<String>,
    receipt_id: Option<String>,
    transaction_ids: Option<Vec<String>>,
    start_date_time: Option<Timestamp>,
    end_date_time: Option<Timestamp>,
}

/// `POST /Commerce/SalesOrders/Search`, latest first.
pub(crate) async fn search_orders(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<OrdersJson>, ODataError> {
    let body = body_of(body)?;
    for_client(&app, &headers, move |app, _| {
        let search: Search = read_json(&body)?;
        let page = page_of(search.query_result_settings)?;
        let criteria = search.sales_order_search_criteria.read()?;
        let found = match criteria {
            Some(criteria) => search_transactions(&app.edge, &criteria, page)?,
            None => Vec::new(),
        };
        Ok(Json(found.into_iter().collect()))
    })
    .await
}

impl Criteria {
    /// Nothing when it asks for what cannot exist: a text that can be no number is the number of
    /// nothing.
    fn read(self) -> Result<Option<TransactionCriteria>, ODataError> {
        let numbers = self.transaction_ids.unwrap_or_default();
        if numbers.len() > 1 {
            let target = "SalesOrderSearchCriteria.TransactionIds";
            let message = "one transaction can be asked for at once";
            return Err(ODataError::fields(vec![Detail::invalid(target, message)]));
        }
        let customer = asked(self.customer_account_number);
        let (receipt, number) = (asked(self.receipt_id), asked(numbers.into_iter().next()));
        let (Ok(customer), Ok(receipt), Ok(number)) = (customer, receipt, number) else {
            return Ok(None);
        };
        let (from, until) = (self.start_date_time, self.end_date_time);
        Ok(Some(TransactionCriteria { customer, receipt, number, from, until }))
    }
}

/// A blank text asks for nothing.
fn asked<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>, T::Err> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| text.trim().parse()).transpose()
}
