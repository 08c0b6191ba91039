//! `/exchange/v1` for the registers of a channel: the same protocol that the channel speaks
//! upwards.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use tillsync_channel::receive::{receive_hello, receive_upload, refuse_revoked};
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::{
    DatabaseKind, DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello,
    MANIFEST_HEADER, Poll, PollAnswer, Refusal, RefusedField, UploadReceipt, WatermarkMessage,
    Welcome,
};
use tillsync_exchange::package::{Manifest, UPLOAD_BYTES_MAX};
use tokio::fs::File;

use crate::app::{App, Unserved};
use crate::auth;
use crate::commerce::{Arrived, BODY_BYTES_MAX};
use crate::odata::status_of;
use crate::relay::{self, RelayError};

/// The longest manifest, in bytes.
const MANIFEST_BYTES_MAX: usize = 16 << 10;
/// How much of a package is sent at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    refusal: Box<Refusal>,
}

impl Refused {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (code, message) = (kind.code().to_owned(), message.into());
        let refusal = Refusal { code, message, watermark: None, fields: Vec::new() };
        Refused { status: status_of(kind), refusal: Box::new(refusal) }
    }

    /// The same, with the fields that were refused.
    pub(crate) fn naming(mut self, fields: Vec<RefusedField>) -> Self {
        self.refusal.fields = fields;
        self
    }

    fn unauthenticated() -> Self {
        let message = "this channel does not know the credential; enrol the register again";
        Refused { status: StatusCode::UNAUTHORIZED, ..Refused::new(ErrorKind::Forbidden, message) }
    }
}

impl From<RelayError> for Refused {
    fn from(error: RelayError) -> Self {
        if error.kind() == ErrorKind::Broken {
            tracing::error!(?error, "a register's request failed");
        }
        let mut refused = Refused::new(error.kind(), error.to_string());
        refused.refusal.watermark = error.watermark().map(WatermarkMessage::from);
        refused
    }
}

