//! Headquarters in memory: an inbox that knows entries by id, offers, and faults to order.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tillsync_domain::ids::{
    Counter, CustomerGuid, DatabaseId, EntryId, EpochId, PackageId, SessionId,
};
use tillsync_domain::kind::ErrorKind;
use tillsync_domain::operation::Watermark;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, DownloadResult, EnrolRequest, Enrolled, ExchangeMode,
    Hello, Offer, Poll, PollAnswer, RefusedField, UploadReceipt, Welcome,
};
use tillsync_exchange::package::{Manifest, PackageReader, Span, Verifier};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use tillsync_exchange::rows::ContentHash;
use tillsync_exchange::rows::download::{AddressRow, CustomerRow};
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_exchange::version::SPOKEN;

use super::world::at;
use crate::upstream::{Upstream, UpstreamError};

/// What goes wrong with the next call of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The call does not arrive.
    Cut,
    /// The call takes effect, but its answer is lost.
    AnswerLost,
    /// The call is refused for a reason that has nothing to do with the sender.
    Refused,
    /// The call takes effect, but the answer is about somebody else.
    Garbled,
    /// The call is refused as if nothing had been received yet.
    PointsBack,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) enrols: Option<Enrolled>,
    pub(super) credentials: Vec<String>,
    pub(super) inbox: Vec<LogRow>,
    pub(super) hashes: HashMap<EntryId, ContentHash>,
    pub(super) quarantined: Vec<LogRow>,
    pub(super) watermarks: HashMap<EpochId, Watermark>,
    pub(super) hellos: usize,
    pub(super) uploads: Vec<(Manifest, Vec<u8>)>,
    pub(super) upload_faults: VecDeque<Fault>,
    pub(super) report_faults: VecDeque<Fault>,
    pub(super) is_cut: bool,
    pub(super) mode: ExchangeMode,
    pub(super) pull: u64,
    pub(super) pulled: u64,
    pub(super) offers: Vec<Offer>,
    pub(super) packages: HashMap<PackageId, Vec<u8>>,
    pub(super) fetches: usize,
    pub(super) reports: Vec<(SessionId, DownloadReport)>,
    pub(super) polls: usize,
    /// The calls that arrived, in order, whatever became of them.
    pub(super) calls: Vec<CreateCustomerCall>,
    pub(super) call_faults: VecDeque<Fault>,
    /// What calls are refused with from now on.
    pub(super) refuses_calls: Option<(ErrorKind, Vec<RefusedField>)>,
    pub(super) created: Vec<CreatedCustomer>,
}

#[derive(Default)]
pub(super) struct FakeUpstream {
    state: Mutex<State>,
    changed: Condvar,
}

impl FakeUpstream {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Waits until something holds, and fails the test when it never does.
    pub(super) fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let wait = self
            .changed
            .wait_timeout_while(self.lock(), Duration::from_secs(20), |state| !holds(state));
        let (state, _) = wait.expect("no test panics while it holds this");
        assert!(holds(&state), "{what} never happened");
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn received(&self) -> usize {
        self.lock().inbox.len()
    }

    pub(super) fn results(&self) -> Vec<DownloadResult> {
        self.lock().reports.iter().map(|(_, report)| report.result).collect()
    }

    fn connected(&self) -> Result<MutexGuard<'_, State>, UpstreamError> {
        let state = self.lock();
        if state.is_cut { Err(cut()) } else { Ok(state) }
    }
}

fn cut() -> UpstreamError {
    UpstreamError::Unreachable("the line is cut".to_owned())
}

fn refused(kind: ErrorKind, message: &str, watermark: Option<Watermark>) -> UpstreamError {
    UpstreamError::Refused { kind, message: message.to_owned(), watermark, fields: Vec::new() }
}

