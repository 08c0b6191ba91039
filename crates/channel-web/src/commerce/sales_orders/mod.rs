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
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tillsync_channel::find::find_customer;
use tillsync_channel::history;
use tillsync_channel::receipts::receipt_text;
use tillsync_channel::search::Page;
use tillsync_channel::sell::{RecordTrade, SellError, What, order_mode, record_by_mode};
use tillsync_channel::transactions::{
    TransactionCriteria, TransactionView, find_transaction, search_transactions,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::profile::OrderTaking;
use tillsync_domain::staff::StaffRole;
use tillsync_domain::trade::LineDraft;

use super::input::{Fields, refuse_rest};
use super::keyed::KeyedCall;
use super::paging::{OnlyPaging, Settings, page_of, page_of_query};
use super::{
    Arrived, SALE_BYTES_MAX, body_of, body_within, for_client, for_reader, read_json,
    read_optional, request_key, requests,
};
use crate::app::App;
use crate::odata::{Detail, ODataError, customer_key};
pub(super) use input::{parsed, read_order, tender_text};
use output::{OrderJson, OrdersJson};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    entity: Box<RawValue>,
}

/// `POST /Commerce/SalesOrders`: the sale or order is the body.
#[utoipa::path(post, path = "/Commerce/SalesOrders", tag = "sales and orders",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::NewSalesOrder,
    responses((status = 201, body = OrderJson)))]
pub(crate) async fn create_order(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    let body = body_within(SALE_BYTES_MAX, body)?;
    create(&app, headers, move || read_json(&body)).await
}

/// `POST /Commerce/SalesOrders/CreateEntity`: the sale or order is the body's `entity`.
#[utoipa::path(post, path = "/Commerce/SalesOrders/CreateEntity", tag = "sales and orders",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 100,
        pattern = "^[!-~]([ -~]*[!-~])?$",
        description = "the same key with the same request is the same request")),
    request_body = requests::CreateSalesOrderEntity,
    responses((status = 201, body = OrderJson)))]
pub(crate) async fn create_entity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    let body = body_within(SALE_BYTES_MAX, body)?;
    create(&app, headers, move || read_json(&body).map(|Wrapped { entity }| entity)).await
}

/// What is left to do once the request was read.
enum Step {
    Done(TransactionView),
    Ask(RecordTrade),
}

/// Waits for headquarters only for an order and where the profile says so, and then beside the
/// threads that others need.
async fn create(
    app: &Arc<App>,
    headers: HeaderMap,
    read: impl FnOnce() -> Result<Box<RawValue>, ODataError> + Send + 'static,
) -> Result<(StatusCode, Json<OrderJson>), ODataError> {
    let request = headers.clone();
    let step = for_client(app, &headers, move |app, client| {
        // A number of its own already makes a repeat harmless; else the key becomes the number.
        let key = request_key(&request, &client)?;
        let key = key.map(|key| key.transaction_number(&app.edge.identity().database));
        let mut trade = read_order(app.edge.identity(), &read()?)?;
        trade.number = trade.number.or(key);
        trade.staff = client.acting(trade.staff)?;
        if returns_unproven(app, &trade)? {
            let what = "a return of what is not known here to have been sold";
            client.answers_for(StaffRole::Manager, what)?;
        }
        let asks = matches!(trade.what, What::Order(_))
            && order_mode(&app.edge)? == OrderTaking::Synchronous;
        Ok(if asks { Step::Ask(trade) } else { Step::Done(run(app, trade)?) })
    });
    let view = match step.await? {
        Step::Done(view) => view,
        Step::Ask(trade) => app.run_upstream(move |app| run(app, trade)).await??,
    };
    app.count_recorded();
    Ok((StatusCode::CREATED, Json(view.into())))
}

fn run(app: &App, trade: RecordTrade) -> Result<TransactionView, SellError> {
    record_by_mode(&app.edge, &*app.upstream, trade, app.now())
}

