//! The error object of the customer interface, and reading keys and fields of requests.
//!
//! It must never put an internal cause into an answer: those go to the log.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tillsync_channel::DbError;
use tillsync_channel::create::CreateError;
use tillsync_channel::offline::SwitchError;
use tillsync_channel::remote_search::RemoteError;
use tillsync_channel::search::SearchError;
use tillsync_channel::sell::SellError;
use tillsync_channel::shifts::ShiftError;
use tillsync_channel::violations::{EdgeViolation, EdgeViolations};
use tillsync_domain::customer::Violations;
use tillsync_domain::ids::CustomerKey;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::RefusedField;
use utoipa::ToSchema;

use crate::app::Unserved;
use crate::exchange::Refused;

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Detail {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) target: String,
}

impl Detail {
    pub(crate) fn new(kind: ErrorKind, target: &str, message: impl Into<String>) -> Self {
        Detail { code: kind.code(), message: message.into(), target: target.to_owned() }
    }

    pub(crate) fn invalid(target: &str, message: impl Into<String>) -> Self {
        Detail::new(ErrorKind::Invalid, target, message)
    }
}

/// A refused request.
#[derive(Debug)]
pub(crate) struct ODataError {
    status: StatusCode,
    body: Body,
}

/// The error object of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ODataErrorJson {
    error: Body,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ODataErrorObject)]
struct Body {
    code: &'static str,
    message: String,
    target: Option<String>,
    details: Vec<Detail>,
}

impl ODataError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (target, details) = (None, Vec::new());
        let body = Body { code: kind.code(), message: message.into(), target, details };
        ODataError { status: status_of(kind), body }
    }

    /// Refuses a caller that this node does not know.
    pub(crate) fn unauthenticated() -> Self {
        let message = "present the token of a program, or of somebody who is signed in, as \
                       `Authorization: Bearer TOKEN`; tokens of programs are made with tillsync \
                       on the machine of this node, and whoever was signed in signs in again";
        ODataError::new(ErrorKind::Forbidden, message).unauthorized()
    }

    /// The same with a name of its own for programs.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.body.code = code;
        self
    }

    /// The same as an answer to a credential that is not good.
    pub(crate) fn unauthorized(self) -> Self {
        ODataError { status: StatusCode::UNAUTHORIZED, ..self }
    }

    /// Refuses fields; the first one is also the target of the whole.
    pub(crate) fn fields(details: Vec<Detail>) -> Self {
        let is_conflict = details.iter().all(|detail| detail.code == ErrorKind::Conflict.code());
        let kind = if is_conflict { ErrorKind::Conflict } else { ErrorKind::Invalid };
        let message = match details.as_slice() {
            [only] => format!("{}: {}", only.target, only.message),
            several => format!("{} fields were refused", several.len()),
        };
        let target = details.first().map(|detail| detail.target.clone());
        let mut refused = ODataError::new(kind, message);
        (refused.body.target, refused.body.details) = (target, details);
        refused
    }

    /// Passes on what headquarters refused, with the fields that it named.
    fn by_headquarters(kind: ErrorKind, message: String, fields: Vec<RefusedField>) -> Self {
        let detail = |field: RefusedField| Detail::new(kind, &field.field, field.message);
        let details: Vec<_> = fields.into_iter().map(detail).collect();
        let mut refused =
            ODataError::new(kind, format!("headquarters refused the customer: {message}"));
        refused.body.target = details.first().map(|detail| detail.target.clone());
        refused.body.details = details;
        refused
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("a request has at most {limit} bytes");
        let refused = ODataError::new(ErrorKind::Invalid, message);
        ODataError { status: StatusCode::PAYLOAD_TOO_LARGE, ..refused }
    }

    pub(crate) fn no_customer() -> Self {
        ODataError::new(ErrorKind::NotFound, CreateError::NoCustomer.to_string())
    }

    pub(crate) fn nothing_here() -> Self {
        let message = "there is nothing here; a customer is Customers('KEY'), a sale or an order \
                       SalesOrders('ID'), a shift Shifts('ID'), a store OrgUnits('NO'); \
                       /Commerce/openapi.json lists everything";
        ODataError::new(ErrorKind::NotFound, message)
    }

    /// Refuses a method that is not for this path; the answer must say in `Allow` which are.
    pub(crate) fn no_such_method() -> Self {
        let message = "this cannot be done here; /Commerce/openapi.json lists what can";
        let refused = ODataError::new(ErrorKind::NotFound, message);
        ODataError { status: StatusCode::METHOD_NOT_ALLOWED, ..refused }
    }

    /// Refuses a change of what is not as the caller last saw it.
    pub(crate) fn changed_meanwhile() -> Self {
        let refused =
            ODataError::at(ErrorKind::Conflict, "If-Match", CreateError::Changed.to_string());
        ODataError { status: StatusCode::PRECONDITION_FAILED, ..refused }
    }

    pub(crate) fn no_action() -> Self {
        ODataError::new(ErrorKind::NotFound, "there is no such action here")
    }

    /// Refuses one thing that is named by a field of the request.
    fn at(kind: ErrorKind, target: &str, message: String) -> Self {
        let mut refused = ODataError::new(kind, message);
        refused.body.target = Some(target.to_owned());
        refused
    }

    /// The refused fields, to be joined with others.
    pub(crate) fn into_details(self) -> Vec<Detail> {
        self.body.details
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.body.code
    }

    fn internal(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let mut causes = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        tracing::error!(error = %causes, "a request failed");
        ODataError::new(kind, error.to_string())
    }
}

