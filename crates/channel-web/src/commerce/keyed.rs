//! `/Commerce/SET('KEY')` and what hangs below it: which row of the table is meant.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};

use super::{Arrived, body_of, for_reader};
use crate::app::App;
use crate::auth::Caller;
use crate::odata::{ODataError, key_in};
use crate::routes::{AUTHORIZATION, Route, Verb};

/// Where the keys stand in the paths of the table.
const KEY: &str = "('{key}')";

/// A request about one thing.
pub(crate) struct KeyedCall {
    /// Who asks.
    pub(super) client: Caller,
    /// With which headers.
    pub(super) headers: HeaderMap,
    /// The key of the thing.
    pub(super) key: String,
    /// What stands behind the question mark.
    pub(super) query: Option<String>,
    /// The body; empty where the request has none.
    pub(super) body: Bytes,
}

/// Does what a row says.
pub(crate) type RunKeyed = fn(&App, &KeyedCall) -> Result<Response, ODataError>;

/// What the router is told of paths with a key.
pub(crate) const SEGMENTS: [&str; 2] = ["/Commerce/{entity}", "/Commerce/{entity}/{action}"];

/// Every request whose path has a key.
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    (method, headers, RawQuery(query)): (Method, HeaderMap, RawQuery),
    segments: Result<Path<Vec<String>>, PathRejection>,
    body: Arrived,
) -> Result<Response, ODataError> {
    let body = body_of(body)?;
    let Path(segments) = segments.map_err(|_| ODataError::nothing_here())?;
    let request = headers.clone();
    // Which row it is decides what more a caller needs.
    for_reader(&app, &headers, move |app, client| {
        let (set, action) = match segments.as_slice() {
            [set] => (set, None),
            [set, action] => (set, Some(action.as_str())),
            _ => return Err(ODataError::nothing_here()),
        };
        let (row, run) = match find_row(&method, set, action)? {
            Found::Row(row, run) => (row, run),
            Found::OtherMethods(allowed) => return Ok(refuse_method(&allowed)),
        };
        let key = key_in(set_of(set), set)?.ok_or_else(ODataError::nothing_here)?;
        client.check(row.access, app.sign_in)?;
        run(app, &KeyedCall { client, headers: request, key, query, body })
    })
    .await
}

enum Found {
    Row(&'static Route, RunKeyed),
    OtherMethods(Vec<&'static str>),
}

fn find_row(method: &Method, set: &str, action: Option<&str>) -> Result<Found, ODataError> {
    let suffix = action.map(|action| format!("/{action}")).unwrap_or_default();
    let path = format!("/Commerce/{}{KEY}{suffix}", set_of(set));
    let rows = || AUTHORIZATION.iter().filter(|row| row.path == path);
    let verb = Verb::named(method.as_str());
    let row = rows().find(|row| Some(row.verb) == verb);
    if let Some((row, run)) = row.and_then(|row| Some((row, row.keyed()?))) {
        return Ok(Found::Row(row, run));
    }
    let mut allowed: Vec<_> = rows().map(|row| row.verb.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    match (allowed.is_empty(), action) {
        (false, _) => Ok(Found::OtherMethods(allowed)),
        (true, None) => Err(ODataError::nothing_here()),
        (true, Some(_)) => Err(ODataError::no_action()),
    }
}

fn refuse_method(allowed: &[&str]) -> Response {
    let mut response = ODataError::no_such_method().into_response();
    let allowed = HeaderValue::from_str(&allowed.join(",")).expect("names of methods");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

fn set_of(segment: &str) -> &str {
    segment.split_once('(').map_or(segment, |(set, _)| set)
}
