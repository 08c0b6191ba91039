//! What an edge asks of its upstream, whatever carries it.

use std::io::{self, Write};

use tillsync_domain::ids::{PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll, PollAnswer,
    RefusedField, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreateCustomerCall, CreateOrderCall, CreatedCustomer,
    OrderAnswer, SearchAnswer, SearchCall,
};

/// Why the upstream did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No answer: the line is cut, or the upstream is down. Whether it did what it was asked is not
    /// known.
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(String),
    /// It took longer than the caller waits. Whether it did what it was asked is not known.
    #[error("the upstream did not answer in time: {0}")]
    Slow(String),
    /// It answered that it will not.
    #[error("the upstream refused: {message}")]
    Refused {
        /// What sort of refusal.
        kind: ErrorKind,
        /// In its own words.
        message: String,
        /// Where it stands, when an upload does not continue there.
        watermark: Option<Watermark>,
        /// The fields that it refused, where it is fields.
        fields: Vec<RefusedField>,
    },
    /// What came could not be written down here.
    #[error("keep what the upstream sent")]
    Sink(#[source] io::Error),
}

impl UpstreamError {
    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            UpstreamError::Unreachable(_) | UpstreamError::Slow(_) => ErrorKind::Busy,
            UpstreamError::Refused { kind, .. } => *kind,
            UpstreamError::Sink(_) => ErrorKind::Broken,
        }
    }

    /// Whether the way failed, as opposed to an answer that was not the wished one (F06).
    pub fn is_communication(&self) -> bool {
        matches!(self, UpstreamError::Unreachable(_) | UpstreamError::Slow(_))
    }
}

/// The upstream of an edge: headquarters for a channel, the channel for a register.
///
/// Calls block. Any of them may take effect although an error comes back.
pub trait Upstream: Send + Sync {
    /// Redeems an activation code.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError>;

    /// Opens a conversation.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError>;

    /// Sends one package of operations; the answer comes when it is durable there.
    ///
    /// # Errors
    /// As [`UpstreamError`]; a refusal may say where the upstream stands.
    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError>;

    /// Asks for packages and directives; may wait as long as the poll says.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError>;

    /// Fetches the bytes of a package.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError>;

    /// Says how a download went.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn report(
        &self,
        session: SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError>;

    /// Has headquarters create a customer now; does not wait long.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn create_customer(&self, call: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError>;

    /// Has headquarters take an order now; does not wait long.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn create_order(&self, _call: &CreateOrderCall) -> Result<OrderAnswer, UpstreamError> {
        Err(unknown_call())
    }

    /// Has headquarters search the customers of all stores; does not wait long.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn search_customers(&self, _call: &SearchCall) -> Result<SearchAnswer, UpstreamError> {
        Err(unknown_call())
    }

    /// Has headquarters put a customer into the store's address book; does not wait long.
    ///
    /// # Errors
    /// As [`UpstreamError`].
    fn add_to_store(&self, _call: &AddToStoreCall) -> Result<AddToStoreAnswer, UpstreamError> {
        Err(unknown_call())
    }
}

/// An upstream that knows no such call is none that answers it.
fn unknown_call() -> UpstreamError {
    UpstreamError::Unreachable("it does not answer calls of this sort".to_owned())
}
