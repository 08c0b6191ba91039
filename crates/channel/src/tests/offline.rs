//! Registers that go offline and come back, by themselves and by hand.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tillsync_domain::job::JobName;
use tillsync_domain::offline::{OfflineReason, RegisterLine};
use tillsync_exchange::messages::DatabaseKind;
use tillsync_exchange::package::Scope;

use super::counter::apply;
use super::fake_upstream::FakeUpstream;
use super::world::{Shop, TestClock, at, open, shop};
use crate::download::{DownloadError, poll_once};
use crate::exchange_loop::{ExchangeLoop, LoopOptions};
use crate::health::read_health;
use crate::offline::{
    SwitchError, check_health, connect_register, disconnect_register, register_line,
};
use crate::upload::UploadError;
use crate::upstream::UpstreamError;

/// A register that has the customers of its store.
fn register() -> Shop {
    let register = shop("S1.R1", Some("S1"), 1);
    apply(&register, (JobName::Customers1010, Scope::Snapshot, 1), &[]).expect("is applied");
    register
}

fn line(shop: &Shop) -> RegisterLine {
    register_line(&shop.edge).expect("reads")
}

fn offline(second: i64, reason: OfflineReason) -> RegisterLine {
    RegisterLine::Offline { since: at(second), reason }
}

fn poll(shop: &Shop, upstream: &FakeUpstream) -> Result<u32, DownloadError> {
    let clock = TestClock(AtomicI64::new(30));
    poll_once(&shop.edge, upstream, Duration::ZERO, &clock).map(|polled| polled.applied)
}

/// How many hellos and polls came.
fn asked(upstream: &FakeUpstream) -> (usize, usize) {
    let state = upstream.lock();
    (state.hellos, state.polls)
}

fn start(shop: &Shop, upstream: &Arc<FakeUpstream>) -> ExchangeLoop {
    let options = LoopOptions {
        reconnect_max: Duration::from_millis(400),
        poll_wait: Duration::from_millis(50),
    };
    let clock = Arc::new(TestClock(AtomicI64::new(0)));
    ExchangeLoop::start(shop.edge.clone(), upstream.clone(), clock, options).expect("starts")
}

#[test]
fn a_call_that_fails_takes_a_register_offline_and_one_that_is_answered_brings_it_back() {
    let (register, store) = (register(), FakeUpstream::default());
    assert_eq!(line(&register), RegisterLine::Online);
    store.lock().is_cut = true;
    register.upload(&store).expect_err("is cut off");
    assert_eq!(line(&register), offline(10, OfflineReason::CutOff));
    let health = check_health(&register.edge, &store, at(20)).expect("reads");
    assert_eq!(health, offline(10, OfflineReason::CutOff), "since the first failure");
    store.lock().is_cut = false;
    assert_eq!(check_health(&register.edge, &store, at(30)).expect("reads"), RegisterLine::Online);
    assert_eq!(read_health(&register.edge).expect("reads").link.answered_at, Some(at(30)));
}

#[test]
fn a_slow_answer_takes_a_register_offline_but_never_a_channel() {
    let slow: Result<(), _> = Err(UpstreamError::Slow("5 s".to_owned()));
    for (edge, expected) in [
        (register(), offline(1, OfflineReason::Slow)),
        (shop("S1", None, 30), RegisterLine::Online),
    ] {
        crate::link::note(&edge.edge, &slow, at(1));
        assert_eq!(line(&edge), expected);
    }
}

#[test]
fn a_register_that_was_disconnected_exchanges_nothing_until_it_is_connected_even_over_a_start() {
    let (shop, store) = (register(), FakeUpstream::default());
    let switched = disconnect_register(&shop.edge, at(1)).expect("is disconnected");
    assert_eq!(switched.line, offline(1, OfflineReason::Manual));
    let again = disconnect_register(&shop.edge, at(2)).expect("is disconnected");
    assert_eq!(again.line, switched.line);
    shop.create("Ada");
    let Shop { dir, edge } = shop;
    drop(edge);
    let edge = open(dir.path(), DatabaseKind::Register, 70);
    let shop = Shop { dir, edge };
    assert_eq!(line(&shop), offline(1, OfflineReason::Manual));
    assert!(matches!(shop.upload(&store), Err(UploadError::Disconnected)));
    assert!(matches!(poll(&shop, &store), Err(DownloadError::Disconnected)));
    assert_eq!(check_health(&shop.edge, &store, at(3)).expect("reads"), switched.line);
    assert_eq!(asked(&store), (0, 0));
    let connected = connect_register(&shop.edge).expect("is connected");
    assert_eq!(connected.line, offline(1, OfflineReason::CutOff), "nobody has looked yet");
    assert_eq!(check_health(&shop.edge, &store, at(4)).expect("reads"), RegisterLine::Online);
    shop.upload(&store).expect("uploads");
    assert_eq!(store.received(), 1);
}

#[test]
fn who_has_no_customers_is_not_disconnected_and_who_may_be_behind_is_told() {
    let empty = shop("S1.R1", Some("S1"), 1);
    let refused = disconnect_register(&empty.edge, at(1)).expect_err("is refused");
    assert!(matches!(refused, SwitchError::NothingHere), "{refused}");
    let channel = shop("S1", None, 30);
    let refused = disconnect_register(&channel.edge, at(1)).expect_err("is refused");
    assert!(matches!(refused, SwitchError::NotARegister), "{refused}");

    let (register, store) = (register(), FakeUpstream::default());
    register.upload(&store).expect("is heard");
    let fresh = disconnect_register(&register.edge, at(20)).expect("is disconnected");
    assert_eq!(fresh.warnings, [""; 0]);
    connect_register(&register.edge).expect("is connected");
    let stale = disconnect_register(&register.edge, at(10_000)).expect("is disconnected");
    assert!(stale.warnings[0].contains("heard last"), "{:?}", stale.warnings);
    connect_register(&register.edge).expect("is connected");
    register.edge.link.note_offers_left(2);
    let behind = disconnect_register(&register.edge, at(20)).expect("is disconnected");
    assert!(behind.warnings[0].starts_with("2 packages"), "{:?}", behind.warnings);
}

#[test]
fn a_running_register_comes_back_by_itself_and_hands_over_what_waited() {
    let (register, store) = (register(), Arc::new(FakeUpstream::default()));
    store.lock().is_cut = true;
    let running = start(&register, &store);
    register.create("At the till");
    assert_eq!(read_health(&register.edge).expect("reads").unsent, 1);
    store.change(|state| state.is_cut = false);
    store.until("the upload", |state| state.inbox.len() == 1);
    running.stop();
    let health = read_health(&register.edge).expect("reads");
    assert_eq!((health.unsent, health.line), (0, Some(RegisterLine::Online)));
}

#[test]
fn a_running_register_obeys_a_switch_at_once_and_another_processs_soon() {
    let (register, store) = (register(), Arc::new(FakeUpstream::default()));
    let running = start(&register, &store);
    store.until("a poll", |state| state.polls > 0);
    disconnect_register(&register.edge, at(1)).expect("is disconnected");
    register.create("Waits");
    // What is under way may end, nothing new begins.
    let (hellos, polls) = asked(&store);
    register.create("Waits, too");
    assert_eq!(store.received(), 0);
    let other = open(register.dir.path(), DatabaseKind::Register, 90);
    connect_register(&other).expect("is connected");
    store.until("the upload", |state| state.inbox.len() == 2);
    store.until("the polls", |state| state.polls > polls + 1);
    assert!(asked(&store).0 > hellos);
    running.stop();
}
