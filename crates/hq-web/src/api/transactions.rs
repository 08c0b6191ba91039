//! Sales and customer orders as they were uploaded, and what headquarters made of each.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::document::DocumentKind;
use tillsync_domain::ids::TransactionNumber;
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::validation::ValidationStatus;
use tillsync_hq::storage::{
    DocumentPosition, OrderState, TransactionEdit, TransactionFilter, TransactionRecord,
};
use tillsync_hq::validate::{KeptFinding, read_findings};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::amounts::Amount;
use super::repairs::Repair;
use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, PageSize, Params, Segment, parse_named, parse_option};
use crate::refusal::HttpError;

/// A sale or a customer order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// Its place in the order of arrival.
    pub position: u64,
    /// Its number, one document's in the whole chain.
    pub number: String,
    /// `sale` or `customer_order`.
    pub kind: String,
    /// The store it counts for.
    pub store: String,
    /// The database where it was recorded.
    pub origin: String,
    /// Who recorded it.
    pub staff: Option<String>,
    /// When it was recorded, by the clock of the place.
    pub created_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The customer by the key it was written with, GUID or account; it never changes.
    pub customer: Option<String>,
    /// The account behind that key, once it is known.
    pub account: Option<String>,
    /// The address an order is sent to; absent when it is picked up.
    pub ship_to: Option<String>,
    /// The shift it was made in.
    pub shift: Option<String>,
    /// The number on the receipt.
    pub receipt: Option<String>,
    /// What it comes to, tax included.
    pub total: Option<Amount>,
    /// Whether it was voided before it was finished.
    pub is_voided: bool,
    /// Whether its content was repaired here.
    pub is_repaired: bool,
    /// `New`, `Waiting`, `Successful`, `Error` or `None`.
    pub validation: String,
    /// What it breaks or waits for.
    pub findings: Vec<Finding>,
    /// When it was validated last.
    pub validated_at: Option<Timestamp>,
    /// The statement that took it up.
    pub statement: Option<String>,
    /// When it was posted.
    pub posted_at: Option<Timestamp>,
    /// The invoice voucher that holds it.
    pub voucher: Option<String>,
    /// How far an order has come; absent for a sale.
    pub order: Option<OrderProgress>,
}

/// One thing that validation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The rule; absent when it waits, or cannot be read at all.
    pub rule: Option<String>,
    /// The line that it is about.
    pub line: Option<u32>,
    /// What is wrong, or what it waits for.
    pub message: String,
}

/// How far an order has come on its way to a sales order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderProgress {
    /// `New`, `Waiting`, `Failed`, `Editing` or `Succeeded`.
    pub status: String,
    /// The error details, or what it waits for.
    pub error: Option<String>,
    /// Failed attempts; waiting is none.
    pub tries: u32,
    /// Not before then is it tried again by itself.
    pub next_try_at: Option<Timestamp>,
    /// When the status changed last.
    pub modified_at: Timestamp,
    /// Who repairs it, while it is being edited.
    pub editor: Option<String>,
    /// Whether it was ever repaired.
    pub is_repaired: bool,
    /// The number of its sales order.
    pub sales_order: Option<String>,
    /// The hold code, until the hold is lifted.
    pub hold: Option<String>,
}

/// A sale or an order with what it says and what was changed in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TransactionDetail {
    /// The sale or order.
    pub transaction: Transaction,
    /// What counts: its content after repairs.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
    /// What was sent, word for word.
    #[schema(value_type = Object)]
    pub sent: serde_json::Value,
    /// Every change made here, oldest first.
    pub edits: Vec<Edit>,
}

/// One change that an operator made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Edit {
    /// When.
    pub at: Timestamp,
    /// Who, by the name of the operator's token.
    pub operator: String,
    /// Which field, as a JSON pointer into the content.
    pub field: String,
    /// What it was; absent when the field was not there.
    #[schema(value_type = Object)]
    pub old: Option<serde_json::Value>,
    /// What it became; absent when the field was removed.
    #[schema(value_type = Object)]
    pub new: Option<serde_json::Value>,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TransactionParams {
    /// `sale` or `customer_order`; both when absent.
    kind: Option<String>,
    /// Only of this store.
    store: Option<String>,
    /// `New`, `Waiting`, `Successful`, `Error` or `None`; all when absent.
    validation: Option<String>,
    /// Only of this statement, by its id.
    statement: Option<String>,
    /// Only those behind this position: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists sales and orders, in order of arrival.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "transactions",
    params(TransactionParams),
    responses((status = 200, body = Page<Transaction>)))]
pub(crate) async fn list_transactions(
    State(app): State<Arc<App>>,
    Params(params): Params<TransactionParams>,
) -> Result<Json<Page<Transaction>>, HttpError> {
    let kinds = [DocumentKind::Sale, DocumentKind::Order];
    let validation = params.validation.as_ref();
    let filter = TransactionFilter {
        kind: parse_named(params.kind.as_ref(), &kinds, DocumentKind::as_str)?,
        store: parse_option(params.store.as_ref())?,
        validation: parse_named(validation, &ValidationStatus::ALL, ValidationStatus::as_str)?,
        statement: parse_option(params.statement.as_ref())?,
        after: DocumentPosition(params.after),
        limit: params.limit.items()?,
        ..TransactionFilter::default()
    };
    page_of(&app, filter).await.map(Json)
}

