//! A register and its channel: the channel as the receiving end, on the real receive functions.

use std::io::Write;
use std::sync::Mutex;

use serde_json::value::RawValue;
use tillsync_domain::ids::{EpochId, PackageId, SessionId};
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::{
    DownloadReport, DownloadReportAnswer, EnrolRequest, Enrolled, Hello, Poll, PollAnswer,
    UploadReceipt, Welcome,
};
use tillsync_exchange::package::{Manifest, PackageWriter, Span};
use tillsync_exchange::realtime::{CreateCustomerCall, CreatedCustomer};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::log::LogRow;
use tillsync_exchange::rows::operation::OperationRow;

use super::fake_upstream::FakeUpstream;
use super::world::{Shop, at, restored_copy, shop, temporary};
use crate::find::find_customer;
use crate::receive::{ReceiveError, receive_hello, receive_upload};
use crate::upstream::{Upstream, UpstreamError};

/// The channel as the register reaches it; keeps what was sent, to send it again.
pub(super) struct Lan<'a> {
    channel: &'a Shop,
    register: &'a Shop,
    sent: Mutex<Vec<(Manifest, Vec<u8>)>>,
}

impl<'a> Lan<'a> {
    pub(super) fn between(channel: &'a Shop, register: &'a Shop) -> Self {
        Lan { channel, register, sent: Mutex::default() }
    }

    pub(super) fn sent(&self, index: usize) -> (Manifest, Vec<u8>) {
        self.sent.lock().expect("no panic")[index].clone()
    }

    pub(super) fn send(
        &self,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> Result<UploadReceipt, ReceiveError> {
        receive_upload(&self.channel.edge, &self.register.id(), manifest, bytes, at(20))
    }
}

fn refused(error: ReceiveError) -> UpstreamError {
    let (kind, watermark) = (error.kind(), error.watermark());
    UpstreamError::Refused { kind, message: error.to_string(), watermark, fields: Vec::new() }
}

impl Upstream for Lan<'_> {
    fn enrol(&self, _: &EnrolRequest) -> Result<Enrolled, UpstreamError> {
        unimplemented!("not in these stories")
    }
    fn hello(&self, hello: &Hello) -> Result<Welcome, UpstreamError> {
        receive_hello(&self.channel.edge, &self.register.id(), hello, at(20)).map_err(refused)
    }
    fn upload(&self, manifest: &Manifest, bytes: &[u8]) -> Result<UploadReceipt, UpstreamError> {
        self.sent.lock().expect("no panic").push((manifest.clone(), bytes.to_vec()));
        self.send(manifest, bytes).map_err(refused)
    }
    fn poll(&self, _: &Poll) -> Result<PollAnswer, UpstreamError> {
        unimplemented!("not in these stories")
    }
    fn fetch(&self, _: PackageId, _: &mut dyn Write) -> Result<(), UpstreamError> {
        unimplemented!("not in these stories")
    }
    fn report(
        &self,
        _: SessionId,
        _: &DownloadReport,
    ) -> Result<DownloadReportAnswer, UpstreamError> {
        unimplemented!("not in these stories")
    }
    fn create_customer(&self, _: &CreateCustomerCall) -> Result<CreatedCustomer, UpstreamError> {
        unimplemented!("not in these stories")
    }
}

fn store() -> (Shop, Shop) {
    (shop("S1", None, 1), shop("S1.R1", Some("S1"), 30))
}

/// A package as a register would make it, of any operations.
fn package(source: &str, first: u64, rows: &[OperationRow]) -> (Manifest, Vec<u8>) {
    let rows: Vec<LogRow> = rows.iter().cloned().map(LogRow::Operation).collect();
    package_of(source, first, &rows)
}

