//! The line between a database and its upstream: the real use cases of both ends, and faults.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tillsync_channel::Edge;
use tillsync_channel::identity::Identity;
use tillsync_channel::receive::{self, receive_hello, receive_upload};
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, DownloadResult, EnrolRequest, Enrolled, Hello, Poll,
    PollAnswer, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_hq::Headquarters;
use tillsync_hq::receive::ReceiveError;
use tillsync_hq::storage::DatabaseRecord;

use super::ports::StoryClock;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing gets through.
    Cut,
    /// Requests arrive and take effect, answers get lost: this many times, then it works.
    LoseAnswers(u32),
    /// Package bytes are damaged on the way down: this many times, then it works.
    DamagePackages(u32),
    /// Packages break off on the way down; everything else works.
    BreakOffPackages,
    /// Reports that a package was applied do not get through; everything else does.
    DropAppliedReports,
}

enum End {
    Headquarters(Arc<Headquarters>),
    Channel { edge: Option<Arc<Edge>>, onward: Arc<Line>, clock: Arc<StoryClock> },
}

struct State {
    fault: Option<Fault>,
    end: End,
    credential: Option<Secret>,
    register: Option<DatabaseId>,
}

/// A line from one database to its upstream.
pub struct Line(Mutex<State>);

impl Line {
    /// A line to headquarters.
    pub fn to_headquarters(hq: Arc<Headquarters>) -> Self {
        Line::ending_at(End::Headquarters(hq))
    }

    /// A line to a store, which passes on along its own line what it does not answer itself.
    pub fn to_channel(edge: Arc<Edge>, onward: Arc<Line>, clock: Arc<StoryClock>) -> Self {
        Line::ending_at(End::Channel { edge: Some(edge), onward, clock })
    }

    fn ending_at(end: End) -> Self {
        Line(Mutex::new(State { fault: None, end, credential: None, register: None }))
    }

