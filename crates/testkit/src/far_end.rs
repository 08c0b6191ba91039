//! The receiving ends of the exchange without a socket: what headquarters and a channel answer to
//! a request, in the words of the asking side's port.
//!
//! It must never decide anything: it calls the use cases that the web crates call.

use std::error::Error;

use jiff::Timestamp;
use tillsync_channel::Edge;
use tillsync_channel::realtime::{CallError, pass_on_create_customer};
use tillsync_channel::receive::{self, receive_hello, receive_upload};
use tillsync_channel::remote_search::{pass_on_add_to_store, pass_on_search};
use tillsync_channel::sell::pass_on_create_order;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll, PollAnswer,
    RefusedField, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreateCustomerCall, CreateOrderCall, CreatedCustomer,
    OrderAnswer, SearchAnswer, SearchCall,
};
use tillsync_hq::Headquarters;
use tillsync_hq::receive::ReceiveError;
use tillsync_hq::storage::DatabaseRecord;

type Answer<T> = Result<T, UpstreamError>;

/// Headquarters as one caller with its credential reaches it.
pub struct AtHeadquarters<'a> {
    /// The node that answers.
    pub hq: &'a Headquarters,
    /// The credential that the caller presents.
    pub secret: &'a Secret,
}

impl AtHeadquarters<'_> {
    fn device(&self) -> Answer<DatabaseRecord> {
        self.hq.authenticate_device(self.secret).map_err(|e| refused(e.kind(), &e, None))
    }

    fn database(&self, id: &DatabaseId) -> Answer<DatabaseRecord> {
        let device = self.device()?;
        self.hq.authorize_for(&device, id).map_err(|e| refused(e.kind(), &e, None))
    }

    /// Redeems the code of a register that the calling channel passes on.
    ///
    /// # Errors
    /// Refused.
    pub fn enrol_register(&self, request: &EnrolRequest) -> Answer<Enrolled> {
        let channel = self.device()?.database.id;
        self.hq.enrol_device(request, Some(&channel)).map_err(|e| refused(e.kind(), &e, None))
    }

    /// Opens a conversation.
    ///
    /// # Errors
    /// Refused.
    pub fn hello(&self, hello: &Hello) -> Answer<Welcome> {
        self.hq.welcome(&self.device()?, hello).map_err(refused_upload)
    }

    /// Takes a package of log entries.
    ///
    /// # Errors
    /// Refused, with where headquarters stands.
    pub fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Answer<UploadReceipt> {
        let device = self.device()?;
        self.hq.receive_upload(&device, manifest, bytes).map_err(|error| {
            self.hq.record_failed_upload(&device, manifest, &error).ok();
            refused_upload(error)
        })
    }

    /// Answers a poll at once, whatever it would wait for.
    ///
    /// # Errors
    /// Refused.
    pub fn poll(&self, poll: &Poll) -> Answer<PollAnswer> {
        let database = self.database(&poll.database)?;
        let outcome = self.hq.answer_poll(&database, poll, true);
        Ok(outcome.map_err(|e| refused(e.kind(), &e, None))?.answer)
    }

    /// The bytes of a package that was offered to a database.
    ///
    /// # Errors
    /// Refused.
    pub fn fetch(&self, database: &DatabaseId, package: PackageId) -> Answer<Vec<u8>> {
        let database = self.database(database)?.database.id;
        let found = self.hq.find_package(&database, &package);
        let found = found.map_err(|e| refused(e.kind(), &e, None))?;
        let mut bytes = Vec::new();
        self.hq.packages().read_object(&found.location, &mut bytes).map_err(|error| {
            let error = self.hq.judge_unreadable(&database, &package, error);
            refused(error.kind(), &error, None)
        })?;
        Ok(bytes)
    }

    /// Creates a customer now.
    ///
    /// # Errors
    /// Refused.
    pub fn create_customer(&self, call: &CreateCustomerCall) -> Answer<CreatedCustomer> {
        self.hq.create_now(&self.device()?, call).map_err(|error| {
            let (kind, message) = (error.kind(), error.to_string());
            let violations = error.violations().map_or(&[][..], |violations| &violations.0);
            let fields = violations.iter().map(RefusedField::from).collect();
            UpstreamError::Refused { kind, message, watermark: None, fields }
        })
    }

    /// Takes an order now.
    ///
    /// # Errors
    /// Refused.
    pub fn create_order(&self, call: &CreateOrderCall) -> Answer<OrderAnswer> {
        let answer = self.hq.create_order_now(&self.device()?, call);
        answer.map_err(|e| refused(e.kind(), &e, None))
    }

    /// Searches all stores.
    ///
    /// # Errors
    /// Refused.
    pub fn search_customers(&self, call: &SearchCall) -> Answer<SearchAnswer> {
        let answer = self.hq.search_all_stores(&self.device()?, call);
        answer.map_err(|e| refused(e.kind(), &e, None))
    }

    /// Takes a customer into the caller's store.
    ///
    /// # Errors
    /// Refused.
    pub fn add_to_store(&self, call: &AddToStoreCall) -> Answer<AddToStoreAnswer> {
        let answer = self.hq.add_to_store(&self.device()?, call);
        answer.map_err(|e| refused(e.kind(), &e, None))
    }

    /// Notes how a download went.
    ///
    /// # Errors
    /// Refused.
    pub fn report(
        &self,
        session: &SessionId,
        report: &DownloadReport,
    ) -> Answer<DownloadReportAnswer> {
        self.database(&report.database)?;
        let status = self.hq.report_download(session, report);
        let status = status.map_err(|e| refused(e.kind(), &e, None))?;
        Ok(DownloadReportAnswer { status: status.to_string() })
    }
}

