//! Sending packages to the databases they were offered to.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::response::Response;
use serde::Deserialize;
use tillsync_domain::ids::{DatabaseId, PackageId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::package::BYTES_HEADER;
use tillsync_hq::distribution::{DistributionError, OfferedPackage};
use tillsync_hq::{PackageLink, PackageStoreError};

use crate::app::App;
use crate::auth::Device;
use crate::input::{Params, Segment, parse};
use crate::metrics::{PackageWay, count_package};
use crate::refusal::HttpError;
use crate::server::PackageLinks;

/// The parameters of a download.
#[derive(Debug, Deserialize)]
pub(crate) struct SendParams {
    /// For which database; the channel itself or one of its registers.
    database: String,
    /// Whether the caller can go to the package store itself.
    #[serde(default)]
    redirect: bool,
}

/// `GET /exchange/v1/packages/{id}?database=ID`: the bytes of a package, as they were stored, or
/// where they can be read for a few minutes.
pub(crate) async fn send_package(
    State(app): State<Arc<App>>,
    Device(acting): Device,
    Segment(package): Segment<PackageId>,
    Params(params): Params<SendParams>,
) -> Result<Response, HttpError> {
    let database: DatabaseId = parse(&params.database)?;
    let (database, found) = app
        .run(move |hq| {
            let database = hq.authorize_for(&acting, &database)?.database.id;
            let found = hq.find_package(&database, &package)?;
            Ok::<_, HttpError>((database, found))
        })
        .await?;
    if params.redirect
        && let Some(link) = link_to(&app, &found).await
    {
        count_package(&app, PackageWay::Linked);
        return redirect(&link, found.bytes);
    }
    let object = match app.hq().packages().open_object(&found.location).await {
        Ok(object) => object,
        Err(error) => return Err(unreadable(&app, (database, package), error).await),
    };
    count_package(&app, PackageWay::Sent);
    // The length lets the receiver tell a whole package from one that was cut off.
    let size = object.meta.size;
    Response::builder()
        .header(CONTENT_LENGTH, size)
        .header(CONTENT_TYPE, "application/zstd")
        .body(Body::from_stream(object.into_stream()))
        .map_err(|error| HttpError::broken(&error))
}

/// A link, if packages are to be fetched by links and there are any: a caller that gets none is
/// served as ever.
async fn link_to(app: &App, found: &OfferedPackage) -> Option<PackageLink> {
    if app.package_links() == PackageLinks::ThroughHeadquarters {
        return None;
    }
    // Why it failed stands in the log already.
    app.hq().packages().link_to(&found.location).await.ok().flatten()
}

/// The size travels along: what is behind the link must be that long before anybody believes it.
fn redirect(link: &PackageLink, bytes: u64) -> Result<Response, HttpError> {
    Response::builder()
        .status(StatusCode::TEMPORARY_REDIRECT)
        .header(LOCATION, link.reveal())
        .header(CACHE_CONTROL, "no-store")
        .header(BYTES_HEADER, bytes)
        .body(Body::empty())
        .map_err(|error| HttpError::broken(&error))
}

async fn unreadable(
    app: &App,
    (database, package): (DatabaseId, PackageId),
    error: PackageStoreError,
) -> HttpError {
    let judged = app
        .run(move |hq| Ok::<_, HttpError>(hq.judge_unreadable(&database, &package, error)))
        .await;
    match judged {
        Ok(DistributionError::Store(error)) => {
            let trouble = error.trouble().map_or_else(String::new, |trouble| trouble.to_string());
            let message = format!("package {package} cannot be read now: {trouble}");
            HttpError::new(ErrorKind::Busy, message)
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}