    /// Breaks the line.
    pub fn suffer(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Makes the line whole.
    pub fn mend(&self) {
        self.state().fault = None;
    }

    /// Presents this identity at the other end from now on.
    pub(super) fn present_as(&self, identity: &Identity) {
        let mut state = self.state();
        state.credential = Some(identity.credential.clone());
        state.register = Some(identity.database.clone());
    }

    /// The store at the other end was started anew.
    pub(super) fn lead_to(&self, store: Arc<Edge>) {
        if let End::Channel { edge, .. } = &mut self.state().end {
            *edge = Some(store);
        }
    }

    /// The store at the other end was stopped.
    pub(super) fn lead_nowhere(&self) {
        if let End::Channel { edge, .. } = &mut self.state().end {
            *edge = None;
        }
    }

    /// Headquarters at the other end was started anew. A line to a store stays as it is.
    pub(super) fn lead_to_headquarters(&self, hq: &Arc<Headquarters>) {
        if let End::Headquarters(end) = &mut self.state().end {
            *end = Arc::clone(hq);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics on the line")
    }

    /// Carries a request there and its answer back, as far as the line's fault lets it.
    fn carry<T>(
        &self,
        request: impl FnOnce(&State) -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        let mut state = self.state();
        if state.fault == Some(Fault::Cut) {
            return Err(UpstreamError::Unreachable("the line is cut".into()));
        }
        let answer = request(&state);
        match state.fault {
            Some(Fault::LoseAnswers(1)) => state.fault = None,
            Some(Fault::LoseAnswers(left)) => state.fault = Some(Fault::LoseAnswers(left - 1)),
            _ => return answer,
        }
        Err(UpstreamError::Unreachable("the answer got lost".into()))
    }
}

impl State {
    fn device(&self, hq: &Headquarters) -> Result<DatabaseRecord, UpstreamError> {
        let secret = self.credential.as_ref().expect("an enrolled edge");
        hq.authenticate_device(secret).map_err(|e| refused(e.kind(), &e, None))
    }

    /// The headquarters at the far end, with the database that speaks to it.
    fn far_end<T>(
        &self,
        ask: impl FnOnce(&Headquarters, &DatabaseRecord) -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        match &self.end {
            End::Headquarters(hq) => ask(hq, &self.device(hq)?),
            End::Channel { edge: None, .. } => Err(store_is_down()),
            End::Channel { onward, .. } => onward.carry(|state| state.far_end(ask)),
        }
    }
}

impl Upstream for Line {
    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        self.carry(|state| match &state.end {
            End::Headquarters(hq) => {
                hq.enrol_device(request, None).map_err(|e| refused(e.kind(), &e, None))
            }
            End::Channel { .. } => state.far_end(|hq, channel| {
                hq.enrol_device(request, Some(&channel.database.id))
                    .map_err(|e| refused(e.kind(), &e, None))
            }),
        })
    }

    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        self.carry(|state| match &state.end {
            End::Headquarters(hq) => hq.welcome(&state.device(hq)?, hello).map_err(refused_upload),
            End::Channel { edge, clock, .. } => {
                let edge = edge.as_ref().ok_or_else(store_is_down)?;
                let register = state.register.as_ref().expect("an enrolled register");
                receive_hello(edge, register, hello, clock.now()).map_err(refused_by_store)
            }
        })
    }

    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        self.carry(|state| match &state.end {
            End::Headquarters(hq) => {
                let device = state.device(hq)?;
                hq.receive_upload(&device, manifest, bytes).map_err(|error| {
                    hq.record_failed_upload(&device, manifest, &error).ok();
                    refused_upload(error)
                })
            }
            End::Channel { edge, clock, .. } => {
                let edge = edge.as_ref().ok_or_else(store_is_down)?;
                let register = state.register.as_ref().expect("an enrolled register");
                receive_upload(edge, register, manifest, bytes, clock.now())
                    .map_err(refused_by_store)
            }
        })
    }

    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError> {
        self.carry(|state| {
            state.far_end(|hq, device| {
                let database = hq
                    .authorize_for(device, &poll.database)
                    .map_err(|e| refused(e.kind(), &e, None))?;
                let outcome = hq
                    .answer_poll(&database, poll, true)
                    .map_err(|e| refused(e.kind(), &e, None))?;
                Ok(outcome.answer)
            })
        })
    }

    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError> {
        let mut bytes = Vec::new();
        let register = self.state().register.clone().expect("an enrolled edge");
        self.carry(|state| {
            state.far_end(|hq, device| {
                let database =
                    hq.authorize_for(device, &register).map_err(|e| refused(e.kind(), &e, None))?;
                let location = hq
                    .request_package(&database.database.id, &package)
                    .map_err(|e| refused(e.kind(), &e, None))?;
                hq.packages()
                    .read_object(&location, &mut bytes)
                    .map_err(|e| refused(e.kind(), &e, None))
            })
        })?;
        let mut state = self.state();
        if state.fault == Some(Fault::BreakOffPackages) {
            return Err(UpstreamError::Unreachable("the line broke off".into()));
        }
        if let Some(Fault::DamagePackages(left)) = state.fault {
            state.fault = (left > 1).then_some(Fault::DamagePackages(left - 1));
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
        }
        sink.write_all(&bytes).map_err(UpstreamError::Sink)
    }

    fn report(
        &self,
        session: SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        let drops = self.state().fault == Some(Fault::DropAppliedReports);
        if drops && report.result == DownloadResult::Applied {
            return Err(UpstreamError::Unreachable("the report got lost".into()));
        }
        self.carry(|state| {
            state.far_end(|hq, device| {
                hq.authorize_for(device, &report.database)
                    .map_err(|e| refused(e.kind(), &e, None))?;
                let status = hq
                    .report_download(&session, report)
                    .map_err(|e| refused(e.kind(), &e, None))?;
                Ok(DownloadReportAnswer { status: status.to_string() })
            })
        })
    }
}

fn store_is_down() -> UpstreamError {
    UpstreamError::Unreachable("the store is down".into())
}

fn refused(
    kind: ErrorKind,
    error: &dyn std::error::Error,
    watermark: Option<Watermark>,
) -> UpstreamError {
    UpstreamError::Refused { kind, message: error.to_string(), watermark }
}

fn refused_upload(error: ReceiveError) -> UpstreamError {
    refused(error.kind(), &error, error.watermark())
}

fn refused_by_store(error: receive::ReceiveError) -> UpstreamError {
    refused(error.kind(), &error, error.watermark())
}
