//! The way up: repeats, lost answers, damage, contradictions, and who may send what.

use expect_test::expect;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::sync::Arc;
use tillsync_channel::upstream::{Upstream, UpstreamError};
use tillsync_domain::entropy::{Entropy, uuid_v7};
use tillsync_domain::ids::{CustomerGuid, EpochId, OperationId, PackageId};
use tillsync_domain::job::JobName;
use tillsync_domain::kind::ErrorKind;
use tillsync_exchange::messages::UploadReceipt;
use tillsync_exchange::package::{Manifest, PackageWriter, Span};
use tillsync_exchange::rows::Table;
use tillsync_exchange::rows::operation::OperationRow;
use tillsync_exchange::session::UploadStatus;
use tillsync_testkit::builders::SeededEntropy;
use tillsync_testkit::world::{Fault, World};
use uuid::Uuid;

/// Speaks the upload protocol by hand, as a database of its own epoch.
pub(crate) struct Sender {
    upstream: Arc<dyn Upstream>,
    pub(crate) source: String,
    pub(crate) epoch: EpochId,
    entropy: SeededEntropy,
}

impl Sender {
    pub(crate) fn new(world: &World, at: &str) -> Self {
        let entropy = SeededEntropy::new(world.folder().to_string_lossy().len() as u64 + 77);
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let epoch = EpochId::from_uuid(Uuid::from_bytes(bytes));
        Sender { upstream: world.upstream(at), source: at.into(), epoch, entropy }
    }

    pub(crate) fn row(&self, counter: u64, content: &str) -> OperationRow {
        let new = || uuid_v7(&self.entropy, Timestamp::UNIX_EPOCH);
        OperationRow {
            id: OperationId::from_uuid(new()),
            counter,
            customer: CustomerGuid::from_uuid(new()),
            kind: "create_customer".into(),
            created_at: Timestamp::UNIX_EPOCH,
            origin: self.source.parse().unwrap(),
            staff: None,
            relayed_at: None,
            content: RawValue::from_string(content.to_owned()).unwrap(),
        }
    }

    pub(crate) fn package(&self, rows: &[OperationRow]) -> (Manifest, Vec<u8>) {
        let mut writer = PackageWriter::new(Vec::new()).unwrap();
        for row in rows {
            writer.row(Table::Operation, row).unwrap();
        }
        let (bytes, contents) = writer.finish().unwrap();
        let span = Span::Upload {
            source: self.source.parse().unwrap(),
            epoch: self.epoch,
            first: rows[0].counter,
            last: rows[rows.len() - 1].counter,
        };
        let id = PackageId::from_uuid(uuid_v7(&self.entropy, Timestamp::UNIX_EPOCH));
        (Manifest::new(id, Timestamp::UNIX_EPOCH, span, contents), bytes)
    }

    pub(crate) fn send(&self, rows: &[OperationRow]) -> Result<UploadReceipt, UpstreamError> {
        let (manifest, bytes) = self.package(rows);
        self.upstream.upload(&manifest, &bytes)
    }

    pub(crate) fn send_customers(&self, count: u64, content: impl Fn(u64) -> String) {
        let rows: Vec<_> = (1..=count).map(|n| self.row(n, &content(n))).collect();
        for rows in rows.chunks(5_000) {
            self.send(rows).unwrap();
        }
    }
}

/// Sends one creation with any content and returns whom it concerns.
pub(crate) fn send_operation(world: &World, at: &str, content: &str) -> CustomerGuid {
    let sender = Sender::new(world, at);
    let row = sender.row(1, content);
    let customer = row.customer;
    sender.send(&[row]).unwrap();
    customer
}

fn store() -> World {
    let mut world = World::new();
    world.add_store("S1");
    world
}

const ADA: &str = r#"{"customer_type":1,"last_name":"Lovelace"}"#;

