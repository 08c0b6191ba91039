//! An upstream that enrols one database and is away otherwise.

use std::io::Write;

use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::ids::{PackageId, SessionId};
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll, PollAnswer,
    UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};

pub(crate) struct Enrolling(pub(crate) Enrolled);

fn away<T>() -> Result<T, UpstreamError> {
    Err(UpstreamError::Unreachable("there is no headquarters here".into()))
}

impl Upstream for Enrolling {
    fn enrol(&self, _: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        Ok(self.0.clone())
    }

    fn hello(&self, _: &Hello) -> Result<Welcome, UpstreamError> {
        away()
    }

    fn upload(&self, _: &Manifest, _: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        away()
    }

    fn poll(&self, _: &Poll) -> Result<PollAnswer, UpstreamError> {
        away()
    }

    fn fetch(&self, _: PackageId, _: &mut dyn Write) -> Result<(), UpstreamError> {
        away()
    }

    fn report(
        &self,
        _: SessionId,
        _: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        away()
    }

    fn create_customer(&self, _: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        away()
    }
}
