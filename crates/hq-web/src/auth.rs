//! Who is asking: the guard before every route, and what it hands to the handlers.
//!
//! Nothing is cached: a revoked credential stops working with the next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::DatabaseKind;
use tillsync_hq::storage::DatabaseRecord;
use tracing::Instrument;

use crate::app::App;
use crate::refusal::HttpError;
use crate::routes::{Access, Pace};

/// The most time between a request and the beginning of its answer.
const PROMPT_MAX: Duration = Duration::from_secs(30);

/// The same for polls, which wait on purpose, and uploads over a shop's slow line.
const PATIENT_MAX: Duration = Duration::from_secs(300);

/// The longest credential looked at.
const SECRET_CHARS_MAX: usize = 200;

/// The header that carries the number under which the log knows a request.
const REQUEST_HEADER: &str = "tillsync-request";

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The database whose device is asking.
#[derive(Debug, Clone)]
pub(crate) struct Device(pub DatabaseRecord);

/// The operator who is asking, by the name of the token: who did it, in every audit trail.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub String);

/// What a route asks of its callers.
#[derive(Clone)]
pub(crate) struct Guard {
    /// The node.
    pub app: Arc<App>,
    /// Who may call.
    pub access: Access,
    /// How long an answer may take.
    pub pace: Pace,
}

/// Lets a request through to its handler when its caller may make it.
///
/// The path is logged as the route's template: the real one can hold a name or an account.
pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        number,
        method = %request.method(),
        route,
        device = tracing::field::Empty
    );
    let limit = match guard.pace {
        Pace::Prompt => PROMPT_MAX,
        Pace::Patient => PATIENT_MAX,
    };
    let answer = async {
        let answered = tokio::time::timeout(limit, admit(&guard, request, next)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(refused)) => refused.into_response(),
            Err(_) => HttpError::new(
                ErrorKind::Busy,
                format!("no answer within {} s; try again", limit.as_secs()),
            )
            .into_response(),
        };
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    };
    let mut response = answer.instrument(span).await;
    response.headers_mut().insert(REQUEST_HEADER, number.into());
    response
}

async fn admit(guard: &Guard, mut request: Request, next: Next) -> Result<Response, HttpError> {
    match guard.access {
        Access::Public => {}
        Access::Device => {
            let secret = presented(request.headers())?;
            let record = guard.app.run(move |hq| hq.authenticate_device(&secret)).await?;
            tracing::Span::current().record("device", record.database.id.as_str());
            if record.database.kind == DatabaseKind::Register {
                let message = "a register reaches headquarters only through its channel";
                return Err(HttpError::new(ErrorKind::Forbidden, message.to_owned()));
            }
            request.extensions_mut().insert(Device(record));
        }
        Access::Operator => {
            let hash = presented(request.headers())?.hash();
            let token = guard.app.run(move |hq| hq.authenticate_operator(&hash)).await?;
            request.extensions_mut().insert(Operator(token.name));
        }
    }
    Ok(next.run(request).await)
}

/// The credential of a request.
///
/// # Errors
/// Forbidden: none, or not in the form `Bearer SECRET`.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Secret, HttpError> {
    let credential = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    credential
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .filter(|secret| (1..=SECRET_CHARS_MAX).contains(&secret.len()))
        .map(Secret::presented)
        .ok_or_else(|| {
            HttpError::unauthenticated("send a credential as `Authorization: Bearer SECRET`")
        })
}

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        // A handler on a route that is not for devices finds nobody.
        let device = parts.extensions.get::<Device>().cloned();
        device.ok_or_else(|| HttpError::unauthenticated("this needs a device's credential"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let operator = parts.extensions.get::<Operator>().cloned();
        operator.ok_or_else(|| HttpError::unauthenticated("this needs an operator's token"))
    }
}
