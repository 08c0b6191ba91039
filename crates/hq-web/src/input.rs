//! Reading requests: every refusal has the same body as any other, and every input is bounded.

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tillsync_domain::kind::ErrorKind;

use crate::refusal::HttpError;

/// The largest body of a request that is not an upload, in bytes.
pub(crate) const JSON_BYTES_MAX: usize = 64 << 10;

/// Items on a page unless the caller says otherwise.
const PAGE_ITEMS: usize = 50;

/// The most items on a page.
const PAGE_ITEMS_MAX: usize = 1_000;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

/// The parameters behind the question mark.
pub(crate) struct Params<T>(pub T);

/// The one variable segment of a path.
pub(crate) struct Segment<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let invalid = |refused: JsonRejection| HttpError::invalid(refused.body_text());
        // Read twice: a list would be taken for an object whose fields come in order.
        let Json(raw) =
            Json::<Box<RawValue>>::from_request(request, state).await.map_err(invalid)?;
        if !raw.get().starts_with('{') {
            return Err(HttpError::invalid("the body must be a JSON object"));
        }
        let read = Json::<T>::from_bytes(raw.get().as_bytes());
        read.map(|Json(body)| Body(body)).map_err(invalid)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(params)| Params(params))
            .map_err(|refused| HttpError::invalid(refused.body_text()))
    }
}

impl<T, S> FromRequestParts<S> for Segment<T>
where
    T: FromStr<Err: Display>,
    S: Send + Sync,
{
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = read.map_err(|refused| HttpError::invalid(refused.body_text()))?;
        parse(&text).map(Segment)
    }
}

/// Reads a value that a caller wrote as text.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, HttpError> {
    text.parse().map_err(HttpError::invalid)
}

/// Reads a value that may be absent; an empty text counts as absent.
pub(crate) fn parse_option<T: FromStr<Err: Display>>(
    text: Option<&String>,
) -> Result<Option<T>, HttpError> {
    text.filter(|text| !text.is_empty()).map(|text| parse(text)).transpose()
}

/// Reads a name that may be of something that does not exist.
pub(crate) fn parse_known<T: FromStr<Err: Display>>(text: &str) -> Result<T, HttpError> {
    text.parse().map_err(|unknown| HttpError::new(ErrorKind::NotFound, unknown))
}

/// Reads one of a closed list of names, whatever its case; an empty text counts as absent.
pub(crate) fn parse_named<T: Copy>(
    text: Option<&String>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Option<T>, HttpError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let found = all.iter().find(|value| name(**value).eq_ignore_ascii_case(text));
    found.copied().map(Some).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
        HttpError::invalid(format!("{text:?} is none of {}", names.join(", ")))
    })
}

/// How many items a caller wants on a page.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct PageSize(Option<usize>);

impl PageSize {
    /// The number of items.
    ///
    /// # Errors
    /// Invalid: none, or more than a page holds.
    pub(crate) fn items(self) -> Result<usize, HttpError> {
        match self.0.unwrap_or(PAGE_ITEMS) {
            items @ 1..=PAGE_ITEMS_MAX => Ok(items),
            items => Err(HttpError::invalid(format!(
                "limit is {items}, but a page holds 1 to {PAGE_ITEMS_MAX} items"
            ))),
        }
    }
}
