//! Sending packages to the databases they were offered to.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use serde::Deserialize;
use tillsync_domain::ids::{DatabaseId, PackageId};
use tillsync_hq::Trouble;

use crate::app::App;
use crate::auth::Device;
use crate::input::{Params, Segment, parse};
use crate::refusal::HttpError;

/// The parameters of a download.
#[derive(Debug, Deserialize)]
pub(crate) struct SendParams {
    /// For which database; the channel itself or one of its registers.
    database: String,
}

/// `GET /exchange/v1/packages/{id}?database=ID`: the bytes of a package, as they were stored.
pub(crate) async fn send_package(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Segment(package): Segment<PackageId>,
    Params(params): Params<SendParams>,
) -> Result<Response, HttpError> {
    let database: DatabaseId = parse(&params.database)?;
    let location = app
        .run(move |hq| {
            let database = hq.authorize_for(&acting, &database)?;
            let location = hq.request_package(&database.database.id, &package)?;
            Ok::<_, HttpError>(location)
        })
        .await?;
    let object = app.hq().packages().open_object(&location).await.map_err(|error| {
        let what = match error.trouble() {
            Some(Trouble::Missing) => {
                "is missing in the package store; run its job with a full sync if it does not come \
                 back"
            }
            _ => "cannot be read: the package store fails or does not answer in time; ask again",
        };
        HttpError::new(error.kind(), format!("the file of package {package} {what}"))
    })?;
    // The length lets the receiver tell a whole package from one that was cut off.
    let size = object.meta.size;
    Response::builder()
        .header(CONTENT_LENGTH, size)
        .header(CONTENT_TYPE, "application/zstd")
        .body(Body::from_stream(object.into_stream()))
        .map_err(|error| HttpError::broken(&error))
}
