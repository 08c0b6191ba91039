//! `/Commerce`: the customers, sales, orders, shifts and products of the interface that tills and
//! web shops speak.

mod amount;
pub mod bodies;
pub(crate) mod connectivity;
pub(crate) mod create;
pub(crate) mod find;
mod input;
pub(crate) mod keyed;
pub(crate) mod org_units;
mod output;
mod paging;
pub(crate) mod products;
mod requests;
pub(crate) mod sales_orders;
pub(crate) mod shifts;
pub(crate) mod update;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tillsync_channel::clients::ClientName;
use tillsync_channel::create::RequestKey;
use tillsync_domain::ids::DatabaseId;
use tillsync_domain::kind::ErrorKind;

use crate::app::App;
use crate::auth::{self, Caller};
use crate::odata::{Detail, ODataError};
use crate::routes::Access;

/// The largest request of a program, in bytes: a customer with the most addresses fits.
pub(crate) const BODY_BYTES_MAX: usize = 256 << 10;

/// The largest sale or order, in bytes: one with the most lines and payments fits.
pub(crate) const SALE_BYTES_MAX: usize = 512 << 10;

/// The header by which a repeated request is recognised.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The header that names the org unit, which is the store, that a program means.
const ORG_UNIT: &str = "oun";

/// A body that arrived, or why it did not.
pub(crate) type Arrived = Result<Bytes, BytesRejection>;

/// Runs a use case for a known program or whoever is signed in at it, off the async threads.
async fn for_client<T, F>(app: &Arc<App>, headers: &HeaderMap, work: F) -> Result<T, ODataError>
where
    F: FnOnce(&App, Caller) -> Result<T, ODataError> + Send + 'static,
    T: Send + 'static,
{
    for_caller(app, headers, Access::Client, work).await
}

/// The same where it only reads.
async fn for_reader<T, F>(app: &Arc<App>, headers: &HeaderMap, work: F) -> Result<T, ODataError>
where
    F: FnOnce(&App, Caller) -> Result<T, ODataError> + Send + 'static,
    T: Send + 'static,
{
    for_caller(app, headers, Access::Reader, work).await
}

/// The same for callers who may do what a row of the table says.
async fn for_caller<T, F>(
    app: &Arc<App>,
    headers: &HeaderMap,
    access: Access,
    work: F,
) -> Result<T, ODataError>
where
    F: FnOnce(&App, Caller) -> Result<T, ODataError> + Send + 'static,
    T: Send + 'static,
{
    let token = auth::presented(headers);
    let org_units: Vec<_> = headers.get_all(ORG_UNIT).iter().cloned().collect();
    app.run(move |app| {
        let caller = auth::admit(app, token, access)?;
        org_units.iter().try_for_each(|asked| check_org_unit(app, asked.as_bytes()))?;
        work(app, caller)
    })
    .await?
}

/// Programs that know several stores say which one they mean.
fn check_org_unit(app: &App, asked: &[u8]) -> Result<(), ODataError> {
    let here = app.edge.identity();
    let asked = String::from_utf8_lossy(asked);
    let is_here = |name: &DatabaseId| name.as_str().eq_ignore_ascii_case(asked.trim());
    if asked.trim().is_empty()
        || is_here(&here.database)
        || here.parent.as_ref().is_some_and(is_here)
    {
        return Ok(());
    }
    let message =
        format!("this node serves the org unit {}; ask the other one's node", here.store());
    Err(ODataError::fields(vec![Detail::invalid("OUN", message)]))
}

pub(crate) fn body_of(arrived: Arrived) -> Result<Bytes, ODataError> {
    body_within(BODY_BYTES_MAX, arrived)
}

/// `limit` is the one that the route was given, for the words of the refusal.
fn body_within(limit: usize, arrived: Arrived) -> Result<Bytes, ODataError> {
    arrived.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ODataError::too_large(limit),
        _ => ODataError::new(ErrorKind::Invalid, "the request did not arrive whole"),
    })
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ODataError> {
    // A list would be taken for an object whose fields come in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        let message = "the request is not what is expected: it is a list, not an object";
        return Err(ODataError::new(ErrorKind::Invalid, message));
    }
    serde_json::from_slice(body).map_err(|error| {
        // The parser's words name places and types, and may quote what was sent: to its sender.
        ODataError::new(ErrorKind::Invalid, format!("the request is not what is expected: {error}"))
    })
}

/// The same for a body that may be left out: an empty one says nothing, and so does null.
fn read_optional<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, ODataError> {
    match body.trim_ascii() {
        b"" | b"null" => Ok(T::default()),
        body => read_json(body),
    }
}

fn request_key(headers: &HeaderMap, client: &ClientName) -> Result<Option<RequestKey>, ODataError> {
    let Some(header) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = header.to_str().unwrap_or_default();
    Ok(Some(RequestKey::parse(client, key)?))
}