/// A package as a register would make it, of any rows.
pub(super) fn package_of(source: &str, first: u64, rows: &[LogRow]) -> (Manifest, Vec<u8>) {
    let mut writer = PackageWriter::new(Vec::new()).expect("a writer");
    for row in rows {
        match row {
            LogRow::Operation(row) => writer.row(Table::Operation, row).expect("a row"),
            LogRow::Document(row) => writer.row(Table::Document, row).expect("a row"),
        }
    }
    let (bytes, contents) = writer.finish().expect("a package");
    let span = Span::Upload {
        source: source.parse().expect("a database id"),
        epoch: EpochId::from_uuid(uuid::Uuid::from_u128(9)),
        first,
        last: first + rows.len() as u64 - 1,
    };
    let id = PackageId::from_uuid(uuid::Uuid::from_u128(u128::from(first)));
    (Manifest::new(id, at(0), span, contents), bytes)
}

fn row(id: u128, counter: u64, content: &str) -> OperationRow {
    OperationRow {
        id: tillsync_domain::ids::OperationId::from_uuid(uuid::Uuid::from_u128(id)),
        counter,
        customer: tillsync_domain::ids::CustomerGuid::from_uuid(uuid::Uuid::from_u128(id << 8)),
        kind: "create_customer".to_owned(),
        created_at: at(1),
        origin: "S1.R1".parse().expect("a database id"),
        staff: None,
        relayed_at: None,
        content: RawValue::from_string(content.to_owned()).expect("JSON"),
    }
}

const ADA: &str = r#"{"customer_type":1,"last_name":"Ada"}"#;

#[test]
fn a_registers_customer_is_found_at_the_channel_and_goes_on_to_headquarters() {
    let ((channel, register), hq) = (store(), FakeUpstream::default());
    channel.create("Already there");
    let view = register.create("Till");
    let lan = Lan::between(&channel, &register);
    register.upload(&lan).expect("uploads");
    let here = find_customer(&channel.edge, &temporary(&view)).expect("reads").expect("is found");
    assert_eq!(here.content, view.content);
    channel.upload(&hq).expect("uploads");
    let state = hq.lock();
    let counters: Vec<u64> = state.inbox.iter().map(LogRow::counter).collect();
    assert_eq!(counters, [1, 2], "the channel's own numbering");
    let LogRow::Operation(relayed) = &state.inbox[1] else { panic!("an operation") };
    assert_eq!((relayed.origin.as_str(), relayed.relayed_at), ("S1.R1", Some(at(20))));
    assert_eq!(relayed.customer, view.guid);
}

#[test]
fn the_same_package_twice_and_late_changes_nothing() {
    let (channel, register) = store();
    let lan = Lan::between(&channel, &register);
    register.create("One");
    register.upload(&lan).expect("uploads");
    register.create("Two");
    register.upload(&lan).expect("uploads");
    let (manifest, bytes) = lan.sent(0);
    let receipt = lan.send(&manifest, &bytes).expect("is repeated");
    assert_eq!((receipt.inserted, receipt.repeated, receipt.watermark.counter), (0, 1, 2));
    assert_eq!(channel.number("SELECT count(*) FROM operation"), 2);
}

#[test]
fn a_package_ahead_of_its_turn_is_refused_with_the_watermark() {
    let (channel, register) = store();
    let lan = Lan::between(&channel, &register);
    let (later, bytes) = package("S1.R1", 3, &[row(3, 3, ADA)]);
    let error = lan.send(&later, &bytes).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.watermark().expect("a watermark").counter.0, 0);
    let (first, first_bytes) = package("S1.R1", 1, &[row(1, 1, ADA), row(2, 2, ADA)]);
    lan.send(&first, &first_bytes).expect("is taken");
    lan.send(&later, &bytes).expect("is taken now");
    assert_eq!(channel.number("SELECT count(*) FROM customer"), 3);
}

