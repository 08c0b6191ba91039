//! What finance and operators set while headquarters runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_domain::statement::PostingMode;
use tillsync_domain::validation::Rule;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Operator;
use crate::input::{Body, parse, parse_named};
use crate::refusal::HttpError;

type Record = tillsync_hq::storage::Parameters;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Validation rules that are switched off, of customer-exists, totals-agree, tax, currency,
    /// item-exists, unique-receipt and shift-known.
    pub rules_off: BTreeSet<String>,
    /// `trickle-feed` or `classic`.
    pub posting_mode: String,
    /// The hold that the sales order of a repaired order gets; null for none.
    pub order_hold_code: Option<String>,
    /// How often a failed order is tried by itself before it waits for a person.
    pub order_tries_max: u32,
    /// How many orders are synchronized side by side.
    pub order_workers: u32,
}

/// Shows the parameters.
#[utoipa::path(get, path = "/api/v1/parameters", tag = "parameters",
    responses((status = 200, body = Parameters)))]
pub(crate) async fn show_parameters(
    State(app): State<Arc<App>>,
) -> Result<Json<Parameters>, HttpError> {
    let parameters = app.run(|hq| hq.show_parameters()).await?;
    Ok(Json(parameters.into()))
}

/// Sets all parameters. The posting mode stays while a statement is open.
#[utoipa::path(put, path = "/api/v1/parameters", tag = "parameters", request_body = Parameters,
    responses((status = 200, body = Parameters)))]
pub(crate) async fn put_parameters(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Body(parameters): Body<Parameters>,
) -> Result<Json<Parameters>, HttpError> {
    let record = parameters.record()?;
    let record = app.run(move |hq| hq.change_parameters(&record).map(|()| record)).await?;
    tracing::info!(operator, "an operator set the parameters");
    Ok(Json(record.into()))
}

impl Parameters {
    fn record(self) -> Result<Record, HttpError> {
        let mode = parse_named(Some(&self.posting_mode), &PostingMode::ALL, PostingMode::as_str)?;
        Ok(Record {
            rules_off: self.rules_off.iter().map(|rule| parse(rule)).collect::<Result<_, _>>()?,
            posting_mode: mode.ok_or_else(|| HttpError::invalid("posting_mode is missing"))?,
            order_hold_code: self.order_hold_code,
            order_tries_max: self.order_tries_max,
            order_workers: self.order_workers,
        })
    }
}

impl From<Record> for Parameters {
    fn from(record: Record) -> Self {
        Parameters {
            rules_off: record.rules_off.iter().map(Rule::to_string).collect(),
            posting_mode: record.posting_mode.as_str().to_owned(),
            order_hold_code: record.order_hold_code,
            order_tries_max: record.order_tries_max,
            order_workers: record.order_workers,
        }
    }
}