/// Shows a sale or an order with what it says and every change made to it.
#[utoipa::path(get, path = "/api/v1/transactions/{number}", tag = "transactions",
    params(("number" = String, Path, description = "the number of the sale or order")),
    responses((status = 200, body = TransactionDetail)))]
pub(crate) async fn show_transaction(
    State(app): State<Arc<App>>,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<TransactionDetail>, HttpError> {
    look_up(&app, number).await.map(Json)
}

/// Changes what a sale or an order says, before a statement takes it up. It is validated anew.
#[utoipa::path(post, path = "/api/v1/transactions/{number}/repair", tag = "transactions",
    params(("number" = String, Path, description = "the number of the sale or order")),
    request_body = Repair,
    responses((status = 200, body = Transaction)))]
pub(crate) async fn repair_transaction(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(number): Segment<TransactionNumber>,
    Body(repair): Body<Repair>,
) -> Result<Json<Transaction>, HttpError> {
    repair.carry_out(&app, number, operator).await.map(Json)
}

/// Validates a sale or an order now. The answer says how it went.
#[utoipa::path(post, path = "/api/v1/transactions/{number}/validate", tag = "transactions",
    params(("number" = String, Path, description = "the number of the sale or order")),
    responses((status = 200, body = Transaction)))]
pub(crate) async fn validate_transaction(
    State(app): State<Arc<App>>,
    Segment(number): Segment<TransactionNumber>,
) -> Result<Json<Transaction>, HttpError> {
    let record = app.run(move |hq| hq.validate_transaction(&number)).await?;
    Ok(Json(record.into()))
}

/// A sale or an order with everything about it.
pub(super) async fn look_up(
    app: &App,
    number: TransactionNumber,
) -> Result<TransactionDetail, HttpError> {
    let wanted = number.clone();
    let found = app
        .run(move |hq| {
            hq.storage().read(|tx| {
                let Some(record) = tx.transaction_get(&wanted)? else { return Ok(None) };
                Ok(Some((record, tx.transaction_edits(&wanted)?)))
            })
        })
        .await?;
    let unknown = || {
        let message = format!("no sale or order {number} has arrived at headquarters");
        HttpError::new(ErrorKind::NotFound, message)
    };
    found.map(TransactionDetail::from).ok_or_else(unknown)
}

/// One page of a list of transactions.
pub(super) async fn page_of(
    app: &App,
    filter: TransactionFilter,
) -> Result<Page<Transaction>, HttpError> {
    let size = filter.limit;
    let filter = TransactionFilter { limit: size + 1, ..filter };
    let records = app.run(move |hq| hq.storage().read(|tx| tx.transactions_list(&filter))).await?;
    let transactions = records.into_iter().map(Transaction::from).collect();
    Ok(Page::cut(transactions, size, |found: &Transaction| found.position.to_string()))
}

/// JSON that was stored by headquarters itself.
pub(super) fn stored_json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.to_owned()))
}

impl From<TransactionRecord> for Transaction {
    fn from(record: TransactionRecord) -> Self {
        let finding = |found: KeptFinding| Finding {
            rule: found.rule,
            line: found.line,
            message: found.message,
        };
        let findings = read_findings(&record).into_iter().map(finding).collect();
        let TransactionRecord { row, source, header, .. } = record;
        Transaction {
            position: record.position.0,
            number: row.number.to_string(),
            kind: header.kind.as_str().to_owned(),
            store: source.source.to_string(),
            origin: row.origin.to_string(),
            staff: row.staff.map(|staff| staff.to_string()),
            created_at: row.created_at,
            received_at: source.received_at,
            customer: header.customer.map(|customer| customer.to_string()),
            account: record.account.map(|account| account.to_string()),
            ship_to: header.ship_to.map(|address| address.to_string()),
            shift: header.shift.map(|shift| shift.to_string()),
            receipt: header.receipt.map(|receipt| receipt.to_string()),
            total: header.total.map(|(currency, minor)| Amount::of_minor(currency, minor)),
            is_voided: header.is_voided,
            is_repaired: record.repaired.is_some(),
            validation: record.validation.as_str().to_owned(),
            findings,
            validated_at: record.validated_at,
            statement: record.statement.map(|statement| statement.to_string()),
            posted_at: record.posted_at,
            voucher: record.voucher.map(|voucher| voucher.to_string()),
            order: record.order.map(OrderProgress::from),
        }
    }
}

impl From<OrderState> for OrderProgress {
    fn from(state: OrderState) -> Self {
        OrderProgress {
            status: state.status.as_str().to_owned(),
            error: state.error,
            tries: state.tries,
            next_try_at: state.next_try_at,
            modified_at: state.modified_at,
            editor: state.editor,
            is_repaired: state.is_repaired,
            sales_order: state.sales_order.map(|number| number.to_string()),
            hold: state.hold,
        }
    }
}

impl From<TransactionEdit> for Edit {
    fn from(edit: TransactionEdit) -> Self {
        Edit {
            at: edit.at,
            operator: edit.operator,
            field: edit.field,
            old: edit.old.as_deref().map(stored_json),
            new: edit.new.as_deref().map(stored_json),
        }
    }
}

impl From<(TransactionRecord, Vec<TransactionEdit>)> for TransactionDetail {
    fn from((record, edits): (TransactionRecord, Vec<TransactionEdit>)) -> Self {
        TransactionDetail {
            content: stored_json(record.content()),
            sent: stored_json(record.row.content.get()),
            edits: edits.into_iter().map(Edit::from).collect(),
            transaction: record.into(),
        }
    }
}