impl From<Unserved> for ODataError {
    fn from(unserved: Unserved) -> Self {
        ODataError::new(unserved.kind(), unserved.to_string())
    }
}

impl From<DbError> for ODataError {
    fn from(error: DbError) -> Self {
        ODataError::internal(error.kind(), &error)
    }
}

impl From<Violations> for ODataError {
    fn from(violations: Violations) -> Self {
        let detail = |violation: &tillsync_domain::customer::Violation| {
            Detail::invalid(&violation.path(), violation.rule.to_string())
        };
        ODataError::fields(violations.0.iter().map(detail).collect())
    }
}

impl From<CreateError> for ODataError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Rules(violations) => violations.into(),
            CreateError::Db(error) => error.into(),
            CreateError::Stored(_) => ODataError::internal(error.kind(), &error),
            CreateError::RequestKey | CreateError::RequestReused => {
                ODataError::at(error.kind(), "Idempotency-Key", error.to_string())
            }
            CreateError::NoCustomer => ODataError::no_customer(),
            CreateError::Changed => ODataError::changed_meanwhile(),
            CreateError::NotHere(not_here) => {
                let mut refused = ODataError::new(error.kind(), not_here.to_string());
                refused.body.code = not_here.code();
                refused
            }
            CreateError::SwitchedOff(switched_off) => {
                let mut refused = ODataError::new(error.kind(), switched_off.to_string());
                refused.body.code = switched_off.code();
                refused
            }
            CreateError::Refused { kind, message, fields } => {
                ODataError::by_headquarters(kind, message, fields)
            }
        }
    }
}

impl From<SwitchError> for ODataError {
    fn from(error: SwitchError) -> Self {
        match error {
            SwitchError::Db(error) => error.into(),
            SwitchError::NotARegister | SwitchError::NothingHere => {
                ODataError::new(error.kind(), error.to_string())
            }
        }
    }
}

impl From<EdgeViolations> for ODataError {
    fn from(violations: EdgeViolations) -> Self {
        let detail = |violation: &EdgeViolation| {
            Detail::invalid(&violation.path, violation.problem.to_string())
        };
        ODataError::fields(violations.0.iter().map(detail).collect())
    }
}

impl From<SellError> for ODataError {
    fn from(error: SellError) -> Self {
        match error {
            SellError::Rules(violations) => violations.into(),
            SellError::Db(error) => error.into(),
            SellError::NumberUsed(_) | SellError::StillAsked(_) => {
                ODataError::at(error.kind(), "Id", error.to_string())
            }
            SellError::NoShift(_) | SellError::OtherShift { .. } => {
                ODataError::at(error.kind(), "ShiftId", error.to_string())
            }
            SellError::Oversized(_) => ODataError::new(error.kind(), error.to_string()),
            SellError::Number(_) => ODataError::internal(error.kind(), &error),
            SellError::Offline(offline) => {
                let mut refused = ODataError::new(error.kind(), error.to_string());
                refused.body.code = offline.code();
                refused
            }
            SellError::UnderWay(_) | SellError::Unanswered { .. } => {
                ODataError::at(error.kind(), "Id", error.to_string())
            }
            SellError::Refused { kind, code, ref fields, .. } => {
                let detail = |it: &RefusedField| Detail::new(kind, &it.field, it.message.as_str());
                let mut refused = ODataError::new(kind, error.to_string());
                refused.body.code = code.unwrap_or(refused.body.code);
                refused.body.details = fields.iter().map(detail).collect();
                refused
            }
        }
    }
}

