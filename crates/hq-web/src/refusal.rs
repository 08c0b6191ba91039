//! How a failure is said over HTTP: one status per kind, one body for all of them.
//!
//! What only operators of the server may know goes to the log, never into an answer.

use std::error::Error;
use std::fmt::Display;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::promotion::Defect;
use tillsync_exchange::messages::{Refusal, RefusedField};
use tillsync_hq::access::AccessError;
use tillsync_hq::configuration::ConfigurationError;
use tillsync_hq::create_now::CreateNowError;
use tillsync_hq::create_order_now::CreateOrderError;
use tillsync_hq::default_customers::DefaultCustomerError;
use tillsync_hq::distribution::DistributionError;
use tillsync_hq::exclusion::ExclusionError;
use tillsync_hq::features::FeatureError;
use tillsync_hq::history::HistoryError;
use tillsync_hq::items::ItemError;
use tillsync_hq::jobs::{JobError, ScheduleError};
use tillsync_hq::offline_profiles::OfflineProfileError;
use tillsync_hq::operations::OperationError;
use tillsync_hq::parameters::ParameterError;
use tillsync_hq::profiles::ProfileError;
use tillsync_hq::receive::ReceiveError;
use tillsync_hq::recovery::RecoveryError;
use tillsync_hq::remote_search::RemoteSearchError;
use tillsync_hq::repair_transactions::RepairError;
use tillsync_hq::sequences::SequenceError;
use tillsync_hq::staff::StaffError;
use tillsync_hq::statements::StatementError;
use tillsync_hq::storage::StorageError;
use tillsync_hq::synchronize_orders::SynchronizeError;
use tillsync_hq::trace::TraceError;
use tillsync_hq::validate::ValidateError;

/// A refused request.
#[derive(Debug)]
pub(crate) struct HttpError {
    status: StatusCode,
    // In a box, so that results of handlers stay small.
    refusal: Box<Refusal>,
}

impl HttpError {
    /// Refuses with a kind and a sentence for the caller.
    pub(crate) fn new(kind: ErrorKind, message: impl Display) -> Self {
        let (code, message) = (kind.code().to_owned(), message.to_string());
        let refusal = Refusal { code, message, watermark: None, fields: Vec::new() };
        HttpError { status: status_of(kind), refusal: Box::new(refusal) }
    }

    /// Refuses input that breaks a rule of the interface.
    pub(crate) fn invalid(message: impl Display) -> Self {
        HttpError::new(ErrorKind::Invalid, message)
    }

    /// Refuses a caller that has not shown who it is.
    pub(crate) fn unauthenticated(message: impl Display) -> Self {
        let refused = HttpError::new(ErrorKind::Forbidden, message);
        HttpError { status: StatusCode::UNAUTHORIZED, ..refused }
    }

    /// Refuses a method that is not for this path; the router says in `Allow` which are.
    pub(crate) fn no_such_method() -> Self {
        let message = "this cannot be done here; /api/openapi.json lists what can";
        let refused = HttpError::new(ErrorKind::NotFound, message);
        HttpError { status: StatusCode::METHOD_NOT_ALLOWED, ..refused }
    }

    /// Logs what broke and tells the caller only that something did.
    pub(crate) fn broken(error: &dyn Error) -> Self {
        tracing::error!(error = %with_causes(error, |_| true), "a request failed");
        HttpError::new(ErrorKind::Broken, "internal error; headquarters' log says more")
    }

    /// Puts the failure of a use case into words.
    fn of(kind: ErrorKind, error: &dyn Error) -> Self {
        match kind {
            ErrorKind::Broken => HttpError::broken(error),
            ErrorKind::Busy => {
                tracing::warn!(error = %with_causes(error, |_| true), "a request has to wait");
                HttpError::new(kind, error)
            }
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Forbidden => {
                // What a database driver says is nobody's business outside.
                let is_public = |cause: &(dyn Error + 'static)| !cause.is::<StorageError>();
                HttpError::new(kind, with_causes(error, is_public))
            }
        }
    }
}

/// The HTTP status of a kind of failure.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What an address is told that has failed too often.
pub(crate) fn too_many(_path: &str, message: String) -> Response {
    HttpError::new(ErrorKind::Busy, message).into_response()
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.refusal)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<AccessError> for HttpError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::BadCredential => HttpError::unauthenticated(error),
            error => HttpError::of(error.kind(), &error),
        }
    }
}

impl From<ReceiveError> for HttpError {
    fn from(error: ReceiveError) -> Self {
        let watermark = error.watermark().map(Into::into);
        let mut refused = HttpError::of(error.kind(), &error);
        refused.refusal.watermark = watermark;
        refused
    }
}

impl From<CreateNowError> for HttpError {
    fn from(error: CreateNowError) -> Self {
        let violations = error.violations().map_or(&[][..], |violations| &violations.0);
        let fields = violations.iter().map(RefusedField::from).collect();
        let mut refused = HttpError::of(error.kind(), &error);
        refused.refusal.fields = fields;
        refused
    }
}

impl From<OperationError> for HttpError {
    fn from(error: OperationError) -> Self {
        let mut refused = HttpError::of(error.kind(), &error);
        if let OperationError::Refused { defect: Defect::Rules(violations), .. } = &error {
            refused.refusal.fields = violations.0.iter().map(RefusedField::from).collect();
        }
        refused
    }
}

impl From<ExclusionError> for HttpError {
    fn from(error: ExclusionError) -> Self {
        let mut refused = HttpError::of(error.kind(), &error);
        if matches!(error, ExclusionError::Unconfirmed(_)) {
            refused.refusal.code = "confirmation_required".to_owned();
        }
        refused
    }
}

macro_rules! refuse_by_kind {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for HttpError {
            fn from(error: $error) -> Self {
                HttpError::of(error.kind(), &error)
            }
        })+
    };
}

refuse_by_kind!(
    CreateOrderError,
    DefaultCustomerError,
    DistributionError,
    HistoryError,
    ItemError,
    JobError,
    OfflineProfileError,
    ParameterError,
    ProfileError,
    FeatureError,
    ConfigurationError,
    RecoveryError,
    RemoteSearchError,
    RepairError,
    ScheduleError,
    SequenceError,
    StaffError,
    StatementError,
    StorageError,
    SynchronizeError,
    TraceError,
    ValidateError,
);

/// An error with its causes, as far as `shown` allows.
fn with_causes(error: &dyn Error, shown: impl Fn(&(dyn Error + 'static)) -> bool) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source.filter(|cause| shown(*cause)) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_words_reach_the_log_and_not_the_caller() {
        let constraint = StorageError::Constraint {
            doing: "add",
            source: "UNIQUE constraint failed: secret.column".into(),
        };
        let refused = HttpError::from(AccessError::Storage(constraint));
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(!refused.refusal.message.contains("secret"), "{}", refused.refusal.message);
        let broken = StorageError::Broken { doing: "add", source: "disk secret".into() };
        let refused = HttpError::from(broken);
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!refused.refusal.message.contains("secret"), "{}", refused.refusal.message);
    }

    #[test]
    fn a_busy_answer_says_when_to_come_back() {
        let busy = StorageError::Busy { doing: "write", source: "locked".into() };
        let response = HttpError::from(busy).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