impl State {
    fn receive(
        &mut self,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<UploadReceipt, UpstreamError> {
        Verifier::check(bytes, manifest)
            .map_err(|error| refused(error.kind(), &error.to_string(), None))?;
        let Span::Upload { epoch, first, .. } = manifest.span.clone() else {
            return Err(refused(ErrorKind::Invalid, "no upload", None));
        };
        let known = *self.watermarks.entry(epoch).or_insert(Watermark::start(epoch));
        if first > known.counter.0 + 1 {
            return Err(refused(ErrorKind::Conflict, "a gap", Some(known)));
        }
        let (mut inserted, mut repeated, mut quarantined) = (0, 0, 0);
        let mut watermark = known;
        let mut reader = PackageReader::new(bytes, manifest).expect("opens");
        while let Some(line) = reader.next_line().expect("reads") {
            let row = LogRow::read(&line).expect("a row");
            if row.counter() > watermark.counter.0 {
                watermark.counter = Counter(row.counter());
                watermark.entry = Some(row.mark());
            }
            match self.hashes.get(&row.id()) {
                None => {
                    self.hashes.insert(row.id(), row.content_hash());
                    self.inbox.push(row);
                    inserted += 1;
                }
                Some(hash) if *hash == row.content_hash() => repeated += 1,
                Some(_) => {
                    self.quarantined.push(row);
                    quarantined += 1;
                }
            }
        }
        self.watermarks.insert(epoch, watermark);
        self.uploads.push((manifest.clone(), bytes.to_vec()));
        Ok(UploadReceipt { watermark: watermark.into(), inserted, repeated, quarantined })
    }
}

impl State {
    /// Creates the customer of a call once, whatever often it is called.
    fn create(&mut self, call: &CreateCustomerCall) -> CreatedCustomer {
        for row in &call.operations {
            let row = LogRow::Operation(OperationRow { counter: 0, ..row.clone() });
            let hash = row.content_hash();
            let known = *self.hashes.entry(row.id()).or_insert(hash);
            assert_eq!(known, hash, "the same id means the same content");
            if !self.inbox.iter().any(|known| known.id() == row.id()) {
                self.inbox.push(row);
            }
        }
        let [creation, addresses @ ..] = call.operations.as_slice() else { panic!("a creation") };
        let known = self.created.iter().find(|known| known.customer.guid == creation.customer);
        if let Some(known) = known {
            return known.clone();
        }
        let version = 100 + self.created.len() as u64;
        let read = |row: &OperationRow| AddressRow {
            customer: row.customer,
            created_at: row.created_at,
            version,
            content: serde_json::from_str(row.content.get()).expect("an address"),
        };
        let created = CreatedCustomer {
            customer: CustomerRow {
                guid: creation.customer,
                account: format!("C-{version}"),
                party_number: format!("P-{version}"),
                created_at: creation.created_at,
                version,
                content: serde_json::from_str(creation.content.get()).expect("a customer"),
            },
            addresses: addresses.iter().map(read).collect(),
            now: at(10),
        };
        self.created.push(created.clone());
        created
    }
}

impl Upstream for FakeUpstream {
    fn create_customer(&self, call: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        let mut state = self.connected()?;
        state.calls.push(call.clone());
        if let Some((kind, fields)) = state.refuses_calls.clone() {
            let (message, watermark) = ("not like this".to_owned(), None);
            return Err(UpstreamError::Refused { kind, message, watermark, fields });
        }
        match state.call_faults.pop_front() {
            Some(Fault::Cut) => Err(cut()),
            Some(Fault::Refused) => Err(refused(ErrorKind::Busy, "no numbers left", None)),
            Some(Fault::AnswerLost) => {
                state.create(call);
                Err(cut())
            }
            Some(Fault::Garbled) => {
                let mut answer = state.create(call);
                answer.customer.guid = CustomerGuid::from_uuid(uuid::Uuid::nil());
                Ok(answer)
            }
            Some(Fault::PointsBack) | None => Ok(state.create(call)),
        }
    }

    fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        let mut state = self.lock();
        state.credentials.push(request.credential_hash.to_string());
        if state.is_cut {
            return Err(cut());
        }
        state.enrols.clone().ok_or_else(|| refused(ErrorKind::Forbidden, "unknown code", None))
    }

    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        let mut state = self.connected()?;
        state.hellos += 1;
        let known = state.watermarks.get(&hello.epoch).copied();
        let watermark = known.unwrap_or(Watermark::start(hello.epoch)).into();
        Ok(Welcome { protocol: SPOKEN.max, watermark, mode: state.mode, now: at(10) })
    }

    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        let mut state = self.connected()?;
        let fault = state.upload_faults.pop_front();
        let answer = match fault {
            Some(Fault::Cut) => Err(cut()),
            Some(Fault::Refused | Fault::Garbled) => {
                Err(refused(ErrorKind::Broken, "its disk is full", None))
            }
            Some(Fault::AnswerLost) => state.receive(manifest, bytes).and(Err(cut())),
            Some(Fault::PointsBack) => {
                let epoch = epoch_of(manifest).expect("an upload");
                Err(refused(ErrorKind::Conflict, "a gap", Some(Watermark::start(epoch))))
            }
            None => state.receive(manifest, bytes),
        };
        drop(state);
        self.changed.notify_all();
        answer
    }

    fn poll(&self, poll: &Poll) -> Result<PollAnswer, UpstreamError> {
        let mut state = self.connected()?;
        state.polls += 1;
        state.pulled = state.pulled.max(poll.pulled);
        self.changed.notify_all();
        let wait = Duration::from_millis(poll.wait_ms.min(50));
        let (state, _) = self
            .changed
            .wait_timeout_while(state, wait, |state| {
                !state.is_cut
                    && state.offers.is_empty()
                    && state.pull <= poll.pulled
                    && state.mode == poll.mode
            })
            .expect("no test panics while it holds this");
        if state.is_cut {
            return Err(cut());
        }
        Ok(PollAnswer {
            revoked: None,
            mode: state.mode,
            pull: state.pull,
            offers: state.offers.clone(),
            testify: None,
        })
    }

    fn fetch(&self, package: PackageId, sink: &mut dyn Write) -> Result<(), UpstreamError> {
        let mut state = self.connected()?;
        state.fetches += 1;
        let bytes = state.packages.get(&package);
        let bytes = bytes.ok_or_else(|| refused(ErrorKind::NotFound, "no such package", None))?;
        sink.write_all(bytes).map_err(UpstreamError::Sink)
    }

    fn report(
        &self,
        session: SessionId,
        report: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        let mut state = self.connected()?;
        let fault = state.report_faults.pop_front();
        if fault == Some(Fault::Cut) {
            return Err(cut());
        }
        state.reports.push((session, report.clone()));
        if report.result == DownloadResult::Applied && fault.is_none() {
            state.offers.retain(|offer| offer.session != session);
        }
        drop(state);
        self.changed.notify_all();
        match fault {
            Some(_) => Err(cut()),
            None => Ok(DownloadReportAnswer { status: "noted".to_owned() }),
        }
    }
}

/// The source of a package, for asserts.
pub(super) fn source_of(manifest: &Manifest) -> Option<DatabaseId> {
    match &manifest.span {
        Span::Upload { source, .. } => Some(source.clone()),
        Span::Download { .. } => None,
    }
}

fn epoch_of(manifest: &Manifest) -> Option<EpochId> {
    match &manifest.span {
        Span::Upload { epoch, .. } => Some(*epoch),
        Span::Download { .. } => None,
    }
}