impl From<ShiftError> for ODataError {
    fn from(error: ShiftError) -> Self {
        match error {
            ShiftError::Rules(violations) => violations.into(),
            ShiftError::Db(error) => error.into(),
            ShiftError::Number(_) => ODataError::internal(error.kind(), &error),
            ShiftError::AnotherOpen(_)
            | ShiftError::NoShift(_)
            | ShiftError::Elsewhere { .. }
            | ShiftError::ClosedBefore(_)
            | ShiftError::NumberUsed(_) => {
                ODataError::at(error.kind(), "ShiftId", error.to_string())
            }
        }
    }
}

impl From<RemoteError> for ODataError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Db(error) => error.into(),
            RemoteError::NoCustomer => ODataError::new(error.kind(), error.to_string()),
            RemoteError::TooShort | RemoteError::Refused { kind: ErrorKind::Invalid, .. } => {
                let target = "CustomerSearchCriteria.Keyword";
                ODataError::fields(vec![Detail::invalid(target, error.to_string())])
            }
            RemoteError::Refused { .. } | RemoteError::Unanswered(_) => {
                ODataError::new(error.kind(), error.to_string())
            }
        }
    }
}

impl From<SearchError> for ODataError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            SearchError::Blank | SearchError::TooLong => {
                let target = "CustomerSearchCriteria.Keyword";
                ODataError::fields(vec![Detail::invalid(target, error.to_string())])
            }
            SearchError::TooFar => {
                let target = "QueryResultSettings.Paging.Skip";
                ODataError::fields(vec![Detail::invalid(target, error.to_string())])
            }
        }
    }
}

/// What an address is told that has failed too often, as its path speaks.
pub(crate) fn too_many(path: &str, message: String) -> Response {
    match path.starts_with("/Commerce") || path.starts_with("/auth") {
        true => ODataError::new(ErrorKind::Busy, message).into_response(),
        false => Refused::new(ErrorKind::Busy, message).into_response(),
    }
}

impl IntoResponse for ODataError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ODataErrorJson { error: self.body })).into_response();
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

/// The one status per kind.
pub(crate) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Reads `SET('KEY')`, percent-decoded already; a quote inside is doubled. Nothing when the
/// segment is of another set.
pub(crate) fn key_in(set: &str, segment: &str) -> Result<Option<String>, ODataError> {
    let quoted = segment.strip_prefix(set).and_then(|rest| rest.strip_prefix("('"));
    let Some(quoted) = quoted.and_then(|rest| rest.strip_suffix("')")) else { return Ok(None) };
    let key = quoted.replace("''", "'");
    if key.matches('\'').count() != quoted.matches('\'').count() / 2 {
        return Err(ODataError::new(ErrorKind::Invalid, "a quote inside a key is doubled"));
    }
    Ok(Some(key))
}

/// Reads the key of a customer.
pub(crate) fn customer_key(key: &str) -> Result<CustomerKey, ODataError> {
    // A text that can be no key is the key of nobody.
    key.parse().map_err(|_| ODataError::no_customer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_and_quotes_inside_doubled() {
        let key = |segment: &str| {
            let key = key_in("Customers", segment)?.ok_or_else(ODataError::nothing_here)?;
            customer_key(&key).map(|key| key.to_string())
        };
        assert_eq!(key("Customers('C-1')").expect("a key"), "C-1");
        assert_eq!(key("Customers('O''Hara')").expect("a key"), "O'Hara");
        for (segment, code) in [
            ("Customers", "not_found"),
            ("Customers('')", "not_found"),
            ("Customers(C-1)", "not_found"),
            ("Orders('C-1')", "not_found"),
            ("Customers('O'Hara')", "invalid"),
        ] {
            assert_eq!(key(segment).expect_err(segment).code(), code, "{segment}");
        }
    }
}