fn refusal(sent: Result<UploadReceipt, UpstreamError>) -> (ErrorKind, String) {
    match sent {
        Err(UpstreamError::Refused { kind, message, .. }) => (kind, message),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[test]
fn a_second_run_sends_nothing() {
    let mut world = store();
    world.create("S1", "Waller");
    assert_eq!(world.upload("S1").unwrap().entries, 1);
    assert_eq!(world.upload("S1").unwrap().entries, 0);
    world.create("S1", "Berry");
    assert_eq!(world.upload("S1").unwrap().entries, 1);
}

#[test]
fn an_answer_lost_after_headquarters_committed_costs_nothing() {
    let mut world = store();
    let guid = world.create("S1", "Waller");
    for lost in [1, 2, 3] {
        world.line("S1").suffer(Fault::LoseAnswers(lost));
        while world.upload("S1").is_err() {}
        world.create("S1", "Another");
    }
    world.settle();
    assert!(world.account_of(guid).is_some());
    expect![[r#"
        hq: 4 customers
        S1: 4 customers"#]]
    .assert_eq(&world.render());
}

#[test]
fn the_same_package_twice_changes_nothing() {
    let world = store();
    let sender = Sender::new(&world, "S1");
    let rows = [sender.row(1, ADA), sender.row(2, ADA)];
    let first = sender.send(&rows).unwrap();
    let again = sender.send(&rows).unwrap();
    assert_eq!((first.inserted, first.repeated), (2, 0));
    assert_eq!((again.inserted, again.repeated, again.quarantined), (0, 2, 0));
    assert_eq!(first.watermark, again.watermark);
    world.run(JobName::SynchronizeCustomers);
    let third = sender.send(&rows).unwrap();
    assert_eq!((third.inserted, third.repeated), (0, 2));
    let run = world.run(JobName::SynchronizeCustomers);
    assert_eq!(run.detail["promoted"], 0, "nothing was done twice");
}

#[test]
fn a_package_behind_a_gap_is_refused_with_the_watermark_and_nothing_is_lost() {
    let world = store();
    let sender = Sender::new(&world, "S1");
    let rows: Vec<_> = (1..=6).map(|n| sender.row(n, ADA)).collect();
    sender.send(&rows[..2]).unwrap();
    match sender.send(&rows[4..]) {
        Err(UpstreamError::Refused { kind: ErrorKind::Conflict, watermark: Some(w), .. }) => {
            assert_eq!(w.counter.0, 2);
            assert_eq!(w.entry, Some(rows[1].id.into()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sender.send(&rows[2..]).unwrap().inserted, 4);
}

#[test]
fn an_uploaded_row_is_never_changed_and_a_contradiction_is_set_aside() {
    let world = store();
    let sender = Sender::new(&world, "S1");
    let row = sender.row(1, ADA);
    sender.send(std::slice::from_ref(&row)).unwrap();
    let changed = r#"{"customer_type":1,"last_name":"Byron"}"#;
    let mutated =
        OperationRow { content: RawValue::from_string(changed.into()).unwrap(), ..row.clone() };
    for _ in 0..2 {
        let receipt = sender.send(std::slice::from_ref(&mutated)).unwrap();
        assert_eq!((receipt.inserted, receipt.quarantined), (0, 1));
    }
    world.run(JobName::SynchronizeCustomers);
    let operations = world.hq().storage().read(|tx| tx.operations_of(&row.customer)).unwrap();
    let contents: Vec<_> = operations.iter().map(|o| o.row.content.get()).collect();
    assert_eq!(contents, [ADA, changed], "one row each, word for word");
    expect![[r#"
        hq: 1 customers, 1 operations quarantined
        S1: 0 customers"#]]
    .assert_eq(&world.render());
}

#[test]
fn damaged_truncated_foreign_and_future_packages_are_refused_and_leave_nothing() {
    let mut world = store();
    world.add_store("S2");
    let sender = Sender::new(&world, "S1");
    let (manifest, bytes) = sender.package(&[sender.row(1, ADA)]);
    let send =
        |manifest: &Manifest, bytes: &[u8]| refusal(world.upstream("S1").upload(manifest, bytes));
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    assert_eq!(send(&manifest, &damaged).0, ErrorKind::Invalid);
    assert_eq!(send(&manifest, &bytes[..bytes.len() - 1]).0, ErrorKind::Invalid);
    let future = Manifest { format: 99, ..manifest.clone() };
    assert_eq!(send(&future, &bytes).0, ErrorKind::Conflict);
    let foreign = Sender { source: "S2".into(), ..Sender::new(&world, "S1") };
    let (theirs, stolen) = foreign.package(&[foreign.row(1, ADA)]);
    let (kind, message) = send(&theirs, &stolen);
    assert_eq!(kind, ErrorKind::Forbidden);
    assert_eq!(message, "database S1 may upload only as itself, not as S2");
    let skipping = sender.package(&[sender.row(1, ADA), sender.row(3, ADA)]);
    assert_eq!(send(&skipping.0, &skipping.1).0, ErrorKind::Invalid);
    expect![[r#"
        hq: 0 customers
        S1: 0 customers
        S2: 0 customers"#]]
    .assert_eq(&world.render());
    assert_eq!(sender.send(&[sender.row(1, ADA)]).unwrap().inserted, 1, "the road is free");
}

#[test]
fn a_package_headquarters_could_not_write_shows_as_apply_failed_and_then_applied() {
    let world = store();
    let sender = Sender::new(&world, "S1");
    let (manifest, bytes) = sender.package(&[sender.row(1, ADA)]);
    let mut damaged = bytes.clone();
    damaged[0] ^= 1;
    refusal(world.upstream("S1").upload(&manifest, &damaged));
    let status = || {
        let uploads = world.hq().list_uploads(10).unwrap();
        assert_eq!(uploads.len(), 1);
        (uploads[0].status, uploads[0].tries, uploads[0].error.is_some())
    };
    assert_eq!(status(), (UploadStatus::ApplyFailed, 1, true));
    world.upstream("S1").upload(&manifest, &bytes).unwrap();
    assert_eq!(status(), (UploadStatus::Applied, 2, false));
}

#[test]
fn a_second_creation_of_one_customer_is_refused_and_shown() {
    let world = store();
    let sender = Sender::new(&world, "S1");
    let first = sender.row(1, ADA);
    let second = OperationRow { customer: first.customer, ..sender.row(2, ADA) };
    sender.send(&[first.clone(), second]).unwrap();
    world.run(JobName::SynchronizeCustomers);
    let trace = world.trace(first.customer);
    assert!(trace.error.unwrap().contains("exists already"));
    assert_eq!(world.account_of(first.customer).unwrap().as_str(), "C-00000001");
}

#[test]
fn clocks_that_disagree_change_nothing_but_the_times_people_read() {
    let mut world = store();
    world.add_store("S2");
    let early = world.create("S1", "Early");
    world.pass(jiff::SignedDuration::from_hours(-24 * 400));
    let late = world.create("S2", "Late");
    world.pass(jiff::SignedDuration::from_hours(24 * 800));
    world.settle();
    assert!(world.account_of(early).is_some() && world.account_of(late).is_some());
    assert_eq!(world.account_at("S1", late), world.account_at("S2", late));
}

#[test]
fn an_oversized_operation_is_refused_where_it_first_arrives() {
    let mut world = store();
    world.add_register("S1.R1", "S1");
    for at in ["S1", "S1.R1"] {
        let sender = Sender::new(&world, at);
        let long = format!(r#"{{"customer_type":1,"last_name":"{}"}}"#, "x".repeat(20_000));
        let (kind, message) = refusal(sender.send(&[sender.row(1, &long)]));
        assert_eq!(kind, ErrorKind::Invalid);
        assert!(message.contains("its content has"), "{message}");
        let strange = OperationRow { kind: "k".repeat(65), ..sender.row(1, ADA) };
        assert_eq!(refusal(sender.send(&[strange])).0, ErrorKind::Invalid);
        assert_eq!(sender.send(&[sender.row(1, ADA)]).unwrap().inserted, 1, "the road is free");
    }
}
