//! Documents that contradicted what was known and were set aside (F115).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tillsync_exchange::rows::document::DocumentRow;
use tillsync_hq::storage::{DocumentPosition, OperationSource};
use utoipa::{IntoParams, ToSchema};

use super::Page;
use super::transactions::stored_json;
use crate::app::App;
use crate::input::{PageSize, Params};
use crate::refusal::HttpError;

/// A document that was set aside: its number or id was known with other content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedDocument {
    /// Its place in the order in which documents were set aside.
    pub position: u64,
    /// Its identity in the log it came from.
    pub id: String,
    /// Its number.
    pub number: String,
    /// Its kind.
    pub kind: String,
    /// The store that uploaded it.
    pub store: String,
    /// The database where it was recorded.
    pub origin: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What was sent, word for word.
    #[schema(value_type = Object)]
    pub content: serde_json::Value,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QuarantineParams {
    /// Only those behind this position: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most this many, 1 to 1000; 50 when absent.
    #[serde(default)]
    #[param(value_type = Option<usize>)]
    limit: PageSize,
}

/// Lists documents that were set aside. The one that came first stands; compare the two with
/// `GET /api/v1/transactions/{number}`.
#[utoipa::path(get, path = "/api/v1/quarantine/documents", tag = "transactions",
    params(QuarantineParams),
    responses((status = 200, body = Page<QuarantinedDocument>)))]
pub(crate) async fn list_quarantined_documents(
    State(app): State<Arc<App>>,
    Params(params): Params<QuarantineParams>,
) -> Result<Json<Page<QuarantinedDocument>>, HttpError> {
    let size = params.limit.items()?;
    let after = DocumentPosition(params.after);
    let found = app
        .run(move |hq| hq.storage().read(|tx| tx.documents_quarantined(after, size + 1)))
        .await?;
    let documents = found.into_iter().map(QuarantinedDocument::from).collect();
    let key = |document: &QuarantinedDocument| document.position.to_string();
    Ok(Json(Page::cut(documents, size, key)))
}

impl From<(DocumentPosition, DocumentRow, OperationSource)> for QuarantinedDocument {
    fn from((position, row, source): (DocumentPosition, DocumentRow, OperationSource)) -> Self {
        QuarantinedDocument {
            position: position.0,
            id: row.id.to_string(),
            number: row.number.to_string(),
            content: stored_json(row.content.get()),
            kind: row.kind,
            store: source.source.to_string(),
            origin: row.origin.to_string(),
            created_at: row.created_at,
            received_at: source.received_at,
        }
    }
}
