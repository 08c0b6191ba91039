//! Statements: what the end of the day takes up, sums up and posts.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_domain::ids::{AccountNumber, DocumentNumber, ParseIdError, StatementId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::money::Currency;
use tillsync_domain::statement::StatementKind;
use tillsync_hq::Headquarters;
use tillsync_hq::statements::StatementError;
use tillsync_hq::storage::{AggregateRecord, StatementFilter, StatementRecord, StorageError};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::amounts::{Amount, decimal};
use crate::app::App;
use crate::auth::Operator;
use crate::input::{PageSize, Params, Segment, parse, parse_named, parse_option};
use crate::refusal::HttpError;

/// A statement of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// Its identity.
    pub id: String,
    /// Its number, as people know it.
    pub number: String,
    /// The store.
    pub store: String,
    /// `Transactional`, `Financial` or `Classic`.
    pub kind: String,
    /// The last state it reached, such as `Aggregated` or `Posted`.
    pub state: String,
    /// What went wrong on the way to the next state.
    pub error: Option<String>,
    /// Failures in a row on the way to the next state.
    pub failures: u32,
    /// Transactions in it.
    pub transactions: u64,
    /// Shifts in it.
    pub shifts: u64,
    /// Sales of its transactions by currency, tax included.
    pub amounts: Vec<Amount>,
    /// The run that began it.
    pub run: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A statement with its sums per account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatementDetail {
    /// The statement.
    pub statement: Statement,
    /// The sums, by account and currency, one page of them.
    pub aggregates: Vec<Aggregate>,
    /// The `after` of the next page of sums; absent on the last.
    pub next: Option<String>,
}

/// The sales of one account in one currency within a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Aggregate {
    /// The account: a customer's, or the store's default customer's.
    pub account: String,
    /// The currency of every amount in it.
    pub currency: String,
    /// Transactions in it.
    pub transactions: u64,
    /// Sales less discounts, without tax.
    pub net: String,
    /// Discounts given.
    pub discount: String,
    /// Sales tax.
    pub tax: String,
    /// What was paid, by tender: for sales and as deposits on orders.
    pub payments: BTreeMap<String, String>,
    /// The same by item.
    pub lines: Vec<AggregateLine>,
    /// Its sales order.
    pub sales_order: Option<String>,
    /// Its invoice.
    pub invoice: Option<String>,
    /// The voucher of the invoice.
    pub voucher: Option<String>,
}

/// The part of an aggregate that one item makes up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AggregateLine {
    /// The item.
    pub item: String,
    /// How many, as a decimal.
    pub quantity: String,
    /// Sales less discounts, without tax.
    pub net: String,
    /// Discounts given.
    pub discount: String,
    /// Sales tax.
    pub tax: String,
}

/// A statement by its identity or its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKey {
    /// Its identity.
    Id(StatementId),
    /// Its number.
    Number(DocumentNumber),
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatementParams {
    /// Only of this store.
    store: Option<String>,
    /// `Transactional`, `Financial` or `Classic`; all when absent.
    kind: Option<String>,
    /// Only those that are not posted yet.
    #[serde(default)]
    open: bool,
    /// Only those that stopped with an error.
    #[serde(default)]
    failed: bool,
    /// Only those before this one: the `next` of the page before.
    before: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Which sums of a statement to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AggregateParams {
    /// Only those behind this one: the `next` of the page before.
    after: Option<String>,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists statements, newest first.
#[utoipa::path(get, path = "/api/v1/statements", tag = "statements", params(StatementParams),
    responses((status = 200, body = Page<Statement>)))]
pub(crate) async fn list_statements(
    State(app): State<Arc<App>>,
    Params(params): Params<StatementParams>,
) -> Result<Json<Page<Statement>>, HttpError> {
    let size = params.limit.items()?;
    let kind = params.kind.as_ref();
    let filter = StatementFilter {
        store: parse_option(params.store.as_ref())?,
        kind: parse_named(kind, &StatementKind::ALL, StatementKind::as_str)?,
        is_open: params.open,
        has_failed: params.failed,
        before: parse_option(params.before.as_ref())?,
        limit: size + 1,
    };
    let records = app.run(move |hq| hq.list_statements(&filter)).await?;
    let statements = records.into_iter().map(Statement::from).collect();
    Ok(Json(Page::cut(statements, size, |statement: &Statement| statement.id.clone())))
}

/// Shows a statement with its sums per account.
#[utoipa::path(get, path = "/api/v1/statements/{id}", tag = "statements",
    params(("id" = String, Path, description = "id or number"), AggregateParams),
    responses((status = 200, body = StatementDetail)))]
