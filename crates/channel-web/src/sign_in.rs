//! `/auth`: signing in at a node with an operator number and a PIN, and out again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tillsync_channel::sign_in::{NewSignIn, Presented, SignInError, sign_in, sign_out};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::staff::Pin;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth;
use crate::commerce::{Arrived, body_of};
use crate::odata::ODataError;
use crate::routes::Access;

/// PINs that are compared at once: each takes a processor and 19 MiB.
const COMPARED_AT_ONCE: usize = 2;
/// People who may wait for that.
const WAITING_MAX: usize = 32;

/// Keeps sign-ins from taking all processors and all memory of a till.
pub(crate) struct PinGate {
    comparing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for PinGate {
    fn default() -> Self {
        PinGate {
            comparing: Arc::new(Semaphore::new(COMPARED_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

impl PinGate {
    async fn enter(&self) -> Result<OwnedSemaphorePermit, ODataError> {
        let busy = || ODataError::new(ErrorKind::Busy, "too many sign in at once; try again");
        let _place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        Arc::clone(&self.comparing).acquire_owned().await.map_err(|_| busy())
    }
}

/// What a program sends for somebody who signs in, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// `password`.
    grant_type: String,
    /// The operator number.
    username: String,
    /// The PIN.
    password: String,
}

/// A sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// What is presented from now on in the place of the program's token.
    access_token: String,
    /// `bearer`.
    token_type: &'static str,
    /// How long it lasts, in seconds.
    expires_in: i64,
    staff: StaffJson,
}

/// Who signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Staff)]
struct StaffJson {
    /// The operator number.
    id: String,
    /// The name.
    name: String,
    /// `cashier` or `manager`.
    role: &'static str,
}

impl TokenAnswer {
    fn of(made: &NewSignIn, now: jiff::Timestamp) -> Self {
        TokenAnswer {
            access_token: made.token.reveal().to_owned(),
            token_type: "bearer",
            expires_in: made.expires_at.duration_since(now).as_secs(),
            staff: StaffJson {
                id: made.staff.id.to_string(),
                name: made.name.to_string(),
                role: made.staff.role.as_str(),
            },
        }
    }
}

/// Signs a member of staff in. `Authorization` carries the token of the program.
#[utoipa::path(post, path = "/auth/token", tag = "sign-in", request_body = TokenRequest,
    responses((status = 200, body = TokenAnswer)))]
pub(crate) async fn issue_token(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Arrived,
) -> Result<Response, ODataError> {
    let program = auth::presented(&headers);
    app.run(move |app| auth::admit(app, program, Access::Program)).await??;
    let client = program.ok_or_else(ODataError::unauthenticated)?;
    let TokenRequest { grant_type, username, password } = read_request(&headers, body)?;
    if grant_type != "password" {
        let message = "grant_type: must be `password`, with the operator number as username and \
                       the PIN as password";
        return Err(ODataError::new(ErrorKind::Invalid, message));
    }
    // Held until the PIN is compared, even if nobody waits for the answer any more.
    let permit = app.pins.enter().await?;
    let answer = app.run(move |app| {
        let _permit = permit;
        let (now, lasts) = (app.now(), app.sign_in.lasts);
        let presented =
            Presented { client, staff: username, pin: Pin::parse(&password).ok(), lasts };
        let made = sign_in(&app.edge, presented, now).map_err(|error| refuse(error, now))?;
        Ok(TokenAnswer::of(&made, now))
    });
    match answer.await? {
        Ok(answer) => {
            let no_store = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(([no_store], Json(answer)).into_response())
        }
        Err(Refusal { error, wait }) => {
            let mut response = error.into_response();
            if let Some(seconds) = wait {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
    }
}

/// Signs out whoever presents their token.
#[utoipa::path(post, path = "/auth/revoke", tag = "sign-in", responses((status = 204)))]
pub(crate) async fn revoke_token(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<StatusCode, ODataError> {
    let token = auth::presented(&headers);
    app.run(move |app| {
        auth::admit(app, token, Access::Staff)?;
        let token = token.ok_or_else(ODataError::unauthenticated)?;
        sign_out(&app.edge, token)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// Why nobody is signed in, and for how many seconds it stays so.
struct Refusal {
    error: ODataError,
    wait: Option<u64>,
}

fn refuse(error: SignInError, now: jiff::Timestamp) -> Refusal {
    let coded = ODataError::new(error.kind(), error.to_string()).with_code(error.code());
    match error {
        // The status that is counted against the address.
        SignInError::Wrong => Refusal { error: coded.unauthorized(), wait: None },
        SignInError::NoClient => Refusal { error: ODataError::unauthenticated(), wait: None },
        SignInError::LockedOut { staff, until, is_known } => {
            if is_known {
                tracing::warn!(%staff, %until, "an operator number is locked");
            } else {
                tracing::warn!(%until, "an operator number that nobody has is locked");
            }
            let wait = u64::try_from(until.duration_since(now).as_secs()).unwrap_or(0) + 1;
            Refusal { error: coded, wait: Some(wait) }
        }
        SignInError::Role { .. } => Refusal { error: coded, wait: None },
        SignInError::Db(error) => Refusal { error: error.into(), wait: None },
    }
}

/// Reads the request without a word of what stands in it: it holds a PIN.
fn read_request(headers: &HeaderMap, body: Arrived) -> Result<TokenRequest, ODataError> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let body = body_of(body)?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|it| it.to_ascii_lowercase().starts_with(FORM));
    let read = if is_form {
        serde_urlencoded::from_bytes(&body).map_err(drop)
    } else {
        serde_json::from_slice(&body).map_err(drop)
    };
    read.map_err(|()| {
        let message = "send grant_type, username and password, all texts, as JSON or as a form";
        ODataError::new(ErrorKind::Invalid, message)
    })
}
