//! Receiving upload packages.
//!
//! Nothing is read into memory before there is room for it, and nothing is believed before the
//! use case has checked it.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use tillsync_exchange::messages::{MANIFEST_HEADER, UploadReceipt};
use tillsync_exchange::package::{Manifest, UPLOAD_BYTES_MAX};
use tillsync_hq::Headquarters;
use tillsync_hq::receive::ReceiveError;
use tillsync_hq::storage::DatabaseRecord;

use crate::app::{App, Lane};
use crate::auth::Device;
use crate::metrics::{count_refused_upload, count_upload};
use crate::refusal::HttpError;

/// The longest manifest, in bytes.
const MANIFEST_BYTES_MAX: usize = 16 << 10;

/// `POST /exchange/v1/uploads`: the manifest stands in a header, the package is the body.
pub(crate) async fn receive_upload(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadReceipt>, HttpError> {
    let taken = take_upload(&app, acting, &headers, body).await;
    match &taken {
        Ok(Json(receipt)) => count_upload(&app, receipt),
        Err(_) => count_refused_upload(&app),
    }
    taken
}

async fn take_upload(
    app: &App,
    acting: DatabaseRecord,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<UploadReceipt>, HttpError> {
    let manifest = read_manifest(headers)?;
    if manifest.bytes > UPLOAD_BYTES_MAX {
        let (what, found, limit) = ("bytes", manifest.bytes, UPLOAD_BYTES_MAX);
        return Err(ReceiveError::TooLarge { what, found, limit }.into());
    }
    let buffer = app.reserve_buffer(manifest.bytes).await;
    let bytes = read_body(body, manifest.bytes).await?;
    app.run_in(Lane::Upload, move |hq| {
        let _buffer = buffer;
        receive(hq, &acting, &manifest, &bytes)
    })
    .await
    .map(Json)
}

fn read_manifest(headers: &HeaderMap) -> Result<Manifest, HttpError> {
    let Some(header) = headers.get(MANIFEST_HEADER) else {
        return Err(HttpError::invalid(format!("the header {MANIFEST_HEADER} is missing")));
    };
    if header.len() > MANIFEST_BYTES_MAX {
        return Err(HttpError::invalid(format!(
            "the manifest is longer than {MANIFEST_BYTES_MAX} bytes"
        )));
    }
    serde_json::from_slice(header.as_bytes())
        .map_err(|error| HttpError::invalid(format!("the manifest cannot be read: {error}")))
}

async fn read_body(body: Body, expected: u64) -> Result<Bytes, HttpError> {
    let limit = usize::try_from(expected).expect("checked against a limit that fits");
    to_bytes(body, limit).await.map_err(|_| {
        HttpError::invalid(format!(
            "the package did not arrive whole, or has more than the {expected} bytes of its \
             manifest"
        ))
    })
}

fn receive(
    hq: &Headquarters,
    acting: &DatabaseRecord,
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<UploadReceipt, ReceiveError> {
    hq.receive_upload(acting, manifest, bytes).inspect_err(|error| {
        let database = &acting.database.id;
        tracing::warn!(%database, package = %manifest.id, %error, "an upload was refused");
        if !concerns_package(error) {
            return;
        }
        // The refusal matters more than its record, which a full disk can prevent.
        if let Err(second) = hq.record_failed_upload(acting, manifest, error) {
            tracing::debug!(%database, error = %second, "record a refused upload");
        }
    })
}

/// Whether the list of uploads should show the failure: the package is at fault, not its sender's
/// rights, its place in the order or the moment.
fn concerns_package(error: &ReceiveError) -> bool {
    match error {
        ReceiveError::TooLarge { .. }
        | ReceiveError::Package(_)
        | ReceiveError::BadRow { .. }
        | ReceiveError::Oversized(_)
        | ReceiveError::BrokenCounters { .. }
        | ReceiveError::Storage(_) => true,
        ReceiveError::Version(_)
        | ReceiveError::ForeignSource { .. }
        | ReceiveError::NotAnUpload
        | ReceiveError::Gap { .. } => false,
    }
}