pub(crate) async fn show_statement(
    State(app): State<Arc<App>>,
    Segment(key): Segment<StatementKey>,
    Params(params): Params<AggregateParams>,
) -> Result<Json<StatementDetail>, HttpError> {
    let size = params.limit.items()?;
    let after = params.after.as_deref().filter(|after| !after.is_empty());
    let after = after.map(parse_after).transpose()?;
    let (statement, aggregates) = app
        .run(move |hq| {
            let statement = find(hq, &key)?;
            let after = after.as_ref().map(|(account, currency)| (account, *currency));
            let aggregates =
                hq.storage().read(|tx| tx.aggregates_list(&statement.id, after, size + 1))?;
            Ok::<_, HttpError>((statement, aggregates))
        })
        .await?;
    let aggregates = aggregates.into_iter().map(Aggregate::from).collect();
    let key = |sum: &Aggregate| format!("{}:{}", sum.currency, sum.account);
    let Page { items: aggregates, next } = Page::cut(aggregates, size, key);
    Ok(Json(StatementDetail { statement: statement.into(), aggregates, next }))
}

/// Takes a statement up again at the state where it stopped.
#[utoipa::path(post, path = "/api/v1/statements/{id}/retry", tag = "statements",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, body = Statement)))]
pub(crate) async fn retry_statement(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(key): Segment<StatementKey>,
) -> Result<Json<Statement>, HttpError> {
    let record = app.run(move |hq| act(hq, &key, Headquarters::retry_statement)).await?;
    tracing::info!(statement = %record.number, operator, "an operator retried a statement");
    Ok(Json(record.into()))
}

/// Gives a statement up that has posted nothing: what it took up is free again.
#[utoipa::path(post, path = "/api/v1/statements/{id}/release", tag = "statements",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, body = Statement, description = "as it was")))]
pub(crate) async fn release_statement(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Segment(key): Segment<StatementKey>,
) -> Result<Json<Statement>, HttpError> {
    let record = app.run(move |hq| act(hq, &key, Headquarters::release_statement)).await?;
    tracing::info!(statement = %record.number, operator, "an operator released a statement");
    Ok(Json(record.into()))
}

/// What an operator does with one statement.
type Act = fn(&Headquarters, &StatementId) -> Result<StatementRecord, StatementError>;

fn act(hq: &Headquarters, key: &StatementKey, act: Act) -> Result<StatementRecord, HttpError> {
    Ok(act(hq, &find(hq, key)?.id)?)
}

fn find(hq: &Headquarters, key: &StatementKey) -> Result<StatementRecord, HttpError> {
    let missing = || HttpError::new(ErrorKind::NotFound, "there is no such statement");
    key.find(hq)?.ok_or_else(missing)
}

/// Reads `CURRENCY:ACCOUNT`.
fn parse_after(text: &str) -> Result<(AccountNumber, Currency), HttpError> {
    let (currency, account) = text
        .split_once(':')
        .ok_or_else(|| HttpError::invalid("after is not the `next` of a page"))?;
    let account = AccountNumber::parse(account).map_err(HttpError::invalid)?;
    Ok((account, parse(currency)?))
}

impl StatementKey {
    /// The statement, if there is one.
    ///
    /// # Errors
    /// Busy, Broken: the database failed.
    pub fn find(&self, hq: &Headquarters) -> Result<Option<StatementRecord>, StorageError> {
        hq.storage().read(|tx| match self {
            StatementKey::Id(id) => tx.statement_get(id),
            StatementKey::Number(number) => tx.statement_by_number(number),
        })
    }
}

impl Display for StatementKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            StatementKey::Id(id) => id.fmt(f),
            StatementKey::Number(number) => number.fmt(f),
        }
    }
}

impl FromStr for StatementKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(id) => Ok(StatementKey::Id(id)),
            Err(_) => text.parse().map(StatementKey::Number),
        }
    }
}

impl From<StatementRecord> for Statement {
    fn from(record: StatementRecord) -> Self {
        Statement {
            id: record.id.to_string(),
            number: record.number.to_string(),
            store: record.store.to_string(),
            kind: record.kind.as_str().to_owned(),
            state: record.state.as_str().to_owned(),
            error: record.error,
            failures: record.failures,
            transactions: record.transactions,
            shifts: record.shifts,
            amounts: Amount::list(&record.amounts),
            run: record.run.to_string(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl From<AggregateRecord> for Aggregate {
    fn from(record: AggregateRecord) -> Self {
        let currency = record.currency;
        let text = |minor: i64| decimal(currency, minor);
        let line = |line: tillsync_hq::storage::AggregateLine| AggregateLine {
            item: line.item.to_string(),
            quantity: line.quantity,
            net: text(line.net),
            discount: text(line.discount),
            tax: text(line.tax),
        };
        let payments = record.payments.into_iter();
        Aggregate {
            account: record.account.to_string(),
            currency: currency.to_string(),
            transactions: record.transactions,
            net: text(record.net),
            discount: text(record.discount),
            tax: text(record.tax),
            payments: payments.map(|(tender, minor)| (tender, text(minor))).collect(),
            lines: record.lines.into_iter().map(line).collect(),
            sales_order: record.sales_order.map(|number| number.to_string()),
            invoice: record.invoice.map(|number| number.to_string()),
            voucher: record.voucher.map(|number| number.to_string()),
        }
    }
}
