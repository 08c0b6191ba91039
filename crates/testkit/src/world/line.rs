//! The line between a database and its upstream: the real use cases of both ends, and faults.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tillsync_channel::Edge;
use tillsync_channel::identity::Identity;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::clock::Clock;
use tillsync_domain::ids::{DatabaseId, PackageId, SessionId};
use tillsync_exchange::device::Secret;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, DownloadResult, EnrolRequest, Enrolled, Hello, Poll,
    PollAnswer, UploadReceipt, Welcome,
};
use tillsync_exchange::package::Manifest;
use tillsync_exchange::realtime::{
    AddToStoreAnswer, AddToStoreCall, CreateCustomerCall, CreateOrderCall, CreatedCustomer,
    OrderAnswer, SearchAnswer, SearchCall,
};
use tillsync_hq::Headquarters;

use super::ports::StoryClock;
use crate::far_end::{AtChannel, AtHeadquarters, enrol_channel};

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
    /// The headquarters at the far end, as the database that speaks to it reaches it.
    fn far_end<T>(
        &self,
        ask: impl FnOnce(AtHeadquarters<'_>) -> Result<T, UpstreamError>,
    ) -> Result<T, UpstreamError> {
        match &self.end {
            End::Headquarters(hq) => {
                let secret = self.credential.as_ref().expect("an enrolled edge");
                ask(AtHeadquarters { hq, secret })
            }
            End::Channel { edge: None, .. } => Err(store_is_down()),
            End::Channel { onward, .. } => onward.carry(|state| state.far_end(ask)),
        }
    }

    /// The store at the other end, if the line leads to one.
    fn store(&self) -> Result<Option<AtChannel<'_>>, UpstreamError> {
        let End::Channel { edge, clock, .. } = &self.end else { return Ok(None) };
        let edge = edge.as_ref().ok_or_else(store_is_down)?;
        let register = self.register.as_ref().expect("an enrolled register");
        Ok(Some(AtChannel { edge, register, now: clock.now() }))
    }
}

impl Upstream for Line {
    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        self.carry(|state| match &state.end {
            End::Headquarters(hq) => enrol_channel(hq, request),
            End::Channel { .. } => state.far_end(|hq| hq.enrol_register(request)),
        })
    }

    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        self.carry(|state| match state.store()? {
            Some(store) => store.hello(hello),
            None => state.far_end(|hq| hq.hello(hello)),
        })
    }

    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        self.carry(|state| match state.store()? {
            Some(store) => store.upload(manifest, bytes),
            None => state.far_end(|hq| hq.upload(manifest, bytes)),
        })
    }

    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError> {
        self.carry(|state| state.far_end(|hq| hq.poll(poll)))
    }

    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError> {
        let database = self.state().register.clone().expect("an enrolled edge");
        let mut bytes = self.carry(|state| state.far_end(|hq| hq.fetch(&database, package)))?;
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
        self.carry(|state| state.far_end(|hq| hq.report(&session, report)))
    }

    fn create_customer(&self, call: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        self.carry(|state| match (&state.end, state.store()?) {
            (End::Channel { onward, .. }, Some(store)) => store.create_customer(&**onward, call),
            _ => state.far_end(|hq| hq.create_customer(call)),
        })
    }

    fn create_order(&self, call: &CreateOrderCall) -> Result<OrderAnswer, UpstreamError> {
        self.carry(|state| match (&state.end, state.store()?) {
            (End::Channel { onward, .. }, Some(store)) => store.create_order(&**onward, call),
            _ => state.far_end(|hq| hq.create_order(call)),
        })
    }

    fn search_customers(&self, call: &SearchCall) -> Result<SearchAnswer, UpstreamError> {
        self.carry(|state| match (&state.end, state.store()?) {
            (End::Channel { onward, .. }, Some(store)) => store.search_customers(&**onward, call),
            _ => state.far_end(|hq| hq.search_customers(call)),
        })
    }

    fn add_to_store(&self, call: &AddToStoreCall) -> Result<AddToStoreAnswer, UpstreamError> {
        self.carry(|state| match (&state.end, state.store()?) {
            (End::Channel { onward, .. }, Some(store)) => store.add_to_store(&**onward, call),
            _ => state.far_end(|hq| hq.add_to_store(call)),
        })
    }
}

fn store_is_down() -> UpstreamError {
    UpstreamError::Unreachable("the store is down".into())
}