impl From<Unserved> for Refused {
    fn from(unserved: Unserved) -> Self {
        Refused::new(unserved.kind(), unserved.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.refusal)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// `POST /exchange/v1/enrol`: passed on; the activation code is the credential.
pub(crate) async fn enrol_register(
    State(app): State<Arc<App>>,
    body: Arrived,
) -> Result<Json<Enrolled>, Refused> {
    only_at_channels(&app)?;
    let request: EnrolRequest = message(body)?;
    let enrolled = app.run_upstream(move |app| relay::enrol_register(app, &request)).await??;
    Ok(Json(enrolled))
}

/// `POST /exchange/v1/hello`: ends here.
pub(crate) async fn say_hello(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<Welcome>, Refused> {
    let register = register(&app, &headers).await?;
    let hello: Hello = message(body)?;
    let welcome = app
        .run(move |app| receive_hello(&app.edge, &register, &hello, app.now()))
        .await?
        .map_err(RelayError::from)?;
    Ok(Json(welcome))
}

/// `POST /exchange/v1/uploads`: ends here; the manifest stands in a header.
pub(crate) async fn take_upload(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadReceipt>, Refused> {
    let register = register(&app, &headers).await?;
    let manifest = read_manifest(&headers)?;
    if manifest.bytes > UPLOAD_BYTES_MAX {
        let message = format!("an upload has at most {UPLOAD_BYTES_MAX} bytes");
        let refused = Refused::new(ErrorKind::Invalid, message);
        return Err(Refused { status: StatusCode::PAYLOAD_TOO_LARGE, ..refused });
    }
    let limit = usize::try_from(manifest.bytes).unwrap_or(usize::MAX);
    let bytes: Bytes = to_bytes(body, limit).await.map_err(|_| {
        Refused::new(ErrorKind::Invalid, "the package did not arrive as its manifest says")
    })?;
    let receipt = app
        .run(move |app| receive_upload(&app.edge, &register, &manifest, &bytes, app.now()))
        .await?
        .map_err(RelayError::from)?;
    Ok(Json(receipt))
}

/// `POST /exchange/v1/poll`: passed on.
pub(crate) async fn poll_packages(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Json<PollAnswer>, Refused> {
    let register = register(&app, &headers).await?;
    let poll: Poll = message(body)?;
    Ok(Json(app.run_upstream(move |app| relay::poll(app, &register, poll)).await??))
}

/// `POST /exchange/v1/downloads/{session}`: passed on.
pub(crate) async fn report_download(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(session): Path<String>,
    body: Arrived,
) -> Result<Json<DownloadReportAnswer>, Refused> {
    let register = register(&app, &headers).await?;
    let session: SessionId = segment(&session)?;
    let report: DownloadReport = message(body)?;
    let relayed =
        app.run_upstream(move |app| relay::report(app, &register, session, &report)).await??;
    Ok(Json(relayed))
}

/// `GET /exchange/v1/packages/{id}`: from the cache, or passed on.
pub(crate) async fn send_package(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(package): Path<String>,
) -> Result<Response, Refused> {
    let register = register(&app, &headers).await?;
    let package: PackageId = segment(&package)?;
    let (file, bytes) =
        app.run_upstream(move |app| relay::open_package(app, &register, package)).await??;
    // The length lets the receiver tell a whole package from one that was cut off.
    Response::builder()
        .header(CONTENT_LENGTH, bytes)
        .header(CONTENT_TYPE, "application/zstd")
        .body(Body::from_stream(chunks(File::from_std(file))))
        .map_err(|_| Unserved::BrokeOff.into())
}

/// Registers hang on channels only.
fn only_at_channels(app: &App) -> Result<(), Refused> {
    match app.edge.identity().kind {
        DatabaseKind::Channel => Ok(()),
        DatabaseKind::Register => {
            Err(Refused::new(ErrorKind::NotFound, "this is a register; ask its channel"))
        }
    }
}

/// The register that calls.
pub(crate) async fn register(app: &Arc<App>, headers: &HeaderMap) -> Result<DatabaseId, Refused> {
    only_at_channels(app)?;
    let token = auth::presented(headers);
    app.run(move |app| {
        let register = auth::register(app.edge.db(), token).map_err(RelayError::from)?;
        let register = register.ok_or_else(Refused::unauthenticated)?;
        refuse_revoked(&app.edge, &register).map_err(RelayError::from)?;
        Ok(register)
    })
    .await?
}

fn message<T: DeserializeOwned>(body: Arrived) -> Result<T, Refused> {
    message_within(BODY_BYTES_MAX, body)
}

/// `limit` is the one that the route was given, for the words of the refusal.
pub(crate) fn message_within<T: DeserializeOwned>(
    limit: usize,
    body: Arrived,
) -> Result<T, Refused> {
    let body = body.map_err(|rejection| {
        let refused = Refused::new(
            ErrorKind::Invalid,
            format!("the message did not arrive whole, or has more than {limit} bytes"),
        );
        Refused { status: rejection.status(), ..refused }
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Refused::new(ErrorKind::Invalid, format!("the message cannot be read: {error}"))
    })
}

fn segment<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|error: T::Err| Refused::new(ErrorKind::Invalid, error.to_string()))
}

fn read_manifest(headers: &HeaderMap) -> Result<Manifest, Refused> {
    let header = headers.get(MANIFEST_HEADER).filter(|header| header.len() <= MANIFEST_BYTES_MAX);
    let manifest = header.and_then(|header| serde_json::from_slice(header.as_bytes()).ok());
    manifest.ok_or_else(|| {
        let message = format!("the header {MANIFEST_HEADER} is missing or cannot be read");
        Refused::new(ErrorKind::Invalid, message)
    })
}

/// Streams a file in bounded memory.
fn chunks(file: File) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    use tokio::io::AsyncReadExt;
    futures_util::stream::try_unfold(file, |mut file| async move {
        let mut buffer = vec![0; CHUNK_BYTES];
        let read = file.read(&mut buffer).await?;
        buffer.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(buffer), file)))
    })
}