/// Redeems the code of a channel, which has no credential yet.
///
/// # Errors
/// Refused.
pub fn enrol_channel(hq: &Headquarters, request: &EnrolRequest) -> Answer<Enrolled> {
    hq.enrol_device(request, None).map_err(|e| refused(e.kind(), &e, None))
}

/// A channel as one of its registers reaches it.
pub struct AtChannel<'a> {
    /// The channel.
    pub edge: &'a Edge,
    /// The register that speaks.
    pub register: &'a DatabaseId,
    /// The channel's time.
    pub now: Timestamp,
}

impl AtChannel<'_> {
    /// Opens a conversation.
    ///
    /// # Errors
    /// Refused.
    pub fn hello(&self, hello: &Hello) -> Answer<Welcome> {
        receive_hello(self.edge, self.register, hello, self.now).map_err(refused_by_store)
    }

    /// Takes a package of log entries.
    ///
    /// # Errors
    /// Refused, with where the channel stands.
    pub fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Answer<UploadReceipt> {
        receive_upload(self.edge, self.register, manifest, bytes, self.now)
            .map_err(refused_by_store)
    }

    /// Passes a call on along the channel's own way to headquarters.
    ///
    /// # Errors
    /// Refused, by headquarters or because it cannot be reached.
    pub fn create_customer(
        &self,
        onward: &dyn Upstream,
        call: &CreateCustomerCall,
    ) -> Answer<CreatedCustomer> {
        let answer = pass_on_create_customer(self.edge, onward, call, self.now);
        answer.map_err(not_passed_on)
    }

    /// The same for an order.
    ///
    /// # Errors
    /// Refused, by headquarters or because it cannot be reached.
    pub fn create_order(
        &self,
        onward: &dyn Upstream,
        call: &CreateOrderCall,
    ) -> Answer<OrderAnswer> {
        let answer = pass_on_create_order(self.edge, onward, call, self.now);
        answer.map_err(not_passed_on)
    }
}

impl AtChannel<'_> {
    /// The same for a search.
    ///
    /// # Errors
    /// Refused, by headquarters or because it cannot be reached.
    pub fn search_customers(
        &self,
        onward: &dyn Upstream,
        call: &SearchCall,
    ) -> Answer<SearchAnswer> {
        pass_on_search(self.edge, onward, call, self.now).map_err(not_passed_on)
    }

    /// The same for taking a customer into the store.
    ///
    /// # Errors
    /// Refused, by headquarters or because it cannot be reached.
    pub fn add_to_store(
        &self,
        onward: &dyn Upstream,
        call: &AddToStoreCall,
    ) -> Answer<AddToStoreAnswer> {
        pass_on_add_to_store(self.edge, onward, call, self.now).map_err(not_passed_on)
    }
}

fn not_passed_on(error: CallError) -> UpstreamError {
    let (kind, message) = (error.kind(), error.to_string());
    let fields = match error {
        CallError::Refused { fields, .. } => fields,
        CallError::Skipped | CallError::Unanswered(_) => Vec::new(),
    };
    UpstreamError::Refused { kind, message, watermark: None, fields }
}

fn refused(kind: ErrorKind, error: &dyn Error, watermark: Option<Watermark>) -> UpstreamError {
    UpstreamError::Refused { kind, message: error.to_string(), watermark, fields: Vec::new() }
}

fn refused_upload(error: ReceiveError) -> UpstreamError {
    refused(error.kind(), &error, error.watermark())
}

fn refused_by_store(error: receive::ReceiveError) -> UpstreamError {
    refused(error.kind(), &error, error.watermark())
}