/// Whether somebody gives back what this database does not know to have been sold: without a sale,
/// or of one that is not here, so that neither quantity nor price can be held against it.
fn returns_unproven(app: &App, trade: &RecordTrade) -> Result<bool, ODataError> {
    let gives_back = |line: &&LineDraft| {
        !line.is_voided && line.quantity.is_some_and(|quantity| quantity < Decimal::ZERO)
    };
    for line in trade.lines.iter().filter(gives_back) {
        let Some(sale) = &line.returns else { return Ok(true) };
        if find_transaction(&app.edge, &sale.transaction)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `GET /Commerce/SalesOrders('ID')`.
#[utoipa::path(get, path = "/Commerce/SalesOrders('{key}')", tag = "sales and orders",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$", description = "its `Id`")),
    responses((status = 200, body = OrderJson)))]
pub(crate) fn show_order(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    Ok(Json(OrderJson::from(find(app, &call.key)?)).into_response())
}

/// `GET /Commerce/SalesOrders('ID')/Receipt`: plain text.
#[utoipa::path(get, path = "/Commerce/SalesOrders('{key}')/Receipt", tag = "sales and orders",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$", description = "its `Id`")),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
pub(crate) fn show_receipt(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let text = receipt_text(&find(app, &call.key)?);
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn find(app: &App, key: &str) -> Result<TransactionView, ODataError> {
    let nobody =
        || ODataError::new(ErrorKind::NotFound, "this store knows no sale or order with that id");
    // A text that can be no number is the number of nothing.
    let number = key.parse().map_err(|_| nobody())?;
    find_transaction(&app.edge, &number)?.ok_or_else(nobody)
}

/// `GET /Commerce/Customers('KEY')/GetOrderHistory`, with the page in the query.
#[utoipa::path(get, path = "/Commerce/Customers('{key}')/GetOrderHistory", tag = "customers",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "an account or a GUID"),
        ("$top" = Option<u32>, Query, maximum = 1000, description = "how many; 100 when absent"),
        ("$skip" = Option<u32>, Query, maximum = 9999, description = "after how many")),
    responses((status = 200, body = OrdersJson)))]
pub(crate) fn read_order_history(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    order_history(app, &call.key, page_of_query(call.query.as_deref())?)
}

/// `POST /Commerce/Customers('KEY')/GetOrderHistory`, with the page in the body.
#[utoipa::path(post, path = "/Commerce/Customers('{key}')/GetOrderHistory", tag = "customers",
    params(("key" = String, Path, min_length = 1, pattern = "^[^'/]+$",
        description = "an account or a GUID")),
    request_body = Option<requests::PageRequest>,
    responses((status = 200, body = OrdersJson)))]
pub(crate) fn ask_order_history(app: &App, call: &KeyedCall) -> Result<Response, ODataError> {
    let only: OnlyPaging = read_optional(&call.body)?;
    order_history(app, &call.key, page_of(only.query_result_settings)?)
}

/// What a customer bought, by either key, latest first.
fn order_history(app: &App, key: &str, page: Page) -> Result<Response, ODataError> {
    let key = customer_key(key)?;
    let found = history::order_history(&app.edge, &key, page)?;
    // Sales of a customer that is not known here are here all the same.
    if found.is_empty() && find_customer(&app.edge, &key)?.is_none() {
        return Err(ODataError::no_customer());
    }
    let found: OrdersJson = found.into_iter().collect();
    Ok(Json(found).into_response())
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
#[serde(rename_all = "PascalCase", default)]
struct Criteria {
    customer_account_number: Option<String>,
    receipt_id: Option<String>,
    transaction_ids: Option<Vec<String>>,
    start_date_time: Option<Timestamp>,
    end_date_time: Option<Timestamp>,
    #[serde(flatten)]
    rest: Fields,
}

/// `POST /Commerce/SalesOrders/Search`, latest first.
#[utoipa::path(post, path = "/Commerce/SalesOrders/Search", tag = "sales and orders",
    request_body = requests::SalesOrderSearch,
    responses((status = 200, body = OrdersJson)))]
pub(crate) async fn search_orders(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<OrdersJson>, ODataError> {
    let body = body_of(body)?;
    for_reader(&app, &headers, move |app, _| {
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
        refuse_rest("SalesOrderSearchCriteria.", &self.rest)?;
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