#[test]
fn damaged_foreign_and_future_packages_are_refused_and_leave_no_trace() {
    let (channel, register) = store();
    let lan = Lan::between(&channel, &register);
    let (manifest, bytes) = package("S1.R1", 1, &[row(1, 1, ADA)]);
    let mut corrupted = bytes.clone();
    corrupted[bytes.len() / 2] ^= 1;
    let (foreign, foreign_bytes) = package("S2.R1", 1, &[row(1, 1, ADA)]);
    let mut forged = row(1, 1, ADA);
    forged.origin = "S9".parse().expect("a database id");
    let (forged, forged_bytes) = package("S1.R1", 1, &[forged]);
    let (skips, skips_bytes) = package("S1.R1", 1, &[row(1, 1, ADA), row(2, 3, ADA)]);
    let future = Manifest { format: 99, ..manifest.clone() };
    let bomb = Manifest { plain_bytes: 1 << 40, ..manifest.clone() };
    for (what, manifest, bytes, kind) in [
        ("truncated", &manifest, &bytes[..bytes.len() - 1], ErrorKind::Invalid),
        ("corrupted", &manifest, &corrupted[..], ErrorKind::Invalid),
        ("of another source", &foreign, &foreign_bytes[..], ErrorKind::Forbidden),
        ("with another's operation", &forged, &forged_bytes[..], ErrorKind::Invalid),
        ("with a gap inside", &skips, &skips_bytes[..], ErrorKind::Invalid),
        ("of a future format", &future, &bytes[..], ErrorKind::Conflict),
        ("far too large", &bomb, &bytes[..], ErrorKind::Invalid),
    ] {
        let error = lan.send(manifest, bytes).expect_err(what);
        assert_eq!(error.kind(), kind, "{what}: {error}");
    }
    assert_eq!(channel.number("SELECT count(*) FROM operation"), 0);
    assert_eq!(channel.number("SELECT count(*) FROM received"), 0);
    lan.send(&manifest, &bytes).expect("the good one is taken");
}

#[test]
fn a_known_id_with_other_content_is_set_aside_word_for_word() {
    let (channel, register) = store();
    let lan = Lan::between(&channel, &register);
    let (manifest, bytes) = package("S1.R1", 1, &[row(1, 1, ADA)]);
    lan.send(&manifest, &bytes).expect("is taken");
    let other = r#"{"customer_type":1,"last_name":"Not Ada"}"#;
    let (manifest, bytes) = package("S1.R1", 2, &[row(1, 2, other), row(2, 3, ADA)]);
    for _ in 0..2 {
        let receipt = lan.send(&manifest, &bytes).expect("is taken");
        assert_eq!((receipt.quarantined, receipt.watermark.counter), (1, 3));
    }
    assert_eq!(channel.number("SELECT count(*) FROM quarantine WHERE line LIKE '%Not Ada%'"), 1);
    assert_eq!(channel.number("SELECT count(*) FROM operation"), 2);
    assert_eq!(crate::health::read_health(&channel.edge).expect("reads").quarantined, 1);
}

#[test]
fn what_the_channel_cannot_read_still_goes_up() {
    let ((channel, register), hq) = (store(), FakeUpstream::default());
    let lan = Lan::between(&channel, &register);
    let odd = r#"{"customer_type":7, "shoe_size":44}"#;
    let (manifest, bytes) = package("S1.R1", 1, &[row(1, 1, odd)]);
    lan.send(&manifest, &bytes).expect("is taken");
    assert_eq!(channel.number("SELECT count(*) FROM customer"), 0);
    channel.upload(&hq).expect("uploads");
    let state = hq.lock();
    let LogRow::Operation(row) = &state.inbox[0] else { panic!("an operation") };
    assert_eq!(row.content.get(), odd, "word for word");
}

#[test]
fn a_channel_restored_from_a_copy_gets_its_registers_operations_again() {
    let ((channel, register), hq) = (store(), FakeUpstream::default());
    register.create("One");
    register.upload(&Lan::between(&channel, &register)).expect("uploads");
    let restored = restored_copy(&channel, 90);
    register.create("Two");
    register.upload(&Lan::between(&channel, &register)).expect("uploads");
    channel.upload(&hq).expect("uploads");
    drop(channel);
    register.create("Three");
    register.upload(&Lan::between(&restored, &register)).expect("uploads");
    let sent = restored.upload(&hq).expect("uploads");
    assert_eq!(hq.received(), 3, "each exactly once");
    assert_eq!(restored.number("SELECT count(*) FROM customer"), 3);
    // Its log holds the same operations in the same order again: there is nothing to unmask.
    assert_eq!(sent.new_epoch, None);
}
