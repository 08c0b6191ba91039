//! The end of the day in numbers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tillsync_hq::history::PostingReport;
use utoipa::ToSchema;

use super::amounts::Amount;
use crate::app::App;
use crate::refusal::HttpError;

/// What was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Postings {
    /// Orders that have their sales order.
    pub orders_created: u64,
    /// Sales that are posted.
    pub sales_posted: u64,
    /// Statements that are posted.
    pub statements_posted: u64,
    /// What the ledger says was sold, tax included.
    pub amounts_posted: Vec<Amount>,
    /// Customer keys in postings that are no account that headquarters gave. Always 0.
    pub temporary_ids_in_postings: u64,
}

/// Shows what was posted. Reads every statement and every sale: not for every scrape.
#[utoipa::path(get, path = "/api/v1/postings", tag = "statements",
    responses((status = 200, body = Postings)))]
pub(crate) async fn show_postings(
    State(app): State<Arc<App>>,
) -> Result<Json<Postings>, HttpError> {
    let report = app.run(|hq| hq.posting_report()).await?;
    Ok(Json(report.into()))
}

impl From<PostingReport> for Postings {
    fn from(report: PostingReport) -> Self {
        Postings {
            orders_created: report.orders_created,
            sales_posted: report.sales_posted,
            statements_posted: report.statements_posted,
            amounts_posted: Amount::list(&report.amounts_posted),
            temporary_ids_in_postings: report.temporary_ids_in_postings,
        }
    }
}
